package openstack

import (
	"context"
	"net"
	"strconv"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/neutron"
	"github.com/stoker-project/stoker/internal/octavia"
	"github.com/stoker-project/stoker/internal/request"
)

// lbMember is OS::Octavia::PoolMember: a server's place in a pool.
type lbMember struct{ balancing }

var (
	_ stoker.Updater    = lbMember{}
	_ stoker.Awaiter    = lbMember{}
	_ stoker.Resumer    = lbMember{}
	_ stoker.Sleeper    = lbMember{}
	_ stoker.Validator  = lbMember{}
	_ stoker.Attributer = lbMember{}
	_ stoker.Refuser    = lbMember{}
)

// memberReady is how long a member is awaited.
const memberReady = 60 * time.Second

func (m lbMember) Create(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	p, err := m.lbs.Pool(req.Stack.Project, ref(req.Properties, "pool", "pool_id"))
	if err != nil {
		return stoker.Result{}, in("pool", err)
	}
	made := memberOf(req, p.ID)
	if err := m.lbs.Admit(octavia.Members, made.Object); err != nil {
		return stoker.Result{}, err
	}
	m.lbs.PutMember(made)
	return stoker.Result{PhysicalID: physical(made.Object), Data: map[string]any{"pool": string(p.ID)}}, m.settle(ctx, ofMember(made))
}

// ofMember chooses what concerns a member.
func ofMember(m octavia.Member) func(subject) bool {
	pool, member := about(m.Pool), only("member", neutron.ID(m.ID))
	return func(s subject) bool { return pool(s) || member(s) }
}

func memberOf(req *stoker.Request, pool octavia.ID) octavia.Member {
	v := request.Values(req.Properties)
	return octavia.Member{
		Object: object(req), Pool: pool, Weight: v.IntOr("weight", 1), Down: down(v),
		Address: net.JoinHostPort(v.String("address"), strconv.Itoa(v.Int("protocol_port"))),
	}
}

// Await returns when the member has passed a health check. One that takes longer is
// complete all the same, as in Octavia, which awaits nobody: the balancer sends it
// nothing before.
func (m lbMember) Await(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	made := memberOf(req, octavia.ID(request.Values(req.Data).String("pool")))
	if made.Down || made.Weight == 0 {
		return stoker.Result{}, nil
	}
	bounded, stop := context.WithTimeout(ctx, memberReady)
	defer stop()
	err := m.balancer.AwaitMember(bounded, octavia.PoolID(made.Pool), stoker.MemberID(made.ID))
	if ctx.Err() != nil {
		return stoker.Result{}, context.Cause(ctx)
	}
	if err != nil && !stoker.IsKind(err, stoker.NotFound) { // its pool has no listener yet
		m.log.Warn("member is complete without having been healthy", "resource", req.Name, "member", made.Address, "err", err)
	}
	return stoker.Result{}, nil
}

func (lbMember) Validate(req *stoker.Request) error {
	v := request.Values(req.Properties)
	for _, name := range []string{"monitor_address", "monitor_port"} {
		if v.Has(name) {
			return refused(name, "members are checked where they serve", "Leave it out.")
		}
	}
	return nil
}

// Update changes the weight. A member that is to get nothing more may end what it has.
func (m lbMember) Update(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	if request.Values(req.Properties).Changed(req.OldProperties, "pool_id") {
		return stoker.Result{}, stoker.ErrReplace // of the older type
	}
	made := memberOf(req, octavia.ID(request.Values(req.Data).String("pool")))
	if made.Down || made.Weight == 0 {
		return stoker.Result{}, m.leave(ctx, seatOf(made), func() { m.lbs.PutMember(made) })
	}
	m.lbs.PutMember(made)
	return stoker.Result{}, m.settle(ctx, ofMember(made))
}

func seatOf(m octavia.Member) seat { return seat{octavia.PoolID(m.Pool), stoker.MemberID(m.ID)} }

func (m lbMember) Resume(_ context.Context, req *stoker.Request) error {
	m.lbs.PutMember(memberOf(req, octavia.ID(request.Values(req.Data).String("pool"))))
	return nil
}

// Delete lets what is in flight end.
func (m lbMember) Delete(ctx context.Context, req *stoker.Request) error {
	made := memberOf(req, octavia.ID(request.Values(req.Data).String("pool")))
	return m.leave(ctx, seatOf(made), func() { m.lbs.Remove(made.ID) })
}

// Sleep takes the member out of its pool as Delete does, before its server rests.
func (m lbMember) Sleep(ctx context.Context, req *stoker.Request) error { return m.Delete(ctx, req) }

// Wake puts it back; Await then waits until it is healthy.
func (m lbMember) Wake(ctx context.Context, req *stoker.Request) error {
	made := memberOf(req, octavia.ID(request.Values(req.Data).String("pool")))
	m.lbs.PutMember(made)
	return m.settle(ctx, ofMember(made))
}

func (m lbMember) Attribute(_ context.Context, req *stoker.Request, name string, _ []any) (any, int, error) {
	made, err := m.lbs.Member(req.Stack.Project, string(req.PhysicalID))
	if err != nil {
		return nil, 0, nil
	}
	v := request.Values(req.Properties)
	return attributes(req, common(made.Object, req, state(made.Down, map[string]any{
		"address": v.String("address"), "protocol_port": int64(v.Int("protocol_port")), "weight": int64(made.Weight),
		"pool_id": string(made.Pool), "subnet_id": orNil(v.String("subnet")),
	})), name)
}

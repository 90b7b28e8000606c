package native

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/census"
	"github.com/stoker-project/stoker/internal/request"
	"github.com/stoker-project/stoker/internal/schema"
)

// poolMember is Stoker::PoolMember: a server's place in a pool. Since it depends
// on its server, it joins after the server runs and leaves before the server does. Its
// MemberID is its ResourceID.
type poolMember struct {
	schema.Fixed
	balancer stoker.Balancer
	owner    func(context.Context, stoker.ResourceID) (stoker.ProjectID, error)
	servers  *census.Census      // nil without waiter
	waiter   stoker.ServerWaiter // nil: the driver does not tell when servers end
}

var (
	_ stoker.Updater    = poolMember{}
	_ stoker.Awaiter    = poolMember{}
	_ stoker.Resumer    = poolMember{}
	_ stoker.Checker    = poolMember{}
	_ stoker.Sleeper    = poolMember{}
	_ stoker.Attributer = poolMember{}
	_ stoker.Validator  = poolMember{}
)

const (
	defaultDrain = 30 * time.Second
	defaultReady = 60 * time.Second
)

func poolMemberSchema() *stoker.Schema {
	ready := schema.Duration("How long the member may take to pass its first health check.", "60s")
	return &stoker.Schema{
		Description: "A server's place in a load balancer. It is complete when the member has passed a health check; it is deleted by letting what it has in flight end.",
		Properties: map[string]*stoker.Property{
			"pool": {Type: stoker.TypeString, Required: true, Description: "The pool: get_resource of a Stoker::LoadBalancer."},
			"server": {Type: stoker.TypeString, Update: true,
				Description: "The server: get_resource of an OS::Nova::Server. With it the member fails at once, with the server's last words, when the server ends before the member is up."},
			"address": {Type: stoker.TypeString, Required: true,
				Description: "The member's IP address or host name. A change makes a new member, which is up before the old one leaves."},
			"port": {Type: stoker.TypeInteger, Required: true, Constraints: schema.Between(1, 65535), Description: "The member's port. A change makes a new member."},
			"weight": {Type: stoker.TypeInteger, Default: int64(1), Update: true, Constraints: schema.Between(1, 256),
				Description: "The member's share of requests beside the others'."},
			"ready_timeout": ready,
			"drain_timeout": schema.Duration("How long requests in flight may take to end when the member leaves.", "30s"),
		},
		Attributes: schema.Attributes(map[string]*stoker.Attribute{
			"address": {Type: stoker.TypeString, Description: "host:port of the member."},
			"state":   {Type: stoker.TypeString, Description: "How the balancer sees the member now: checking, up, down or draining; null if it does not know it."},
		}),
	}
}

func memberPool(req *stoker.Request) stoker.PoolID {
	return stoker.PoolID(request.Values(req.Properties).String("pool"))
}

func memberID(req *stoker.Request) stoker.MemberID { return stoker.MemberID(req.ID) }

func memberAddress(req *stoker.Request) string {
	v := request.Values(req.Properties)
	return net.JoinHostPort(v.String("address"), strconv.Itoa(v.Int("port")))
}

func (m poolMember) Create(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	if err := m.own(ctx, req); err != nil {
		return stoker.Result{}, err
	}
	err := m.balancer.SetMember(ctx, memberPool(req), stoker.Member{
		ID:      memberID(req),
		Address: memberAddress(req),
		Weight:  request.Values(req.Properties).Int("weight"),
	})
	if stoker.IsKind(err, stoker.NotFound) {
		err = noPool(err)
	}
	if err != nil {
		return stoker.Result{}, fmt.Errorf("add member %s: %w", memberAddress(req), err)
	}
	return stoker.Result{PhysicalID: stoker.PhysicalID(req.ID)}, nil
}

// own refuses a pool of another project, and what is none: it is as if there were none.
func (m poolMember) own(ctx context.Context, req *stoker.Request) error {
	project, err := m.owner(ctx, stoker.ResourceID(memberPool(req)))
	switch {
	case err == nil && (project == "" || project == req.Stack.Project):
		return nil
	case err == nil || stoker.IsKind(err, stoker.NotFound):
		return noPool(nil)
	}
	return fmt.Errorf("look for pool %s: %w", memberPool(req), err)
}

func noPool(cause error) error {
	return &stoker.Error{Kind: stoker.Invalid, Path: "properties.pool", Err: cause,
		Message: "there is no such pool", Hint: "Give get_resource of a Stoker::LoadBalancer."}
}

// Update changes the weight; the timeouts are read when they are needed.
func (m poolMember) Update(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	return m.Create(ctx, req)
}

// Resume puts the member back into a balancer that lives in this process.
func (m poolMember) Resume(ctx context.Context, req *stoker.Request) error {
	_, err := m.Create(ctx, req)
	return err
}

// Delete lets what is in flight end, and then breaks off the rest.
func (m poolMember) Delete(ctx context.Context, req *stoker.Request) error {
	drain, err := request.Values(req.Properties).Duration("drain_timeout", defaultDrain)
	if err != nil {
		drain = defaultDrain // recorded before it was checked; leaving must not fail for it
	}
	err = m.balancer.RemoveMember(ctx, memberPool(req), memberID(req), drain)
	if err != nil && !stoker.IsKind(err, stoker.NotFound) {
		return fmt.Errorf("remove member %s: %w", memberAddress(req), err)
	}
	return nil
}

// Sleep takes the member out of its pool as Delete does, before its server rests.
func (m poolMember) Sleep(ctx context.Context, req *stoker.Request) error { return m.Delete(ctx, req) }

// Wake puts it back; Await then waits until it is healthy.
func (m poolMember) Wake(ctx context.Context, req *stoker.Request) error { return m.Resume(ctx, req) }

// Check tells whether the balancer gives the member requests.
func (m poolMember) Check(ctx context.Context, req *stoker.Request) error {
	now, err := m.look(ctx, req)
	switch {
	case err != nil:
		return err
	case now.State == "":
		return stoker.Errorf(stoker.NotFound, "the pool has no member %s", memberAddress(req))
	case now.State != stoker.MemberUp:
		return stoker.Errorf(stoker.Unavailable, "member %s is %s: %s", memberAddress(req), now.State, now.LastError)
	}
	return nil
}

// look reads the member's state; the zero value where the pool does not know it.
func (m poolMember) look(ctx context.Context, req *stoker.Request) (stoker.MemberStats, error) {
	stats, err := m.balancer.Stats(ctx, memberPool(req))
	if err != nil {
		return stoker.MemberStats{}, fmt.Errorf("look at member %s: %w", memberAddress(req), err)
	}
	i := slices.IndexFunc(stats.Members, func(s stoker.MemberStats) bool { return s.ID == memberID(req) })
	if i < 0 {
		return stoker.MemberStats{}, nil
	}
	return stats.Members[i], nil
}

func (m poolMember) Attribute(ctx context.Context, req *stoker.Request, name string, _ []any) (any, int, error) {
	switch name {
	case "address":
		return memberAddress(req), 0, nil
	case "state":
		now, err := m.look(ctx, req)
		if stoker.IsKind(err, stoker.NotFound) || err == nil && now.State == "" {
			return nil, 0, nil
		}
		return string(now.State), 0, err
	case "show":
		return nil, 0, nil
	}
	return nil, 0, request.UnknownAttribute(req.Name, name)
}

func (poolMember) Validate(req *stoker.Request) error {
	d := durations{v: req.Properties}
	var t time.Duration
	d.read("ready_timeout", &t, 0)
	d.read("drain_timeout", &t, 0)
	return d.err
}

package balancertest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/poolspec"
)

// Call is one call a Fake has had.
type Call struct {
	Method string // SetPool, RemovePool, Stats, SetMember, AwaitMember, RemoveMember
	Pool   stoker.PoolID
	Set    stoker.Pool     // SetPool
	ID     stoker.MemberID // of the member
	Member stoker.Member   // SetMember
	Drain  time.Duration   // RemoveMember
}

// Fake is a balancer in memory: it keeps the contract, but listens nowhere and
// carries nothing. Members are up at once unless held. All methods may be called
// concurrently.
type Fake struct {
	mu      sync.Mutex
	pools   map[stoker.PoolID]*fakePool
	calls   []Call
	before  func(context.Context, Call) error
	hold    bool
	port    int
	changed chan struct{} // closed and replaced by each change
}

type fakePool struct {
	want    stoker.Pool
	status  stoker.PoolStatus
	left    stoker.Traffic // of members that are gone
	members map[stoker.MemberID]*stoker.MemberStats
}

var _ stoker.Balancer = (*Fake)(nil)

// NewFake makes a Fake without pools.
func NewFake() *Fake {
	return &Fake{pools: map[stoker.PoolID]*fakePool{}, port: 40000, changed: make(chan struct{})}
}

// Before makes f run at the beginning of each call, without a lock: it may wait,
// and its error becomes the call's, which then does nothing.
func (f *Fake) Before(do func(context.Context, Call) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.before = do
}

// Hold lets members that come from now on stay in checking until SetState; false
// ends that.
func (f *Fake) Hold(on bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hold = on
}

// SetState makes a member look so, with why as its last error. It tells whether
// there is such a member.
func (f *Fake) SetState(pool stoker.PoolID, id stoker.MemberID, state stoker.MemberState, why string) bool {
	return f.change(pool, id, func(m *stoker.MemberStats) { m.State, m.LastError = state, why })
}

// SetTraffic gives a member these counters and gauges; the pool shows the sum. A
// member with something in flight is not gone before its drain is over. It tells
// whether there is such a member.
func (f *Fake) SetTraffic(pool stoker.PoolID, id stoker.MemberID, t stoker.Traffic) bool {
	return f.change(pool, id, func(m *stoker.MemberStats) { m.Traffic = t })
}

// Calls gives the calls so far, in order.
func (f *Fake) Calls() []Call {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

// Pool gives a pool as it was last set.
func (f *Fake) Pool(id stoker.PoolID) (stoker.Pool, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.pools[id]
	if p == nil {
		return stoker.Pool{}, false
	}
	return p.want, true
}

// SetPool fulfils stoker.Balancer.
func (f *Fake) SetPool(ctx context.Context, want stoker.Pool) (stoker.PoolStatus, error) {
	if err := f.enter(ctx, Call{Method: "SetPool", Pool: want.ID, Set: want}); err != nil {
		return stoker.PoolStatus{}, err
	}
	defer f.mu.Unlock()
	if want.ID == "" {
		return stoker.PoolStatus{}, stoker.Errorf(stoker.Invalid, "a pool needs an ID")
	}
	p := f.pools[want.ID]
	if p == nil {
		p = &fakePool{members: map[stoker.MemberID]*stoker.MemberStats{}}
	}
	status, err := f.place(want, p)
	if err != nil {
		return stoker.PoolStatus{}, err
	}
	p.want, p.status = want, status
	f.pools[want.ID] = p
	return status, nil
}

// place gives the listeners their addresses; a chosen port stays with its place in
// the list.
func (f *Fake) place(want stoker.Pool, p *fakePool) (stoker.PoolStatus, error) {
	var s stoker.PoolStatus
	for i, l := range want.Listeners {
		if _, err := poolspec.Policies(l); err != nil {
			return s, fmt.Errorf("listener %d: %w", i, err)
		}
		host, port := cmp.Or(l.Address, "127.0.0.1"), strconv.Itoa(l.Port)
		switch {
		case !slices.Contains([]stoker.Protocol{stoker.ProtocolHTTP, stoker.ProtocolHTTPS, stoker.ProtocolTCP}, l.Protocol):
			return s, stoker.Errorf(stoker.Invalid, "listener %d: unknown protocol %q", i, l.Protocol)
		case l.Port == 0 && i < len(p.status.Addresses):
			_, port, _ = net.SplitHostPort(p.status.Addresses[i])
		case l.Port == 0:
			f.port++
			port = strconv.Itoa(f.port)
		}
		at := net.JoinHostPort(host, port)
		for id, other := range f.pools {
			if id != want.ID && slices.Contains(other.status.Addresses, at) {
				return s, stoker.Errorf(stoker.Conflict, "listen on %s: address already in use", at)
			}
		}
		s.Addresses = append(s.Addresses, at)
		if l.Protocol != stoker.ProtocolTCP {
			s.URLs = append(s.URLs, string(l.Protocol)+"://"+at)
		}
	}
	return s, nil
}

// RemovePool fulfils stoker.Balancer.
func (f *Fake) RemovePool(ctx context.Context, id stoker.PoolID) error {
	if err := f.enter(ctx, Call{Method: "RemovePool", Pool: id}); err != nil {
		return err
	}
	defer f.mu.Unlock()
	delete(f.pools, id)
	f.tell()
	return nil
}

// Stats fulfils stoker.Balancer.
func (f *Fake) Stats(ctx context.Context, id stoker.PoolID) (stoker.PoolStats, error) {
	if err := f.enter(ctx, Call{Method: "Stats", Pool: id}); err != nil {
		return stoker.PoolStats{}, err
	}
	defer f.mu.Unlock()
	p := f.pools[id]
	if p == nil {
		return stoker.PoolStats{}, noPool(id)
	}
	out := stoker.PoolStats{Time: time.Now(), Traffic: p.left}
	for _, id := range slices.Sorted(maps.Keys(p.members)) {
		m := *p.members[id]
		out.Members = append(out.Members, m)
		out.Traffic = sum(out.Traffic, m.Traffic)
	}
	return out, nil
}

func sum(a, b stoker.Traffic) stoker.Traffic {
	return stoker.Traffic{
		Requests: a.Requests + b.Requests, Errors: a.Errors + b.Errors, Retries: a.Retries + b.Retries,
		LatencySeconds: a.LatencySeconds + b.LatencySeconds, BusySeconds: a.BusySeconds + b.BusySeconds,
		InFlight: a.InFlight + b.InFlight, Queued: a.Queued + b.Queued,
	}
}

// SetMember fulfils stoker.Members.
func (f *Fake) SetMember(ctx context.Context, pool stoker.PoolID, m stoker.Member) error {
	if err := f.enter(ctx, Call{Method: "SetMember", Pool: pool, ID: m.ID, Member: m}); err != nil {
		return err
	}
	defer f.mu.Unlock()
	p := f.pools[pool]
	if p == nil {
		return noPool(pool)
	}
	if m.ID == "" || m.Address == "" {
		return stoker.Errorf(stoker.Invalid, "a member needs an ID and an address")
	}
	have := p.members[m.ID]
	if have == nil {
		have = &stoker.MemberStats{ID: m.ID}
		p.members[m.ID] = have
	}
	if have.Address != m.Address || have.State == stoker.MemberDraining {
		have.State, have.LastError = stoker.MemberUp, ""
		if f.hold {
			have.State = stoker.MemberChecking
		}
	}
	have.Address, have.Weight = m.Address, cmp.Or(m.Weight, 1)
	f.tell()
	return nil
}

// AwaitMember fulfils stoker.Members.
func (f *Fake) AwaitMember(ctx context.Context, pool stoker.PoolID, id stoker.MemberID) error {
	if err := f.enter(ctx, Call{Method: "AwaitMember", Pool: pool, ID: id}); err != nil {
		return err
	}
	defer f.mu.Unlock()
	for {
		m, err := f.member(pool, id)
		if err != nil || m.State == stoker.MemberUp {
			return err
		}
		if err := f.wait(ctx); err != nil {
			return stoker.Errorf(stoker.Unavailable, "member %q is not up: %s: %w", id, m.LastError, err)
		}
	}
}

// RemoveMember fulfils stoker.Members.
func (f *Fake) RemoveMember(ctx context.Context, pool stoker.PoolID, id stoker.MemberID, drain time.Duration) error {
	if err := f.enter(ctx, Call{Method: "RemoveMember", Pool: pool, ID: id, Drain: drain}); err != nil {
		return err
	}
	defer f.mu.Unlock()
	bounded, cancel := context.WithTimeout(ctx, drain)
	defer cancel()
	m, _ := f.member(pool, id)
	if m == nil {
		return nil
	}
	m.State = stoker.MemberDraining
	f.tell()
	for m.InFlight > 0 && f.wait(bounded) == nil {
		if m.State != stoker.MemberDraining {
			return stoker.Errorf(stoker.Conflict, "member %q was set again while it drained", id)
		}
	}
	if ctx.Err() != nil && m.InFlight > 0 {
		return stoker.Errorf(stoker.Unavailable, "drain member %q: %w", id, ctx.Err())
	}
	if p := f.pools[pool]; p != nil && p.members[id] == m {
		m.InFlight, m.Queued = 0, 0
		p.left = sum(p.left, m.Traffic)
		delete(p.members, id)
		f.tell()
	}
	return nil
}

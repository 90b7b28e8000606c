package haproxy

import (
	"context"
	"fmt"
	"time"

	"github.com/stoker-project/stoker"
)

// SetMember adds a member or changes it; see stoker.Members. A member that is
// draining is taken back and checked anew, its drain then ends with Conflict.
// At another address it is another server: requests at the old one get 30s.
func (b *Balancer) SetMember(ctx context.Context, id stoker.PoolID, want stoker.Member) error {
	want, err := rules.Member(want)
	if err != nil {
		return err
	}
	var missing error
	if err := b.call(ctx, func(k *keeper) {
		var p *pool
		if p, missing = k.pool(id); missing == nil {
			k.setMember(p, want)
		}
	}, nil); err != nil {
		return err
	}
	return missing
}

func (k *keeper) setMember(p *pool, want stoker.Member) {
	m := p.members[want.ID]
	if m != nil && m.adopted && (m.address == want.Address || !numeric(want.Address)) {
		m.want.Address, m.adopted = want.Address, false // it is the same, or has the address of that name
	}
	switch {
	case m != nil && m.phase != leaving && m.want == want:
		return
	case m != nil && m.phase != leaving && m.want.Address == want.Address:
		m.want = want
	default:
		if m != nil {
			m.replaced = true
			k.forget(p, m)
		}
		m = newMember(want)
		p.members[want.ID] = m
		k.startChecks(p, m)
	}
	k.dirty = true
}

// AwaitMember blocks until the member is up; see stoker.Members. NotFound when
// there is no such member, or not any more.
func (b *Balancer) AwaitMember(ctx context.Context, id stoker.PoolID, member stoker.MemberID) error {
	var cause error
	for {
		var state stoker.MemberState
		var changed, gone <-chan struct{}
		var err error
		called := b.call(ctx, nil, func(k *keeper) { state, changed, gone, err = k.watch(id, member) })
		switch {
		case called != nil && ctx.Err() != nil:
			return notUp(member, cause, context.Cause(ctx))
		case called != nil:
			return called
		case err != nil && !stoker.IsKind(err, stoker.Unavailable), state == stoker.MemberUp:
			return err
		}
		cause = err
		select {
		case <-changed:
		case <-gone:
		case <-b.ctx.Done():
			return errClosed()
		case <-ctx.Done():
			return notUp(member, cause, context.Cause(ctx))
		}
	}
}

// watch gives a member's state and what tells of its changes; the error of kind
// Unavailable is why it is not up.
func (k *keeper) watch(id stoker.PoolID, member stoker.MemberID) (state stoker.MemberState, changed, gone <-chan struct{}, err error) {
	p, err := k.pool(id)
	if err != nil {
		return "", nil, nil, err
	}
	m := p.members[member]
	if m == nil {
		return "", nil, nil, stoker.Errorf(stoker.NotFound, "pool %q has no member %q", id, member)
	}
	switch {
	case m.phase == leaving:
		err = stoker.Errorf(stoker.Unavailable, "it is draining")
	case m.state == stoker.MemberUp:
	case m.lastErr != "":
		err = stoker.Errorf(stoker.Unavailable, "%s", m.lastErr)
	case k.err != nil:
		err = k.err
	}
	return m.state, m.changed, m.gone, err
}

func notUp(id stoker.MemberID, cause, ended error) error {
	if cause == nil {
		return stoker.Errorf(stoker.Unavailable, "member %q is not up: no health check has ended yet: %w", id, ended)
	}
	return stoker.Errorf(stoker.Unavailable, "member %q is not up: %w", id, cause)
}

// RemoveMember drains a member and forgets it; see stoker.Members. While HAProxy
// does not answer, it waits. The server vanishes from HAProxy's tables
// some seconds later.
func (b *Balancer) RemoveMember(ctx context.Context, id stoker.PoolID, who stoker.MemberID, drain time.Duration) error {
	var m *member
	always := context.WithoutCancel(ctx) // it begins to leave in any case
	if err := b.call(always, func(k *keeper) { m = k.startLeaving(id, who) }, nil); err != nil || m == nil {
		return err
	}
	err := b.awaitGone(ctx, m, drain)
	var replaced bool
	if called := b.call(always, func(k *keeper) { m.removers--; replaced = m.replaced }, nil); called != nil && err == nil {
		return nil // the balancer was closed after the member had gone
	}
	switch {
	case err != nil:
		return fmt.Errorf("drain member %q of pool %q: %w", who, id, err)
	case replaced:
		return stoker.Errorf(stoker.Conflict, "member %q was set again while it drained", who)
	}
	return nil
}

// startLeaving lets a member leave; nil when there is none. One that has no
// server is gone at once.
func (k *keeper) startLeaving(id stoker.PoolID, who stoker.MemberID) *member {
	p := k.pools[id]
	if p == nil || p.members[who] == nil {
		return nil
	}
	m := p.members[who]
	m.stop()
	m.phase, m.cut = leaving, false
	m.removers++
	m.become(stoker.MemberDraining, m.lastErr)
	k.dirty = true
	return m
}

// cutPatience is how long requests may take to notice that their connections
// were closed.
const cutPatience = 2 * time.Second

// awaitGone waits until a leaving member has gone; after drain what it has is
// broken off.
func (b *Balancer) awaitGone(ctx context.Context, m *member, drain time.Duration) error {
	deadline := time.NewTimer(drain)
	defer deadline.Stop()
	select {
	case <-m.gone:
		return nil
	case <-b.ctx.Done():
		return errClosed()
	case <-ctx.Done():
		return stoker.Errorf(stoker.Unavailable, "requests are still in flight: %w", context.Cause(ctx))
	case <-deadline.C:
	}
	if err := b.call(ctx, func(*keeper) { m.cut = true }, nil); err != nil {
		return err
	}
	deadline.Reset(cutPatience)
	select {
	case <-m.gone:
		return nil
	case <-b.ctx.Done():
		return errClosed()
	case <-ctx.Done():
		return stoker.Errorf(stoker.Unavailable, "requests are still in flight: %w", context.Cause(ctx))
	case <-deadline.C:
		return stoker.Errorf(stoker.Unavailable, "HAProxy has not broken off what is in flight after %s", cutPatience)
	}
}

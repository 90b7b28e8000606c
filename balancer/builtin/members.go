package builtin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stoker-project/stoker"
)

// SetMember adds a member or changes it; see stoker.Members. A member that is
// draining is taken back and checked anew, its drain then ends with Conflict.
func (b *Balancer) SetMember(_ context.Context, id stoker.PoolID, want stoker.Member) error {
	want, err := rules.Member(want)
	if err != nil {
		return err
	}
	p, err := b.pool(id)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ctx.Err() != nil {
		return stoker.Errorf(stoker.NotFound, "there is no pool %q", id)
	}
	p.setMember(want)
	return nil
}

// setMember does it; callers hold p.mu. At another address it is another member:
// what is in flight ends where it began.
func (p *pool) setMember(want stoker.Member) {
	m := p.members[want.ID]
	switch {
	case m == nil:
		p.members[want.ID] = newMember(p, want, nil)
	case m.state != stoker.MemberDraining && m.addr == want.Address && m.weight == want.Weight:
		return
	case m.state != stoker.MemberDraining && m.addr == want.Address:
		m.weight = want.Weight
	default:
		p.members[want.ID] = newMember(p, want, m)
		close(m.gone)
		m.leave()
	}
	p.publish()
}

// AwaitMember blocks until the member is up; see stoker.Members. NotFound when
// there is no such member, or not any more.
func (b *Balancer) AwaitMember(ctx context.Context, id stoker.PoolID, member stoker.MemberID) error {
	p, err := b.pool(id)
	if err != nil {
		return err
	}
	for {
		replaced := p.roster.Load().replaced // before looking, so that no change is missed
		up, _, err := p.isUp(member)
		if up || err != nil {
			return err
		}
		select {
		case <-replaced:
		case <-ctx.Done():
			_, cause, _ := p.isUp(member)
			return notUp(member, cause, context.Cause(ctx))
		}
	}
}

func notUp(id stoker.MemberID, cause, ended error) error {
	if cause == nil {
		return stoker.Errorf(stoker.Unavailable, "member %q is not up: no health check has ended yet: %w", id, ended)
	}
	return stoker.Errorf(stoker.Unavailable, "member %q is not up: %w", id, cause)
}

func (p *pool) isUp(id stoker.MemberID) (up bool, cause, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := p.members[id]
	if m == nil {
		return false, nil, stoker.Errorf(stoker.NotFound, "pool %q has no member %q", p.id, id)
	}
	if m.state == stoker.MemberDraining {
		return false, errors.New("it is draining"), nil
	}
	return m.state == stoker.MemberUp, m.lastErr, nil
}

// RemoveMember drains a member and forgets it; see stoker.Members.
func (b *Balancer) RemoveMember(ctx context.Context, id stoker.PoolID, member stoker.MemberID, drain time.Duration) error {
	p, err := b.pool(id)
	if stoker.IsKind(err, stoker.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	m := p.drain(member)
	if m == nil {
		return nil
	}
	if err := m.awaitOrCut(ctx, drain); err != nil {
		return fmt.Errorf("drain member %q of pool %q: %w", member, id, err)
	}
	return p.forget(m)
}

// drain takes a member out of the roster, then lets it take nothing new.
func (p *pool) drain(id stoker.MemberID) *member {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := p.members[id]
	if m == nil {
		return nil
	}
	if m.state != stoker.MemberDraining {
		m.state = stoker.MemberDraining
		p.publish()
		m.leave()
	}
	return m
}

// cutPatience is how long requests may take to notice that their connections
// were closed.
const cutPatience = time.Second

// awaitOrCut returns when nothing is in flight, at the latest when drain is over
// and the rest was broken off; with an error when ctx ends before.
func (m *member) awaitOrCut(ctx context.Context, drain time.Duration) error {
	bounded, cancel := context.WithTimeout(ctx, drain)
	defer cancel()
	if m.awaitIdle(bounded) == nil {
		return nil
	}
	if ctx.Err() != nil {
		return stoker.Errorf(stoker.Unavailable, "%d requests are still in flight: %w",
			m.traffic.inFlight.Load(), context.Cause(ctx))
	}
	m.cut()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), cutPatience)
	defer cancel()
	_ = m.awaitIdle(last) // nothing more can be done for what is left
	return nil
}

// forget ends the story of a drained member.
func (p *pool) forget(m *member) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch now := p.members[m.id]; now {
	case m:
		delete(p.members, m.id)
		close(m.gone)
		m.cut() // connections that were idle
		p.publish()
	case nil: // another drain was quicker
	default:
		return stoker.Errorf(stoker.Conflict, "member %q was set again while it drained", m.id)
	}
	return nil
}

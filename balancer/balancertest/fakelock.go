package balancertest

import (
	"context"

	"github.com/stoker-project/stoker"
)

// enter records a call, lets Before have its say and, without an error, gives
// the caller the lock.
func (f *Fake) enter(ctx context.Context, c Call) error {
	f.mu.Lock()
	f.calls = append(f.calls, c)
	before := f.before
	f.mu.Unlock()
	if before != nil {
		if err := before(ctx, c); err != nil {
			return err
		}
	}
	f.mu.Lock()
	return nil
}

// wait gives up the lock until something has changed or ctx ends.
func (f *Fake) wait(ctx context.Context) error {
	changed := f.changed
	f.mu.Unlock()
	defer f.mu.Lock()
	select {
	case <-changed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// tell wakes those who wait. Callers hold the lock.
func (f *Fake) tell() {
	close(f.changed)
	f.changed = make(chan struct{})
}

// member finds a member. Callers hold the lock.
func (f *Fake) member(pool stoker.PoolID, id stoker.MemberID) (*stoker.MemberStats, error) {
	p := f.pools[pool]
	if p == nil {
		return nil, noPool(pool)
	}
	m := p.members[id]
	if m == nil {
		return nil, stoker.Errorf(stoker.NotFound, "pool %q has no member %q", pool, id)
	}
	return m, nil
}

func (f *Fake) change(pool stoker.PoolID, id stoker.MemberID, do func(*stoker.MemberStats)) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	m, err := f.member(pool, id)
	if err != nil {
		return false
	}
	do(m)
	f.tell()
	return true
}

func noPool(id stoker.PoolID) error {
	return stoker.Errorf(stoker.NotFound, "there is no pool %q", id)
}

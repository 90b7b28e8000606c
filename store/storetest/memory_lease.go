package storetest

import (
	"context"
	"time"

	"github.com/stoker-project/stoker"
)

// Acquire gives a new epoch. Time is the caller's, so that leases expire in a
// synctest bubble.
func (m *Memory) Acquire(ctx context.Context, stack stoker.StackID, holder string, ttl time.Duration) (stoker.Lease, error) {
	d, err := m.lock(ctx)
	if err != nil {
		return stoker.Lease{}, err
	}
	defer d.mu.Unlock()
	now := utc(time.Now())
	old := d.leases[stack]
	if old.Holder != "" && old.Holder != holder && now.Before(old.Expires) {
		return stoker.Lease{}, stoker.Errorf(stoker.Conflict, "stack %s is worked on by %s until %s",
			stack, old.Holder, old.Expires.Format(time.RFC3339))
	}
	l := stoker.Lease{Stack: stack, Holder: holder, Epoch: old.Epoch + 1, Expires: now.Add(ttl)}
	d.leases[stack] = l
	return l, nil
}

// Renew moves the end.
func (m *Memory) Renew(ctx context.Context, l stoker.Lease, ttl time.Duration) (stoker.Lease, error) {
	d, err := m.lock(ctx)
	if err != nil {
		return stoker.Lease{}, err
	}
	defer d.mu.Unlock()
	if err := d.holds(l); err != nil {
		return stoker.Lease{}, err
	}
	l.Expires = utc(time.Now()).Add(ttl)
	d.leases[l.Stack] = l
	return l, nil
}

// Release ends the lease; its epoch is never given again.
func (m *Memory) Release(ctx context.Context, l stoker.Lease) error {
	d, err := m.lock(ctx)
	if err != nil {
		return err
	}
	defer d.mu.Unlock()
	if d.holds(l) == nil {
		d.leases[l.Stack] = stoker.Lease{Stack: l.Stack, Epoch: l.Epoch}
	}
	return nil
}

package sqldb

import (
	"context"
	"time"

	"github.com/stoker-project/stoker"
)

const takeLease = `INSERT INTO lease (stack, holder, epoch, expires) VALUES (?, ?, 1, ?)
	ON CONFLICT (stack) DO UPDATE SET holder = excluded.holder, epoch = lease.epoch + 1, expires = excluded.expires
	WHERE lease.holder = '' OR lease.holder = excluded.holder OR lease.expires <= ?
	RETURNING epoch`

// Acquire gives a new epoch. Expires is by the clock that the package comment
// names: a holder counts its ttl from before the call.
func (s *Store) Acquire(ctx context.Context, stack stoker.StackID, holder string, ttl time.Duration) (stoker.Lease, error) {
	l := stoker.Lease{Stack: stack, Holder: holder}
	err := s.writer.do(ctx, "take a lease", func(t *tx) error {
		now, err := t.now()
		if err != nil {
			return err
		}
		l.Expires = moment(now + int64(ttl))
		taken, err := t.get(takeLease, []any{string(stack), holder, now + int64(ttl), now}, &l.Epoch)
		if err != nil || taken {
			return err
		}
		return t.leaseHeld(stack)
	})
	if err != nil {
		return stoker.Lease{}, err
	}
	return l, nil
}

func (t *tx) leaseHeld(stack stoker.StackID) error {
	var other string
	var expires int64
	if _, err := t.get("SELECT holder, expires FROM lease WHERE stack = ?", []any{string(stack)}, &other, &expires); err != nil {
		return err
	}
	return stoker.Errorf(stoker.Conflict, "stack %s is worked on by %s until %s",
		stack, other, moment(expires).Format(time.RFC3339))
}

// Renew moves the end.
func (s *Store) Renew(ctx context.Context, l stoker.Lease, ttl time.Duration) (stoker.Lease, error) {
	renewed := l
	err := s.writer.do(ctx, "renew a lease", func(t *tx) error {
		now, err := t.now()
		if err != nil {
			return err
		}
		renewed.Expires = moment(now + int64(ttl))
		n, err := t.change("UPDATE lease SET expires = ? WHERE stack = ? AND holder = ? AND epoch = ? AND holder <> ''",
			now+int64(ttl), string(l.Stack), l.Holder, l.Epoch)
		if err == nil && n == 0 {
			return stoker.ErrLeaseLost
		}
		return err
	})
	if err != nil {
		return stoker.Lease{}, err
	}
	return renewed, nil
}

// Release ends the lease; its epoch is never given again.
func (s *Store) Release(ctx context.Context, l stoker.Lease) error {
	return s.writer.do(ctx, "release a lease", func(t *tx) error {
		return t.exec("UPDATE lease SET holder = '', expires = 0 WHERE stack = ? AND holder = ? AND epoch = ?",
			string(l.Stack), l.Holder, l.Epoch)
	})
}

package sqldb

import (
	"context"
	"encoding/json"
	"time"
)

// purgeStep is how many stacks a purge removes at once: others write in between.
const purgeStep = 50

// Purge removes what is left of stacks that were deleted, and not abandoned, before
// that time: their records, events and leases. It gives how many it removed, also with an
// error.
func (s *Store) Purge(ctx context.Context, before time.Time) (int, error) {
	all := 0
	for {
		n := 0
		err := s.writer.do(ctx, "purge deleted stacks", func(t *tx) (err error) {
			n, err = t.purge(nanos(before))
			return err
		})
		if err != nil || n == 0 {
			return all, err
		}
		all += n
	}
}

func (t *tx) purge(before int64) (int, error) {
	ids, err := t.texts("SELECT id FROM stack WHERE deleted > 0 AND deleted < ? AND NOT abandoned ORDER BY deleted LIMIT ?", before, purgeStep)
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	list, err := json.Marshal(ids)
	if err != nil {
		return 0, err
	}
	for _, from := range []string{"event WHERE stack ", "lease WHERE stack ", "stack WHERE id "} {
		if err := t.exec("DELETE FROM "+from+t.w.s.d.inList, string(list)); err != nil {
			return 0, err
		}
	}
	t.stacks = true
	t.gone = append(t.gone, ids...)
	return len(ids), nil
}

package storetest

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/stoker-project/stoker"
)

type snapshotRow struct {
	seq      int64
	snapshot *stoker.Snapshot
}

// Snapshots lists a stack's snapshots by creation.
func (m *Memory) Snapshots(ctx context.Context, stack stoker.StackID, brief bool) ([]*stoker.Snapshot, error) {
	d, err := m.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer d.mu.Unlock()
	rows := slices.SortedFunc(maps.Values(d.snapshots), func(a, b *snapshotRow) int {
		return cmp.Or(a.snapshot.Created.Compare(b.snapshot.Created), cmp.Compare(a.seq, b.seq))
	})
	var out []*stoker.Snapshot
	for _, row := range rows {
		if row.snapshot.Stack != stack {
			continue
		}
		s, err := cloneSnapshot(row.snapshot)
		if err != nil {
			return nil, err
		}
		if brief {
			s.Data = nil
		}
		out = append(out, s)
	}
	return out, nil
}

func cloneSnapshot(s *stoker.Snapshot) (*stoker.Snapshot, error) {
	c := *s
	c.Created = utc(s.Created)
	var err error
	c.Data, err = cloneMap("snapshot", s.Data)
	return &c, err
}

func cloneSnapshots(list []*stoker.Snapshot) ([]*stoker.Snapshot, error) {
	out := make([]*stoker.Snapshot, len(list))
	for i, s := range list {
		var err error
		if out[i], err = cloneSnapshot(s); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (d *data) putSnapshot(s *stoker.Snapshot) {
	if row := d.snapshots[s.ID]; row != nil {
		row.snapshot = s
		return
	}
	d.seq++
	d.snapshots[s.ID] = &snapshotRow{seq: d.seq, snapshot: s}
}

func (d *data) dropSnapshots(of stoker.StackID) {
	maps.DeleteFunc(d.snapshots, func(_ stoker.SnapshotID, row *snapshotRow) bool { return row.snapshot.Stack == of })
}

package storetest

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
)

func snapshots(t *testing.T, s Store, id stoker.StackID, brief bool) []*stoker.Snapshot {
	t.Helper()
	list, err := s.Snapshots(t.Context(), id, brief)
	if err != nil {
		t.Fatalf("list snapshots: %v", err)
	}
	return list
}

// fullSnapshot has every field set.
func fullSnapshot(id string) *stoker.Snapshot {
	return &stoker.Snapshot{
		ID: stoker.SnapshotID(id), Stack: "a", Name: "before \x00 \"noon\"", Status: stoker.StatusComplete, StatusReason: "done\x00",
		Data:    map[string]any{"count": int64(1), "ratio": 1.0, "files": map[string]any{}, "none": nil},
		Created: start,
	}
}

func testSnapshots(t *testing.T, open Open) {
	s, reopen := open(t)
	insert(t, s, stack("a", "a"), stack("b", "b"))
	l := acquire(t, s, "a", "me")
	one, two := fullSnapshot("1"), fullSnapshot("2")
	wantAllSet(t, one)
	two.Created = start.Add(-time.Second)
	begun := *two
	begun.Status, begun.StatusReason, begun.Data = stoker.StatusInProgress, "", nil
	commit(t, s, stoker.Batch{Lease: l, Snapshots: []*stoker.Snapshot{one, &begun}})
	wantEqual(t, "one that is begun", snapshots(t, s, "a", false), []*stoker.Snapshot{&begun, one})
	commit(t, s, stoker.Batch{Lease: l, Snapshots: []*stoker.Snapshot{two}})
	s = reopen()
	wantEqual(t, "snapshots", snapshots(t, s, "a", false), []*stoker.Snapshot{two, one})
	wantEqual(t, "another stack's", len(snapshots(t, s, "b", false)), 0)
	for _, x := range snapshots(t, s, "a", true) {
		if x.Data != nil || x.Name != one.Name {
			t.Errorf("brief: got %+v", x)
		}
	}
	commit(t, s, stoker.Batch{Lease: l, DropSnapshots: []stoker.SnapshotID{"2", "no such"}})
	wantEqual(t, "after one was dropped", snapshots(t, s, "a", false), []*stoker.Snapshot{one})
	endless := fullSnapshot("3")
	endless.Data["ratio"] = math.Inf(1)
	wantKind(t, "without a JSON form", s.Commit(t.Context(), stoker.Batch{Lease: l, Snapshots: []*stoker.Snapshot{endless}}), stoker.Invalid)
	gone := stack("a", "a")
	gone.Deleted = start
	commit(t, s, stoker.Batch{Lease: l, Stack: gone})
	wantEqual(t, "of a deleted stack", len(snapshots(t, reopen(), "a", false)), 0)
}

func testSnapshotsAreFenced(t *testing.T, open Open) {
	s, _ := open(t)
	insert(t, s, stack("a", "a"))
	old := acquire(t, s, "a", "me")
	commit(t, s, stoker.Batch{Lease: old, Snapshots: []*stoker.Snapshot{fullSnapshot("1")}})
	acquire(t, s, "a", "me")
	for what, b := range map[string]stoker.Batch{
		"put, no lease": {Snapshots: []*stoker.Snapshot{fullSnapshot("2")}}, "drop, no lease": {DropSnapshots: []stoker.SnapshotID{"1"}},
		"put": {Lease: old, Snapshots: []*stoker.Snapshot{fullSnapshot("2")}}, "drop": {Lease: old, DropSnapshots: []stoker.SnapshotID{"1"}},
	} {
		if err := s.Commit(t.Context(), b); !errors.Is(err, stoker.ErrLeaseLost) {
			t.Errorf("%s: got %v, want ErrLeaseLost", what, err)
		}
	}
	wantEqual(t, "snapshots", len(snapshots(t, s, "a", false)), 1)
}

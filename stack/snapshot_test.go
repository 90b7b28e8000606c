package stack_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/stack"
	"github.com/stoker-project/stoker/store/storetest"
)

const shotBody = `
parameters: {word: {type: string, default: plain}}
resources:
  a: {type: T::Thing, properties: {value: {get_param: word}}}
`

const shotLarger = `
parameters: {word: {type: string, default: plain}}
resources:
  a: {type: T::Thing, properties: {value: later}}
  b: {type: T::Thing, properties: {value: b}}
`

// shot takes a snapshot and waits for its end.
func (b *bed) shot(st *stoker.Stack, name string) *stoker.Snapshot {
	b.t.Helper()
	begun, err := b.Snapshot(b.t.Context(), st.ID, name)
	if err != nil {
		b.t.Fatal(err)
	}
	if begun.Status != stoker.StatusInProgress || begun.Data != nil {
		b.t.Errorf("begun: got %+v", begun)
	}
	want(b.t, b.await(st.ID), "SNAPSHOT_COMPLETE")
	s, err := b.SnapshotOf(b.t.Context(), st, begun.ID)
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

func (b *bed) worded(word string) *stoker.Stack {
	b.t.Helper()
	spec := withFiles(template(shotBody), nil)
	spec.Parameters = map[string]any{"word": word}
	st, err := b.Create(b.t.Context(), stack.Input{Name: "s", Spec: spec, DisableRollback: true})
	if err != nil {
		b.t.Fatal(err)
	}
	return b.await(st.ID)
}

func TestSnapshotAndRestore(t *testing.T) {
	w := newWorld()
	b := start(t, w, storetest.NewMemory())
	st := b.worded("first")
	s := b.shot(st, "one")
	r := s.Data["resources"].(map[string]any)["a"].(map[string]any)
	if s.Status != stoker.StatusComplete || s.Name != "one" || r["type"] != "T::Thing" || r["resource_id"] == "" {
		t.Errorf("snapshot: got %+v", s)
	}
	if got := fmt.Sprint(s.Data["environment"]); got != "map[parameters:map[word:first]]" {
		t.Errorf("environment: got %s", got)
	}
	want(t, b.update(st.ID, shotLarger), "UPDATE_COMPLETE")
	if w.count() != 2 {
		t.Fatalf("%d things, want 2", w.count())
	}
	if err := b.Restore(t.Context(), st, s.ID, false); err != nil {
		t.Fatal(err)
	}
	want(t, b.await(st.ID), "RESTORE_COMPLETE")
	attrs, err := b.Attributes(t.Context(), st.ID, "a", []string{"value"})
	if err != nil || attrs["value"] != "first" || w.count() != 1 {
		t.Errorf("restored: got %v, %v and %d things, want the first value and 1", attrs, err, w.count())
	}
	states := map[string]bool{}
	events, err := b.Events(t.Context(), st.ID, 0, stoker.EventFilter{Resource: "s"})
	for _, e := range events {
		states[stoker.State(e.Action, e.Status)+" "+e.Reason] = true
	}
	for _, e := range []string{"SNAPSHOT_IN_PROGRESS Stack SNAPSHOT started", "SNAPSHOT_COMPLETE Stack SNAPSHOT completed successfully",
		"RESTORE_IN_PROGRESS Stack RESTORE started", "RESTORE_COMPLETE Stack RESTORE completed successfully"} {
		if !states[e] {
			t.Errorf("no event %q in %v, %v", e, states, err)
		}
	}
}

// A restoration that fails goes back, where the stack has rollback.
func TestRestoreRollsBack(t *testing.T) {
	w := newWorld()
	b := start(t, w, storetest.NewMemory())
	st := b.worded("first")
	s := b.shot(st, "")
	in := stack.Input{Spec: withFiles(template(shotLarger), nil)}
	if err := b.Update(t.Context(), st.ID, in); err != nil {
		t.Fatal(err)
	}
	want(t, b.await(st.ID), "UPDATE_COMPLETE")
	w.mu.Lock()
	w.fail["delete b"] = errors.New("it stays")
	w.fail["update a"] = errors.New("not now")
	w.mu.Unlock()
	if err := b.Restore(t.Context(), st, s.ID, false); err != nil {
		t.Fatal(err)
	}
	got := b.await(st.ID)
	if got.Action != stoker.ActionRollback {
		t.Errorf("got %s, want a rollback", got.State())
	}
}

func TestSnapshotsAreRefused(t *testing.T) {
	w := newWorld()
	b := start(t, w, storetest.NewMemory())
	st := b.worded("first")
	s := b.shot(st, "")
	refused := func(what, class string, err error) {
		t.Helper()
		if e, ok := stoker.AsError(err); !ok || e.Type != class {
			t.Errorf("%s: got %v, want %s", what, err, class)
		}
	}
	refused("unknown", "SnapshotNotFound", b.Restore(t.Context(), st, "nobody", false))
	refused("unknown", "SnapshotNotFound", b.DeleteSnapshot(t.Context(), st, "nobody"))
	other := b.create("other", shotLarger)
	refused("another stack's", "SnapshotNotFound", b.Restore(t.Context(), other, s.ID, false))
	refused("another stack's", "SnapshotNotFound", b.DeleteSnapshot(t.Context(), other, s.ID))
	gate := make(chan struct{})
	w.mu.Lock()
	w.gates["create b"] = gate
	w.mu.Unlock()
	if err := b.Update(t.Context(), st.ID, stack.Input{Spec: template(shotLarger)}); err != nil {
		t.Fatal(err)
	}
	_, err := b.Snapshot(t.Context(), st.ID, "")
	refused("amid an update", "ActionInProgress", err)
	refused("amid an update", "ActionInProgress", b.Restore(t.Context(), st, s.ID, false))
	refused("amid an update", "ActionInProgress", b.DeleteSnapshot(t.Context(), st, s.ID))
	close(gate)
	b.await(st.ID)
	if err := b.Suspend(t.Context(), st.ID); err != nil {
		t.Fatal(err)
	}
	b.await(st.ID)
	_, err = b.Snapshot(t.Context(), st.ID, "")
	refused("suspended", "NotSupported", err)
	refused("suspended", "NotSupported", b.Restore(t.Context(), st, s.ID, false))
}

func TestSnapshotsEnd(t *testing.T) {
	b := start(t, newWorld(), storetest.NewMemory())
	st := b.worded("first")
	var last *stoker.Snapshot
	for i := range 32 {
		last = b.shot(st, fmt.Sprint(i))
	}
	if _, err := b.Snapshot(t.Context(), st.ID, "one more"); !stoker.IsKind(err, stoker.NoCapacity) {
		t.Errorf("at the limit: got %v", err)
	}
	if err := b.DeleteSnapshot(t.Context(), st, last.ID); err != nil {
		t.Fatal(err)
	}
	b.shot(st, "one more")
	if err := b.Delete(t.Context(), st.ID); err != nil {
		t.Fatal(err)
	}
	want(t, b.await(st.ID), "DELETE_COMPLETE")
	if list, err := b.Snapshots(t.Context(), st.ID); err != nil || len(list) != 0 {
		t.Errorf("after the stack: got %d snapshots, %v", len(list), err)
	}
}

// takeShot asks once: a user who got no answer looks first.
func takeShot(ctx context.Context, m *machine) error {
	st, err := m.find(ctx)
	if err != nil {
		return err
	}
	if list, err := m.engine.Snapshots(ctx, st.ID); err != nil || len(list) > 0 {
		return err
	}
	_, err = m.engine.Snapshot(ctx, st.ID, "shot")
	return err
}

// wantShot wants one snapshot, complete.
func wantShot(ctx context.Context, m *machine) error {
	st, err := m.find(ctx)
	if err != nil {
		return err
	}
	list, err := m.engine.Snapshots(ctx, st.ID)
	if err != nil || len(list) != 1 || list[0].Status != stoker.StatusComplete || list[0].Data["template"] != crashInput("one").Spec.Template {
		return fmt.Errorf("%d snapshots: %+v: %w", len(list), list, err)
	}
	return nil
}

func restoreShot(ctx context.Context, m *machine) error {
	st, err := m.find(ctx)
	if err != nil || st.Action == stoker.ActionRestore {
		return err
	}
	list, err := m.engine.Snapshots(ctx, st.ID)
	if err != nil || len(list) != 1 {
		return fmt.Errorf("%d snapshots: %w", len(list), err)
	}
	return m.engine.Restore(ctx, st, list[0].ID, false)
}

// TestSnapshotCrashPoints kills the process around the writes of a snapshot.
func TestSnapshotCrashPoints(t *testing.T) {
	s := story{name: "snapshot", prepare: steps(createApp), do: steps(takeShot, wantShot), servers: 1, image: "one"}
	points := 0
	for at := 1; crashAt(t, s, at); at++ {
		points++
	}
	if points < 4 {
		t.Errorf("%d crash points, want those around two writes", points)
	}
}

// A deletion that comes before a snapshot is taken ends it; where the stack
// outlives that, it says so.
func TestSnapshotEndedByDeletion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, store, gate := newWorld(), storetest.NewMemory(), make(chan struct{})
		w.fail["delete a"] = errors.New("it stays")
		store.BeforeCommit = func(_ int, b stoker.Batch) error {
			if b.Stack != nil && b.Stack.State() == "CHECK_COMPLETE" {
				<-gate
			}
			return nil
		}
		b := start(t, w, store)
		st := b.worded("first")
		if err := b.Check(t.Context(), st.ID); err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // the check's end is being written
		asked := make(chan error, 2)
		go func() { _, err := b.Snapshot(t.Context(), st.ID, ""); asked <- err }()
		synctest.Wait()
		go func() { asked <- b.Delete(t.Context(), st.ID) }()
		synctest.Wait()
		close(gate)
		for range 2 {
			if err := <-asked; err != nil {
				t.Fatal(err)
			}
		}
		want(t, b.await(st.ID), "DELETE_FAILED")
		list, err := b.Snapshots(t.Context(), st.ID)
		if err != nil || len(list) != 1 || list[0].Status != stoker.StatusFailed || list[0].StatusReason != "ended by a DELETE of the stack" {
			t.Errorf("got %+v, %v, want one that has failed", list, err)
		}
		b.stop()
	})
}

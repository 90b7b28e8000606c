package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stoker-project/stoker"
)

func testCommitIsAtomic(t *testing.T, open Open) {
	s, reopen := open(t)
	insert(t, s, stack("a", "taken"), stack("b", "b"))
	l := acquire(t, s, "b", "me")
	renamed := stack("b", "taken")
	err := s.Commit(t.Context(), stoker.Batch{Lease: l, Stack: renamed,
		Resources: []*stoker.Resource{resource("b", "r")}, Events: []*stoker.Event{event("b", "e")}})
	wantKind(t, "a name that is taken", err, stoker.Exists)
	err = s.Commit(t.Context(), stoker.Batch{Lease: l, Stack: stack("b", "free"),
		Resources: []*stoker.Resource{resource("none", "r")}, Events: []*stoker.Event{event("b", "e")}})
	wantKind(t, "a resource of no stack", err, stoker.NotFound)
	s = reopen()
	st, rs := read(t, s, "b")
	if st.Name != "b" || len(rs) != 0 {
		t.Errorf("stack %q with %d resources was stored", st.Name, len(rs))
	}
	events, err := s.Events(t.Context(), stoker.EventFilter{})
	if err != nil || len(events) != 0 {
		t.Errorf("events: got %d, %v; want none", len(events), err)
	}
}

// An answer may get lost: the engine then commits the same once more.
func testCommitTwice(t *testing.T, open Open) {
	s, _ := open(t)
	insert(t, s, stack("a", "a"))
	b := stoker.Batch{Lease: acquire(t, s, "a", "me"), Stack: stack("a", "a"),
		Resources: []*stoker.Resource{resource("a", "r")}, Events: []*stoker.Event{event("a", "e")},
		Forget: []stoker.ResourceID{"gone"}}
	commit(t, s, b)
	commit(t, s, b)
	if _, rs := read(t, s, "a"); len(rs) != 1 {
		t.Errorf("got %d resources, want 1", len(rs))
	}
	events, err := s.Events(t.Context(), stoker.EventFilter{})
	if err != nil || len(events) != 1 {
		t.Errorf("got %d events, %v; want 1", len(events), err)
	}
}

func testCommitAfterCancel(t *testing.T, open Open) {
	s, _ := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Commit(ctx, stoker.Batch{Stack: stack("a", "a")}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	_, _, err := s.Stack(t.Context(), "a")
	wantKind(t, "stack", err, stoker.NotFound)
}

// Each caller gets its own answer, and reads what it was told is stored.
func testCommitsAtOnce(t *testing.T, open Open) {
	s, _ := open(t)
	var wg sync.WaitGroup
	exists := make(chan bool, 64)
	for i := range cap(exists) {
		wg.Go(func() {
			id := stoker.StackID(fmt.Sprintf("stack-%d", i))
			st := stack(string(id), fmt.Sprintf("name-%d", i/2)) // every name twice
			err := s.Commit(t.Context(), stoker.Batch{Stack: st, Resources: []*stoker.Resource{resource(string(id), "r-"+string(id))},
				Events: []*stoker.Event{event(string(id), "e-"+string(id))}})
			exists <- stoker.IsKind(err, stoker.Exists)
			_, rs, readErr := s.Stack(t.Context(), id)
			if (err == nil) != (readErr == nil) || err == nil && len(rs) != 1 {
				t.Errorf("commit gave %v, reading then %d resources, %v", err, len(rs), readErr)
			}
		})
	}
	wg.Wait()
	refused := 0
	for range cap(exists) {
		if <-exists {
			refused++
		}
	}
	if want := cap(exists) / 2; refused != want {
		t.Errorf("refused for their names: got %d, want %d", refused, want)
	}
	events, err := s.Events(t.Context(), stoker.EventFilter{})
	if err != nil || len(events) != cap(exists)/2 {
		t.Errorf("events: got %d, %v; want %d", len(events), err, cap(exists)/2)
	}
}

func testNamesAreUnique(t *testing.T, open Open) {
	s, _ := open(t)
	insert(t, s, stack("a", "web"))
	err := s.Commit(t.Context(), stoker.Batch{Stack: stack("b", "web")})
	wantKind(t, "the same name", err, stoker.Exists)
	if e, ok := stoker.AsError(err); !ok || e.Error() != `a stack named "web" exists already` {
		t.Errorf("message: %v", err)
	}
	nested := stack("b", "web")
	nested.Parent = "a"
	wantKind(t, "nested", s.Commit(t.Context(), stoker.Batch{Stack: nested}), stoker.Exists)
	other := stack("b", "web")
	other.Project = "other"
	insert(t, s, other, stack("c", "Web"), stack("d", "web-2"))

	l := acquire(t, s, "a", "me")
	gone := stack("a", "web")
	gone.Deleted = start
	commit(t, s, stoker.Batch{Lease: l, Stack: gone})
	insert(t, s, stack("e", "web"))
}

func testDeletedStack(t *testing.T, open Open) {
	s, reopen := open(t)
	st := stack("a", "a")
	st.Spec = stoker.StackSpec{Template: "t", Files: map[string]string{"f": "x"}}
	st.Previous = &stoker.StackSpec{Template: "p"}
	commit(t, s, stoker.Batch{Stack: st, Resources: []*stoker.Resource{resource("a", "r")}})
	gone := *st
	gone.Deleted = start.Add(1)
	commit(t, s, stoker.Batch{Lease: acquire(t, s, "a", "me"), Stack: &gone, Resources: []*stoker.Resource{resource("a", "late")}})
	s = reopen()
	got, rs := read(t, s, "a")
	want := gone
	want.Spec.Files, want.Previous = nil, nil
	wantEqual(t, "stack", got, &want)
	if len(rs) != 0 {
		t.Errorf("resources: got %d, want none", len(rs))
	}
	_, err := s.Resource(t.Context(), "r")
	wantKind(t, "its resource", err, stoker.NotFound)
	if st.Spec.Files == nil || gone.Previous == nil {
		t.Error("the caller's record was changed")
	}
}

// An abandoned stack is deleted for lists and names, keeps what it had, and can come
// back.
func testAbandonedStack(t *testing.T, open Open) {
	s, reopen := open(t)
	st := stack("a", "a")
	st.Spec = stoker.StackSpec{Template: "t", Files: map[string]string{"f": "x"}}
	commit(t, s, stoker.Batch{Stack: st, Resources: []*stoker.Resource{resource("a", "r")}})
	gone := *st
	gone.Deleted, gone.Phase = start.Add(1), stoker.PhaseAbandoned
	l := acquire(t, s, "a", "me")
	commit(t, s, stoker.Batch{Lease: l, Stack: &gone})
	insert(t, s, stack("b", "a"))
	s = reopen()
	got, rs := read(t, s, "a")
	wantEqual(t, "stack", got, &gone)
	if len(rs) != 1 {
		t.Errorf("resources: got %d, want 1", len(rs))
	}
	living, err := s.Stacks(t.Context(), stoker.StackFilter{Project: "demo"})
	if err != nil || len(living) != 1 || living[0].ID != "b" {
		t.Errorf("living: got %v, %v; want b", living, err)
	}
	wantKind(t, "back under a name that is taken", s.Commit(t.Context(), stoker.Batch{Lease: l, Stack: st}), stoker.Exists)
	back := *st
	back.Name = "back"
	commit(t, s, stoker.Batch{Lease: l, Stack: &back})
	got, rs = read(t, s, "a")
	wantEqual(t, "stack", got, &back)
	if len(rs) != 1 {
		t.Errorf("resources of what came back: got %d, want 1", len(rs))
	}
}

func testOldGeneration(t *testing.T, open Open) {
	s, _ := open(t)
	st := stack("a", "a")
	st.Generation = 3
	insert(t, s, st)
	l := acquire(t, s, "a", "me")
	wantKind(t, "generation 2 after 3", s.Commit(t.Context(), stoker.Batch{Lease: l, Stack: stack("a", "a")}), stoker.Conflict)
	commit(t, s, stoker.Batch{Lease: l, Stack: st})
}

func testFencing(t *testing.T, open Open) {
	s, reopen := open(t)
	insert(t, s, stack("a", "a"), stack("b", "b"))
	lost := func(what string, b stoker.Batch) {
		t.Helper()
		if err := s.Commit(t.Context(), b); !errors.Is(err, stoker.ErrLeaseLost) {
			t.Errorf("%s: got %v, want ErrLeaseLost", what, err)
		}
	}
	change := func(l stoker.Lease) stoker.Batch { return stoker.Batch{Lease: l, Stack: stack("a", "a")} }
	lost("no lease, stack stored", stoker.Batch{Stack: stack("a", "a")})
	lost("no lease, resources only", stoker.Batch{Resources: []*stoker.Resource{resource("a", "r")}})
	lost("no lease, forgetting only", stoker.Batch{Forget: []stoker.ResourceID{"r"}})
	lost("lease never given", change(stoker.Lease{Stack: "a", Holder: "me", Epoch: 1}))
	commit(t, s, stoker.Batch{Events: []*stoker.Event{event("a", "e")}})

	old := acquire(t, s, "a", "me")
	commit(t, s, change(old))
	newer := acquire(t, s, "a", "me")
	s = reopen()
	lost("older epoch", change(old))
	lost("older epoch, events only", stoker.Batch{Lease: old, Events: []*stoker.Event{event("a", "e2")}})
	commit(t, s, change(newer))
	thief := newer
	thief.Holder = "other"
	lost("another's lease", change(thief))
	if err := s.Release(t.Context(), newer); err != nil {
		t.Fatal(err)
	}
	lost("released", change(newer))
}

package stack_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/stack"
	"github.com/stoker-project/stoker/store/storetest"
)

const cancelBody = `
resources:
  first: {type: T::Thing, properties: {value: 1}}
  slow: {type: T::Waiting, properties: {value: 1}}
  inner: {type: inner.yaml, properties: {v: 1}}
`

const cancelInner = `
parameters: {v: {type: string}}
resources:
  deep: {type: T::Waiting, properties: {value: {get_param: v}}}
`

func cancelSpec(v string) stoker.StackSpec {
	return withFiles(template(strings.ReplaceAll(cancelBody, ": 1}", ": "+v+"}")), []string{"inner.yaml", cancelInner})
}

// updating is a stack whose update waits.
func updating(t *testing.T) (*bed, stoker.StackID) {
	t.Helper()
	w := newWorld()
	b := start(t, w, storetest.NewMemory())
	st, err := b.Create(t.Context(), stack.Input{Name: "s", Spec: cancelSpec("1"), DisableRollback: true})
	if err != nil {
		t.Fatal(err)
	}
	want(t, b.await(st.ID), "CREATE_COMPLETE")
	w.clearLog()
	w.mu.Lock()
	w.gates["await slow"], w.gates["await deep"] = make(chan struct{}), make(chan struct{})
	w.mu.Unlock()
	if err := b.Update(t.Context(), st.ID, stack.Input{Spec: cancelSpec("2"), DisableRollback: true}); err != nil {
		t.Fatal(err)
	}
	for len(w.calls("await")) < 2 {
		b.called(st.ID, "await")
	}
	return b, st.ID
}

func (w *world) open() {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.gates)
}

func TestCancelUpdateRollsBack(t *testing.T) {
	b, id := updating(t)
	b.w.open()
	if err := b.CancelUpdate(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	want(t, b.await(id), "ROLLBACK_COMPLETE")
	for _, thing := range b.w.things {
		if v := thing["value"]; v != int64(1) && v != "1" {
			t.Errorf("a thing has value %v after the rollback, want 1", v)
		}
	}
	for name, state := range b.states(id) {
		if !strings.HasSuffix(state, "_COMPLETE") {
			t.Errorf("%s is %s", name, state)
		}
	}
}

// TestCancelOfAReplacement: the rollback does not wait for the new one to be
// complete, which may be never.
func TestCancelOfAReplacement(t *testing.T) {
	w := newWorld()
	b := start(t, w, storetest.NewMemory())
	body := "\nresources: {a: {type: T::Waiting, properties: {kind: one}}}\n"
	st := b.create("s", body)
	w.clearLog()
	w.gates["await a"] = make(chan struct{})
	if err := b.Update(t.Context(), st.ID, stack.Input{Spec: template(strings.Replace(body, "one", "two", 1))}); err != nil {
		t.Fatal(err)
	}
	b.called(st.ID, "await")
	if err := b.CancelUpdate(t.Context(), st.ID); err != nil {
		t.Fatal(err)
	}
	want(t, b.await(st.ID), "ROLLBACK_COMPLETE")
	if made, gone := w.calls("create"), w.calls("delete"); len(made) != 1 || len(gone) != 1 || w.count() != 1 {
		t.Errorf("made %q, deleted %q, %d left; want one made, and gone again", made, gone, w.count())
	}
}

// TestCancelBeforeAReplacement: a change that turns out to need a replacement
// after the update was cancelled leaves what is there.
func TestCancelBeforeAReplacement(t *testing.T) {
	w := newWorld()
	b := start(t, w, storetest.NewMemory())
	body := "\nresources: {a: {type: T::Thing, properties: {value: one}}}\n"
	st := b.create("s", body)
	w.clearLog()
	gate := make(chan struct{})
	w.gates["update a"], w.fail["update a"] = gate, stoker.ErrReplace
	if err := b.Update(t.Context(), st.ID, stack.Input{Spec: template(strings.Replace(body, "one", "two", 1))}); err != nil {
		t.Fatal(err)
	}
	b.called(st.ID, "update")
	if err := b.CancelUpdate(t.Context(), st.ID); err != nil {
		t.Fatal(err)
	}
	close(gate)
	want(t, b.await(st.ID), "ROLLBACK_COMPLETE")
	if made := w.calls("create"); len(made) != 0 {
		t.Errorf("made %q", made)
	}
}

func TestCancelWithoutRollback(t *testing.T) {
	b, id := updating(t)
	if err := b.CancelWithoutRollback(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	st := b.await(id)
	want(t, st, "UPDATE_FAILED")
	if st.StatusReason != "User cancelled stack UPDATE" {
		t.Errorf("got reason %q", st.StatusReason)
	}
	for _, name := range []string{"slow", "inner", "deep"} {
		for b.states(id)[name] != "UPDATE_FAILED" {
			if t.Context().Err() != nil {
				t.Fatalf("%s is %s, want UPDATE_FAILED", name, b.states(id)[name])
			}
		}
	}
	if !slices.Contains(b.reasons(id), "slow UPDATE_FAILED UPDATE aborted (user triggered cancel)") {
		t.Errorf("no event tells of it: %q", b.reasons(id))
	}
	b.w.open()
	if err := b.Update(t.Context(), id, stack.Input{Spec: cancelSpec("3"), DisableRollback: true}); err != nil {
		t.Fatal(err)
	}
	want(t, b.await(id), "UPDATE_COMPLETE")
	if b.w.count() != 3 {
		t.Errorf("%d things, want 3", b.w.count())
	}
}

func TestCancelCreate(t *testing.T) {
	w := newWorld()
	w.gates["await slow"] = make(chan struct{})
	b := start(t, w, storetest.NewMemory())
	st, err := b.Create(t.Context(), stack.Input{Name: "s", Spec: cancelSpec("1")})
	if err != nil {
		t.Fatal(err)
	}
	b.called(st.ID, "await")
	refused(t, b.CancelUpdate(t.Context(), st.ID), "Cancelling update when stack is CREATE_IN_PROGRESS is not supported.")
	if err := b.CancelWithoutRollback(t.Context(), st.ID); err != nil {
		t.Fatal(err)
	}
	st = b.await(st.ID)
	want(t, st, "CREATE_FAILED") // and no rollback, although the stack wants them
	refused(t, b.CancelWithoutRollback(t.Context(), st.ID), "Cancelling update when stack is CREATE_FAILED is not supported.")
}

func refused(t *testing.T, err error, msg string) {
	t.Helper()
	if e, ok := stoker.AsError(err); !ok || e.Kind != stoker.Invalid || e.Type != "NotSupported" || e.Message != msg {
		t.Errorf("got %v, want %q", err, msg)
	}
}

func TestConvergeObservesFirst(t *testing.T) {
	w := newWorld()
	b := start(t, w, storetest.NewMemory())
	body := "\nresources:\n  one: {type: T::Checked}\n  two: {type: T::Checked}\n  plain: {type: T::Thing}\n  inner: {type: inner.yaml}\n  g: {type: T::Group, properties: {desired: 2, resource: {type: inner.yaml}}}\n"
	spec := withFiles(template(body), []string{"inner.yaml", passInner})
	st := b.create("s", body, "inner.yaml", passInner)
	w.fail["check one"], w.fail["check seen"] = errors.New("lost"), errors.New("lost")
	for converge, made := range map[bool][]string{false: nil, true: {"one", "seen", "seen", "seen"}} {
		w.clearLog()
		if err := b.Update(t.Context(), st.ID, stack.Input{Spec: spec, Converge: converge, DisableRollback: true}); err != nil {
			t.Fatal(err)
		}
		want(t, b.await(st.ID), "UPDATE_COMPLETE")
		got := w.calls("create")
		slices.Sort(got)
		if !slices.Equal(got, made) {
			t.Errorf("converge %v: made %q, want %q", converge, got, made)
		}
	}
	if got := b.states(st.ID)["two"]; got != "CREATE_COMPLETE" {
		t.Errorf("two, which is well, is %s", got)
	}
}

// TestCreationIsTriedAgain while the driver has no room.
func TestCreationIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		b := start(t, w, storetest.NewMemory())
		w.fail["create a"] = stoker.Errorf(stoker.NoCapacity, "no room")
		body := template("resources: {a: {type: T::Thing}}")
		st, err := b.Create(t.Context(), stack.Input{Name: "s", Spec: body})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(4 * time.Second)
		w.mu.Lock()
		clear(w.fail)
		w.mu.Unlock()
		begun := time.Now()
		got, err := b.Await(t.Context(), st.ID)
		if err != nil {
			t.Fatal(err)
		}
		want(t, got, "CREATE_COMPLETE")
		if n, d := len(w.calls("create")), time.Since(begun); n != 4 || d != 3*time.Second {
			t.Errorf("%d tries, the last after %s; want 4 at 0s, 1s, 3s and 7s", n, d)
		}
		if !slices.Contains(b.reasons(st.ID), "a CREATE_IN_PROGRESS Try 2 of 6 failed, the next is in 2s: ResourceInError: resources.a: no room") {
			t.Errorf("no event tells of it: %q", b.reasons(st.ID))
		}
		b.stop()
	})
}

// TestTriesEnd: what fails for good, or too often, fails.
func TestTriesEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for kind, tries := range map[stoker.Kind]int{stoker.Unavailable: 6, stoker.Invalid: 1, stoker.Internal: 1} {
			w := newWorld()
			b := start(t, w, storetest.NewMemory())
			w.fail["create a"] = stoker.Errorf(kind, "no")
			st, err := b.Create(t.Context(), stack.Input{Name: "s", Spec: template("resources: {a: {type: T::Thing}}"), DisableRollback: true})
			if err != nil {
				t.Fatal(err)
			}
			got, err := b.Await(t.Context(), st.ID)
			if err != nil {
				t.Fatal(err)
			}
			want(t, got, "CREATE_FAILED")
			if n := len(w.calls("create")); n != tries {
				t.Errorf("%q: %d tries, want %d", kind, n, tries)
			}
			b.stop()
		}
	})
}

// TestPausesAreBrokenOff by a deletion.
func TestPausesAreBrokenOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		b := start(t, w, storetest.NewMemory())
		w.fail["create a"] = stoker.Errorf(stoker.NoCapacity, "no room")
		st, err := b.Create(t.Context(), stack.Input{Name: "s", Spec: template("resources: {a: {type: T::Thing}}")})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(4 * time.Second)
		begun := time.Now()
		if err := b.Delete(t.Context(), st.ID); err != nil {
			t.Fatal(err)
		}
		got, err := b.Await(context.Background(), st.ID)
		if err != nil {
			t.Fatal(err)
		}
		want(t, got, "DELETE_COMPLETE")
		if d := time.Since(begun); d > 0 {
			t.Errorf("the deletion waited %s", d)
		}
		b.stop()
	})
}

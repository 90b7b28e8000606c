package stack_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/stack"
	"github.com/stoker-project/stoker/store/storetest"
)

// TestAdjustChecks follows Heat's order: what a policy asks for while the group
// changes, for the size it has, or in its cool-off, does nothing and says why.
func TestAdjustChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		b := start(t, w, storetest.NewMemory())
		st := b.create("s", groupBody)
		id := stoker.StackID(b.outputs(st.ID)["g"])
		minute := time.Minute
		adjust := func(by float64) string {
			t.Helper()
			nothing, err := b.Adjust(t.Context(), id, stoker.Adjustment{Type: stoker.ChangeInCapacity, By: by}, &minute)
			if err != nil {
				t.Fatal(err)
			}
			return nothing
		}
		gate := make(chan struct{})
		w.gates["create *"] = gate
		if got := adjust(2); got != "" {
			t.Fatalf("the first adjustment did nothing: %s", got)
		}
		if got := adjust(2); !strings.Contains(got, "UPDATE_IN_PROGRESS") {
			t.Errorf("while it changes: %q", got)
		}
		close(gate)
		want(t, b.await(id), "UPDATE_COMPLETE")
		if got := adjust(2); got != "cooling down for another 1m0s" {
			t.Errorf("in the cool-off: %q", got)
		}
		if got := adjust(0); got != "the size stays 5" {
			t.Errorf("for the same size: %q", got)
		}
		time.Sleep(time.Minute + time.Second)
		if got := adjust(2); got != "" {
			t.Errorf("after the cool-off: %q", got)
		}
		want(t, b.await(id), "UPDATE_COMPLETE")
		if err := b.Freeze(t.Context(), id, time.Now().Add(time.Hour), "an incident"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		if got := adjust(-1); got != "the group is frozen: an incident" {
			t.Errorf("frozen: %q", got)
		}
		time.Sleep(time.Hour)
		if got := adjust(-1); got != "" {
			t.Errorf("thawed: %q", got)
		}
		want(t, b.await(id), "UPDATE_COMPLETE")
		b.stop()
	})
}

// TestHealingBacksOff: what dies again and again is healed at once the first
// time, then after longer and longer pauses.
func TestHealingBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		b := start(t, w, storetest.NewMemory())
		st := b.create("s", `
resources: {a: {type: T::Watched}}
outputs: {a: {value: {get_attr: [a, id]}}}
`)
		var pauses []time.Duration
		for range 5 {
			synctest.Wait()
			id := stoker.ResourceID(b.outputs(st.ID)["a"])
			died := time.Now()
			w.mu.Lock()
			end := w.ends[id]
			w.mu.Unlock()
			end <- errors.New("it died")
			for string(id) == b.outputs(st.ID)["a"] {
				time.Sleep(100 * time.Millisecond)
			}
			pauses = append(pauses, time.Since(died).Truncate(time.Second))
		}
		for i, want := range []time.Duration{0, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second} {
			if pauses[i] != want {
				t.Errorf("healed after pauses %v, want number %d to be %s", pauses, i, want)
			}
		}
		b.stop()
	})
}

// TestHealingGoesOnAfterARestart: Stoker is killed in the pause between the failure
// and its healing. What a check has found waits for an update all the same.
func TestHealingGoesOnAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		store := storetest.NewMemory()
		b := start(t, w, store)
		st := b.create("s", `
resources: {a: {type: T::Watched}}
outputs: {a: {value: {get_attr: [a, id]}}}
`)
		checked := b.create("checked", "resources: {b: {type: T::Checked}}")
		w.fail["check b"] = errors.New("it is gone")
		if err := b.Check(t.Context(), checked.ID); err != nil {
			t.Fatal(err)
		}
		want(t, b.await(checked.ID), "CHECK_FAILED")
		for range 2 { // the second time there is a pause
			synctest.Wait()
			w.mu.Lock()
			end := w.ends[stoker.ResourceID(b.outputs(st.ID)["a"])]
			w.mu.Unlock()
			end <- errors.New("it died")
		}
		synctest.Wait()
		lost := b.outputs(st.ID)["a"]
		b.stop()
		b = start(t, w, store.Reopen())
		for range 100 {
			time.Sleep(time.Second)
		}
		if now := b.outputs(st.ID)["a"]; now == lost || w.count() != 2 {
			t.Errorf("it is %q, and %q was lost; there are %d things, want 2", now, lost, w.count())
		}
		want(t, b.await(st.ID), "UPDATE_COMPLETE")
		want(t, b.await(checked.ID), "CHECK_FAILED")
		b.stop()
	})
}

// TestHealingBacksOffWhileOthersLeave: the pauses also hold while the stack is
// still busy, here with the deletion of what died before.
func TestHealingBacksOffWhileOthersLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		leave := make(chan struct{})
		w.gates["delete a"] = leave
		b := start(t, w, storetest.NewMemory())
		st := b.create("s", `
resources: {a: {type: T::Watched}}
outputs: {a: {value: {get_attr: [a, id]}}}
`)
		for i, want := range []time.Duration{0, time.Second, 2 * time.Second} {
			synctest.Wait()
			id := b.outputs(st.ID)["a"]
			died := time.Now()
			w.mu.Lock()
			end := w.ends[stoker.ResourceID(id)]
			w.mu.Unlock()
			end <- errors.New("it died")
			for id == b.outputs(st.ID)["a"] {
				time.Sleep(100 * time.Millisecond)
			}
			if got := time.Since(died).Truncate(time.Second); got != want {
				t.Errorf("death %d was healed after %s, want %s", i+1, got, want)
			}
		}
		close(leave)
		if st := b.await(st.ID); st.State() != "UPDATE_COMPLETE" || w.count() != 1 {
			t.Errorf("stack is %s with %d things, want UPDATE_COMPLETE with 1", st.State(), w.count())
		}
		b.stop()
	})
}

// TestPauseBetweenBatches: each batch of a rolling update waits.
func TestPauseBetweenBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, newWorld(), storetest.NewMemory())
		body := strings.Replace(groupBody, "desired: 3", "desired: 4, batch: 1, pause: 30", 1)
		st := b.create("s", body)
		begun := time.Now()
		if err := b.Update(t.Context(), st.ID, stack.Input{Spec: template(strings.Replace(body, "v1", "v2", 1)), DisableRollback: true}); err != nil {
			t.Fatal(err)
		}
		got, err := b.Await(t.Context(), st.ID)
		if err != nil {
			t.Fatal(err)
		}
		want(t, got, "UPDATE_COMPLETE")
		if d := time.Since(begun).Truncate(time.Second); d != 90*time.Second {
			t.Errorf("four batches took %s, want three pauses of 30s", d)
		}
		if lb := b.outputs(st.ID)["lb"]; lb != "[v2 v2 v2 v2]" {
			t.Errorf("lb sees %s", lb)
		}
		b.stop()
	})
}

// TestLeaseIsRenewed: a long operation keeps its stack.
func TestLeaseIsRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		gate := make(chan struct{})
		w.gates["await a"] = gate
		store := storetest.NewMemory()
		b := start(t, w, store)
		st, err := b.Create(t.Context(), stack.Input{Name: "s", Spec: template("resources: {a: {type: T::Waiting}}")})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		if _, err := store.Acquire(t.Context(), st.ID, "somebody else", time.Minute); !stoker.IsKind(err, stoker.Conflict) {
			t.Errorf("another engine's Acquire: %v, want Conflict", err)
		}
		close(gate)
		got, err := b.Await(t.Context(), st.ID)
		if err != nil {
			t.Fatal(err)
		}
		want(t, got, "CREATE_COMPLETE")
		b.stop()
	})
}

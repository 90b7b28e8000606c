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

const passBody = `
resources:
  server: {type: T::Sleepy}
  member: {type: T::Sleepy, properties: {value: {get_resource: server}}}
  plain: {type: T::Thing, depends_on: member}
  inner: {type: inner.yaml, depends_on: server}
`

const passInner = `
resources:
  deep: {type: T::Sleepy}
  seen: {type: T::Checked}
`

func (b *bed) pass(id stoker.StackID, begin func(context.Context, stoker.StackID) error) *stoker.Stack {
	b.t.Helper()
	if err := begin(b.t.Context(), id); err != nil {
		b.t.Fatal(err)
	}
	return b.await(id)
}

// states gives the states of a stack's resources, those of nested stacks too.
func (b *bed) states(id stoker.StackID) map[string]string {
	b.t.Helper()
	rs, err := b.Resources(b.t.Context(), id, 5)
	if err != nil {
		b.t.Fatal(err)
	}
	out := map[string]string{}
	for _, r := range rs {
		out[string(r.Name)] = r.State()
	}
	return out
}

func (b *bed) reasons(id stoker.StackID) []string {
	b.t.Helper()
	es, err := b.Events(b.t.Context(), id, 0, stoker.EventFilter{})
	if err != nil {
		b.t.Fatal(err)
	}
	var out []string
	for _, e := range es {
		out = append(out, string(e.Resource)+" "+stoker.State(e.Action, e.Status)+" "+e.Reason)
	}
	return out
}

func TestSuspendAndResume(t *testing.T) {
	w := newWorld()
	b := start(t, w, storetest.NewMemory())
	st := b.create("s", passBody, "inner.yaml", passInner)
	want(t, st, "CREATE_COMPLETE")
	w.clearLog()
	want(t, b.pass(st.ID, b.Suspend), "SUSPEND_COMPLETE")
	w.before(t, "sleep member", "sleep server")
	w.before(t, "sleep deep", "sleep server")
	for name, state := range b.states(st.ID) {
		if state != "SUSPEND_COMPLETE" {
			t.Errorf("%s is %s", name, state)
		}
	}
	w.clearLog()
	want(t, b.pass(st.ID, b.Suspend), "SUSPEND_COMPLETE")
	if len(w.log) != 0 {
		t.Errorf("a second suspend asks %q", w.log)
	}
	want(t, b.pass(st.ID, b.Resume), "RESUME_COMPLETE")
	w.before(t, "wake server", "await server")
	w.before(t, "await server", "wake member")
	w.before(t, "wake server", "wake deep")
	for name, state := range b.states(st.ID) {
		if state != "RESUME_COMPLETE" {
			t.Errorf("%s is %s", name, state)
		}
	}
	w.clearLog()
	want(t, b.update(st.ID, passBody, "inner.yaml", passInner), "UPDATE_COMPLETE")
	if len(w.log) != 0 {
		t.Errorf("an update after it that changes nothing asks %q", w.log)
	}
}

func TestSuspendedStackIsLeftAlone(t *testing.T) {
	w := newWorld()
	b := start(t, w, storetest.NewMemory())
	st := b.create("s", groupBody)
	group := stoker.StackID(b.outputs(st.ID)["g"])
	want(t, b.pass(st.ID, b.Suspend), "SUSPEND_COMPLETE")
	err := b.Update(t.Context(), st.ID, stack.Input{Spec: template(groupBody)})
	if e, ok := stoker.AsError(err); !ok || e.Type != "NotSupported" {
		t.Errorf("update: %v, want NotSupported", err)
	}
	if err := b.Resize(t.Context(), group, 5, "more"); !stoker.IsKind(err, stoker.Conflict) {
		t.Errorf("resize: %v, want a conflict", err)
	}
	if err := b.Check(t.Context(), st.ID); !stoker.IsKind(err, stoker.Invalid) {
		t.Errorf("check: %v, want it refused", err)
	}
	if err := b.Suspend(t.Context(), group); !stoker.IsKind(err, stoker.Invalid) {
		t.Errorf("suspend of the nested stack: %v, want it refused", err)
	}
	want(t, b.pass(st.ID, b.Resume), "RESUME_COMPLETE")
	if err := b.Resize(t.Context(), group, 5, "more"); err != nil {
		t.Errorf("resize after resume: %v", err)
	}
	want(t, b.await(group), "UPDATE_COMPLETE")
	if err := b.Delete(t.Context(), st.ID); err != nil {
		t.Fatal(err)
	}
	want(t, b.await(st.ID), "DELETE_COMPLETE")
}

func TestResumeOfWhatIsNotSuspended(t *testing.T) {
	b := start(t, newWorld(), storetest.NewMemory())
	st := b.create("s", passBody, "inner.yaml", passInner)
	err := b.Resume(t.Context(), st.ID)
	if e, ok := stoker.AsError(err); !ok || e.Type != "NotSupported" || e.Message != "Resuming a stack that is CREATE_COMPLETE is not supported." {
		t.Errorf("got %v", err)
	}
}

// TestFailedSuspend stops at the failure; resume wakes what rests, and what never
// did stays as it is.
func TestFailedSuspend(t *testing.T) {
	w := newWorld()
	b := start(t, w, storetest.NewMemory())
	st := b.create("s", passBody, "inner.yaml", passInner)
	w.fail["sleep server"] = errors.New("it will not")
	st = b.pass(st.ID, b.Suspend)
	want(t, st, "SUSPEND_FAILED")
	if got := "Resource SUSPEND failed: ResourceInError: resources.server: it will not"; st.StatusReason != got {
		t.Errorf("got reason %q, want %q", st.StatusReason, got)
	}
	w.clearLog()
	delete(w.fail, "sleep server")
	want(t, b.pass(st.ID, b.Resume), "RESUME_COMPLETE")
	w.before(t, "wake server", "wake member")
	want(t, b.pass(st.ID, b.Suspend), "SUSPEND_COMPLETE")
}

// TestFailedResume: what could not be woken is replaced by the next update.
func TestFailedResume(t *testing.T) {
	w := newWorld()
	b := start(t, w, storetest.NewMemory())
	st := b.create("s", passBody, "inner.yaml", passInner)
	want(t, b.pass(st.ID, b.Suspend), "SUSPEND_COMPLETE")
	w.fail["wake server"] = errors.New("gone")
	want(t, b.pass(st.ID, b.Resume), "RESUME_FAILED")
	if got := b.states(st.ID)["member"]; got != "SUSPEND_COMPLETE" {
		t.Errorf("member is %s", got)
	}
	w.clearLog()
	want(t, b.update(st.ID, passBody, "inner.yaml", passInner), "UPDATE_COMPLETE")
	for _, name := range []string{"server", "member", "deep"} {
		if !slices.Contains(w.calls("create"), name) {
			t.Errorf("%s, which rested, was not replaced: %q", name, w.log)
		}
	}
	for name, state := range b.states(st.ID) {
		if !strings.HasSuffix(state, "_COMPLETE") || strings.HasPrefix(state, "SUSPEND") && name != "plain" {
			t.Errorf("%s is %s", name, state)
		}
	}
}

func TestCheck(t *testing.T) {
	w := newWorld()
	b := start(t, w, storetest.NewMemory())
	body := passBody + "  one: {type: T::Checked}\n  two: {type: T::Checked}\n"
	st := b.create("s", body, "inner.yaml", passInner)
	st = b.pass(st.ID, b.Check)
	want(t, st, "CHECK_COMPLETE")
	if st.StatusReason != "Stack CHECK completed successfully. 'CHECK' not fully supported (see resources)" {
		t.Errorf("got reason %q", st.StatusReason)
	}
	if !slices.Contains(b.reasons(st.ID), "plain CHECK_COMPLETE CHECK not supported for T::Thing") {
		t.Errorf("no event tells that plain cannot be checked: %q", b.reasons(st.ID))
	}
	w.fail["check one"], w.fail["check seen"] = errors.New("lost"), errors.New("lost too")
	w.clearLog()
	st = b.pass(st.ID, b.Check)
	want(t, st, "CHECK_FAILED")
	for _, words := range []string{"resources.one: lost", "resources.inner.resources.seen: lost too"} {
		if !strings.Contains(st.StatusReason, words) {
			t.Errorf("got reason %q, want something with %q", st.StatusReason, words)
		}
	}
	if got := w.calls("check"); len(got) != 3 {
		t.Errorf("a failure kept others from being checked: %q", got)
	}
	w.fail = map[string]error{}
	w.clearLog()
	want(t, b.update(st.ID, body, "inner.yaml", passInner), "UPDATE_COMPLETE")
	made := w.calls("create")
	slices.Sort(made)
	if !slices.Equal(made, []string{"one", "seen"}) {
		t.Errorf("the update made %q, want what the check found missing", made)
	}
}

// TestCheckProvesNoChange: what an update could not do is not forgotten because
// the resource is there.
func TestCheckProvesNoChange(t *testing.T) {
	w := newWorld()
	b := start(t, w, storetest.NewMemory())
	body := "\nresources:\n  one: {type: T::Checked, properties: {value: 1}}\n"
	st := b.create("s", body)
	w.fail["update one"] = errors.New("no")
	want(t, b.update(st.ID, strings.Replace(body, "1", "2", 1)), "UPDATE_FAILED")
	want(t, b.pass(st.ID, b.Check), "CHECK_FAILED")
	if got := b.states(st.ID)["one"]; got != "UPDATE_FAILED" {
		t.Errorf("one is %s, want UPDATE_FAILED still", got)
	}
}

func TestOneOperationAtATime(t *testing.T) {
	w := newWorld()
	b := start(t, w, storetest.NewMemory())
	st := b.create("s", passBody, "inner.yaml", passInner)
	gate := make(chan struct{})
	w.gates["sleep member"] = gate
	if err := b.Suspend(t.Context(), st.ID); err != nil {
		t.Fatal(err)
	}
	b.called(st.ID, "sleep")
	if err := b.Suspend(t.Context(), st.ID); err != nil {
		t.Errorf("the same again: %v, want nothing", err)
	}
	for name, f := range map[string]func() error{
		"check":  func() error { return b.Check(t.Context(), st.ID) },
		"resume": func() error { return b.Resume(t.Context(), st.ID) },
		"update": func() error {
			return b.Update(t.Context(), st.ID, stack.Input{Spec: withFiles(template(passBody), []string{"inner.yaml", passInner})})
		},
	} {
		if e, ok := stoker.AsError(f()); !ok || e.Type != "ActionInProgress" {
			t.Errorf("%s: %v, want ActionInProgress", name, e)
		}
	}
	if err := b.Delete(t.Context(), st.ID); err != nil {
		t.Fatal(err)
	}
	close(gate)
	want(t, b.await(st.ID), "DELETE_COMPLETE")
	if w.count() != 0 {
		t.Errorf("%d things left over", w.count())
	}
}

// TestPassTimesOut: the time-out holds for every operation.
func TestPassTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		b := start(t, w, storetest.NewMemory())
		in := stack.Input{Name: "s", Spec: template("resources: {a: {type: T::Checked}}"), Timeout: time.Minute}
		st, err := b.Create(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		want(t, b.await(st.ID), "CREATE_COMPLETE")
		w.gates["check a"] = make(chan struct{})
		if err := b.Check(t.Context(), st.ID); err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		got, err := b.Await(t.Context(), st.ID)
		if err != nil {
			t.Fatal(err)
		}
		want(t, got, "CHECK_FAILED")
		if d := time.Since(begun).Round(time.Second); got.StatusReason != "Timed out" || d != time.Minute {
			t.Errorf("%q after %s", got.StatusReason, d)
		}
		b.stop()
	})
}

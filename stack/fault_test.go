package stack_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/stack"
	"github.com/stoker-project/stoker/store/storetest"
)

// TestFullDisk: while nothing can be stored nothing new is done, operations are
// refused with the store's reason, and what was under way goes on afterwards.
func TestFullDisk(t *testing.T) {
	w := newWorld()
	gate := make(chan struct{})
	w.gates["create a"] = gate
	store := storetest.NewMemory()
	var full atomic.Bool
	refused := make(chan struct{}, 100)
	store.BeforeCommit = func(int, stoker.Batch) error {
		if full.Load() {
			refused <- struct{}{}
			return stoker.Errorf(stoker.Unavailable, "the disk is full")
		}
		return nil
	}
	b := start(t, w, store)
	st, err := b.Create(t.Context(), stack.Input{Name: "s", DisableRollback: true,
		Spec: template("resources: {a: {type: T::Thing}, b: {type: T::Thing, depends_on: a}}")})
	if err != nil {
		t.Fatal(err)
	}
	b.called(st.ID, "create")
	full.Store(true)
	close(gate)
	<-refused // the end of a cannot be stored
	if _, err := b.Create(t.Context(), stack.Input{Name: "other", Spec: template("resources: {}")}); !stoker.IsKind(err, stoker.Unavailable) {
		t.Errorf("create on a full disk: %v, want Unavailable", err)
	}
	<-refused
	if got := w.calls("create"); len(got) != 1 {
		t.Errorf("created %q while nothing could be stored", got)
	}
	full.Store(false)
	want(t, b.await(st.ID), "CREATE_COMPLETE")
	if w.count() != 2 {
		t.Errorf("%d things, want 2", w.count())
	}
}

// TestLostLease: an engine that another has overtaken stores nothing more; the
// next owner goes on with the same tokens.
func TestLostLease(t *testing.T) {
	w := newWorld()
	gate := make(chan struct{})
	w.gates["create a"] = gate
	store := storetest.NewMemory()
	b := start(t, w, store)
	st, err := b.Create(t.Context(), stack.Input{Name: "s", DisableRollback: true, Spec: template("resources: {a: {type: T::Thing}}")})
	if err != nil {
		t.Fatal(err)
	}
	stolen, err := store.Acquire(t.Context(), st.ID, "local", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Release(t.Context(), stolen); err != nil {
		t.Fatal(err)
	}
	close(gate)
	var got *stoker.Stack
	for got == nil || got.Status == stoker.StatusInProgress {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		got, err = b.Await(ctx, st.ID)
		cancel()
		if err != nil && !errors.Is(err, stoker.ErrLeaseLost) {
			t.Fatal(err)
		}
	}
	want(t, got, "CREATE_COMPLETE")
	if w.count() != 1 {
		t.Errorf("%d things, want 1", w.count())
	}
}

// TestBadInput: each is refused before anything is recorded, with Heat's class.
func TestBadInput(t *testing.T) {
	b := start(t, newWorld(), storetest.NewMemory())
	tests := []struct{ name, body, class string }{
		{"broken yaml", "resources: {a: [", ""},
		{"unknown section", "resorces: {}", "InvalidTemplateSection"},
		{"unknown type", "resources: {a: {type: T::Nothing}}", "StackValidationFailed"},
		{"unknown property", "resources: {a: {type: T::Thing, properties: {vlue: 1}}}", "StackValidationFailed"},
		{"unknown reference", "resources: {a: {type: T::Thing, properties: {value: {get_resource: b}}}}", "InvalidTemplateReference"},
		{"cycle", "resources: {a: {type: T::Thing, depends_on: b}, b: {type: T::Thing, depends_on: a}}", "CircularDependencyException"},
		{"missing parameter", "parameters: {p: {type: string}}", "UserParameterMissing"},
		{"missing file", "resources: {a: {type: web.yaml}}", "StackValidationFailed"},
		{"unknown attribute", "resources: {a: {type: T::Thing}, b: {type: T::Thing, properties: {value: {get_attr: [a, vlue]}}}}", "InvalidTemplateAttribute"},
	}
	for _, tt := range tests {
		_, err := b.Create(t.Context(), stack.Input{Name: "s", Spec: template(tt.body)})
		e, ok := stoker.AsError(err)
		if !ok || e.Kind != stoker.Invalid {
			t.Errorf("%s: error %v, want Invalid", tt.name, err)
		} else if tt.class != "" && e.Type != tt.class {
			t.Errorf("%s: class %s (%v), want %s", tt.name, e.Type, err, tt.class)
		}
	}
	if sts, err := b.Stacks(t.Context(), stoker.StackFilter{AllProjects: true, Nested: true, Deleted: true}); err != nil || len(sts) != 0 {
		t.Errorf("%d stacks recorded, %v", len(sts), err)
	}
	if _, err := b.Create(t.Context(), stack.Input{Name: "9bad", Spec: template("resources: {}")}); !stoker.IsKind(err, stoker.Invalid) {
		t.Errorf("bad name: %v", err)
	}
}

func TestRestartGoesOn(t *testing.T) {
	w := newWorld()
	w.gates["await a"] = make(chan struct{})
	store := storetest.NewMemory()
	b := start(t, w, store)
	st, err := b.Create(t.Context(), stack.Input{Name: "s", DisableRollback: true, Spec: template("resources: {a: {type: T::Waiting}}")})
	if err != nil {
		t.Fatal(err)
	}
	b.called(st.ID, "await")
	b.stop()
	w.mu.Lock()
	w.gates = map[string]chan struct{}{}
	w.mu.Unlock()
	b = start(t, w, store.Reopen())
	want(t, b.await(st.ID), "CREATE_COMPLETE")
	if w.count() != 1 {
		t.Errorf("%d things, want 1", w.count())
	}
}

func TestPreviewUpdate(t *testing.T) {
	w := newWorld()
	b := start(t, w, storetest.NewMemory())
	body := `
resources:
  same: {type: T::Thing, properties: {value: 1}}
  changed: {type: T::Thing, properties: {value: OLD}}
  replaced: {type: T::Thing, properties: {kind: OLD}}
  dependent: {type: T::Thing, properties: {value: {get_attr: [replaced, id]}}}
  GONE: {type: T::Thing}
`
	st := b.create("s", body)
	w.clearLog()
	next := template(`
resources:
  same: {type: T::Thing, properties: {value: 1}}
  changed: {type: T::Thing, properties: {value: NEW}}
  replaced: {type: T::Thing, properties: {kind: NEW}}
  dependent: {type: T::Thing, properties: {value: {get_attr: [replaced, id]}}}
  added: {type: T::Thing}
`)
	p, err := b.PreviewUpdate(t.Context(), st.ID, stack.Input{Spec: next})
	if err != nil {
		t.Fatal(err)
	}
	got := map[stoker.ResourceName]stack.Verb{}
	for _, s := range p.Steps {
		got[s.Name] = s.Verb
	}
	wants := map[stoker.ResourceName]stack.Verb{"same": stack.Keep, "changed": stack.Change, "replaced": stack.Replace,
		"dependent": stack.Change, "added": stack.Make, "GONE": stack.Remove}
	for name, verb := range wants {
		if got[name] != verb {
			t.Errorf("%s: %s, want %s", name, got[name], verb)
		}
	}
	if len(w.log) != 0 {
		t.Errorf("a preview did %q", w.log)
	}
}

// TestHugeGroup: no template, signal or resize makes a group larger than a stack
// may be; the generated template of such a group would take all memory.
func TestHugeGroup(t *testing.T) {
	b := start(t, newWorld(), storetest.NewMemory())
	body := func(min int) string {
		return fmt.Sprintf("resources: {g: {type: T::Group, properties: {min: %d, max: 1000000000, resource: {type: T::Thing}}}}", min)
	}
	refused := func(what string, err error) {
		t.Helper()
		if e, ok := stoker.AsError(err); !ok || e.Type != "RequestLimitExceeded" {
			t.Errorf("%s: %v, want RequestLimitExceeded", what, err)
		}
	}
	_, err := b.Create(t.Context(), stack.Input{Name: "s", Spec: template(body(1_000_000_000))})
	refused("create", err)
	_, err = b.Preview(t.Context(), stack.Input{Name: "s", Spec: template(body(1_000_000_000))})
	refused("preview", err)
	if _, err = b.Preview(t.Context(), stack.Input{Name: "s", Spec: template(body(3))}); err != nil {
		t.Errorf("preview of a group: %v", err)
	}
	st := b.create("s", body(1))
	want(t, st, "CREATE_COMPLETE")
	refused("update", b.Update(t.Context(), st.ID, stack.Input{Spec: template(body(1_000_000_000))}))
	rs, err := b.Resources(t.Context(), st.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	group := stoker.StackID(rs[0].PhysicalID)
	refused("resize", b.Resize(t.Context(), group, 1_000_000_000, ""))
	_, err = b.Adjust(t.Context(), group, stoker.Adjustment{Type: stoker.ExactCapacity, By: 1_000_000_000}, nil)
	refused("signal", err)
	want(t, b.await(st.ID), "CREATE_COMPLETE")
}

// TestErrorsOfNestedTemplatesNameTheirPlace: the file and line of the nested
// template, the path from the root.
func TestErrorsOfNestedTemplatesNameTheirPlace(t *testing.T) {
	b := start(t, newWorld(), storetest.NewMemory())
	spec := withFiles(template("resources: {one: {type: inner.yaml}}"), []string{"inner.yaml", "resources:\n  x:\n    type: T::Thing\n    properties: {vlue: 1}\n"})
	_, err := b.Create(t.Context(), stack.Input{Name: "s", Spec: spec})
	e, ok := stoker.AsError(err)
	if !ok || e.Path != "resources.one.resources.x.properties" || e.Pos.File != "inner.yaml" || e.Pos.Line == 0 {
		t.Errorf("error %v (path %s, place %s)", err, e.Path, e.Pos)
	}
}

// TestMembersAreValidatedBeforeAnythingIsMade, also where some of what they are
// given is not known yet.
func TestMembersAreValidatedBeforeAnythingIsMade(t *testing.T) {
	b := start(t, newWorld(), storetest.NewMemory())
	body := `
resources:
  lb: {type: T::Thing}
  g: {type: T::Group, properties: {min: 1, resource: {type: inner.yaml, properties: {pool: {get_resource: lb}, size: 3}}}}
`
	inner := `
parameters: {pool: {type: string}, size: {type: number}}
resources: {x: {type: T::Thing, properties: {value: {get_param: pool}}}}
`
	for _, tt := range []struct{ name, from, to, want string }{
		{"unknown property", "value:", "vlue:", "resources.g.resources.member.resources.x.properties: Unknown Property vlue"},
		{"unknown type", "T::Thing", "T::Nothing", "could not be found"},
		{"missing parameter", "pool: {type: string}", "pool: {type: string}, more: {type: string}", "The Parameter (more) was not provided"},
		{"undeclared parameter", "size: {type: number}", "width: {type: number, default: 1}", "Unknown Property size"},
		{"wrong type", "size: {type: number}", "size: {type: number, constraints: [{range: {max: 2}}]}", "Parameter 'size' is invalid"},
	} {
		changed := strings.Replace(inner, tt.from, tt.to, 1)
		if changed == inner {
			t.Fatalf("%s: nothing changed", tt.name)
		}
		_, err := b.Create(t.Context(), stack.Input{Name: "s", Spec: withFiles(template(body), []string{"inner.yaml", changed})})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
	// What is not known is never held against anybody.
	picky := strings.Replace(inner, "pool: {type: string}", "pool: {type: string, constraints: [{length: {min: 30}}]}", 1)
	st, err := b.Create(t.Context(), stack.Input{Name: "s", Spec: withFiles(template(body), []string{"inner.yaml", picky})})
	if err != nil {
		t.Fatal(err)
	}
	want(t, b.await(st.ID), "CREATE_COMPLETE")
}

// TestStopFailsNothing: an engine that is told to stop leaves operations as they
// are, for the next one: parents do not take the end of a nested stack's owner
// for a failure.
func TestStopFailsNothing(t *testing.T) {
	crowd := "resources:\n" // the more there is to stop, the more apart owners end
	for i := range 400 {
		crowd += fmt.Sprintf("  w%d: {type: T::Watched}\n", i)
	}
	for range 20 {
		w := newWorld()
		w.gates["await a"] = make(chan struct{})
		store := storetest.NewMemory()
		b := start(t, w, store)
		want(t, b.create("crowd", crowd), "CREATE_COMPLETE")
		st, err := b.Create(t.Context(), stack.Input{Name: "s", DisableRollback: true, Spec: withFiles(
			template("resources: {n: {type: n.yaml}}"), []string{"n.yaml", "resources: {a: {type: T::Waiting}}"})})
		if err != nil {
			t.Fatal(err)
		}
		b.called(st.ID, "await")
		b.stop()
		got, _, err := store.Stack(t.Context(), st.ID)
		if err != nil {
			t.Fatal(err)
		}
		want(t, got, "CREATE_IN_PROGRESS")
	}
}

// TestGroupsInGroupsAreCountedTogether: small groups of small groups are not small.
func TestGroupsInGroupsAreCountedTogether(t *testing.T) {
	b := start(t, newWorld(), storetest.NewMemory())
	body := "resources: {g: {type: T::Group, properties: {min: 1000, max: 1000, resource: {type: inner.yaml}}}}"
	inner := "resources: {g: {type: T::Group, properties: {min: 1000, max: 1000, resource: {type: T::Thing}}}}"
	_, err := b.Create(t.Context(), stack.Input{Name: "s", Spec: withFiles(template(body), []string{"inner.yaml", inner})})
	if e, ok := stoker.AsError(err); !ok || e.Type != "RequestLimitExceeded" {
		t.Errorf("error %v, want RequestLimitExceeded", err)
	}
}

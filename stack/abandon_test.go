package stack_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/stack"
	"github.com/stoker-project/stoker/store/storetest"
)

const leftBody = `
parameters: {word: {type: string, default: one, hidden: true}}
resources:
  a: {type: T::Thing, properties: {value: {get_param: word}}}
  inner: {type: inner.yaml, properties: {word: {get_attr: [a, value]}}}
  group: {type: T::Group, properties: {desired: 2, resource: {type: T::Watched, properties: {value: v}}}}
outputs:
  a: {value: {get_attr: [a, id]}}
  group: {value: {get_resource: group}}
`

const leftInner = "parameters: {word: {type: string}}\nresources: {b: {type: T::Thing, properties: {value: {get_param: word}}}}"

// abandon gives what Abandon has, as it comes back from a client.
func (b *bed) abandon(id stoker.StackID) map[string]any {
	b.t.Helper()
	data, err := b.Abandon(b.t.Context(), id)
	if err != nil {
		b.t.Fatal(err)
	}
	return sentBack(b.t, data)
}

func sentBack(t *testing.T, data map[string]any) map[string]any {
	t.Helper()
	text, err := json.Marshal(data)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func (b *bed) adopt(name string, data map[string]any) *stoker.Stack {
	b.t.Helper()
	st, err := b.Adopt(b.t.Context(), stack.Input{Name: name, DisableRollback: true}, data)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.await(st.ID)
}

// resources lists those of a stack and of the stacks nested in it, by ID.
func (b *bed) resources(id stoker.StackID) map[stoker.ResourceID]string {
	b.t.Helper()
	vs, err := b.Resources(b.t.Context(), id, 5)
	if err != nil {
		b.t.Fatal(err)
	}
	out := map[stoker.ResourceID]string{}
	for _, v := range vs {
		out[v.ID] = string(v.PhysicalID)
	}
	return out
}

func TestAbandonAndAdopt(t *testing.T) {
	w, store := newWorld(), storetest.NewMemory()
	b := start(t, w, store)
	st := b.create("s", leftBody, "inner.yaml", leftInner)
	before, outputs := b.resources(st.ID), b.outputs(st.ID)
	w.clearLog()
	data := b.abandon(st.ID)
	if _, err := b.Find(t.Context(), "", "s"); !stoker.IsKind(err, stoker.NotFound) {
		t.Errorf("the abandoned stack is found: %v", err)
	}
	if rs := b.resources(st.ID); len(rs) != 0 {
		t.Errorf("it shows %d resources", len(rs))
	}
	if gs, err := b.Groups(t.Context(), "", true); err != nil || len(gs) != 0 {
		t.Errorf("got %d groups, %v, want none", len(gs), err)
	}
	if again := b.abandon(st.ID); again["id"] != data["id"] {
		t.Errorf("asked again: got %v", again)
	}
	b.stop()
	b = start(t, w, store.Reopen())
	st = b.adopt("t", data)
	want(t, st, "ADOPT_COMPLETE")
	if after := b.resources(st.ID); len(after) != len(before) {
		t.Errorf("got %v, want %v", after, before)
	} else {
		for id, physical := range before {
			if after[id] != physical {
				t.Errorf("%s: got %q, want %q", id, after[id], physical)
			}
		}
	}
	if now := b.outputs(st.ID); now["a"] != outputs["a"] || now["group"] != outputs["group"] {
		t.Errorf("outputs: got %v, want %v", now, outputs)
	}
	if len(w.log) != 0 || w.count() != 4 {
		t.Errorf("the world was asked %q and has %d things", w.log, w.count())
	}
	b.wantEvents(st.ID, "a", "ADOPT_IN_PROGRESS", "ADOPT_COMPLETE")

	// It is a stack like others: it is healed, scales, changes and goes.
	w.end(stoker.Errorf(stoker.Unavailable, "it died"))
	if err := b.Resize(t.Context(), stoker.StackID(outputs["group"]), 3, "test"); err != nil {
		t.Fatal(err)
	}
	want(t, b.await(stoker.StackID(outputs["group"])), "UPDATE_COMPLETE")
	if w.count() != 5 {
		t.Errorf("%d things after scaling, want 5", w.count())
	}
	st = b.update(st.ID, strings.Replace(leftBody, "default: one", "default: two", 1), "inner.yaml", leftInner)
	want(t, st, "UPDATE_COMPLETE")
	if got := w.calls("update"); !slices.Contains(got, "a") || !slices.Contains(got, "b") || slices.Contains(w.calls("delete"), "a") {
		t.Errorf("updated: %q", got)
	}
	if err := b.Delete(t.Context(), st.ID); err != nil {
		t.Fatal(err)
	}
	want(t, b.await(st.ID), "DELETE_COMPLETE")
	if w.count() != 0 {
		t.Errorf("%d things are left", w.count())
	}
}

// wantEvents compares what happened to a resource last.
func (b *bed) wantEvents(id stoker.StackID, name stoker.ResourceName, want ...string) {
	b.t.Helper()
	es, err := b.Events(b.t.Context(), id, 0, stoker.EventFilter{Resource: name})
	if err != nil {
		b.t.Fatal(err)
	}
	var got []string
	for _, e := range es {
		got = append(got, stoker.State(e.Action, e.Status))
	}
	if got = got[max(len(got)-len(want), 0):]; !slices.Equal(got, want) {
		b.t.Errorf("%s: got %q, want %q", name, got, want)
	}
}

// What acts by itself ends when its stack is abandoned, and begins again with the adoption.
// What others may use is there after a restart too.
func TestAbandonedActsNoMore(t *testing.T) {
	w, store := newWorld(), storetest.NewMemory()
	b := start(t, w, store)
	st := b.create("s", "resources: {pool: {type: T::Held}, scaler: {type: T::Acting}}")
	w.clearLog()
	data := b.abandon(st.ID)
	w.wantLog(t, "abandon scaler")
	b.stop()
	b = start(t, w, store.Reopen())
	w.wantLog(t, "resume pool", "settle all")
	want(t, b.adopt("s", data), "ADOPT_COMPLETE")
	slices.Sort(w.log)
	w.wantLog(t, "resume pool", "resume scaler")
}

// wantLog compares what was asked since the last time.
func (w *world) wantLog(t *testing.T, want ...string) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Equal(w.log, want) {
		t.Errorf("asked %q, want %q", w.log, want)
	}
	w.log = nil
}

// A resource that was renamed is found by its resource_id, and one that is neither in data
// nor in the template is let alone for good.
func TestAdoptUnderOtherNames(t *testing.T) {
	w := newWorld()
	b := start(t, w, storetest.NewMemory())
	st := b.create("s", `
resources:
  a: {type: T::Thing, properties: {value: x}}
  b: {type: T::Thing, depends_on: a}
  c: {type: T::Thing}
`)
	data := b.abandon(st.ID)
	resources := data["resources"].(map[string]any)
	resources["x"] = resources["a"]
	delete(resources, "a")
	delete(resources, "c")
	data["template"] = "heat_template_version: 2021-04-16\nresources: {x: {type: T::Thing, properties: {value: y}}, b: {type: T::Thing, depends_on: x}}"
	w.clearLog()
	st = b.adopt("s", data)
	want(t, st, "ADOPT_COMPLETE")
	if v, err := b.Resource(t.Context(), st.ID, "x"); err != nil || v.Properties["value"] != "x" || !slices.Equal(v.RequiredBy, []stoker.ResourceName{"b"}) {
		t.Errorf("x: got %+v, %v", v, err)
	}
	if err := b.Update(t.Context(), st.ID, stack.Input{Spec: stoker.StackSpec{Template: data["template"].(string)}, DisableRollback: true}); err != nil {
		t.Fatal(err)
	}
	want(t, b.await(st.ID), "UPDATE_COMPLETE")
	if got := w.calls("update"); !slices.Equal(got, []string{"x"}) {
		t.Errorf("updated %q, want x", got)
	}
	if err := b.Delete(t.Context(), st.ID); err != nil {
		t.Fatal(err)
	}
	b.await(st.ID)
	if w.count() != 1 {
		t.Errorf("%d things are left, want c", w.count())
	}
}

func TestAdoptRefusesBadData(t *testing.T) {
	w := newWorld()
	b := start(t, w, storetest.NewMemory())
	st := b.create("s", leftBody, "inner.yaml", leftInner)
	exported, err := b.Export(t.Context(), st.ID)
	if err != nil {
		t.Fatal(err)
	}
	in := stack.Input{Name: "t", DisableRollback: true}
	if _, err := b.Adopt(t.Context(), in, sentBack(t, exported)); !stoker.IsKind(err, stoker.Conflict) || !strings.Contains(err.Error(), "the stack s has these resources") {
		t.Errorf("of a stack that lives: got %v, want a conflict", err)
	}
	data := b.abandon(st.ID)
	w.clearLog()
	at := func(d map[string]any, path ...string) map[string]any {
		for _, key := range path {
			d = d[key].(map[string]any)
		}
		return d
	}
	for name, tt := range map[string]struct {
		spoil func(d map[string]any)
		want  string
	}{
		"no id":            {func(d map[string]any) { delete(d, "id") }, "adopt_stack_data.id: the ID of the stack that was abandoned is missing"},
		"another Heat's":   {func(d map[string]any) { d["id"] = "5f2c7a2e-0000-4000-8000-000000000000" }, "was abandoned here by this project"},
		"resources no map": {func(d map[string]any) { d["resources"] = []any{} }, "adopt_stack_data.resources: the resources must be a map"},
		"resource no map":  {func(d map[string]any) { at(d, "resources")["a"] = "x" }, "adopt_stack_data.resources.a: the resource must be a map"},
		"missing":          {func(d map[string]any) { delete(at(d, "resources"), "a") }, "adopt_stack_data.resources.a: the template has a resource that the data has not"},
		"unknown resource": {func(d map[string]any) { at(d, "resources", "a")["resource_id"] = "x" }, `adopt_stack_data.resources.a.resource_id: the stack that was abandoned had no resource "x"`},
		"other type":       {func(d map[string]any) { at(d, "resources", "a")["type"] = "T::Group" }, "adopt_stack_data.resources.a.type: the resource is T::Thing, not T::Group"},
		"template's type": {func(d map[string]any) {
			d["template"] = "heat_template_version: 2021-04-16\nresources: {a: {type: T::Watched}}"
		}, "adopt_stack_data.resources.a.type: it is T::Thing, and the template wants T::Watched"},
		"unknown type": {func(d map[string]any) {
			d["template"] = "heat_template_version: 2021-04-16\nresources: {a: {type: T::None}}"
		}, "The Resource Type (T::None) could not be found."},
		"nested missing": {func(d map[string]any) { delete(at(d, "resources", "inner", "resources"), "b") }, "adopt_stack_data.resources.inner.resources.b: the resource was in the nested stack"},
		"nested without": {func(d map[string]any) { delete(at(d, "resources", "group"), "resources") }, "adopt_stack_data.resources.group.resources: the resources must be a map"},
		"twice": {func(d map[string]any) {
			d["template"] = "heat_template_version: 2021-04-16\nresources: {a: {type: T::Thing}, z: {type: T::Thing}}"
			at(d, "resources")["z"] = at(d, "resources")["a"]
		}, "two resources of the template are the same"},
		"a nested stack's":  {func(d map[string]any) { d["id"] = at(d, "resources", "inner")["id"] }, "was abandoned here by this project"},
		"template no map":   {func(d map[string]any) { d["template"] = 7.0 }, "template"},
		"without resources": {func(d map[string]any) { delete(d, "resources") }, "adopt_stack_data.resources: the resources must be a map"},
	} {
		d := sentBack(t, data)
		tt.spoil(d)
		if _, err := b.Adopt(t.Context(), in, d); !stoker.IsKind(err, stoker.Invalid) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", name, err, tt.want)
		}
	}
	theirs := in
	theirs.Project = "other"
	if _, err := b.Adopt(t.Context(), theirs, data); !stoker.IsKind(err, stoker.Invalid) {
		t.Errorf("another project's: got %v", err)
	}
	b.create("taken", "resources: {}")
	in.Name = "taken"
	if _, err := b.Adopt(t.Context(), in, data); !stoker.IsKind(err, stoker.Exists) {
		t.Errorf("a name that is taken: got %v", err)
	}
	if len(w.log) != 0 || w.count() != 4 {
		t.Errorf("the world was asked %q and has %d things", w.log, w.count())
	}
	want(t, b.adopt("s", data), "ADOPT_COMPLETE")
	in.Name = "again"
	if _, err := b.Adopt(t.Context(), in, data); !stoker.IsKind(err, stoker.Conflict) {
		t.Errorf("adopted already: got %v, want a conflict", err)
	}
}

func TestAbandonRefuses(t *testing.T) {
	w := newWorld()
	b := start(t, w, storetest.NewMemory())
	st := b.create("s", leftBody, "inner.yaml", leftInner)
	group := stoker.StackID(b.outputs(st.ID)["group"])
	if _, err := b.Abandon(t.Context(), group); !stoker.IsKind(err, stoker.Invalid) || !strings.Contains(err.Error(), "nested") {
		t.Errorf("a nested stack: got %v", err)
	}
	gate := make(chan struct{})
	w.gates["create *"] = gate
	if err := b.Resize(t.Context(), group, 4, "test"); err != nil {
		t.Fatal(err)
	}
	for name, do := range map[string]func() error{
		"abandon": func() error { _, err := b.Abandon(t.Context(), st.ID); return err },
		"export":  func() error { _, err := b.Export(t.Context(), st.ID); return err },
	} {
		if err := do(); !stoker.IsKind(err, stoker.Conflict) {
			t.Errorf("%s while a group grows: got %v, want a conflict", name, err)
		}
	}
	close(gate)
	want(t, b.await(group), "UPDATE_COMPLETE")
	if err := b.Suspend(t.Context(), st.ID); err != nil {
		t.Fatal(err)
	}
	want(t, b.await(st.ID), "SUSPEND_COMPLETE")
	if _, err := b.Abandon(t.Context(), st.ID); !stoker.IsKind(err, stoker.Invalid) || !strings.Contains(err.Error(), "SUSPEND_COMPLETE") {
		t.Errorf("what rests: got %v", err)
	}
}

// A deletion ends an adoption that is under way, and everything goes, what was not taken
// back yet too.
func TestDeleteWhileAdopting(t *testing.T) {
	w, store := newWorld(), storetest.NewMemory()
	taken := make(chan struct{})
	store.BeforeCommit = func(_ int, batch stoker.Batch) error {
		if batch.Stack != nil && batch.Stack.Action == stoker.ActionAdopt && batch.Stack.Parent != "" {
			<-taken // until it is too late
		}
		return nil
	}
	b := start(t, w, store)
	st := b.create("s", leftBody, "inner.yaml", leftInner)
	data := b.abandon(st.ID)
	if _, err := b.Adopt(t.Context(), stack.Input{Name: "s"}, data); err != nil {
		t.Fatal(err)
	}
	if err := b.Delete(t.Context(), st.ID); err != nil {
		t.Fatal(err)
	}
	close(taken)
	want(t, b.await(st.ID), "DELETE_COMPLETE")
	if w.count() != 0 {
		t.Errorf("%d things are left", w.count())
	}
}

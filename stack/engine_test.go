package stack_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/stack"
	"github.com/stoker-project/stoker/store/storetest"
)

const chain = `
resources:
  a: {type: T::Thing, properties: {value: 1}}
  b: {type: T::Thing, properties: {value: {get_attr: [a, value]}}}
  c: {type: T::Thing, depends_on: b}
outputs:
  b: {value: {get_attr: [b, value]}}
`

func TestCreateUpdateDelete(t *testing.T) {
	w := newWorld()
	b := start(t, w, storetest.NewMemory())
	st := b.create("s", chain)
	want(t, st, "CREATE_COMPLETE")
	w.before(t, "create a", "create b")
	w.before(t, "create b", "create c")
	if got := b.outputs(st.ID)["b"]; got != "1" {
		t.Errorf("output b = %s, want 1", got)
	}

	w.clearLog()
	want(t, b.update(st.ID, strings.Replace(chain, "value: 1", "value: 2", 1)), "UPDATE_COMPLETE")
	w.before(t, "update a", "update b")
	if n := len(w.calls("update")); n != 2 || len(w.calls("create")) != 0 {
		t.Errorf("calls %q, want two updates", w.log)
	}

	w.clearLog()
	if err := b.Delete(t.Context(), st.ID); err != nil {
		t.Fatal(err)
	}
	want(t, b.await(st.ID), "DELETE_COMPLETE")
	w.before(t, "delete c", "delete b")
	w.before(t, "delete b", "delete a")
	if w.count() != 0 {
		t.Errorf("%d things left over", w.count())
	}
}

func TestReplacedLeavesAfterDependentsHaveSeenTheNew(t *testing.T) {
	w := newWorld()
	b := start(t, w, storetest.NewMemory())
	body := `
resources:
  server: {type: T::Thing, properties: {kind: old}}
  balancer: {type: T::Thing, properties: {value: {get_attr: [server, id]}}}
`
	st := b.create("s", body)
	w.clearLog()
	want(t, b.update(st.ID, strings.Replace(body, "old", "new", 1)), "UPDATE_COMPLETE")
	w.before(t, "create server", "update balancer")
	w.before(t, "update balancer", "delete server")
	if w.count() != 2 {
		t.Errorf("%d things, want 2", w.count())
	}
}

func TestFailedCreateRollsBack(t *testing.T) {
	w := newWorld()
	w.fail["create c"] = errors.New("no such luck")
	b := start(t, w, storetest.NewMemory())
	st, err := b.Create(t.Context(), stack.Input{Name: "s", Spec: template(chain)})
	if err != nil {
		t.Fatal(err)
	}
	st = b.await(st.ID)
	want(t, st, "ROLLBACK_COMPLETE")
	if w.count() != 0 {
		t.Errorf("%d things left over", w.count())
	}
	events, err := b.Events(t.Context(), st.ID, 0, stoker.EventFilter{})
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, e := range events {
		found = found || e.Reason == "Resource CREATE failed: ResourceInError: resources.c: no such luck"
	}
	if !found {
		t.Error("no event tells why the stack failed")
	}
}

func TestFailedUpdateGoesBack(t *testing.T) {
	w := newWorld()
	b := start(t, w, storetest.NewMemory())
	body := `
resources:
  a: {type: T::Thing, properties: {kind: one}}
  b: {type: T::Thing, properties: {value: {get_attr: [a, id]}}}
outputs:
  a: {value: {get_attr: [a, id]}}
`
	st := b.create("s", body)
	before := b.outputs(st.ID)["a"]
	w.fail["update b"] = errors.New("no")
	err := b.Update(t.Context(), st.ID, stack.Input{Spec: template(strings.Replace(body, "one", "two", 1))})
	if err != nil {
		t.Fatal(err)
	}
	st = b.await(st.ID)
	want(t, st, "ROLLBACK_COMPLETE")
	if got := b.outputs(st.ID)["a"]; got != before {
		t.Errorf("a is %s after the rollback, want the old incarnation %s", got, before)
	}
	if w.count() != 2 {
		t.Errorf("%d things, want 2", w.count())
	}
}

func TestNestedTemplates(t *testing.T) {
	w := newWorld()
	b := start(t, w, storetest.NewMemory())
	inner := `
parameters: {v: {type: string}}
resources: {x: {type: T::Thing, properties: {value: {get_param: v}}}}
outputs: {out: {value: {get_attr: [x, value]}}}
`
	body := `
resources:
  one: {type: inner.yaml, properties: {v: hello}}
  two: {type: T::Thing, properties: {value: {get_attr: [one, out]}}}
outputs:
  two: {value: {get_attr: [two, value]}}
  deep: {value: {get_attr: [one, resource.x.value]}}
`
	st := b.create("s", body, "inner.yaml", inner)
	want(t, st, "CREATE_COMPLETE")
	out := b.outputs(st.ID)
	if out["two"] != "hello" || out["deep"] != "hello" {
		t.Errorf("outputs %v", out)
	}
	want(t, b.update(st.ID, strings.Replace(body, "hello", "bye", 1), "inner.yaml", inner), "UPDATE_COMPLETE")
	if out := b.outputs(st.ID); out["two"] != "bye" {
		t.Errorf("outputs %v after the update", out)
	}
	if err := b.Delete(t.Context(), st.ID); err != nil {
		t.Fatal(err)
	}
	want(t, b.await(st.ID), "DELETE_COMPLETE")
	if w.count() != 0 {
		t.Errorf("%d things left over", w.count())
	}
}

func TestNestedFailureNamesItsPlace(t *testing.T) {
	w := newWorld()
	w.fail["create x"] = errors.New("broken")
	b := start(t, w, storetest.NewMemory())
	st := b.create("s", `resources: {one: {type: inner.yaml}}`, "inner.yaml", `resources: {x: {type: T::Thing}}`)
	want(t, st, "CREATE_FAILED")
	if got, want := st.StatusReason, "Resource CREATE failed: ResourceInError: resources.one.resources.x: broken"; got != want {
		t.Errorf("reason %q, want %q", got, want)
	}
}

const groupBody = `
resources:
  g: {type: T::Group, properties: {min: 1, max: 10, desired: 3, resource: {type: T::Thing, properties: {value: v1}}}}
  lb: {type: T::Thing, properties: {value: {get_attr: [g, values]}}}
outputs:
  lb: {value: {get_attr: [lb, value]}}
  g: {value: {get_resource: g}}
`

func TestGroups(t *testing.T) {
	w := newWorld()
	b := start(t, w, storetest.NewMemory())
	st := b.create("s", groupBody)
	want(t, st, "CREATE_COMPLETE")
	id := stoker.StackID(b.outputs(st.ID)["g"])
	if got := b.outputs(st.ID)["lb"]; got != "[v1 v1 v1]" {
		t.Errorf("lb sees %s", got)
	}
	if err := b.Resize(t.Context(), id, 5, "test"); err != nil {
		t.Fatal(err)
	}
	want(t, b.await(id), "UPDATE_COMPLETE")
	if w.count() != 6 {
		t.Errorf("%d things, want 5 members and the balancer", w.count())
	}
	// Members leave after the balancer has seen the smaller group, though
	// they are in another stack.
	w.clearLog()
	want(t, b.update(st.ID, strings.Replace(groupBody, "desired: 3", "desired: 2", 1)), "UPDATE_COMPLETE")
	deletes := w.calls("delete")
	if len(deletes) != 3 {
		t.Fatalf("deleted %q, want 3", deletes)
	}
	w.before(t, "update lb", "delete "+deletes[0])
	if got := b.outputs(st.ID)["lb"]; got != "[v1 v1]" {
		t.Errorf("lb sees %s", got)
	}
}

func TestRollingUpdate(t *testing.T) {
	w := newWorld()
	b := start(t, w, storetest.NewMemory())
	body := strings.Replace(groupBody, "desired: 3", "desired: 3, batch: 2", 1)
	st := b.create("s", body)
	w.clearLog()
	want(t, b.update(st.ID, strings.Replace(body, "v1", "v2", 1)), "UPDATE_COMPLETE")
	if got := b.outputs(st.ID)["lb"]; got != "[v2 v2 v2]" {
		t.Errorf("lb sees %s", got)
	}
	g, err := b.Group(t.Context(), stoker.StackID(b.outputs(st.ID)["g"]))
	if err != nil || g.Size != 3 || len(g.Members) != 3 {
		t.Errorf("group %+v, %v", g, err)
	}
}

func TestSupersede(t *testing.T) {
	w := newWorld()
	w.gates["await a"] = make(chan struct{})
	b := start(t, w, storetest.NewMemory())
	st, err := b.Create(t.Context(), stack.Input{Name: "s", Spec: template(`resources: {a: {type: T::Waiting}}`)})
	if err != nil {
		t.Fatal(err)
	}
	// The wait of a never ends by itself; the update does not want it any more.
	want(t, b.update(st.ID, `resources: {b: {type: T::Thing}}`), "UPDATE_COMPLETE")
	if w.count() != 1 {
		t.Errorf("%d things, want b only", w.count())
	}
}

func TestTimeout(t *testing.T) {
	w := newWorld()
	w.gates["create a"] = make(chan struct{})
	b := start(t, w, storetest.NewMemory())
	st, err := b.Create(t.Context(), stack.Input{Name: "s", Timeout: 50 * time.Millisecond, DisableRollback: true,
		Spec: template(`resources: {a: {type: T::Thing}}`)})
	if err != nil {
		t.Fatal(err)
	}
	st = b.await(st.ID)
	want(t, st, "CREATE_FAILED")
	if st.StatusReason != "Timed out" {
		t.Errorf("reason %q", st.StatusReason)
	}
}

func TestHealing(t *testing.T) {
	w := newWorld()
	b := start(t, w, storetest.NewMemory())
	st := b.create("s", `
resources:
  a: {type: T::Watched}
  b: {type: T::Thing, properties: {value: {get_attr: [a, id]}}}
outputs: {a: {value: {get_attr: [a, id]}}, b: {value: {get_attr: [b, value]}}}
`)
	first := b.outputs(st.ID)["a"]
	w.mu.Lock()
	end := w.ends[stoker.ResourceID(first)]
	if end == nil {
		end = make(chan error, 1)
		w.ends[stoker.ResourceID(first)] = end
	}
	w.mu.Unlock()
	end <- errors.New("it died")
	deadline := time.Now().Add(5 * time.Second)
	for b.outputs(st.ID)["b"] == first && time.Now().Before(deadline) {
		if _, err := b.Await(t.Context(), st.ID); err != nil {
			t.Fatal(err)
		}
	}
	st = b.await(st.ID)
	want(t, st, "UPDATE_COMPLETE")
	out := b.outputs(st.ID)
	if out["a"] == first || out["b"] != out["a"] {
		t.Errorf("outputs %v, first was %s", out, first)
	}
	if w.count() != 2 {
		t.Errorf("%d things, want 2", w.count())
	}
}

func TestExternalIDIsOnlyReferredTo(t *testing.T) {
	w := newWorld()
	b := start(t, w, storetest.NewMemory())
	body := `
resources: {a: {type: T::Thing, external_id: there-already}}
outputs: {a: {value: {get_resource: a}}}
`
	st := b.create("s", body)
	want(t, st, "CREATE_COMPLETE")
	if got := b.outputs(st.ID)["a"]; got != "there-already" {
		t.Errorf("get_resource gives %s", got)
	}
	got := b.update(st.ID, strings.Replace(body, "there-already", "another", 1))
	want(t, got, "UPDATE_FAILED")
	if !strings.Contains(got.StatusReason, "NotSupported: resources.a.external_id") {
		t.Errorf("reason %q", got.StatusReason)
	}
	want(t, b.update(st.ID, body), "UPDATE_COMPLETE")
	if err := b.Delete(t.Context(), st.ID); err != nil {
		t.Fatal(err)
	}
	want(t, b.await(st.ID), "DELETE_COMPLETE")
	if len(w.log) != 0 {
		t.Errorf("asked the type for %q", w.log)
	}
}

func TestImmutableParameter(t *testing.T) {
	b := start(t, newWorld(), storetest.NewMemory())
	body := "parameters: {p: {type: string, default: one, immutable: true}}"
	st := b.create("s", body)
	want(t, st, "CREATE_COMPLETE")
	err := b.Update(t.Context(), st.ID, stack.Input{Spec: template(strings.Replace(body, "one", "two", 1))})
	if e, ok := stoker.AsError(err); !ok || e.Type != "ImmutableParameterModified" {
		t.Errorf("changing it: %v", err)
	}
}

// TestResizeLeavesMembersAlone: members that are templates are not asked when
// nothing of them changes.
func TestResizeLeavesMembersAlone(t *testing.T) {
	w := newWorld()
	b := start(t, w, storetest.NewMemory())
	inner := `
parameters: {v: {type: string}}
resources: {x: {type: T::Thing, properties: {value: {get_param: v}}}}
outputs: {value: {value: {get_attr: [x, value]}}}
`
	body := strings.Replace(groupBody, "type: T::Thing, properties: {value: v1}", "type: inner.yaml, properties: {v: v1}", 1)
	st := b.create("s", body, "inner.yaml", inner)
	want(t, st, "CREATE_COMPLETE")
	id := stoker.StackID(b.outputs(st.ID)["g"])
	if err := b.Resize(t.Context(), id, 5, "test"); err != nil {
		t.Fatal(err)
	}
	want(t, b.await(id), "UPDATE_COMPLETE")
	g, err := b.Group(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range g.Members {
		if m.Action != stoker.ActionCreate {
			t.Errorf("member %s was touched: %s", m.Name, stoker.State(m.Action, m.Status))
		}
	}
	// A change of the template reaches all of them.
	want(t, b.update(st.ID, body, "inner.yaml", strings.Replace(inner, "{get_param: v}", "changed", 1)), "UPDATE_COMPLETE")
	if lb := b.outputs(st.ID)["lb"]; lb != "[changed changed changed]" {
		t.Errorf("lb sees %s", lb)
	}
}

// TestDeathDuringCreation fails the creation with its reason.
func TestDeathDuringCreation(t *testing.T) {
	w := newWorld()
	w.gates["await b"] = make(chan struct{})
	b := start(t, w, storetest.NewMemory())
	st, err := b.Create(t.Context(), stack.Input{Name: "s", DisableRollback: true, Spec: template(`
resources:
  a: {type: T::Watched}
  b: {type: T::Waiting, depends_on: a}
`)})
	if err != nil {
		t.Fatal(err)
	}
	b.called(st.ID, "await")
	w.end(errors.New("exited with status 1"))
	got := b.await(st.ID)
	want(t, got, "CREATE_FAILED")
	if got.StatusReason != "Resource CREATE failed: ResourceInError: resources.a: exited with status 1" {
		t.Errorf("reason %q", got.StatusReason)
	}
	if n := len(w.calls("create")); n != 2 {
		t.Errorf("created %d times, want a and b once", n)
	}
}

func TestFacade(t *testing.T) {
	b := start(t, newWorld(), storetest.NewMemory())
	st := b.create("s", `
resources:
  one: {type: inner.yaml, metadata: {m: 1}, update_policy: {p: 2}, deletion_policy: Retain}
outputs: {got: {value: {get_attr: [one, got]}}}
`, "inner.yaml", `
outputs:
  got: {value: [{resource_facade: metadata}, {resource_facade: update_policy}, {resource_facade: deletion_policy}]}
`)
	want(t, st, "CREATE_COMPLETE")
	if got := b.outputs(st.ID)["got"]; got != "[map[m:1] map[p:2] Retain]" {
		t.Errorf("facade gives %s", got)
	}
}

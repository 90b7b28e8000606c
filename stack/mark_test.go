package stack_test

import (
	"slices"
	"testing"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/store/storetest"
)

func TestMark(t *testing.T) {
	w := newWorld()
	b := start(t, w, storetest.NewMemory())
	body := `
resources:
  one: {type: T::Thing}
  two: {type: T::Thing}
  inner: {type: inner.yaml}
  g: {type: T::Group, properties: {desired: 2, resource: {type: inner.yaml}}}
outputs: {g: {value: {get_resource: g}}}
`
	st := b.create("s", body, "inner.yaml", passInner)
	group := stoker.StackID(b.outputs(st.ID)["g"])
	g, err := b.Group(t.Context(), group)
	if err != nil {
		t.Fatal(err)
	}
	mark := func(id stoker.StackID, name stoker.ResourceName, sick bool, reason string) {
		t.Helper()
		if err := b.Mark(t.Context(), id, name, sick, reason); err != nil {
			t.Fatal(err)
		}
	}
	mark(st.ID, "one", true, "it smells")
	mark(st.ID, "two", true, "")
	mark(st.ID, "two", false, "")
	mark(st.ID, "inner", false, "") // it was well
	mark(group, g.Members[0].Name, true, "")
	if got := b.states(st.ID); got["one"] != "CHECK_FAILED" || got["two"] != "CHECK_COMPLETE" || got["inner"] != "CREATE_COMPLETE" {
		t.Errorf("got %v", got)
	}
	for _, words := range []string{"one CHECK_FAILED it smells", "two CHECK_COMPLETE state changed by resource_mark_unhealthy api"} {
		if !slices.Contains(b.reasons(st.ID), words) {
			t.Errorf("no event %q in %q", words, b.reasons(st.ID))
		}
	}
	w.clearLog()
	want(t, b.update(st.ID, body, "inner.yaml", passInner), "UPDATE_COMPLETE")
	made := w.calls("create")
	slices.Sort(made)
	if !slices.Equal(made, []string{"deep", "one", "seen"}) {
		t.Errorf("the update made %q, want what was called sick", made)
	}
	if err := b.Mark(t.Context(), st.ID, "nobody", true, ""); !stoker.IsKind(err, stoker.NotFound) {
		t.Errorf("a resource that is not there: %v", err)
	}
}

// TestMarkNested: a nested stack that somebody calls sick is replaced as a whole.
func TestMarkNested(t *testing.T) {
	w := newWorld()
	b := start(t, w, storetest.NewMemory())
	body := "\nresources: {inner: {type: inner.yaml}}\n"
	st := b.create("s", body, "inner.yaml", passInner)
	if err := b.Mark(t.Context(), st.ID, "inner", true, ""); err != nil {
		t.Fatal(err)
	}
	w.clearLog()
	want(t, b.update(st.ID, body, "inner.yaml", passInner), "UPDATE_COMPLETE")
	if made, gone := w.calls("create"), w.calls("delete"); len(made) != 2 || len(gone) != 2 {
		t.Errorf("made %q, deleted %q, want all of it", made, gone)
	}
}

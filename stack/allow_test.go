package stack_test

import (
	"testing"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/typepolicy"
	"github.com/stoker-project/stoker/stack"
	"github.com/stoker-project/stoker/store/storetest"
)

// Types that are for administrators are refused to others wherever they stand, and stay
// out of others' hands; what an administrator has asked for grows by itself.
func TestTypesForAdministrators(t *testing.T) {
	w := newWorld()
	w.allow = typepolicy.Table{"T::Checked": typepolicy.Admin}.Allow
	store := storetest.NewMemory()
	b := start(t, w, store)
	refused := func(what string, err error) {
		t.Helper()
		if !stoker.IsKind(err, stoker.Forbidden) {
			t.Errorf("%s: got %v, want Forbidden", what, err)
		}
	}
	asked := func(body string, admin bool, files ...string) stack.Input {
		spec := withFiles(template(body), files)
		spec.Admin = admin
		return stack.Input{Name: "s", Spec: spec, DisableRollback: true}
	}
	const plain = "\nresources:\n  one: {type: T::Thing}\n"
	bodies := map[string]string{
		"itself":   "\nresources:\n  one: {type: T::Checked}\n",
		"nested":   "\nresources:\n  in: {type: inner.yaml}\n",
		"in group": "\nresources:\n  g: {type: T::Group, properties: {min: 1, max: 9, desired: 1, resource: {type: T::Checked}}}\n",
		"deep":     "\nresources:\n  g: {type: T::Group, properties: {min: 1, max: 9, desired: 1, resource: {type: inner.yaml}}}\n",
	}
	for name, body := range bodies {
		in := asked(body, false, "inner.yaml", bodies["itself"])
		_, err := b.Create(t.Context(), in)
		refused("create "+name, err)
		_, err = b.Preview(t.Context(), in)
		refused("preview "+name, err)
		if err := b.Validate(t.Context(), in); err != nil {
			t.Errorf("validate %s: %v", name, err)
		}
	}
	mine, err := b.Create(t.Context(), stack.Input{Name: "mine", Spec: template(plain)})
	if err != nil {
		t.Fatal(err)
	}
	want(t, b.await(mine.ID), "CREATE_COMPLETE")
	if err := b.Permit(t.Context(), mine.ID); err != nil {
		t.Errorf("a stack for everybody: %v", err)
	}
	refused("update", b.Update(t.Context(), mine.ID, asked(bodies["itself"], false)))
	refused("patch", b.Patch(t.Context(), mine.ID, asked(bodies["itself"], false), nil))

	theirs, err := b.Create(t.Context(), asked(bodies["deep"], true, "inner.yaml", bodies["itself"]))
	if err != nil {
		t.Fatal(err)
	}
	want(t, b.await(theirs.ID), "CREATE_COMPLETE")
	refused("touch", b.Permit(t.Context(), theirs.ID))
	refused("patch an administrator's", b.Patch(t.Context(), theirs.ID, stack.Input{}, nil))
	b.stop()
	b = start(t, w, store)
	group := b.group(theirs.ID)
	if err := b.Resize(t.Context(), group, 3, "grown by itself"); err != nil {
		t.Fatal(err)
	}
	want(t, b.await(group), "UPDATE_COMPLETE")
	s := b.shot(theirs, "before")
	refused("restore", b.Restore(t.Context(), theirs, s.ID, false))
	if err := b.Restore(t.Context(), theirs, s.ID, true); err != nil {
		t.Errorf("restore by an administrator: %v", err)
	}
	want(t, b.await(theirs.ID), "RESTORE_COMPLETE")
}

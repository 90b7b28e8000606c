package stack_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/stack"
	"github.com/stoker-project/stoker/store/storetest"
)

// TestRestart: what is restarted is replaced without an update by anybody, and what
// depends on it follows; a second time waits a little.
func TestRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		b := start(t, w, storetest.NewMemory())
		st := b.create("s", `
resources:
  one: {type: T::Thing}
  two: {type: T::Thing}
outputs: {one: {value: {get_resource: one}}}
`)
		for range 2 {
			before := b.outputs(st.ID)["one"]
			w.clearLog()
			name, err := b.Restart(t.Context(), st.ID, before, "it hangs")
			if name != "one" || err != nil {
				t.Fatalf("got %q, %v, want one", name, err)
			}
			if again, err := b.Restart(t.Context(), st.ID, before, "it hangs"); again != "" || err != nil {
				t.Errorf("while it is being replaced: %q, %v, want nothing to do", again, err)
			}
			<-time.NewTimer(5 * time.Second).C
			want(t, b.await(st.ID), "UPDATE_COMPLETE")
			if made, gone := w.calls("create"), w.calls("delete"); !slices.Equal(made, []string{"one"}) || !slices.Equal(gone, []string{"one"}) {
				t.Errorf("made %q, deleted %q, want the one", made, gone)
			}
			if after := b.outputs(st.ID)["one"]; after == before || after == "" {
				t.Errorf("the one is %q, and was %q", after, before)
			}
		}
		if !slices.Contains(b.reasons(st.ID), "one CHECK_FAILED it hangs") {
			t.Errorf("no event says why: %q", b.reasons(st.ID))
		}
		b.stop()
	})
}

// TestRestartHolders replaces the members of a group that hold what is sick, nested or not, and
// no others.
func TestRestartHolders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		b := start(t, w, storetest.NewMemory())
		st := b.create("s", `
resources:
  g: {type: T::Group, properties: {desired: 3, resource: {type: inner.yaml}}}
`, "inner.yaml", passInner)
		g, err := b.Resource(t.Context(), st.ID, "g")
		if err != nil {
			t.Fatal(err)
		}
		group := g.Child
		direct, err := b.Resources(t.Context(), group, 0)
		if err != nil || len(direct) != 3 {
			t.Fatalf("got %d members, %v", len(direct), err)
		}
		inner, err := b.Resources(t.Context(), direct[1].Child, 0)
		if err != nil || len(inner) == 0 {
			t.Fatalf("got %d resources in a member, %v", len(inner), err)
		}
		sick := func(r *stoker.Resource) bool { return r.ID == inner[0].ID || r.ID == direct[2].ID }
		for range 2 { // the second time they are being replaced
			names, err := b.RestartHolders(t.Context(), group, sick, "they hang")
			if err != nil {
				t.Fatal(err)
			}
			if names != nil && !slices.Equal(names, []stoker.ResourceName{direct[1].Name, direct[2].Name}) {
				t.Errorf("got %q", names)
			}
		}
		<-time.NewTimer(5 * time.Second).C
		want(t, b.await(group), "UPDATE_COMPLETE")
		after, err := b.Resources(t.Context(), group, 0)
		if err != nil || len(after) != 3 {
			t.Fatalf("got %d members, %v", len(after), err)
		}
		for i, v := range after {
			if stays := i == 0; (v.ID == direct[i].ID) != stays || v.Name != direct[i].Name {
				t.Errorf("%s is %s, and was %s %s", v.Name, v.ID, direct[i].Name, direct[i].ID)
			}
		}
		b.stop()
	})
}

func TestRestartOfNothing(t *testing.T) {
	w := newWorld()
	b := start(t, w, storetest.NewMemory())
	st := b.create("s", "\nresources: {one: {type: T::Thing}}\noutputs: {one: {value: {get_resource: one}}}\n")
	one := b.outputs(st.ID)["one"]
	for _, reference := range []string{"", "somebody"} {
		if name, err := b.Restart(t.Context(), st.ID, reference, "x"); name != "" || err != nil {
			t.Errorf("%q: got %q, %v, want nothing to do", reference, name, err)
		}
	}
	if _, err := b.Restart(t.Context(), "no-stack", one, "x"); !stoker.IsKind(err, stoker.NotFound) {
		t.Errorf("no stack: %v", err)
	}
	want(t, b.pass(st.ID, b.Suspend), "SUSPEND_COMPLETE")
	if name, err := b.Restart(t.Context(), st.ID, one, "x"); name != "" || !stoker.IsKind(err, stoker.Invalid) {
		t.Errorf("a suspended stack: %q, %v, want a refusal", name, err)
	}
}

// TestRestartWhileCreating: what a creation has made stays until it is over.
func TestRestartWhileCreating(t *testing.T) {
	w := newWorld()
	gate := make(chan struct{})
	w.gates["create two"] = gate
	b := start(t, w, storetest.NewMemory())
	st, err := b.Create(context.Background(), stack.Input{Name: "s", DisableRollback: true, Spec: template(`
resources:
  one: {type: T::Thing}
  two: {type: T::Thing, depends_on: one}
outputs: {one: {value: {get_resource: one}}}
`)})
	if err != nil {
		t.Fatal(err)
	}
	for b.states(st.ID)["two"] != "CREATE_IN_PROGRESS" {
		if t.Context().Err() != nil {
			t.Fatal("the two does not come")
		}
	}
	if name, err := b.Restart(t.Context(), st.ID, b.outputs(st.ID)["one"], "x"); name != "" || !stoker.IsKind(err, stoker.Conflict) {
		t.Errorf("got %q, %v, want a conflict", name, err)
	}
	close(gate)
	want(t, b.await(st.ID), "CREATE_COMPLETE")
}

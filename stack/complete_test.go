package stack_test

import (
	"context"
	"slices"
	"testing"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/store/storetest"
)

// completing completes things, as a subnet completes a network.
type completing struct{ thing }

func (completing) Completes() []stoker.TypeName { return []stoker.TypeName{"T::Thing", "T::Part"} }

// settling notes when it is settled.
type settling struct{ thing }

func (t settling) Resume(ctx context.Context, req *stoker.Request) error {
	return t.w.call(ctx, "resume", req)
}

func (t settling) Settle(ctx context.Context) error {
	if len(t.w.calls("resume")) == 0 {
		return nil // nothing of this type is in the test
	}
	return t.w.call(ctx, "settle", &stoker.Request{Name: "all"})
}

func TestWhatCompletesComesBefore(t *testing.T) {
	w := newWorld()
	b := start(t, w, storetest.NewMemory())
	// The user stands first, so that only the dependency can put it last; inner
	// completes part, which completes net; early is needed by a part itself.
	st := b.create("s", `resources:
  user: { type: T::Thing, properties: { value: { get_resource: net } } }
  inner: { type: T::Part, properties: { value: { get_resource: part } } }
  part: { type: T::Part, properties: { value: [{ get_resource: net }, { get_resource: early }] } }
  early: { type: T::Thing, properties: { value: { get_resource: net } } }
  net: { type: T::Thing }
`)
	want(t, st, "CREATE_COMPLETE")
	for _, order := range [][2]string{{"net", "part"}, {"part", "inner"}, {"inner", "user"}, {"early", "part"}} {
		w.before(t, "create "+order[0], "create "+order[1])
	}
	if err := b.Delete(t.Context(), st.ID); err != nil {
		t.Fatal(err)
	}
	want(t, b.await(st.ID), "DELETE_COMPLETE")
	w.before(t, "delete user", "delete inner")
}

func TestSettledAfterAllResumed(t *testing.T) {
	w, store := newWorld(), storetest.NewMemory()
	first := start(t, w, store)
	want(t, first.create("s", "resources:\n  a: { type: T::Settling }\n  b: { type: T::Settling }\n"), "CREATE_COMPLETE")
	first.stop()
	w.clearLog()
	start(t, w, store)
	got := w.calls("settle")
	if !slices.Equal(got, []string{"all"}) {
		t.Fatalf("settled %q, want once", got)
	}
	w.before(t, "resume a", "settle all")
	w.before(t, "resume b", "settle all")
}

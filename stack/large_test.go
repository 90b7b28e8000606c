package stack_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/store/storetest"
)

// TestLargeMembers: the limit of a template's size is not one of a group's, whose
// generated template repeats the definition for each member.
func TestLargeMembers(t *testing.T) {
	b := start(t, newWorld(), storetest.NewMemory())
	st := b.create("s", fmt.Sprintf("resources: {g: {type: T::Group, properties: {min: 1, max: 100, "+
		"resource: {type: T::Thing, properties: {value: %s}}}}}", strings.Repeat("x", 20_000)))
	want(t, st, "CREATE_COMPLETE")
	group := b.group(st.ID)
	if err := b.Resize(t.Context(), group, 60, ""); err != nil {
		t.Fatal(err)
	}
	want(t, b.await(group), "UPDATE_COMPLETE")
	if got := b.w.count(); got != 60 {
		t.Errorf("%d members, want 60", got)
	}
}

// group is the group of a stack that holds nothing else.
func (b *bed) group(id stoker.StackID) stoker.StackID {
	b.t.Helper()
	rs, err := b.Resources(b.t.Context(), id, 0)
	if err != nil || len(rs) != 1 {
		b.t.Fatalf("%d resources, %v", len(rs), err)
	}
	return stoker.StackID(rs[0].PhysicalID)
}

package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
)

func names(t *testing.T, s Store, f stoker.StackFilter) []string {
	t.Helper()
	list, err := s.Stacks(t.Context(), f)
	if err != nil {
		t.Fatalf("list stacks %+v: %v", f, err)
	}
	out := make([]string, len(list))
	for i, st := range list {
		out[i] = st.Name
	}
	return out
}

// population stores a (done, tags x y), b (in progress, tag x), c (nested in a),
// d (deleted), o (of another project) and n (of the project without a name).
func population(t *testing.T, s Store) {
	t.Helper()
	for i, st := range []*stoker.Stack{
		{Name: "a", Tags: []string{"x", "y"}, Status: stoker.StatusComplete},
		{Name: "b", Tags: []string{"x"}, Status: stoker.StatusInProgress},
		{Name: "c", Parent: "a", Status: stoker.StatusComplete},
		{Name: "d", Deleted: start, Status: stoker.StatusComplete},
		{Name: "o", Project: "other", Status: stoker.StatusInProgress, Tags: []string{`q",x`, "X", "%"}},
		{Name: "n", Project: "none"},
	} {
		st.ID, st.Created = stoker.StackID(st.Name), start.Add(time.Duration(i)*time.Second)
		switch st.Project {
		case "":
			st.Project = "demo"
		case "none":
			st.Project = ""
		}
		insert(t, s, st)
	}
}

func testStackFilters(t *testing.T, open Open) {
	s, _ := open(t)
	population(t, s)
	for _, c := range []struct {
		f    stoker.StackFilter
		want []string
	}{
		{stoker.StackFilter{Project: "demo"}, []string{"b", "a"}},
		{stoker.StackFilter{Project: "demo", Oldest: true}, []string{"a", "b"}},
		{stoker.StackFilter{}, []string{"n"}},
		{stoker.StackFilter{AllProjects: true, Oldest: true}, []string{"a", "b", "o", "n"}},
		{stoker.StackFilter{Project: "demo", Nested: true, Oldest: true}, []string{"a", "b", "c"}},
		{stoker.StackFilter{Project: "demo", Deleted: true, Oldest: true}, []string{"a", "b", "d"}},
		{stoker.StackFilter{Project: "demo", Parent: "a"}, []string{"c"}},
		{stoker.StackFilter{Project: "demo", ID: "c"}, []string{"c"}},
		{stoker.StackFilter{Project: "demo", ID: "d"}, []string{"d"}},
		{stoker.StackFilter{Project: "demo", ID: "o"}, []string{}},
		{stoker.StackFilter{Project: "demo", Name: "a"}, []string{"a"}},
		{stoker.StackFilter{Project: "demo", Name: "A"}, []string{}},
		{stoker.StackFilter{Project: "demo", Name: "d"}, []string{}},
		{stoker.StackFilter{AllProjects: true, InProgress: true}, []string{"o", "b"}},
		{stoker.StackFilter{Project: "demo", Tags: []string{"x"}}, []string{"b", "a"}},
		{stoker.StackFilter{Project: "demo", Tags: []string{"y", "x"}}, []string{"a"}},
		{stoker.StackFilter{Project: "demo", Tags: []string{"X"}}, []string{}},
		{stoker.StackFilter{Project: "other", Tags: []string{"x"}}, []string{}},
		{stoker.StackFilter{Project: "other", Tags: []string{`q",x`, "%"}}, []string{"o"}},
		{stoker.StackFilter{Project: "demo", Limit: 1}, []string{"b"}},
		{stoker.StackFilter{Project: "demo", Marker: "b"}, []string{"a"}},
		{stoker.StackFilter{Project: "demo", Marker: "d", Oldest: true}, []string{}},
		{stoker.StackFilter{Project: "demo", Marker: "d"}, []string{"b", "a"}},
	} {
		for _, c.f.Brief = range []bool{false, true} {
			wantEqual(t, fmt.Sprintf("%+v", c.f), names(t, s, c.f), c.want)
		}
	}
}

// Stacks made at the same moment have an order too, and a page goes on where the
// last one ended even if that stack was deleted meanwhile.
func testStackPages(t *testing.T, open Open) {
	s, _ := open(t)
	var want []string
	for i := range 25 {
		name := fmt.Sprintf("s%d", (i*7)%25)
		want = append(want, name)
		insert(t, s, stack(name, name))
	}
	for _, oldest := range []bool{true, false} {
		var got []string
		f := stoker.StackFilter{Project: "demo", Oldest: oldest, Limit: 4}
		for {
			page := names(t, s, f)
			if len(page) == 0 {
				break
			}
			got = append(got, page...)
			f.Marker = stoker.StackID(page[len(page)-1])
		}
		wantEqual(t, fmt.Sprintf("pages, oldest first %v", oldest), got, want)
		slices.Reverse(want)
	}
	gone := stack("s7", "s7")
	gone.Deleted = start
	commit(t, s, stoker.Batch{Lease: acquire(t, s, "s7", "me"), Stack: gone})
	got := names(t, s, stoker.StackFilter{Project: "demo", Oldest: true, Marker: "s7", Limit: 2})
	wantEqual(t, "after a deleted marker", got, []string{"s14", "s21"})
}

// A list shows what was committed before, whatever was listed earlier, and is
// the caller's own.
func testListsAreFresh(t *testing.T, open Open) {
	s, _ := open(t)
	insert(t, s, stack("a", "a"))
	f := stoker.StackFilter{Project: "demo", Brief: true}
	list, err := s.Stacks(t.Context(), f)
	if err != nil || len(list) != 1 {
		t.Fatalf("got %d stacks, %v", len(list), err)
	}
	list[0].Name = "scribbled"
	wantEqual(t, "list", names(t, s, f), []string{"a"})
	l := acquire(t, s, "a", "me")
	for i := range 20 {
		st := stack("a", fmt.Sprintf("a%d", i))
		commit(t, s, stoker.Batch{Lease: l, Stack: st})
		wantEqual(t, "list after a change", names(t, s, f), []string{st.Name})
	}
}

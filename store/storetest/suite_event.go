package storetest

import (
	"fmt"
	"testing"

	"github.com/stoker-project/stoker"
)

func eventIDs(t *testing.T, s Store, f stoker.EventFilter) []string {
	t.Helper()
	list, err := s.Events(t.Context(), f)
	if err != nil {
		t.Fatalf("list events %+v: %v", f, err)
	}
	ids := make([]string, len(list))
	for i, e := range list {
		ids[i] = e.ID
	}
	return ids
}

func testEventFilters(t *testing.T, open Open) {
	s, reopen := open(t)
	insert(t, s, stack("a", "a"), stack("b", "b"))
	want := &stoker.Event{ID: "e1", Stack: "a", Time: start, Resource: "web", ResourceID: "id", PhysicalID: "physical",
		Type: "OS::Nova::Server", Action: stoker.ActionSignal, Status: stoker.StatusFailed, Reason: "out of\x00 luck"}
	e3 := event("b", "e3")
	e3.Resource = "web"
	commit(t, s, stoker.Batch{Events: []*stoker.Event{want, event("a", "e2")}})
	commit(t, s, stoker.Batch{Events: []*stoker.Event{e3, event("b", "e4")}})
	s = reopen()
	commit(t, s, stoker.Batch{Events: []*stoker.Event{event("c", "e5")}})

	list, err := s.Events(t.Context(), stoker.EventFilter{})
	if err != nil || len(list) != 5 {
		t.Fatalf("got %d events, %v; want 5", len(list), err)
	}
	for i := 1; i < len(list); i++ {
		if list[i].Seq <= list[i-1].Seq {
			t.Errorf("Seq does not grow: %d after %d", list[i].Seq, list[i-1].Seq)
		}
	}
	first := *want
	first.Seq = list[0].Seq
	wantAllSet(t, &first)
	wantEqual(t, "event", list[0], &first)
	second, fourth := list[1].Seq, list[3].Seq
	for _, c := range []struct {
		f    stoker.EventFilter
		want []string
	}{
		{stoker.EventFilter{}, []string{"e1", "e2", "e3", "e4", "e5"}},
		{stoker.EventFilter{Descending: true}, []string{"e5", "e4", "e3", "e2", "e1"}},
		{stoker.EventFilter{Stacks: []stoker.StackID{"b"}}, []string{"e3", "e4"}},
		{stoker.EventFilter{Stacks: []stoker.StackID{"a", "c", "no such"}}, []string{"e1", "e2", "e5"}},
		{stoker.EventFilter{Stacks: []stoker.StackID{"no such"}}, []string{}},
		{stoker.EventFilter{Resource: "web"}, []string{"e1", "e3"}},
		{stoker.EventFilter{Resource: "web", Stacks: []stoker.StackID{"b"}}, []string{"e3"}},
		{stoker.EventFilter{ID: "e2"}, []string{"e2"}},
		{stoker.EventFilter{After: second}, []string{"e3", "e4", "e5"}},
		{stoker.EventFilter{After: fourth, Descending: true}, []string{"e5"}},
		{stoker.EventFilter{Marker: "e3"}, []string{"e4", "e5"}},
		{stoker.EventFilter{Marker: "e3", Descending: true}, []string{"e2", "e1"}},
		{stoker.EventFilter{Marker: "e1", Limit: 2}, []string{"e2", "e3"}},
		{stoker.EventFilter{Limit: 2, Descending: true}, []string{"e5", "e4"}},
	} {
		wantEqual(t, fmt.Sprintf("%+v", c.f), eventIDs(t, s, c.f), c.want)
	}
}

func testEventsAgeOut(t *testing.T, open Open) {
	s, reopen := open(t)
	insert(t, s, stack("a", "a"), stack("quiet", "quiet"))
	commit(t, s, stoker.Batch{Events: []*stoker.Event{event("quiet", "q")}})
	n := 0
	batch := func(size int) {
		var events []*stoker.Event
		for range size {
			events = append(events, event("a", fmt.Sprintf("e%d", n)))
			n++
		}
		commit(t, s, stoker.Batch{Events: events})
	}
	for range 5 {
		batch(150)
	}
	s = reopen()
	for range 12 {
		batch(150)
	}
	ids := eventIDs(t, s, stoker.EventFilter{Stacks: []stoker.StackID{"a"}})
	if len(ids) < keepEvents || len(ids) > keepEvents+eventSlack {
		t.Errorf("kept %d of %d events, want %d to %d", len(ids), n, keepEvents, keepEvents+eventSlack)
	}
	for i, id := range ids {
		if want := fmt.Sprintf("e%d", n-len(ids)+i); id != want {
			t.Fatalf("event %d: got %s, want %s", i, id, want)
		}
	}
	wantEqual(t, "the quiet stack's events", eventIDs(t, s, stoker.EventFilter{Stacks: []stoker.StackID{"quiet"}}), []string{"q"})
}

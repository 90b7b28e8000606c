package stack

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
)

// plain is a type without behaviour.
type plain struct{}

func (plain) Schema() *stoker.Schema {
	return &stoker.Schema{Properties: map[string]*stoker.Property{
		"value": {Type: stoker.TypeString, Update: true}, "kind": {Type: stoker.TypeString},
	}}
}
func (plain) Create(context.Context, *stoker.Request) (stoker.Result, error) {
	return stoker.Result{}, nil
}
func (plain) Update(context.Context, *stoker.Request) (stoker.Result, error) {
	return stoker.Result{}, nil
}
func (plain) Delete(context.Context, *stoker.Request) error { return nil }

func planEngine() *Engine {
	e := New(Config{})
	e.Register(map[stoker.TypeName]stoker.ResourceType{"T::Plain": plain{}})
	return e
}

// grownGroup is a group of n members as it is recorded.
func grownGroup(n int) (*stoker.Stack, *rows) {
	g := &stoker.GroupState{Size: n, Spec: stoker.GroupSpec{
		Max: 2 * n, Names: stoker.ByRandom,
		Member: map[string]any{"type": "T::Plain", "properties": map[string]any{"value": "a value", "kind": "one"}},
	}}
	ms := resized(nil, g, n, 0, newName)
	st := &stoker.Stack{ID: "g", Name: "g", Group: g, Spec: stoker.StackSpec{Template: template(g, ms)}}
	var rs []*stoker.Resource
	for _, m := range ms {
		rs = append(rs, &stoker.Resource{
			ID: stoker.ResourceID(m.name), Name: m.name, Type: "T::Plain", DeletionPolicy: "Delete", Created: now(),
			Action: stoker.ActionCreate, Status: stoker.StatusComplete, Properties: map[string]any{"value": "a value", "kind": "one"},
		})
	}
	return st, newRows(rs)
}

// planResize is what the owner of a group does for a new size, but for reading and
// writing records.
func planResize(tb testing.TB, e *Engine, st *stoker.Stack, rs *rows, size int) []Step {
	ms, err := membersOf(st, rs)
	if err != nil {
		tb.Fatal(err)
	}
	next := *st
	next.Spec.Template = template(st.Group, resized(ms, st.Group, size, 0, newName))
	g, err := e.compileSpec(&next)
	if err != nil {
		tb.Fatal(err)
	}
	s := &scope{ctx: context.Background(), e: e, st: &next, graph: g, rows: rs, replaced: map[stoker.ResourceName]bool{}}
	steps, _, err := plan(s, g, rs)
	if err != nil {
		tb.Fatal(err)
	}
	return steps
}

func count(steps []Step) map[Verb]int {
	out := map[Verb]int{}
	for _, s := range steps {
		out[s.Verb]++
	}
	return out
}

func TestPlanOfAGroup(t *testing.T) {
	e := planEngine()
	st, rs := grownGroup(10)
	for _, tt := range []struct {
		size int
		want map[Verb]int
	}{
		{10, map[Verb]int{Keep: 10}},
		{12, map[Verb]int{Keep: 10, Make: 2}},
		{7, map[Verb]int{Keep: 7, Remove: 3}},
		{0, map[Verb]int{Remove: 10}},
	} {
		if got := count(planResize(t, e, st, rs, tt.size)); fmt.Sprint(got) != fmt.Sprint(tt.want) {
			t.Errorf("size %d: %v, want %v", tt.size, got, tt.want)
		}
	}
}

func BenchmarkPlanThousand(b *testing.B) {
	e := planEngine()
	st, rs := grownGroup(1000)
	i := 0
	for b.Loop() {
		i++
		planResize(b, e, st, rs, 1001+i%100)
	}
}

// TestRenewedOncePerUpdate: what was made before an update began is replaced by it,
// what the update itself has made goes on, also after a crash.
func TestRenewedOncePerUpdate(t *testing.T) {
	began := now()
	w := &wanted{name: "a", kind: &kind{name: "T::Plain", impl: plain{}, schema: plain{}.Schema()}, since: began}
	row := func(created time.Time, status stoker.Status) *stoker.Resource {
		return &stoker.Resource{Name: "a", Type: "T::Plain", Created: created, Action: stoker.ActionCreate, Status: status}
	}
	for _, tt := range []struct {
		row  *stoker.Resource
		want Verb
	}{
		{row(began.Add(-time.Second), stoker.StatusComplete), Replace},
		{row(began, stoker.StatusComplete), Keep},
		{row(began, stoker.StatusInProgress), Continue},
	} {
		if got := decide(tt.row, w); got.verb != tt.want || got.err != nil {
			t.Errorf("made %s before: got %s (%v), want %s", began.Sub(tt.row.Created), got.verb, got.err, tt.want)
		}
	}
}

package storetest

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
)

// full is a stack with every field set.
func full() *stoker.Stack {
	two := 2
	zone := time.FixedZone("elsewhere", 2*3600)
	st := stack("full", "full")
	st.Parent, st.ParentResource, st.Root, st.Depth = "parent", "group", "root", 1
	st.StatusReason = "Stack CREATE started\x00 \"quoted\" ünïcode"
	st.Spec = stoker.StackSpec{
		Restored: map[string]any{"server": map[string]any{"key": "k", "data": map[string]any{"image": "i"}}},
		Template: "heat_template_version: 2021-04-16\n" + strings.Repeat("# long\n", 1000), File: "web.yaml",
		Files: map[string]string{"file:///a.yaml": "a", "b": ""},
		Parameters: map[string]any{"count": int64(3), "ratio": 1.0, "secret": "hunter2",
			"url": "http://127.0.0.1", "big": int64(math.MaxInt64), "whole": 2.0},
		Environment: map[string]any{"parameters": map[string]any{}, "list": []any{nil, true}}, Admin: true,
	}
	st.Previous = &stoker.StackSpec{Template: "old", Parameters: map[string]any{"count": int64(1)}}
	st.Generation, st.Phase = 7, stoker.PhaseHeld
	st.Group = &stoker.GroupState{
		Spec: stoker.GroupSpec{
			Member: map[string]any{"type": "OS::Nova::Server", "properties": map[string]any{"n": int64(1), "f": 2.0}},
			Min:    1, Max: 5, Desired: &two, Cooldown: time.Minute, Names: stoker.ByRandom,
			Each:    []stoker.MemberSpec{{Name: "a", Def: map[string]any{"n": int64(1), "f": 2.0}}, {Name: "b", Def: map[string]any{"type": "T"}}},
			Version: "2021-04-16", IndexVar: "%index%", KeepOld: true, RemoveMode: "update",
			RollingCreate: &stoker.RollingUpdate{MaxBatch: 3, Pause: time.Minute},
			Remove:        []string{"x"}, Rolling: &stoker.RollingUpdate{MinInService: 1, MaxBatch: 2, Pause: time.Second},
		},
		Size: 2, CooldownEnd: start.Add(time.Hour).In(zone), FrozenUntil: start.Add(time.Minute), FrozenReason: "night",
		Skip: []stoker.ResourceName{"3"}, Batches: []stoker.GroupBatch{{Size: 1, Update: 2}}, NextBatch: 1, PauseUntil: start,
	}
	st.DisableRollback, st.Timeout, st.Tags, st.Owner = true, 90*time.Minute, []string{"a", "b"}, "alice"
	st.Created, st.Updated = start.In(zone), start.Add(time.Nanosecond)
	return st
}

func testStackComesBack(t *testing.T, open Open) {
	s, reopen := open(t)
	commit(t, s, stoker.Batch{Stack: full()})
	want := full()
	wantAllSet(t, want, "Deleted")
	wantAllSet(t, &want.Spec)
	wantAllSet(t, want.Group)
	wantAllSet(t, &want.Group.Spec)
	want.Created = want.Created.UTC()
	want.Group.CooldownEnd = want.Group.CooldownEnd.UTC()
	got, _ := read(t, s, "full")
	wantEqual(t, "stack", got, want)

	s = reopen()
	got, _ = read(t, s, "full")
	wantEqual(t, "stack after reopening", got, want)

	want.Spec, want.Previous = stoker.StackSpec{}, nil
	list, err := s.Stacks(t.Context(), stoker.StackFilter{ID: "full", Project: "demo", Brief: true})
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "brief list", list, []*stoker.Stack{want})

	l := acquire(t, s, "full", "me")
	bare := stack("full", "full")
	bare.Generation = 8
	commit(t, s, stoker.Batch{Lease: l, Stack: bare})
	got, _ = read(t, s, "full")
	wantEqual(t, "stack without anything", got, bare)
}

func testValuesComeBack(t *testing.T, open Open) {
	s, reopen := open(t)
	st := stack("a", "a")
	r := resource("a", "r")
	r.Properties = map[string]any{
		"nil": nil, "true": true, "int": int64(-1), "whole float": 1.0, "float": 0.1, "tiny": 5e-324, "large": 1e300,
		"text": "<&> \u2028 \x00 \"\\", "empty": "", "list": []any{}, "map": map[string]any{},
		"deep": []any{map[string]any{"x": []any{int64(1), 1.0}}}, "": "empty key",
	}
	r.Metadata = map[string]any{} // not nil
	r.OldProperties = map[string]any{"before": []any{int64(1), nil}}
	r.Data = nil
	commit(t, s, stoker.Batch{Stack: st, Resources: []*stoker.Resource{r}})
	got, err := reopen().Resource(t.Context(), "r")
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "resource", got, r)
	if got.Metadata == nil || got.Data != nil {
		t.Errorf("empty metadata came back as %v, nil data as %v", got.Metadata, got.Data)
	}
	if f, ok := got.Properties["whole float"].(float64); !ok {
		t.Errorf("whole float: got %v of type %T", f, got.Properties["whole float"])
	}
}

func testValuesWithoutJSON(t *testing.T, open Open) {
	s, _ := open(t)
	for name, v := range map[string]any{"NaN": math.NaN(), "infinite": []any{math.Inf(1)}, "channel": make(chan int)} {
		st := stack("a", "a")
		st.Spec.Parameters = map[string]any{"x": v}
		wantKind(t, name, s.Commit(t.Context(), stoker.Batch{Stack: st}), stoker.Invalid)
	}
	_, _, err := s.Stack(t.Context(), "a")
	wantKind(t, "stack after refusals", err, stoker.NotFound)
}

func testResourcesComeBack(t *testing.T, open Open) {
	s, reopen := open(t)
	r := resource("a", "r")
	r.StatusReason, r.PhysicalID = "reason", "physical"
	r.Properties = map[string]any{"password": "hunter2"}
	r.Metadata, r.Data = map[string]any{"m": int64(1)}, map[string]any{"d": []any{"x"}}
	r.OldProperties, r.OldMetadata = map[string]any{"password": "before"}, map[string]any{}
	r.Requires = []stoker.ResourceName{"x", "y"}
	r.DeletionPolicy, r.Replaces, r.Child, r.Updated = "Retain", "old", "child", start.Add(time.Second)
	r.Hook = "pre-create"
	wantAllSet(t, r)
	older, later := resource("a", "older"), resource("a", "later")
	older.Created, later.Created = start.Add(-1), start.Add(1)
	var same []*stoker.Resource
	for i := range 300 {
		same = append(same, resource("a", fmt.Sprintf("%d", 1000-i)))
	}
	all := append([]*stoker.Resource{later, r}, same...)
	commit(t, s, stoker.Batch{Stack: stack("a", "a"), Resources: append(all, older)})
	want := append([]*stoker.Resource{older, r}, same...)
	want = append(want, later)
	_, got := read(t, s, "a")
	wantEqual(t, "resources by creation, then as handed in", got, want)

	l := acquire(t, s, "a", "me")
	changed := *r
	changed.Status, changed.Properties, changed.Metadata, changed.Data = stoker.StatusFailed, nil, nil, nil
	changed.OldProperties, changed.OldMetadata = nil, map[string]any{"before": 1.0}
	want = []*stoker.Resource{&changed}
	forget := []stoker.ResourceID{"older", "later", "no such"}
	for _, o := range same {
		forget = append(forget, o.ID)
	}
	commit(t, s, stoker.Batch{Lease: l, Resources: want, Forget: forget})
	_, got = read(t, reopen(), "a")
	wantEqual(t, "resources after a change", got, want)
}

func testUnknownIDs(t *testing.T, open Open) {
	s, _ := open(t)
	_, _, err := s.Stack(t.Context(), "none")
	wantKind(t, "stack", err, stoker.NotFound)
	_, err = s.Resource(t.Context(), "none")
	wantKind(t, "resource", err, stoker.NotFound)
	_, err = s.Stacks(t.Context(), stoker.StackFilter{Marker: "none"})
	wantKind(t, "marker of stacks", err, stoker.NotFound)
	_, err = s.Events(t.Context(), stoker.EventFilter{Marker: "none"})
	wantKind(t, "marker of events", err, stoker.NotFound)
	insert(t, s, stack("a", "a"))
	l := acquire(t, s, "a", "me")
	err = s.Commit(t.Context(), stoker.Batch{Lease: l, Resources: []*stoker.Resource{resource("none", "r")}})
	wantKind(t, "resource of no stack", err, stoker.NotFound)
}

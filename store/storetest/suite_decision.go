package storetest

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
)

func save(t *testing.T, s Store, ds ...*stoker.Decision) {
	t.Helper()
	if err := s.SaveDecisions(t.Context(), ds, nil); err != nil {
		t.Fatalf("save decisions: %v", err)
	}
}

func decisions(t *testing.T, s Store, f stoker.DecisionFilter) []*stoker.Decision {
	t.Helper()
	ds, err := s.Decisions(t.Context(), f)
	if err != nil {
		t.Fatalf("list decisions %+v: %v", f, err)
	}
	return ds
}

func testDecisionsComeBack(t *testing.T, open Open) {
	s, reopen := open(t)
	d := &stoker.Decision{Scaler: "s", Group: "g", Project: "demo", Time: start, LastTime: start.Add(time.Second), Count: 2,
		From: 1, To: 3, Wish: 9, Why: "rps 240", Limiter: "max", Next: start.Add(time.Minute),
		Signals: map[string]float64{"rps": 240, "cpu": 0.5, "up": math.Inf(1)}, Err: "no"}
	plain := &stoker.Decision{Scaler: "s", Group: "g", Time: start, LastTime: start}
	save(t, s, d, plain)
	wantAllSet(t, d)
	if d.Seq == 0 || plain.Seq <= d.Seq {
		t.Errorf("Seq: got %d and %d", d.Seq, plain.Seq)
	}
	s = reopen()
	wantDecisions(t, decisions(t, s, stoker.DecisionFilter{}), d, plain)

	d.Count, d.LastTime, d.To = 3, start.Add(2*time.Second), 1
	later := &stoker.Decision{Scaler: "s", Group: "g", Time: start, LastTime: start}
	save(t, s, d, later)
	if later.Seq <= plain.Seq {
		t.Errorf("Seq after reopening: got %d after %d", later.Seq, plain.Seq)
	}
	wantDecisions(t, decisions(t, s, stoker.DecisionFilter{}), d, plain, later)

	broken := &stoker.Decision{Scaler: "s", Group: "nan", Signals: map[string]float64{"x": math.NaN()}}
	save(t, s, broken)
	if got := decisions(t, s, stoker.DecisionFilter{Group: "nan"}); len(got) != 1 || !math.IsNaN(got[0].Signals["x"]) {
		t.Errorf("a signal that is not a number came back as %+v", got)
	}
}

func wantDecisions(t *testing.T, got []*stoker.Decision, want ...*stoker.Decision) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %d decisions, want %d", len(got), len(want))
	}
	for i := range got {
		if g, w := fmt.Sprintf("%+v", *got[i]), fmt.Sprintf("%+v", *want[i]); g != w {
			t.Errorf("decision %d:\n got %s\nwant %s", i, g, w)
		}
	}
}

func testDecisionFilters(t *testing.T, open Open) {
	s, _ := open(t)
	for i, d := range []*stoker.Decision{
		{Why: "0", Scaler: "s", Group: "g", From: 1, To: 2},
		{Why: "1", Scaler: "s", Group: "g", From: 2, To: 2},
		{Why: "2", Scaler: "t", Group: "g", From: 2, To: 1},
		{Why: "3", Scaler: "u", Group: "h", From: 1, To: 1},
		{Why: "4", Scaler: "s", Group: "g", From: 2, To: 2},
	} {
		d.Time, d.LastTime = start, start.Add(time.Duration(i)*time.Second)
		save(t, s, d)
	}
	for _, c := range []struct {
		f    stoker.DecisionFilter
		want string
	}{
		{stoker.DecisionFilter{}, "01234"},
		{stoker.DecisionFilter{Group: "g"}, "0124"},
		{stoker.DecisionFilter{Group: "h"}, "3"},
		{stoker.DecisionFilter{Group: "none"}, ""},
		{stoker.DecisionFilter{Scaler: "s"}, "014"},
		{stoker.DecisionFilter{Group: "g", Scaler: "t"}, "2"},
		{stoker.DecisionFilter{Since: start.Add(2 * time.Second)}, "234"},
		{stoker.DecisionFilter{Changes: true}, "02"},
		{stoker.DecisionFilter{Limit: 2}, "34"},
		{stoker.DecisionFilter{Group: "g", Limit: 2, Changes: true}, "02"},
	} {
		got := ""
		for _, d := range decisions(t, s, c.f) {
			got += d.Why
		}
		if got != c.want {
			t.Errorf("%+v: got %q, want %q", c.f, got, c.want)
		}
	}
}

func testDecisionsAgeOut(t *testing.T, open Open) {
	s, _ := open(t)
	first := &stoker.Decision{Group: "g", Why: "first"}
	save(t, s, first, &stoker.Decision{Group: "quiet"})
	const all = keepDecisions + 2*decisionSlack
	for n := 1; n < all; {
		var ds []*stoker.Decision
		for range 500 {
			ds = append(ds, &stoker.Decision{Group: "g", Count: n})
			n++
		}
		save(t, s, ds...)
	}
	got := decisions(t, s, stoker.DecisionFilter{Group: "g"})
	if len(got) < keepDecisions || len(got) > keepDecisions+decisionSlack {
		t.Errorf("kept %d of %d, want %d to %d", len(got), all, keepDecisions, keepDecisions+decisionSlack)
	}
	if last := got[len(got)-1].Count; last < all-1 {
		t.Errorf("the newest is number %d, want at least %d", last, all-1)
	}
	save(t, s, first) // aged out: nothing comes back
	if again := decisions(t, s, stoker.DecisionFilter{Group: "g"}); len(again) != len(got) || again[0].Why == "first" {
		t.Errorf("an aged decision came back: %d decisions after %d", len(again), len(got))
	}
	if n := len(decisions(t, s, stoker.DecisionFilter{Group: "quiet"})); n != 1 {
		t.Errorf("the quiet group has %d decisions, want 1", n)
	}
}

func testScalerStates(t *testing.T, open Open) {
	s, reopen := open(t)
	state := func(id stoker.ScalerID) stoker.ScalerState {
		t.Helper()
		st, err := s.ScalerState(t.Context(), id)
		if err != nil {
			t.Fatalf("scaler state: %v", err)
		}
		return st
	}
	wantEqual(t, "unknown", state("s"), stoker.ScalerState{Scaler: "s"})
	for _, want := range []stoker.ScalerState{
		{Scaler: "s", LastUp: start}, {Scaler: "s", LastUp: start, LastDown: start.Add(1)},
	} {
		if err := s.SaveDecisions(t.Context(), nil, []stoker.ScalerState{want, {Scaler: "other"}}); err != nil {
			t.Fatal(err)
		}
		s = reopen()
		wantEqual(t, "state", state("s"), want)
	}
	for range 2 {
		if err := s.ForgetScaler(t.Context(), "s"); err != nil {
			t.Fatal(err)
		}
	}
	wantEqual(t, "forgotten", state("s"), stoker.ScalerState{Scaler: "s"})
}

package composite_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/condition"
	"github.com/stoker-project/stoker/metric/composite"
	"github.com/stoker-project/stoker/metric/metrictest"
)

func threshold(name string, below bool, periods int, period time.Duration) condition.Rule {
	return condition.Rule{Threshold: &condition.Threshold{
		Name: name, Signal: stoker.SignalSpec{Source: name}, Bound: 5, Below: below, Periods: periods, Period: period,
	}}
}

func open(t *testing.T, r condition.Rule, worlds map[string]*metrictest.Fake) *composite.Source {
	t.Helper()
	text, err := r.Text()
	if err != nil {
		t.Fatal(err)
	}
	s, err := composite.New(stoker.SignalSpec{Query: text}, func(spec stoker.SignalSpec) (stoker.SignalSource, error) {
		return worlds[spec.Source], nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestConformance(t *testing.T) {
	metrictest.RunInBubble(t, func(t *testing.T) metrictest.Subject {
		a := &metrictest.Fake{}
		broken := stoker.Errorf(stoker.Unavailable, "broken")
		return metrictest.Subject{
			Source: open(t, threshold("a", false, 2, time.Second), map[string]*metrictest.Fake{"a": a}),
			Pass:   func() { time.Sleep(time.Second) },
			Break:  func() { a.Fail(broken) }, Mend: func() { a.Fail(nil) }, Hang: a.Silence,
		}
	})
}

// TestTruth has all values of two signals: unknown ones decide nothing that the other
// does not.
func TestTruth(t *testing.T) {
	const low, high, bad = 1, 9, -1
	for _, tt := range []struct {
		a, b    float64
		and, or string
	}{
		{low, low, "0", "0"}, {low, high, "0", "1"}, {high, low, "0", "1"}, {high, high, "1", "1"},
		{bad, low, "0", "?"}, {bad, high, "?", "1"}, {low, bad, "0", "?"}, {high, bad, "?", "1"}, {bad, bad, "?", "?"},
	} {
		worlds := map[string]*metrictest.Fake{"a": {}, "b": {}}
		for name, v := range map[string]float64{"a": tt.a, "b": tt.b} {
			worlds[name].Set(v, false)
			if v == bad {
				worlds[name].Fail(stoker.Errorf(stoker.Unavailable, "no answer"))
			}
		}
		two := []condition.Rule{threshold("a", false, 1, time.Second), threshold("b", false, 1, time.Second)}
		for want, r := range map[*string]condition.Rule{&tt.and: {And: two}, &tt.or: {Or: two}} {
			if got := read(t, open(t, r, worlds)); got != *want {
				t.Errorf("a %v, b %v, %+v: got %s, want %s", tt.a, tt.b, r, got, *want)
			}
		}
	}
}

func read(t *testing.T, s *composite.Source) string {
	got, err := s.Read(t.Context())
	switch {
	case err != nil && !strings.Contains(err.Error(), "not known"):
		t.Error(err)
	case err == nil && got.Value == 1:
		return "1"
	case err == nil && got.Value == 0:
		return "0"
	}
	return "?"
}

// TestPeriods counts each signal in its own periods, and anew after a gap.
func TestPeriods(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		worlds := map[string]*metrictest.Fake{"a": {}, "b": {}}
		s := open(t, condition.Rule{And: []condition.Rule{
			threshold("a", false, 3, time.Second), {Or: []condition.Rule{threshold("b", true, 1, 4*time.Second), threshold("b", true, 1, 4*time.Second)}},
		}}, worlds)
		worlds["a"].Set(5.1, false)
		worlds["b"].Set(4.9, false)
		var got []string
		step := func(n int) {
			for range n {
				got = append(got, read(t, s))
				time.Sleep(time.Second)
			}
		}
		step(4) // three of a
		worlds["a"].Set(5, false)
		step(4) // the bound is not beyond it; the third says so
		worlds["b"].Set(5, false)
		worlds["a"].Set(9, false)
		step(4) // b is read at once, in its period
		worlds["b"].Set(1, false)
		worlds["a"].Fail(stoker.Errorf(stoker.Unavailable, "no answer"))
		step(1)
		worlds["a"].Set(9, false)
		step(3)
		if want := "??11 1100 0000 ???1"; strings.Join(got, "") != strings.ReplaceAll(want, " ", "") {
			t.Errorf("got %v, want %s", got, want)
		}
	})
}

func TestRefused(t *testing.T) {
	for _, text := range []string{"", "{}", `{"And":[{}]}`, `{"Threshold":{"Name":"x"}}`, `{"Or":[],"And":[]}`, `{"Or":[]}`} {
		_, err := composite.New(stoker.SignalSpec{Query: text}, func(stoker.SignalSpec) (stoker.SignalSource, error) { return &metrictest.Fake{}, nil })
		if !stoker.IsKind(err, stoker.Invalid) {
			t.Errorf("%q: got %v", text, err)
		}
	}
}

package aggregate_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/condition"
	"github.com/stoker-project/stoker/metric/aggregate"
	"github.com/stoker-project/stoker/metric/metrictest"
)

// world has a value for each pool.
type world map[stoker.PoolID]float64

func (w world) open(s stoker.SignalSpec) (stoker.SignalSource, error) {
	if s.Pool == "foreign" {
		return nil, stoker.Errorf(stoker.NotFound, "there is no pool")
	}
	return reader(func() (stoker.Sample, error) {
		v, ok := w[s.Pool]
		if !ok {
			return stoker.Sample{}, stoker.Errorf(stoker.Unavailable, "not now")
		}
		return stoker.Sample{Value: v, Time: time.Unix(int64(v), 0)}, nil
	}), nil
}

type reader func() (stoker.Sample, error)

func (r reader) Read(context.Context) (stoker.Sample, error) { return r() }

func text(t *testing.T, method string, pools ...stoker.PoolID) stoker.SignalSpec {
	t.Helper()
	a := condition.Aggregate{Method: method}
	for _, p := range pools {
		a.Signals = append(a.Signals, stoker.SignalSpec{Pool: p})
	}
	query, err := a.Text()
	if err != nil {
		t.Fatal(err)
	}
	return stoker.SignalSpec{Source: "aggregate", Query: query}
}

func TestAggregates(t *testing.T) {
	w := world{"a": 10, "b": 2, "c": 6}
	for method, want := range map[string]float64{"mean": 6, "sum": 18, "min": 2, "max": 10} {
		s, err := aggregate.New(text(t, method, "a", "b", "c"), w.open)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Read(t.Context())
		if err != nil || got.Value != want || !got.Time.Equal(time.Unix(2, 0)) || got.Detail != method+" of 10, 2, 6" {
			t.Errorf("%s: got %+v, %v, want %v as old as the oldest", method, got, err, want)
		}
	}
}

func TestOneIsMissing(t *testing.T) {
	s, err := aggregate.New(text(t, "max", "a", "b"), world{"a": 10}.open)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Read(t.Context()); !stoker.IsKind(err, stoker.Unavailable) || !strings.Contains(err.Error(), "signal 2 of 2") {
		t.Errorf("got %v", err)
	}
}

func TestRefused(t *testing.T) {
	if _, err := aggregate.New(text(t, "mean", "a", "foreign"), world{}.open); !stoker.IsKind(err, stoker.NotFound) {
		t.Errorf("a pool that is not there: %v", err)
	}
	for _, spec := range []stoker.SignalSpec{{Query: "x"}, text(t, "mean"), text(t, "median", "a")} {
		if _, err := aggregate.New(spec, world{}.open); !stoker.IsKind(err, stoker.Invalid) {
			t.Errorf("%q: %v", spec.Query, err)
		}
	}
}

func TestConformance(t *testing.T) {
	metrictest.RunInBubble(t, func(t *testing.T) metrictest.Subject {
		fakes := map[stoker.PoolID]*metrictest.Fake{"a": {}, "b": {}}
		s, err := aggregate.New(text(t, "mean", "a", "b"), func(spec stoker.SignalSpec) (stoker.SignalSource, error) { return fakes[spec.Pool], nil })
		if err != nil {
			t.Fatal(err)
		}
		broken := stoker.Errorf(stoker.Unavailable, "broken")
		return metrictest.Subject{
			Source: s,
			Break:  func() { fakes["b"].Fail(broken) }, Mend: func() { fakes["b"].Fail(nil) }, Hang: fakes["b"].Silence,
		}
	})
}

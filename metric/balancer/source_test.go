package balancer_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/metric/balancer"
	"github.com/stoker-project/stoker/metric/metrictest"
)

// pool is a balancer with one pool; the traffic runs at a rate.
type pool struct {
	stats  stoker.PoolStats
	err    error
	silent bool
	then   func() // after the next reading
}

func (p *pool) Stats(ctx context.Context, id stoker.PoolID) (stoker.PoolStats, error) {
	if p.silent {
		<-ctx.Done()
		return stoker.PoolStats{}, ctx.Err()
	}
	now := p.stats
	now.Time = time.Now()
	if p.then != nil {
		p.then()
		p.then = nil
	}
	return now, p.err
}

// pass lets seconds go by with requests per second of a duration each.
func (p *pool) pass(seconds int, rps int64, took float64) {
	for range seconds {
		time.Sleep(time.Second) // in a bubble
		p.stats.Requests += rps
		p.stats.Errors += rps / 10
		p.stats.LatencySeconds += float64(rps) * took
		p.stats.BusySeconds += float64(rps) * took
	}
}

func source(t *testing.T, p *pool, metric string, window time.Duration) *balancer.Source {
	t.Helper()
	s, err := balancer.New(p, stoker.SignalSpec{Pool: "p", Metric: metric, Window: window})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestConformance(t *testing.T) {
	for metric, total := range map[string]bool{
		balancer.RequestsPerSecond: true, balancer.ErrorsPerSecond: true,
		balancer.Concurrency: true, balancer.Latency: false, balancer.Queue: true,
	} {
		t.Run(metric, func(t *testing.T) {
			metrictest.RunInBubble(t, func(t *testing.T) metrictest.Subject {
				p := &pool{}
				return metrictest.Subject{
					Source: source(t, p, metric, 0), Total: total,
					Pass:  func() { p.pass(1, 10, 0.1) },
					Break: func() { p.err = stoker.Errorf(stoker.NotFound, "no pool") },
					Mend:  func() { p.err, p.silent = nil, false },
					Hang:  func() { p.silent = true },
				}
			})
		})
	}
}

func TestMetricsAreDifferences(t *testing.T) {
	for metric, want := range map[string]float64{
		balancer.RequestsPerSecond: 40, balancer.ErrorsPerSecond: 4, balancer.Concurrency: 10, balancer.Latency: 0.25,
	} {
		synctest.Test(t, func(t *testing.T) {
			p := &pool{}
			p.stats.Requests, p.stats.Errors, p.stats.LatencySeconds, p.stats.BusySeconds = 1e6, 1e5, 1e7, 1e7
			s := source(t, p, metric, 0)
			if got, err := s.Read(t.Context()); err == nil {
				t.Errorf("%s: the first reading gives %v", metric, got)
			}
			for range 10 {
				p.pass(1, 40, 0.25)
				got, err := s.Read(t.Context())
				if err != nil || math.Abs(got.Value-want) > 1e-6 {
					t.Errorf("%s: got %v, %v, want %v", metric, got.Value, err, want)
				}
			}
		})
	}
}

// TestBursts: what is in flight now counts when it is far more than the mean,
// and more than chance.
func TestBursts(t *testing.T) {
	for _, c := range []struct {
		name     string
		rps      int64
		inFlight int
		burst    float64
	}{
		{"a steady load", 100, 3, 0},
		{"chance", 100, 6, 0},
		{"a burst", 100, 20, 20},
		{"twice as much of little", 10, 3, 0},
		{"not twice as much", 1000, 35, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &pool{}
				s := source(t, p, balancer.Concurrency, 0)
				if _, err := s.Read(t.Context()); err == nil {
					t.Fatal("the first reading is no error")
				}
				p.pass(5, c.rps, 0.02)
				p.stats.InFlight = c.inFlight
				got, err := s.Read(t.Context())
				if err != nil || got.Burst != c.burst {
					t.Errorf("mean %g, burst %g, %v, want burst %g", got.Value, got.Burst, err, c.burst)
				}
			})
		})
	}
}

// TestBurstsAreLookedAtTwice: what is gone a moment later was chance.
func TestBurstsAreLookedAtTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pool{}
		s := source(t, p, balancer.Concurrency, 0)
		_, _ = s.Read(t.Context()) // no difference yet
		p.pass(5, 100, 0.02)
		p.stats.InFlight = 20
		p.then = func() { p.stats.InFlight = 2 }
		got, err := s.Read(t.Context())
		if err != nil || got.Burst != 0 {
			t.Errorf("burst %g, %v, want none", got.Burst, err)
		}
	})
}

func TestBurstOfRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pool{}
		s := source(t, p, balancer.RequestsPerSecond, 0)
		_, _ = s.Read(t.Context()) // no difference yet
		for i, rps := range []int64{100, 110, 90, 100, 1000} {
			p.pass(1, rps, 0.02)
			got, err := s.Read(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if want := map[bool]float64{true: 1000}[i == 4]; got.Burst != want {
				t.Errorf("reading %d: mean %g, burst %g, want %g", i, got.Value, got.Burst, want)
			}
		}
	})
}

func TestWindowSmooths(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pool{}
		s := source(t, p, balancer.RequestsPerSecond, 4*time.Second)
		s.Read(t.Context())
		var got []float64
		for _, rps := range []int64{0, 100, 100, 100, 100, 0, 0} {
			p.pass(1, rps, 0)
			sample, err := s.Read(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, math.Round(sample.Value))
		}
		for i, want := range []float64{0, 50, 67, 75, 100, 75, 50} {
			if got[i] != want {
				t.Errorf("second %d: got %v, want %v", i+1, got[i], want)
			}
		}
	})
}

func TestCountersThatBeginAnewAreNotLow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pool{}
		s := source(t, p, balancer.RequestsPerSecond, 0)
		s.Read(t.Context())
		p.pass(3, 100, 0.1)
		s.Read(t.Context())
		p.stats = stoker.PoolStats{}
		p.pass(1, 100, 0.1)
		if got, err := s.Read(t.Context()); err == nil {
			t.Errorf("got %+v", got)
		}
		p.pass(1, 100, 0.1)
		if got, err := s.Read(t.Context()); err != nil || got.Value != 100 {
			t.Errorf("got %v, %v, want 100", got.Value, err)
		}
	})
}

func TestLatencyOfRequestsThatNeverEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pool{}
		s := source(t, p, balancer.Latency, 0)
		s.Read(t.Context())
		p.pass(1, 0, 0)
		if got, err := s.Read(t.Context()); err != nil || got.Value != 0 {
			t.Errorf("without requests: got %v, %v, want 0", got.Value, err)
		}
		p.stats.InFlight = 3
		p.pass(6, 0, 0)
		if got, err := s.Read(t.Context()); err == nil {
			t.Errorf("stuck requests read as %v", got.Value)
		}
	})
}

// TestMembersDown counts those that were up once, at the first look.
func TestMembersDown(t *testing.T) {
	p := &pool{stats: stoker.PoolStats{Members: []stoker.MemberStats{
		{State: stoker.MemberDown}, {State: stoker.MemberUp}, {State: stoker.MemberChecking}, {State: stoker.MemberDown}, {State: stoker.MemberDraining},
	}}}
	got, err := source(t, p, balancer.MembersDown, 0).Read(t.Context())
	if err != nil || got.Value != 2 || !got.Total || got.Detail != "1 of 5 members up" {
		t.Errorf("got %+v, %v, want 2 in all", got, err)
	}
}

func TestQueueIsAGauge(t *testing.T) {
	p := &pool{stats: stoker.PoolStats{Traffic: stoker.Traffic{Queued: 7}}}
	if got, err := source(t, p, balancer.Queue, 0).Read(t.Context()); err != nil || got.Value != 7 {
		t.Errorf("got %v, %v, want 7", got.Value, err)
	}
}

func TestNewRefuses(t *testing.T) {
	for _, spec := range []stoker.SignalSpec{{Metric: "latency"}, {Pool: "p", Metric: "rps"}, {Pool: "p"}} {
		if _, err := balancer.New(&pool{}, spec); !stoker.IsKind(err, stoker.Invalid) {
			t.Errorf("%+v: got %v", spec, err)
		}
	}
}

// TestErrorsHoldNoIDs: they stand in the reasons of decisions, which people read.
func TestErrorsHoldNoIDs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const id = "e820ce73-8fba-495a-9850-ba74329116a3"
		p := &pool{}
		s, err := balancer.New(p, stoker.SignalSpec{Pool: id, Metric: balancer.Latency})
		if err != nil {
			t.Fatal(err)
		}
		fails := func(what string) {
			t.Helper()
			if _, err := s.Read(t.Context()); err == nil || strings.Contains(err.Error(), id) {
				t.Errorf("%s: got error %v, want one without the pool's ID", what, err)
			}
		}
		fails("the first reading")
		p.pass(1, 0, 0)
		p.stats.InFlight = 3
		fails("nothing has ended")
		p.err = errors.New("broken")
		fails("the balancer is broken")
		p.err, p.stats = nil, stoker.PoolStats{}
		p.pass(1, 1, 0.1)
		if _, err := s.Read(t.Context()); err != nil {
			t.Fatal(err)
		}
		p.stats = stoker.PoolStats{}
		p.pass(1, 0, 0)
		fails("counters anew")
	})
}

// Package balancer reads signals from the balancer that the traffic runs through: they
// are there within a second and need no agent. It knows counters only, no
// scaling. It starts no goroutine; a Source belongs to whoever reads it.
package balancer

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/stoker-project/stoker"
)

// DefaultWindow is the time that signals are averaged over where the user gives none.
// In simulations of days 5 s gave the fewest changes of size at the same
// service: less follows noise, more follows load too late.
const DefaultWindow = 5 * time.Second

// The metrics of a balancer (SignalSpec.Metric).
const (
	RequestsPerSecond = "requests_per_second" // requests ended, a total
	ErrorsPerSecond   = "errors_per_second"   // requests that went wrong, a total
	Concurrency       = "concurrency"         // mean number in flight, a total
	Latency           = "latency"             // mean seconds per ended request, a level
	Queue             = "queue"               // requests waiting for a member at this moment, a total
	MembersDown       = "members_down"        // members that were up and fail their health checks, a total
)

// Reader is the part of a balancer that is needed here.
type Reader interface {
	Stats(ctx context.Context, id stoker.PoolID) (stoker.PoolStats, error)
}

// Source reads one metric of one pool. Rates and means are of the last Window, or as
// much of it as was seen: the first reading, and the first after the counters began anew,
// is an error.
type Source struct {
	reader Reader
	pool   stoker.PoolID
	metric string
	window time.Duration
	past   []stoker.PoolStats // oldest first; members left out
}

var _ stoker.SignalSource = (*Source)(nil)

// New makes a source; spec names Pool, Metric and Window. Errors: Invalid.
func New(r Reader, spec stoker.SignalSpec) (*Source, error) {
	if spec.Pool == "" {
		return nil, &stoker.Error{Kind: stoker.Invalid, Path: "pool", Message: "a signal of a balancer needs a pool"}
	}
	metrics := []string{RequestsPerSecond, ErrorsPerSecond, Concurrency, Latency, Queue, MembersDown}
	if !slices.Contains(metrics, spec.Metric) {
		return nil, &stoker.Error{
			Kind: stoker.Invalid, Path: "metric",
			Message: fmt.Sprintf("a balancer has no metric %q", spec.Metric),
			Hint:    fmt.Sprintf("Metrics are %v.", metrics),
		}
	}
	return &Source{reader: r, pool: spec.Pool, metric: spec.Metric, window: cmp.Or(spec.Window, DefaultWindow)}, nil
}

// Read takes one reading of the counters. Errors: Unavailable, NotFound.
func (s *Source) Read(ctx context.Context) (stoker.Sample, error) {
	now, err := s.reader.Stats(ctx, s.pool)
	if err != nil {
		return stoker.Sample{}, readError(err)
	}
	if err := ctx.Err(); err != nil {
		return stoker.Sample{}, readError(err)
	}
	switch s.metric {
	case Queue:
		return sample(&now, float64(now.Queued), true), nil
	case MembersDown:
		return sample(&now, float64(count(&now, stoker.MemberDown)), true), nil
	}
	from, err := s.add(now)
	if err != nil {
		return stoker.Sample{}, err
	}
	out, err := s.between(from, &now)
	if s.metric == Concurrency && out.Burst > 0 {
		out.Burst = s.confirm(ctx, out)
	}
	return out, err
}

// secondLook is after how long a burst in the number in flight is looked at
// again: chance does not strike twice, and a load that has come stays.
const secondLook = 25 * time.Millisecond

// confirm gives the lesser of two looks at a burst; 0 if the second sees none.
func (s *Source) confirm(ctx context.Context, first stoker.Sample) float64 {
	t := time.NewTimer(secondLook)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
		return 0
	}
	again, err := s.reader.Stats(ctx, s.pool)
	if err != nil {
		return 0
	}
	return min(first.Burst, burst(first.Value, float64(again.InFlight)))
}

// readError, like all errors here, leaves out the pool's ID: people who read it
// know the signal, and IDs say nothing to them.
func readError(err error) error {
	if stoker.KindOf(err) != stoker.Internal {
		return fmt.Errorf("read the pool: %w", err)
	}
	return stoker.Errorf(stoker.Unavailable, "read the pool: %w", err)
}

// add remembers a reading and gives the one to compare it with: the youngest
// that is a window old, otherwise the oldest.
func (s *Source) add(now stoker.PoolStats) (*stoker.PoolStats, error) {
	now.Members = nil
	if n := len(s.past); n > 0 && restarted(&s.past[n-1], &now) {
		s.past = append(s.past[:0], now)
		return nil, stoker.Errorf(stoker.Unavailable, "the counters of the pool began anew")
	}
	if n := len(s.past); n == 0 || now.Time.After(s.past[n-1].Time) {
		s.past = append(s.past, now)
	}
	first := 0
	for first+1 < len(s.past) && now.Time.Sub(s.past[first+1].Time) >= s.window {
		first++
	}
	s.past = slices.Delete(s.past, 0, first)
	if len(s.past) < 2 {
		return nil, stoker.Errorf(stoker.Unavailable, "the pool was read once only, there is no difference yet")
	}
	return &s.past[0], nil
}

// restarted tells that a counter, or the clock, went back.
func restarted(before, now *stoker.PoolStats) bool {
	return now.Requests < before.Requests || now.Errors < before.Errors ||
		now.LatencySeconds < before.LatencySeconds || now.BusySeconds < before.BusySeconds ||
		now.Time.Before(before.Time)
}

func (s *Source) between(from, now *stoker.PoolStats) (stoker.Sample, error) {
	seconds := now.Time.Sub(from.Time).Seconds()
	ended := float64(now.Requests - from.Requests)
	switch s.metric {
	case RequestsPerSecond:
		out := sample(now, ended/seconds, true)
		last, ok := s.lastInterval(now)
		if ok {
			out.Burst = burst(out.Value, float64(now.Requests-last.Requests)/now.Time.Sub(last.Time).Seconds())
		}
		return out, nil
	case ErrorsPerSecond:
		return sample(now, float64(now.Errors-from.Errors)/seconds, true), nil
	case Concurrency:
		out := sample(now, (now.BusySeconds-from.BusySeconds)/seconds, true)
		out.Burst = burst(out.Value, float64(now.InFlight))
		return out, nil
	}
	switch {
	case ended > 0:
		return sample(now, (now.LatencySeconds-from.LatencySeconds)/ended, false), nil
	case now.InFlight+now.Queued > 0:
		// Nobody knows how long those will take: surely not low.
		return stoker.Sample{}, stoker.Errorf(stoker.Unavailable, "%d requests are under way and none has ended in %.3gs",
			now.InFlight+now.Queued, seconds)
	}
	return sample(now, 0, false), nil
}

// lastInterval gives the reading before this one.
func (s *Source) lastInterval(now *stoker.PoolStats) (*stoker.PoolStats, bool) {
	i := len(s.past) - 2
	if i < 0 || !s.past[i+1].Time.Equal(now.Time) {
		return nil, false
	}
	return &s.past[i], true
}

// burst gives what is seen now if it is at least twice the mean, and three and
// a half standard deviations of a random arrival more.
func burst(mean, now float64) float64 {
	if now >= 2*mean && now-mean > 3.5*math.Sqrt(max(mean, 1)) {
		return now
	}
	return 0
}

func sample(now *stoker.PoolStats, value float64, total bool) stoker.Sample {
	return stoker.Sample{Value: value, Time: now.Time, Total: total,
		Detail: fmt.Sprintf("%d of %d members up", count(now, stoker.MemberUp), len(now.Members))}
}

func count(now *stoker.PoolStats, state stoker.MemberState) int {
	n := 0
	for _, m := range now.Members {
		if m.State == state {
			n++
		}
	}
	return n
}

// Package metrictest is the contract of stoker.SignalSource in code: every source
// passes Run, and so does the Fake that tests of others use. It starts no goroutine
// that outlives a test.
package metrictest

import (
	"context"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stoker-project/stoker"
)

// Subject is a source under test with the world that it reads.
type Subject struct {
	Source stoker.SignalSource
	// Pass lets enough happen in the world for one more reading. Nil: nothing need.
	Pass func()
	// Break makes the world unreadable, Mend readable again.
	Break, Mend func()
	// Hang makes the world silent until the reader gives up; nil: it cannot be.
	Hang func()
	// Total is what samples must say of themselves.
	Total bool
}

// Run checks a source; fresh makes one that has read nothing yet.
func Run(t *testing.T, fresh func(t *testing.T) Subject) {
	t.Helper()
	run(t, fresh, func(t *testing.T, check func(*testing.T)) { check(t) })
}

// RunInBubble is Run with the time of synctest bubbles, for worlds in memory.
func RunInBubble(t *testing.T, fresh func(t *testing.T) Subject) {
	t.Helper()
	run(t, fresh, synctest.Test)
}

func run(t *testing.T, fresh func(t *testing.T) Subject, within func(*testing.T, func(*testing.T))) {
	t.Helper()
	for name, check := range map[string]func(*testing.T, Subject){
		"reads within a few turns":        readsSoon,
		"a broken world is an error":      brokenIsError,
		"it recovers":                     recovers,
		"an ended context is an error":    endedContext,
		"a silent world ends with ctx":    silent,
		"errors have a kind and a reason": errorsHaveKinds,
	} {
		t.Run(name, func(t *testing.T) {
			within(t, func(t *testing.T) { check(t, fresh(t)) })
		})
	}
}

// attempts is how many readings a source may need to warm up.
const attempts = 20

func (s Subject) pass() {
	if s.Pass != nil {
		s.Pass()
	}
}

func (s Subject) read() (stoker.Sample, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return s.Source.Read(ctx)
}

// until reads until there is a sample.
func (s Subject) until(t *testing.T) stoker.Sample {
	t.Helper()
	var last error
	for range attempts {
		sample, err := s.read()
		if err == nil {
			return sample
		}
		last = err
		s.pass()
	}
	t.Fatalf("no sample in %d readings: %v", attempts, last)
	return stoker.Sample{}
}

func readsSoon(t *testing.T, s Subject) {
	for range 3 {
		got := s.until(t)
		if math.IsNaN(got.Value) || math.IsInf(got.Value, 0) {
			t.Errorf("value: got %v, want a number or an error", got.Value)
		}
		if age := time.Since(got.Time); age < -time.Minute || age > time.Minute {
			t.Errorf("time: got %v, which is %v ago", got.Time, age)
		}
		if got.Total != s.Total {
			t.Errorf("total: got %v, want %v", got.Total, s.Total)
		}
		s.pass()
	}
}

func brokenIsError(t *testing.T, s Subject) {
	s.until(t)
	s.Break()
	for range 3 {
		s.pass()
		if got, err := s.read(); err == nil {
			t.Errorf("a broken world reads %+v", got)
		}
	}
}

func recovers(t *testing.T, s Subject) {
	s.until(t)
	s.Break()
	s.pass()
	s.read() // its result is another check's
	s.Mend()
	s.until(t)
}

func endedContext(t *testing.T, s Subject) {
	s.until(t)
	s.pass()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if got, err := s.Source.Read(ctx); err == nil {
		t.Errorf("got %+v from an ended context", got)
	}
	s.until(t)
}

func silent(t *testing.T, s Subject) {
	if s.Hang == nil {
		t.Skip("this world cannot be silent")
	}
	s.until(t)
	s.Hang()
	s.pass()
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	begin := time.Now()
	if got, err := s.Source.Read(ctx); err == nil {
		t.Errorf("a silent world reads %+v", got)
	}
	if took := time.Since(begin); took > 3*time.Second {
		t.Errorf("it returned %v after its context ended", took)
	}
	s.Mend()
	s.pass()
	s.until(t)
}

func errorsHaveKinds(t *testing.T, s Subject) {
	s.until(t)
	s.Break()
	s.pass()
	if _, err := s.read(); stoker.KindOf(err) == stoker.Internal {
		t.Errorf("users are shown this error, so it needs a kind: %v", err)
	}
}

// Fake is a source that says what it is told. The zero Fake reads 0.
type Fake struct {
	mu     sync.Mutex
	sample stoker.Sample
	err    error
	silent bool
}

var _ stoker.SignalSource = (*Fake)(nil)

// Set sets the value of all samples from now on, and whether it is a total.
func (f *Fake) Set(value float64, total bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sample, f.err, f.silent = stoker.Sample{Value: value, Total: total}, nil, false
}

// Fail makes every reading an error; nil ends that.
func (f *Fake) Fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err, f.silent = err, false
}

// Silence makes every reading wait for the end of its context.
func (f *Fake) Silence() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.silent = true
}

// Read gives what was set, at the present time.
func (f *Fake) Read(ctx context.Context) (stoker.Sample, error) {
	f.mu.Lock()
	sample, err, silent := f.sample, f.err, f.silent
	f.mu.Unlock()
	if silent {
		<-ctx.Done()
	}
	if ctx.Err() != nil {
		return stoker.Sample{}, stoker.Errorf(stoker.Unavailable, "read fake signal: %w", ctx.Err())
	}
	sample.Time = time.Now()
	return sample, err
}

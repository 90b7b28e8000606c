package scale

import (
	"context"
	"time"

	"github.com/stoker-project/stoker"
)

// signal is one signal of a scaler. Only source is used by other goroutines, one at a time.
type signal struct {
	name    string
	source  stoker.SignalSource
	timeout time.Duration
	// reading is when the reading under way began, zero if there is none.
	reading time.Time
	latest  Reading
	read    bool // latest is one
}

type result struct {
	signal *signal
	Reading
}

// maxGrace bounds the wait for readings at an evaluation.
const maxGrace = 250 * time.Millisecond

// read starts a reading of every signal and waits a moment for them. What has
// not come by then counts at a later evaluation; until then the sample before
// does, while it is not stale. So a slow source delays nothing.
func (s *scaler) read(ctx context.Context) {
	now := time.Now()
	for _, sig := range s.signals {
		if sig.reading.IsZero() {
			sig.reading = now
			s.reads.Go(func() { s.readOne(ctx, sig) })
		}
	}
	s.grace.Reset(min(maxGrace, interval(&s.policy)/4))
	for s.waiting() {
		select {
		case r := <-s.results:
			r.signal.reading = time.Time{}
			r.signal.latest, r.signal.read = r.Reading, true
		case <-s.grace.C:
			s.overdue(time.Now())
			return
		case <-ctx.Done():
			return
		}
	}
}

// readOne reads a signal. The channel has room for one result of each, so that
// the send never blocks.
func (s *scaler) readOne(ctx context.Context, sig *signal) {
	ctx, cancel := context.WithTimeout(ctx, sig.timeout)
	defer cancel()
	sample, err := sig.source.Read(ctx)
	s.results <- result{sig, Reading{Sample: sample, Err: err}}
}

// latest gives what is known of a signal, nil before its first reading.
func (s *scaler) latest(name string) *Reading {
	for _, sig := range s.signals {
		if sig.name == name && sig.read {
			return &sig.latest
		}
	}
	return nil
}

func (s *scaler) waiting() bool {
	for _, sig := range s.signals {
		if !sig.reading.IsZero() {
			return true
		}
	}
	return false
}

// overdue marks the signals whose sources do not keep their time-out.
func (s *scaler) overdue(now time.Time) {
	for _, sig := range s.signals {
		if !sig.reading.IsZero() && now.Sub(sig.reading) > sig.timeout {
			sig.read = true
			sig.latest = Reading{Err: stoker.Errorf(stoker.Unavailable, "no answer for %s", span(now.Sub(sig.reading)))}
		}
	}
}

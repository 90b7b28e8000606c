package scale

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/stoker-project/stoker"
)

const (
	foldedFor    = 30 * time.Second // how long a folded decision may be ahead of its record
	batchSize    = 1000             // decisions written at once
	storeTimeout = 5 * time.Second  // of one write
	storeRetry   = time.Second      // after a write that went wrong
	intentWait   = 2 * time.Second  // how long a change waits for its record
	maxQueued    = 20_000           // decisions kept in memory while the store is down
)

// journal keeps decisions until they are in the store. Scalers add to it and never
// wait for the store, but for the intent of a change; run alone writes.
type journal struct {
	store stoker.DecisionStore
	log   *slog.Logger
	wake  chan struct{} // buffered: something is queued
	// writing is held while the store is written to, by a value in it.
	writing chan struct{}

	mu     sync.Mutex
	open   map[stoker.ScalerID]*row // the latest of each scaler
	queue  []*row                   // to be written, oldest first
	again  []*row                   // a batch that was refused; comes before the queue
	flying []*row                   // being written
	states map[stoker.ScalerID]stoker.ScalerState
	broken error // of the last write
	lost   int   // dropped from the queue since the last good write
}

// row is a decision on its way to the store. Its fields are guarded by journal.mu.
type row struct {
	d       stoker.Decision
	version int // counts changes of d
	saved   int // the version in the store
	queued  bool
	written time.Time // the last attempt
	waiters []chan error
}

func newJournal(store stoker.DecisionStore, log *slog.Logger) *journal {
	return &journal{
		store:   store,
		log:     log,
		wake:    make(chan struct{}, 1),
		writing: make(chan struct{}, 1),
		open:    map[stoker.ScalerID]*row{},
		states:  map[stoker.ScalerID]stoker.ScalerState{},
	}
}

// note adds a decision to do nothing. False: it was folded into the one before.
func (j *journal) note(d *stoker.Decision) bool {
	tidy(d)
	j.mu.Lock()
	defer j.mu.Unlock()
	if r := j.open[d.Scaler]; r != nil && alike(&r.d, d) {
		fold(&r.d, d)
		r.version++
		return false
	}
	j.begin(d)
	return true
}

// intend adds a change and waits, not for long, until it and the state are in the store.
func (j *journal) intend(ctx context.Context, d *stoker.Decision, st stoker.ScalerState) (*row, error) {
	tidy(d)
	j.mu.Lock()
	r := j.begin(d)
	j.states[st.Scaler] = st
	if err := j.broken; err != nil {
		j.mu.Unlock()
		return r, err
	}
	saved := make(chan error, 1)
	r.waiters = append(r.waiters, saved)
	j.mu.Unlock()

	ctx, cancel := context.WithTimeout(ctx, intentWait)
	defer cancel()
	select {
	case err := <-saved:
		return r, err
	case <-ctx.Done():
		return r, stoker.Errorf(stoker.Unavailable, "the store has not taken the decision within %s", intentWait)
	}
}

// amend changes a decision that was added before, and the state with it.
func (j *journal) amend(r *row, st stoker.ScalerState, change func(*stoker.Decision)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	change(&r.d)
	tidy(&r.d)
	r.version++
	j.states[st.Scaler] = st
	j.enqueue(r)
}

// begin makes a decision the latest of its scaler. Call with mu held.
func (j *journal) begin(d *stoker.Decision) *row {
	if last := j.open[d.Scaler]; last != nil && last.version != last.saved {
		j.enqueue(last)
	}
	r := &row{d: *d, version: 1}
	j.open[d.Scaler] = r
	j.enqueue(r)
	return r
}

// enqueue has a row written soon. Call with mu held.
func (j *journal) enqueue(r *row) {
	if !r.queued {
		r.queued = true
		j.queue = append(j.queue, r)
	}
	for len(j.queue) > maxQueued {
		j.queue[0].queued = false
		j.queue[0] = nil
		j.queue = j.queue[1:]
		j.lost++
	}
	select {
	case j.wake <- struct{}{}:
	default: // it will wake anyway
	}
}

// forget removes what a restart would know of a scaler.
func (j *journal) forget(ctx context.Context, id stoker.ScalerID) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	select {
	case j.writing <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-j.writing }()
	j.mu.Lock()
	delete(j.states, id)
	if r := j.open[id]; r != nil && r.version != r.saved {
		j.enqueue(r)
	}
	delete(j.open, id)
	j.mu.Unlock()
	return j.store.ForgetScaler(ctx, id)
}

// overdue queues the latest decisions that were folded for long enough, some at a time.
func (j *journal) overdue(now time.Time) {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := 0
	for _, r := range j.open {
		if r.version == r.saved || r.queued || now.Sub(r.written) < foldedFor {
			continue
		}
		j.enqueue(r)
		if n++; n == batchSize {
			return
		}
	}
}

// tidy makes texts storable: they hold words of the world outside, and one that the
// store refuses would hold up all others.
func tidy(d *stoker.Decision) {
	d.Why, d.Err = storable(d.Why), storable(d.Err)
}

const maxText = 1000

func storable(s string) string {
	if len(s) > maxText {
		s = s[:maxText] + "..."
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "?"), "\x00", "?")
}

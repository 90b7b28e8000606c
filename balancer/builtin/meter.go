package builtin

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stoker-project/stoker"
)

// A meter counts the traffic of one member, or a part of a pool's. Times are
// measured from one epoch per pool. All methods may be called concurrently.
type meter struct {
	inFlight atomic.Int64 // changed under mu, read without by leastconn

	mu       sync.Mutex // guards what follows
	last     time.Duration
	busy     float64 // seconds
	latency  float64 // seconds
	requests int64
	errors   int64
	retries  int64
}

// begin counts a request that starts now.
func (m *meter) begin(now time.Duration) {
	m.mu.Lock()
	m.advance(now)
	m.inFlight.Add(1)
	m.mu.Unlock()
}

// end counts a request that ends now and gives how many are still in flight.
func (m *meter) end(start, now time.Duration, o outcome) int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.advance(now)
	m.requests++
	m.latency += (now - start).Seconds()
	m.retries += int64(o.retries)
	if o.failed {
		m.errors++
	}
	return m.inFlight.Add(-1)
}

// advance integrates up to now. Callers read the clock before they take the
// lock, so now may be a little before last: that time is counted already.
func (m *meter) advance(now time.Duration) {
	if now > m.last {
		m.busy += float64(m.inFlight.Load()) * (now - m.last).Seconds()
		m.last = now
	}
}

// addTo adds what was counted up to now.
func (m *meter) addTo(t *stoker.Traffic, now time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.advance(now)
	t.Requests += m.requests
	t.Errors += m.errors
	t.Retries += m.retries
	t.LatencySeconds += m.latency
	t.BusySeconds += m.busy
	t.InFlight += int(m.inFlight.Load())
}

// outcome is how a request ended.
type outcome struct {
	failed  bool // by a member or for want of one; not by its client
	retries int
}

// meters share one pool's traffic out, so that its requests do not queue for
// one lock.
type meters [8]struct {
	meter
	_ [64]byte // a cache line of its own
}

// one gives the meter for a request.
func (ms *meters) one() *meter { return &ms[rand.Uint32N(uint32(len(ms)))].meter }

func (ms *meters) addTo(t *stoker.Traffic, now time.Duration) {
	for i := range ms {
		ms[i].addTo(t, now)
	}
}

func (ms *meters) inFlight() int64 {
	var n int64
	for i := range ms {
		n += ms[i].meter.inFlight.Load()
	}
	return n
}

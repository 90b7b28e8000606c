package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// load sends requests in open loop: at its rate, whether answers come or not, as
// users do. A latency counts from when the request was due.
type load struct {
	url    string
	client *http.Client
	rate   atomic.Int64 // requests per second
	phase  atomic.Int64 // that requests are counted for

	sending sync.WaitGroup
	mu      sync.Mutex // guards what follows
	phases  map[int64]*phase
	fault   error // the first
}

// phase is what became of the requests of one part of the load.
type phase struct {
	sent, failed int
	latencies    []time.Duration
}

func newLoad(url string) *load {
	return &load{
		url: url, phases: map[int64]*phase{},
		client: &http.Client{
			Timeout:   30 * time.Second,
			Transport: &http.Transport{MaxIdleConns: 4096, MaxIdleConnsPerHost: 4096, IdleConnTimeout: 30 * time.Second},
		},
	}
}

// begin starts a phase with a rate.
func (l *load) begin(phase, rate int) {
	l.phase.Store(int64(phase))
	l.rate.Store(int64(rate))
}

// run sends until ctx ends, and returns when every request has its answer.
func (l *load) run(ctx context.Context) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	due := time.Now()
	for {
		select {
		case <-ctx.Done():
			l.sending.Wait()
			l.client.CloseIdleConnections()
			return
		case now := <-tick.C:
			rate := l.rate.Load()
			if rate <= 0 {
				due = now
				continue
			}
			for gap := time.Second / time.Duration(rate); !due.After(now); due = due.Add(gap) {
				at, p := due, l.phase.Load()
				l.sending.Go(func() { l.request(p, at) })
			}
		}
	}
}

// request sends one request. Its end is not the load's: it was begun.
func (l *load) request(p int64, due time.Time) {
	res, err := l.client.Get(l.url)
	if err == nil {
		_, err = io.Copy(io.Discard, res.Body)
		res.Body.Close()
		if err == nil && res.StatusCode != http.StatusOK {
			err = fmt.Errorf("answered %s", res.Status)
		}
	}
	took := time.Since(due)
	l.mu.Lock()
	defer l.mu.Unlock()
	ph := l.phases[p]
	if ph == nil {
		ph = &phase{}
		l.phases[p] = ph
	}
	ph.sent++
	if err != nil {
		ph.failed++
		if l.fault == nil {
			l.fault = err
		}
		return
	}
	ph.latencies = append(ph.latencies, took)
}

// totals counts over all phases.
func (l *load) totals() (sent, failed int, fault error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.phases {
		sent, failed = sent+p.sent, failed+p.failed
	}
	return sent, failed, l.fault
}

// quantiles gives the latencies below which these parts of a phase's requests
// stayed; zero where there were none.
func (l *load) quantiles(phase int, parts ...float64) []time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]time.Duration, len(parts))
	p := l.phases[int64(phase)]
	if p == nil || len(p.latencies) == 0 {
		return out
	}
	sorted := slices.Sorted(slices.Values(p.latencies))
	for i, part := range parts {
		n := int(math.Ceil(part*float64(len(sorted)))) - 1
		out[i] = sorted[min(max(n, 0), len(sorted)-1)].Round(100 * time.Microsecond)
	}
	return out
}

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stoker-project/stoker/client"
	"github.com/stoker-project/stoker/internal/request"
)

// The application of the step: one server does 200 requests per second.
const (
	stepInterval = time.Second
	stepCost     = 20 * time.Millisecond
	stepSlack    = 50 * time.Millisecond
	lowRate      = 30
	highRate     = 10 * lowRate
)

// benchStep raises the load tenfold and takes the time until a new server has
// answered its first request; several times, for it depends on where in the interval
// the step falls.
func benchStep(ctx context.Context, b *bench) ([]figure, error) {
	s, err := b.serve(ctx, "step")
	if err != nil {
		return nil, err
	}
	defer s.stop()
	boot, err := b.boot(ctx)
	if err != nil {
		return nil, err
	}
	var worst time.Duration
	var failed int64
	d, err := median(5, func(i int) (time.Duration, error) {
		d, n, err := s.step(ctx, fmt.Sprintf("step%d", i))
		worst, failed = max(worst, d), failed+n
		return d, err
	})
	if err != nil {
		return nil, err
	}
	f := took("load x10 to new capacity serving", d, (stepInterval + boot + stepSlack).Round(time.Millisecond))
	f.note = fmt.Sprintf("slowest of 5 %s; a signal every %s, a server boots in %s; %d requests failed",
		worst.Round(time.Millisecond), stepInterval, boot.Round(time.Millisecond), failed)
	f.missed = f.missed || failed > 0
	return []figure{f}, nil
}

// step plays one step on a stack of its own.
func (s *server) step(ctx context.Context, name string) (took time.Duration, failed int64, err error) {
	r, err := client.Bundle("examples/hello/hello.yaml", nil)
	if err != nil {
		return 0, 0, err
	}
	r.Name, r.Parameters = name, map[string]any{"cost": stepCost.String()}
	if _, err := s.Create(ctx, r); err != nil {
		return 0, 0, err
	}
	defer s.deleteStack(name)
	if err := s.finish(ctx, name, "CREATE_COMPLETE"); err != nil {
		return 0, 0, err
	}
	url, err := s.output(ctx, name, "url")
	if err != nil {
		return 0, 0, err
	}
	l := newLoad(url)
	defer l.stop()
	l.rate.Store(lowRate)
	l.run(ctx)
	// Long enough for the mean to settle, and not a whole number of intervals.
	if err := request.Pause(ctx, 6*time.Second+time.Duration(rand.N(int64(stepInterval)))); err != nil {
		return 0, 0, err
	}
	before := l.hosts()
	start := time.Now()
	l.rate.Store(highRate)
	took, err = l.newHost(ctx, before, start)
	return took, l.failed.Load(), err
}

func (s *server) output(ctx context.Context, ident, key string) (string, error) {
	st, err := s.Stack(ctx, ident)
	if err != nil {
		return "", err
	}
	for _, o := range st.Outputs {
		if o.Key == key {
			return fmt.Sprint(o.Value), nil
		}
	}
	return "", fmt.Errorf("stack %s has no output %s", ident, key)
}

// deleteStack leaves no server behind.
func (s *server) deleteStack(ident string) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	st, err := s.Stack(ctx, ident)
	if err == nil && s.Delete(ctx, ident) == nil {
		_ = s.finish(ctx, st.ID, "DELETE_COMPLETE")
	}
}

// load sends requests at a rate, whether or not earlier ones were answered, on
// connections that stay open.
type load struct {
	url    string
	client *http.Client
	rate   atomic.Int64 // per second
	sent   atomic.Int64
	failed atomic.Int64
	first  atomic.Pointer[error] // the first failure
	done   chan struct{}
	wg     sync.WaitGroup

	mu   sync.Mutex
	seen map[string]time.Time // host -> its first answer
}

func newLoad(url string) *load {
	return &load{url: url, done: make(chan struct{}), seen: map[string]time.Time{},
		client: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 256}}}
}

func (l *load) run(ctx context.Context) {
	l.wg.Go(func() {
		next := time.Now()
		for {
			next = next.Add(time.Second / time.Duration(l.rate.Load()))
			select {
			case <-time.After(time.Until(next)):
			case <-l.done:
				return
			case <-ctx.Done():
				return
			}
			l.wg.Go(func() { l.one(ctx) })
		}
	})
}

func (l *load) stop() {
	close(l.done)
	l.wg.Wait()
}

func (l *load) one(ctx context.Context) {
	l.sent.Add(1)
	host, err := ask(ctx, l.client, l.url)
	if err != nil {
		if ctx.Err() == nil {
			l.failed.Add(1)
			l.first.CompareAndSwap(nil, &err)
		}
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.seen[host].IsZero() {
		l.seen[host] = time.Now()
	}
}

func (l *load) hosts() map[string]bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := map[string]bool{}
	for h := range l.seen {
		out[h] = true
	}
	return out
}

// newHost waits for the first answer of a host that is not in before.
func (l *load) newHost(ctx context.Context, before map[string]bool, start time.Time) (time.Duration, error) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.After(30 * time.Second)
	for {
		l.mu.Lock()
		for h, at := range l.seen {
			if !before[h] {
				l.mu.Unlock()
				return at.Sub(start), nil
			}
		}
		l.mu.Unlock()
		select {
		case <-tick.C:
		case <-deadline:
			return 0, errors.New("no new server within 30s")
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

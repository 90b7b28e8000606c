package story

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Load asks all the time and counts what fails.
type Load struct {
	s                   *Story
	fresh, kept, failed atomic.Int64
	mu                  sync.Mutex
	last                error
	stop                func()
}

// rest is how often a client asks at most, so that the machine is left to what is
// tested.
const rest = 10 * time.Millisecond

// Load asks url until the test ends or the load is stopped: by half of the
// clients over new connections, by the others over one that is kept.
func (s *Story) Load(url string, clients int) *Load {
	ctx, cancel := context.WithCancel(s.Context())
	l := &Load{s: s}
	var wg sync.WaitGroup
	for i := range clients {
		tr, asked := &http.Transport{DisableKeepAlives: true}, &l.fresh
		if i%2 == 1 {
			tr, asked = &http.Transport{}, &l.kept
		}
		wg.Go(func() {
			defer tr.CloseIdleConnections()
			tick := time.NewTicker(rest)
			defer tick.Stop()
			for ctx.Err() == nil {
				_, err := Ask(ctx, tr, url)
				if ctx.Err() == nil {
					asked.Add(1)
					l.count(err)
				}
				select {
				case <-tick.C:
				case <-ctx.Done():
				}
			}
		})
	}
	l.stop = sync.OnceFunc(func() { cancel(); wg.Wait() })
	s.Cleanup(l.stop)
	return l
}

func (l *Load) count(err error) {
	if err == nil {
		return
	}
	l.failed.Add(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = err
}

// Stop ends it; stopping twice is harmless.
func (l *Load) Stop() { l.stop() }

// None wants that nothing has failed, and that something was asked, in both ways.
func (l *Load) None(during string) {
	l.s.Helper()
	fresh, kept := l.fresh.Load(), l.kept.Load()
	l.s.Until("requests go on", func() bool { return l.fresh.Load() > fresh && l.kept.Load() > kept })
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := l.failed.Load(); n > 0 {
		l.s.Errorf("%s: %d requests failed, the last: %v", during, n, l.last)
	}
	l.s.Logf("%s: %d requests so far by new connections, %d by kept ones", during, l.fresh.Load(), l.kept.Load())
}

// Forget leaves out what has failed so far.
func (l *Load) Forget() { l.failed.Store(0) }

// Failed counts the requests that have failed, but for those forgotten.
func (l *Load) Failed() int64 { return l.failed.Load() }

// Last is why the last request failed that has; nil if none has.
func (l *Load) Last() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}

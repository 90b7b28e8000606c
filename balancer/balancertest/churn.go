package balancertest

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

var churnCases = []testCase{
	{"members come and go under load, no request fails", []Ability{Traffic}, churn},
}

// churnCycles is how often a member joins, serves, leaves and ends.
const churnCycles = 100

func churn(s *suite) {
	p := s.pool()
	p.Retries = 2
	st := s.setPool(p)
	s.join(s.backend("always"))
	l := load{url: st.URLs[0], stop: make(chan struct{})}
	var wg sync.WaitGroup
	for i := range 8 {
		c := s.client(i%2 == 0) // half of them connect anew each time
		wg.Go(func() { l.run(c, i) })
	}
	for i := range churnCycles {
		b := s.backend(fmt.Sprintf("guest-%d", i))
		s.join(b)
		s.eventually("it serves", func() bool { return b.hits.Load() >= 10 })
		if err := s.b.RemoveMember(s.Context(), poolID, b.member().ID, patience); err != nil {
			s.Errorf("RemoveMember: %v", err)
		}
		b.stop() // at once: nothing may still be on its way there
	}
	close(l.stop)
	wg.Wait()
	s.Logf("%d requests during %d cycles", l.done.Load(), churnCycles)
	if n := l.failed.Load(); n > 0 {
		s.Errorf("failed requests: got %d of %d, want 0; the first: %v", n, l.done.Load(), l.first)
	}
	if l.done.Load() == 0 {
		s.Error("no request was made")
	}
}

// load makes requests and counts those that fail.
type load struct {
	url          string
	stop         chan struct{}
	done, failed atomic.Int64
	once         sync.Once
	first        error
}

func (l *load) run(c *http.Client, i int) {
	for n := 0; ; n++ {
		select {
		case <-l.stop:
			return
		default:
		}
		if err := l.one(c, (i+n)%3 == 0); err != nil {
			l.failed.Add(1)
			l.once.Do(func() { l.first = err })
		}
		l.done.Add(1)
	}
}

func (l *load) one(c *http.Client, post bool) error {
	start := time.Now()
	var resp *http.Response
	var err error
	if post {
		resp, err = c.Post(l.url+"/echo", "text/plain", strings.NewReader("hello"))
	} else {
		resp, err = c.Get(l.url)
	}
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return fmt.Errorf("after %v: %w", time.Since(start), err)
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("after %v: %s", time.Since(start), resp.Status)
	}
	return nil
}

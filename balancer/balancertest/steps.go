package balancertest

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/stoker-project/stoker"
)

const poolID stoker.PoolID = "pool-1"

// pool is a pool with one HTTP listener, checked quickly.
func (s *suite) pool() stoker.Pool {
	return stoker.Pool{
		ID: poolID, Name: "web", Listeners: []stoker.Listener{s.listener(stoker.ProtocolHTTP)},
		Health: stoker.HealthCheck{
			Protocol: stoker.ProtocolHTTP, Path: "/health",
			Interval: 50 * time.Millisecond, Timeout: 2 * time.Second, Fall: 2,
		},
	}
}

// listener is one at a free port of the balancer's choice, or of ours where it
// cannot choose.
func (s *suite) listener(p stoker.Protocol) stoker.Listener {
	s.Helper()
	l := stoker.Listener{Protocol: p, Address: "127.0.0.1"}
	if !s.autoPort {
		ln := s.socket()
		l.Port = ln.Addr().(*net.TCPAddr).Port
		ln.Close()
	}
	return l
}

func (s *suite) socket() net.Listener {
	s.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { ln.Close() })
	return ln
}

func (s *suite) setPool(p stoker.Pool) stoker.PoolStatus {
	s.Helper()
	st, err := s.b.SetPool(s.Context(), p)
	if err != nil {
		s.Fatalf("SetPool: %v", err)
	}
	return st
}

func (s *suite) setMember(m stoker.Member) {
	s.Helper()
	if err := s.b.SetMember(s.Context(), poolID, m); err != nil {
		s.Fatalf("SetMember: %v", err)
	}
}

// join makes members of backends and waits until they are up.
func (s *suite) join(bs ...*backend) {
	s.Helper()
	for _, b := range bs {
		s.setMember(b.member())
	}
	for _, b := range bs {
		s.await(b.member().ID)
	}
}

func (s *suite) await(id stoker.MemberID) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), patience)
	defer cancel()
	if err := s.b.AwaitMember(ctx, poolID, id); err != nil {
		s.Fatalf("AwaitMember: %v", err)
	}
}

func (s *suite) stats() stoker.PoolStats {
	s.Helper()
	st, err := s.b.Stats(s.Context(), poolID)
	if err != nil {
		s.Fatalf("Stats: %v", err)
	}
	return st
}

// member reads one member, the zero value if it is not there.
func (s *suite) member(id stoker.MemberID) stoker.MemberStats {
	s.Helper()
	for _, m := range s.stats().Members {
		if m.ID == id {
			return m
		}
	}
	return stoker.MemberStats{}
}

// eventually waits for what comes by itself.
func (s *suite) eventually(what string, happened func() bool) {
	s.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !happened() {
		select {
		case <-tick.C:
		case <-deadline.C:
			s.Fatalf("never: %s", what)
		}
	}
}

// client makes a client of its own; fresh ones connect anew for each request.
func (s *suite) client(fresh bool) *http.Client {
	tr := &http.Transport{DisableKeepAlives: fresh, DisableCompression: true, MaxIdleConnsPerHost: 100}
	s.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: patience}
}

// get gives status and body.
func (s *suite) get(url string) (int, string) {
	s.Helper()
	resp, err := s.client(true).Get(url)
	if err != nil {
		s.Fatalf("GET %s: %v", url, err)
	}
	return resp.StatusCode, s.read(resp)
}

func (s *suite) read(resp *http.Response) string {
	s.Helper()
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		s.Fatalf("read the answer: %v", err)
	}
	return string(data)
}

// count makes n requests one after the other and counts who answered.
func (s *suite) count(url string, n int) map[string]int {
	s.Helper()
	seen := map[string]int{}
	for range n {
		status, body := s.get(url)
		if status != http.StatusOK {
			s.Fatalf("status: got %d %q, want 200", status, body)
		}
		seen[body]++
	}
	return seen
}

func (s *suite) wantKind(what string, err error, want stoker.Kind) {
	s.Helper()
	if !stoker.IsKind(err, want) {
		s.Errorf("%s: got error %v, want one of kind %q", what, err, want)
	}
}

func (s *suite) wantText(what, text, part string) {
	s.Helper()
	if !strings.Contains(text, part) {
		s.Errorf("%s: got %q, want it to hold %q", what, text, part)
	}
}

// async runs do beside the case and gives its result.
func async[T any](do func() T) <-chan T {
	c := make(chan T, 1)
	go func() { c <- do() }()
	return c
}

// result waits for what async gives.
func result[T any](s *suite, what string, c <-chan T) T {
	s.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		s.Fatalf("%s: took too long", what)
		panic("unreachable")
	}
}

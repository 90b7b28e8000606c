package haproxy_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/balancer/haproxy"
	"github.com/stoker-project/stoker/internal/haproxysock"
)

const patience = 10 * time.Second

// app is a member that answers with its name.
type app struct {
	name, addr string
	sick       atomic.Bool
	hits       atomic.Int64
	release    chan struct{} // lets requests to /hold go
	srv        *http.Server
}

func newApp(t *testing.T, name string) *app {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a := &app{name: name, addr: ln.Addr().String(), release: make(chan struct{})}
	a.srv = &http.Server{Handler: http.HandlerFunc(a.serve)}
	go a.srv.Serve(ln)
	t.Cleanup(func() { a.srv.Close() })
	return a
}

func (a *app) serve(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/health" {
		if a.sick.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		return
	}
	a.hits.Add(1)
	if r.URL.Path == "/hold" {
		<-a.release
	}
	io.WriteString(w, a.name)
}

func (a *app) member() stoker.Member {
	return stoker.Member{ID: stoker.MemberID(a.name), Address: a.addr}
}

const poolID stoker.PoolID = "pool-1"

func webPool() stoker.Pool {
	return stoker.Pool{
		ID: poolID, Name: "web", Retries: 2,
		Listeners: []stoker.Listener{{Protocol: stoker.ProtocolHTTP}},
		Health:    stoker.HealthCheck{Protocol: stoker.ProtocolHTTP, Path: "/health", Interval: 100 * time.Millisecond, Fall: 2},
	}
}

func setPool(t *testing.T, b *haproxy.Balancer, p stoker.Pool) stoker.PoolStatus {
	t.Helper()
	st, err := b.SetPool(t.Context(), p)
	if err != nil {
		t.Fatalf("SetPool: %v", err)
	}
	return st
}

func join(t *testing.T, b *haproxy.Balancer, apps ...*app) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, a := range apps {
		if err := b.SetMember(ctx, poolID, a.member()); err != nil {
			t.Fatalf("SetMember: %v", err)
		}
		if err := b.AwaitMember(ctx, poolID, a.member().ID); err != nil {
			t.Fatalf("AwaitMember: %v", err)
		}
	}
}

// states gives the members' states by ID, nil while HAProxy does not answer.
func states(t *testing.T, b *haproxy.Balancer) map[stoker.MemberID]stoker.MemberState {
	t.Helper()
	st, err := b.Stats(t.Context(), poolID)
	if stoker.IsKind(err, stoker.Unavailable) {
		return nil
	}
	if err != nil {
		t.Fatalf("Stats: %v", err)
	}
	out := map[stoker.MemberID]stoker.MemberState{}
	for _, m := range st.Members {
		out[m.ID] = m.State
	}
	return out
}

func eventually(t *testing.T, what string, happened func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !happened() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("never: %s", what)
		}
	}
}

// get makes one request by a connection of its own.
func get(url string) (string, error) {
	tr := &http.Transport{DisableKeepAlives: true}
	defer tr.CloseIdleConnections()
	return ask(&http.Client{Transport: tr, Timeout: patience}, url)
}

func ask(c *http.Client, url string) (string, error) {
	resp, err := c.Get(url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = errors.New(resp.Status)
	}
	return string(body), err
}

// processes reads what runs in a balancer's directory.
func processes(t *testing.T, dir string) haproxysock.Processes {
	t.Helper()
	text, err := haproxysock.Client{Path: filepath.Join(dir, "master.sock")}.Do(t.Context(), "show proc")
	if err != nil {
		t.Fatal(err)
	}
	return haproxysock.ParseProcesses(text)
}

// load asks a URL from several clients until it is stopped.
type load struct {
	stop         chan struct{}
	wg           sync.WaitGroup
	done, failed atomic.Int64
	once         sync.Once
	first        error
}

// startLoad lets clients ask, half of them by kept connections. Each pauses
// between its requests, so that the machine is left to what is tested.
func startLoad(t *testing.T, url string, clients int) *load {
	l := &load{stop: make(chan struct{})}
	for i := range clients {
		l.wg.Go(func() { l.run(url, i%2 == 0) })
	}
	t.Cleanup(l.end)
	return l
}

func (l *load) run(url string, fresh bool) {
	tr := &http.Transport{DisableKeepAlives: fresh}
	defer tr.CloseIdleConnections()
	c := &http.Client{Transport: tr, Timeout: patience}
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := ask(c, url); err != nil {
			l.failed.Add(1)
			l.once.Do(func() { l.first = fmt.Errorf("%v: %w", time.Now().Format("05.000"), err) })
		}
		l.done.Add(1)
		select {
		case <-tick.C:
		case <-l.stop:
			return
		}
	}
}

func (l *load) end() {
	select {
	case <-l.stop:
	default:
		close(l.stop)
	}
	l.wg.Wait()
}

// wantClean ends the load, of which no request may have failed.
func (l *load) wantClean(t *testing.T) {
	t.Helper()
	l.end()
	t.Logf("%d requests", l.done.Load())
	if n := l.failed.Load(); n > 0 || l.done.Load() == 0 {
		t.Errorf("failed requests: got %d of %d, want 0; the first: %v", n, l.done.Load(), l.first)
	}
}

package builtin_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/balancer/builtin"
)

type counter = atomic.Int64

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

func TestKeptConnectionClosedSilentlyIsNoError(t *testing.T) {
	r := setUp(t, newBalancer(t), stoker.Pool{})
	addr, requests := r.script(ok) // promises to keep the connection, then closes it
	r.join("a", addr)
	for range 50 {
		for _, method := range []string{"GET", "DELETE"} {
			if status, body := r.do(method, "/", ""); status != 200 || body != "ok" {
				t.Fatalf("%s: got %d %q, want 200", method, status, body)
			}
		}
	}
	if n := requests(); n != 100 {
		t.Errorf("requests of the member: got %d, want each once", n)
	}
}

func TestConnectionsAreKept(t *testing.T) {
	r := setUp(t, newBalancer(t), stoker.Pool{})
	var conns counter
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") }))
	t.Cleanup(srv.Close)
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			conns.Add(1)
		}
	}
	srv.Start()
	r.join("a", srv.Listener.Addr().String())
	for range 20 {
		r.get("/")
	}
	if n := conns.Load(); n > 2 {
		t.Errorf("connections for 20 requests in a row: got %d, want one", n)
	}
	if err := r.b.RemoveMember(t.Context(), "p", "a", patience); err != nil {
		t.Fatal(err)
	}
}

func TestPostIsTriedElsewhereWithItsBody(t *testing.T) {
	r := setUp(t, newBalancer(t), stoker.Pool{Retries: 1})
	srv := r.backend(func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) })
	r.join("a", srv.Listener.Addr().String())
	r.join("dead", r.nobody())
	for range 4 {
		if status, body := r.do("POST", "/", "hello"); status != 200 || body != "hello" {
			t.Errorf("got %d %q, want 200 with hello", status, body)
		}
	}
}

func TestAnswerMayBeginBeforeTheRequestEnds(t *testing.T) {
	r := setUp(t, newBalancer(t), stoker.Pool{})
	srv := r.backend(func(w http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(w)
		rc.EnableFullDuplex()
		piece := make([]byte, 3)
		for {
			n, err := r.Body.Read(piece)
			w.Write(piece[:n])
			rc.Flush()
			if err != nil {
				return
			}
		}
	})
	r.join("a", srv.Listener.Addr().String())
	body, client := io.Pipe()
	giveUp := time.AfterFunc(patience, func() { body.Close() })
	defer giveUp.Stop()
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+r.at, body)
	go io.WriteString(client, "one")
	tr := &http.Transport{} // net/http swallows bodies only where the connection is kept
	defer tr.CloseIdleConnections()
	resp, err := (&http.Client{Transport: tr, Timeout: patience}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	first := make([]byte, 3)
	if _, err := io.ReadFull(resp.Body, first); err != nil || string(first) != "one" {
		t.Fatalf("before the request has ended: got %q (%v), want one", first, err)
	}
	io.WriteString(client, "two")
	client.Close()
	if rest, err := io.ReadAll(resp.Body); err != nil || string(rest) != "two" {
		t.Errorf("the rest: got %q (%v), want two", rest, err)
	}
}

func TestFailuresOfMembers(t *testing.T) {
	endless := "HTTP/1.1 200 OK\r\n" + strings.Repeat("X-Fill: "+strings.Repeat("x", 1000)+"\r\n", 1100)
	for _, c := range []struct{ name, answer, method string }{
		{"closes without an answer", "", "GET"},
		{"closes without an answer to a post", "", "POST"},
		{"answers rubbish", "rubbish\r\n\r\n", "GET"},
		{"header without end", endless, "GET"},
		{"switches unasked", "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", "GET"},
		{"never says more than wait", strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 20), "GET"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := setUp(t, newBalancer(t), stoker.Pool{})
			addr, _ := r.script(c.answer)
			r.join("a", addr)
			if status, _ := r.do(c.method, "/", ""); status != http.StatusBadGateway {
				t.Errorf("status: got %d, want 502", status)
			}
			if s := r.stats(); s.Errors != 1 || s.Members[0].Errors != 1 {
				t.Errorf("errors: got %d and %d for the member, want 1", s.Errors, s.Members[0].Errors)
			}
		})
	}
}

func TestInterimAnswersAreSkipped(t *testing.T) {
	r := setUp(t, newBalancer(t), stoker.Pool{})
	addr, _ := r.script("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + ok)
	r.join("a", addr)
	if status, body := r.get("/"); status != 200 || body != "ok" {
		t.Errorf("got %d %q, want 200", status, body)
	}
}

func TestAnswerBrokenOffIsNotTakenForWhole(t *testing.T) {
	for _, answer := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n",
	} {
		r := setUp(t, newBalancer(t), stoker.Pool{})
		addr, _ := r.script(answer)
		r.join("a", addr)
		resp, err := r.try("GET", "/", "")
		if err == nil {
			_, err = io.ReadAll(resp.Body)
			resp.Body.Close()
		}
		if err == nil {
			t.Errorf("%q: the client took it for whole", answer)
		}
		r.eventually("it is counted as an error", func() bool { return r.stats().Errors == 1 })
	}
}

func TestNoMemberIs503WithRetryAfter(t *testing.T) {
	r := setUp(t, newBalancer(t), stoker.Pool{QueueTimeout: 20 * time.Millisecond})
	start := time.Now()
	resp, err := r.try("GET", "/", "")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
		t.Errorf("got %s with Retry-After %q, want 503 with one", resp.Status, resp.Header.Get("Retry-After"))
	}
	if d := time.Since(start); d < 20*time.Millisecond {
		t.Errorf("answered after %v, want the queue's timeout first", d)
	}
}

// TestRequestsOutlastTheirOnlyMember: a request that finds the only member dead
// waits for the next one, like one that comes when nobody is up.
func TestRequestsOutlastTheirOnlyMember(t *testing.T) {
	r := setUp(t, newBalancer(t), stoker.Pool{QueueTimeout: patience, Retries: 2})
	r.join("dead", r.nobody())
	got := make(chan int, 1)
	go func() {
		resp, err := r.try("GET", "/", "")
		if err != nil {
			got <- 0
			return
		}
		resp.Body.Close()
		got <- resp.StatusCode
	}()
	r.eventually("the request waits", func() bool { return r.stats().Queued == 1 })
	alive := r.backend(func(http.ResponseWriter, *http.Request) {})
	r.join("alive", alive.Listener.Addr().String())
	if err := r.b.RemoveMember(t.Context(), "p", "dead", 0); err != nil {
		t.Fatal(err)
	}
	if status := <-got; status != http.StatusOK {
		t.Errorf("status: got %d, want 200 from the new member", status)
	}
}

func TestRefusedConnectionsTakeAMemberDown(t *testing.T) {
	r := setUp(t, newBalancer(t), stoker.Pool{Health: stoker.HealthCheck{Interval: 200 * time.Millisecond, Fall: 2}})
	r.join("dead", r.nobody())
	for range 2 {
		if status, _ := r.get("/"); status != http.StatusBadGateway {
			t.Fatalf("status: got %d, want 502", status)
		}
	}
	r.eventually("it is down", func() bool { return r.stats().Members[0].State == stoker.MemberDown })
	if got := r.stats().Members[0].LastError; !strings.Contains(got, "refused") {
		t.Errorf("last error: got %q, want the refused connection", got)
	}
	r.eventually("it has another chance", func() bool { return r.stats().Members[0].State == stoker.MemberUp })
}

func TestConnectTimeoutIs504(t *testing.T) {
	r := setUp(t, newBalancer(t), stoker.Pool{ConnectTimeout: 50 * time.Millisecond})
	r.join("far", "192.0.2.1:80") // reserved for documentation: nobody answers
	status, _ := r.get("/")
	if status == http.StatusBadGateway {
		t.Skip("this machine's network refuses rather than being silent")
	}
	if status != http.StatusGatewayTimeout {
		t.Errorf("status: got %d, want 504", status)
	}
}

func TestSlowAndLongHeaders(t *testing.T) {
	b := builtin.New(builtin.Config{ReadHeaderTimeout: 50 * time.Millisecond, MaxHeaderBytes: 4096})
	t.Cleanup(b.Close)
	r := setUp(t, b, stoker.Pool{})
	c, err := net.Dial("tcp", r.at)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
	if _, err := io.ReadAll(c); errors.Is(err, os.ErrDeadlineExceeded) { // closed or reset
		t.Errorf("slow header: still open after %v", patience)
	}
	req, _ := http.NewRequest("GET", "http://"+r.at, nil)
	req.Header.Set("X-Long", strings.Repeat("x", 20_000))
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("long header: got %s, want 431", resp.Status)
	}
}

func TestConnectIsRefused(t *testing.T) {
	r := setUp(t, newBalancer(t), stoker.Pool{})
	c, err := net.Dial("tcp", r.at)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\nConnection: close\r\n\r\n")
	if answer, _ := io.ReadAll(c); !strings.HasPrefix(string(answer), "HTTP/1.1 405 ") {
		t.Errorf("got %q, want 405", answer)
	}
}

func TestMemberSetAgainWhileItDrains(t *testing.T) {
	r := setUp(t, newBalancer(t), stoker.Pool{})
	release := make(chan struct{})
	started := make(chan struct{})
	srv := r.backend(func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/hold" {
			close(started)
			<-release
		}
		io.WriteString(w, "ok")
	})
	addr := srv.Listener.Addr().String()
	r.join("a", addr)
	held := make(chan int, 1)
	go func() {
		status, _ := r.get("/hold")
		held <- status
	}()
	<-started
	removed := make(chan error, 1)
	go func() { removed <- r.b.RemoveMember(t.Context(), "p", "a", time.Hour) }()
	r.eventually("it drains", func() bool { return r.stats().Members[0].State == stoker.MemberDraining })
	r.join("a", addr)
	if err := <-removed; !stoker.IsKind(err, stoker.Conflict) {
		t.Errorf("RemoveMember: got %v, want Conflict", err)
	}
	if status, _ := r.get("/"); status != 200 {
		t.Errorf("after it was taken back: got %d, want 200", status)
	}
	close(release)
	if status := <-held; status != 200 {
		t.Errorf("the request in flight: got %d, want 200", status)
	}
	if s := r.stats(); s.Members[0].Requests != 2 {
		t.Errorf("requests of the member: got %d, want 2: its counters go on", s.Members[0].Requests)
	}
}

func TestProtocolChangesOnTheSamePort(t *testing.T) {
	b := newBalancer(t)
	r := setUp(t, b, stoker.Pool{})
	r.join("a", r.backend(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") }).Listener.Addr().String())
	_, port, _ := net.SplitHostPort(r.at)
	l := stoker.Listener{Protocol: stoker.ProtocolTCP}
	fmt.Sscan(port, &l.Port)
	st, err := b.SetPool(t.Context(), stoker.Pool{ID: "p", Listeners: []stoker.Listener{l}})
	if err != nil || st.Addresses[0] != r.at || len(st.URLs) != 0 {
		t.Fatalf("SetPool: got %v (%v), want TCP at %s", st, err, r.at)
	}
	if status, body := r.get("/"); status != 200 || body != "ok" {
		t.Errorf("through TCP: got %d %q, want 200", status, body)
	}
}

func TestRemovePoolLetsRequestsEnd(t *testing.T) {
	for _, c := range []struct {
		name  string
		grace time.Duration
		want  int
	}{
		{"within the grace", patience, 200},
		{"not after it", 50 * time.Millisecond, 502},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := builtin.New(builtin.Config{Grace: c.grace})
			t.Cleanup(b.Close)
			r := setUp(t, b, stoker.Pool{})
			started, release := make(chan struct{}), make(chan struct{})
			srv := r.backend(func(w http.ResponseWriter, req *http.Request) {
				close(started)
				select {
				case <-release:
				case <-req.Context().Done():
				}
			})
			r.join("a", srv.Listener.Addr().String())
			held := make(chan int, 1)
			go func() {
				resp, err := r.try("GET", "/", "")
				if err != nil {
					held <- 0
					return
				}
				resp.Body.Close()
				held <- resp.StatusCode
			}()
			<-started
			removed := make(chan error, 1)
			go func() { removed <- b.RemovePool(t.Context(), "p") }()
			r.eventually("the listener is closed", func() bool {
				c, err := net.Dial("tcp", r.at)
				if err == nil {
					c.Close()
				}
				return err != nil
			})
			if c.want == 200 {
				close(release)
			}
			if got := <-held; got != c.want {
				t.Errorf("request in flight: got %d, want %d", got, c.want)
			}
			if err := <-removed; err != nil {
				t.Errorf("RemovePool: %v", err)
			}
		})
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	b := builtin.New(builtin.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	r := setUp(t, b, stoker.Pool{})
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run: got %v, want nil", err)
	}
	if c, err := net.Dial("tcp", r.at); err == nil {
		c.Close()
		t.Error("after Run: the listener is still open")
	}
	_, err := b.SetPool(t.Context(), stoker.Pool{ID: "q"})
	if !stoker.IsKind(err, stoker.Unavailable) {
		t.Errorf("SetPool after Run: got %v, want Unavailable", err)
	}
}

func TestPortIsTakenUpAfterARestart(t *testing.T) {
	first := builtin.New(builtin.Config{})
	r := setUp(t, first, stoker.Pool{})
	first.Close()
	_, port, _ := net.SplitHostPort(r.at)
	l := stoker.Listener{Protocol: stoker.ProtocolHTTP}
	fmt.Sscan(port, &l.Port)
	st, err := newBalancer(t).SetPool(t.Context(), stoker.Pool{ID: "p", Listeners: []stoker.Listener{l}})
	if err != nil || st.Addresses[0] != r.at {
		t.Errorf("SetPool: got %v (%v), want %s again", st.Addresses, err, r.at)
	}
}

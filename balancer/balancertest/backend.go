package balancertest

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/websocket"

	"github.com/stoker-project/stoker"
)

// A backend is a real server behind the balancer under test. It answers with its
// name, and on some paths with what a case needs.
type backend struct {
	t       *testing.T
	name    string
	addr    string
	healthy atomic.Bool
	hits    atomic.Int64       // requests that were no health checks
	started chan *http.Request // told of each request to /hold and /stream
	release chan struct{}      // lets one of them end

	mu  sync.Mutex
	srv *http.Server
}

// backend starts one that is healthy.
func (s *suite) backend(name string) *backend {
	s.Helper()
	b := &backend{t: s.T, name: name, started: make(chan *http.Request, 100), release: make(chan struct{})}
	b.healthy.Store(true)
	b.start("127.0.0.1:0")
	s.Cleanup(b.stop)
	return b
}

// start listens, again if need be at its old address.
func (b *backend) start(addr string) {
	b.t.Helper()
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		b.t.Fatalf("start backend: %v", err)
	}
	b.addr = ln.Addr().String()
	srv := &http.Server{Handler: b.mux()}
	b.mu.Lock()
	b.srv = srv
	b.mu.Unlock()
	go srv.Serve(ln)
}

// stop ends it at once, with all its connections.
func (b *backend) stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.srv.Close()
}

func (b *backend) member() stoker.Member {
	return stoker.Member{ID: stoker.MemberID(b.name), Address: b.addr}
}

func (b *backend) mux() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("/health", func(w http.ResponseWriter, _ *http.Request) {
		if !b.healthy.Load() {
			http.Error(w, "not well", http.StatusServiceUnavailable)
		}
	})
	counted := func(path string, h http.HandlerFunc) {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			b.hits.Add(1)
			h(w, r)
		})
	}
	counted("/", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, b.name) })
	counted("/fail", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	counted("/echo", echo)
	counted("/hold", b.hold)
	counted("/stream", b.stream)
	counted("/trailer", trailer)
	ws := websocket.Server{Handler: echoMessages}
	counted("/ws", ws.ServeHTTP)
	return mux
}

// echo tells what came: request line, host and header, then the body.
func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body) // all of it before the answer, as HTTP/1.1 servers like it
	fmt.Fprintf(w, "%s %s\nHost: %s\n", r.Method, r.RequestURI, r.Host)
	r.Header.Write(w)
	fmt.Fprint(w, "\n")
	w.Write(body)
}

func echoMessages(c *websocket.Conn) {
	var text string
	for websocket.Message.Receive(c, &text) == nil && websocket.Message.Send(c, text) == nil {
	}
}

// hold answers when it is released.
func (b *backend) hold(w http.ResponseWriter, r *http.Request) {
	b.started <- r
	select {
	case <-b.release:
		io.WriteString(w, b.name)
	case <-r.Context().Done():
	}
}

// stream sends one line at once and another one when it is released.
func (b *backend) stream(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	io.WriteString(w, "data: one\n\n")
	http.NewResponseController(w).Flush()
	b.started <- r
	select {
	case <-b.release:
		io.WriteString(w, "data: two\n\n")
	case <-r.Context().Done():
	}
}

func trailer(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Trailer", "X-Sum")
	io.WriteString(w, "body")
	http.NewResponseController(w).Flush()
	w.Header().Set("X-Sum", "42")
}

// patience bounds every wait of the suite for something that must happen.
const patience = 10 * time.Second

// awaitStart gives the next request that is held.
func (b *backend) awaitStart() *http.Request {
	b.t.Helper()
	select {
	case r := <-b.started:
		return r
	case <-time.After(patience):
		b.t.Fatalf("backend %s: no request arrived", b.name)
		return nil
	}
}

// letGo releases one held request.
func (b *backend) letGo() {
	b.t.Helper()
	select {
	case b.release <- struct{}{}:
	case <-time.After(patience):
		b.t.Fatalf("backend %s: nobody waits to be released", b.name)
	}
}

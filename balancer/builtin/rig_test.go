package builtin_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/balancer/builtin"
)

const patience = 10 * time.Second

// rig is a pool without health checks, with a plain listener.
type rig struct {
	*testing.T
	b  *builtin.Balancer
	at string
}

func setUp(t *testing.T, b *builtin.Balancer, p stoker.Pool) *rig {
	t.Helper()
	p.ID = "p"
	p.Listeners = []stoker.Listener{{Protocol: stoker.ProtocolHTTP}}
	st, err := b.SetPool(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	return &rig{t, b, st.Addresses[0]}
}

func (r *rig) join(id, addr string) {
	r.Helper()
	if err := r.b.SetMember(r.Context(), "p", stoker.Member{ID: stoker.MemberID(id), Address: addr}); err != nil {
		r.Fatal(err)
	}
	if err := r.b.AwaitMember(r.Context(), "p", stoker.MemberID(id)); err != nil {
		r.Fatal(err)
	}
}

func (r *rig) backend(h http.HandlerFunc) *httptest.Server {
	srv := httptest.NewServer(h)
	r.Cleanup(srv.Close)
	return srv
}

// script answers each connection's requests with these texts, one after the
// other, then closes it. It counts the requests.
func (r *rig) script(answers ...string) (addr string, requests func() int64) {
	r.Helper()
	ln := r.listen()
	var n counter
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				in := bufio.NewReader(c)
				for _, a := range answers {
					if _, err := http.ReadRequest(in); err != nil {
						return
					}
					n.Add(1)
					io.WriteString(c, a)
				}
			}()
		}
	}()
	return ln.Addr().String(), n.Load
}

func (r *rig) listen() net.Listener {
	r.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { ln.Close() })
	return ln
}

// nobody is an address where connections are refused.
func (r *rig) nobody() string {
	r.Helper()
	ln := r.listen()
	defer ln.Close()
	return ln.Addr().String()
}

func (r *rig) get(path string) (int, string) {
	r.Helper()
	return r.do(http.MethodGet, path, "")
}

func (r *rig) do(method, path, body string) (int, string) {
	r.Helper()
	resp, err := r.try(method, path, body)
	if err != nil {
		r.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		r.Fatal(err)
	}
	return resp.StatusCode, string(data)
}

func (r *rig) try(method, path, body string) (*http.Response, error) {
	r.Helper()
	tr := &http.Transport{DisableKeepAlives: true}
	req, err := http.NewRequestWithContext(r.Context(), method, "http://"+r.at+path, strings.NewReader(body))
	if err != nil {
		r.Fatal(err)
	}
	return (&http.Client{Transport: tr, Timeout: patience}).Do(req)
}

func (r *rig) stats() stoker.PoolStats {
	r.Helper()
	st, err := r.b.Stats(r.Context(), "p")
	if err != nil {
		r.Fatal(err)
	}
	return st
}

// eventually waits for what comes by itself.
func (r *rig) eventually(what string, happened func() bool) {
	r.Helper()
	tick, deadline := time.NewTicker(2*time.Millisecond), time.NewTimer(patience)
	defer tick.Stop()
	defer deadline.Stop()
	for !happened() {
		select {
		case <-tick.C:
		case <-deadline.C:
			r.Fatalf("never: %s", what)
		}
	}
}

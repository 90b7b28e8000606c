package linger_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stoker-project/stoker/internal/linger"
)

const limit = 1 << 20

func serve(t *testing.T) *httptest.Server {
	t.Helper()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, linger.Body(w, r, limit))
		if tooMuch := (*http.MaxBytesError)(nil); errors.As(err, &tooMuch) {
			http.Error(w, "too long", http.StatusRequestEntityTooLarge)
			return
		}
		fmt.Fprintf(w, "%d %v", n, err)
	}))
	srv.Config.ReadTimeout = 20 * time.Second
	srv.Start()
	t.Cleanup(srv.Close)
	return srv
}

// zeros is a body of n bytes, in pieces as a client sends them.
func zeros(n int64) io.Reader { return io.LimitReader(zero{}, n) }

type zero struct{}

func (zero) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// Clients that send all before they read get the answer, whatever way they send.
func TestClientsReadTheAnswer(t *testing.T) {
	srv := serve(t)
	for _, size := range []int64{0, limit, limit + 1, 10 << 20, linger.Most} {
		for name, extra := range map[string]string{"of a known length": fmt.Sprintf("Content-Length: %d\r\n", size), "in chunks": "Transfer-Encoding: chunked\r\n"} {
			conn, err := net.Dial("tcp", srv.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: x\r\n%s\r\n", extra)
			if strings.HasPrefix(extra, "T") {
				piece := make([]byte, 32<<10)
				for left := size; left > 0; left -= int64(len(piece)) {
					piece = piece[:min(left, 32<<10)]
					fmt.Fprintf(conn, "%x\r\n%s\r\n", len(piece), piece)
				}
				_, err = io.WriteString(conn, "0\r\n\r\n")
			} else {
				_, err = io.Copy(conn, zeros(size))
			}
			if err != nil {
				t.Errorf("%d bytes %s: send: %v", size, name, err)
			}
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Errorf("%d bytes %s: %v", size, name, err)
				continue
			}
			want := http.StatusOK
			if size > limit {
				want = http.StatusRequestEntityTooLarge
			}
			if resp.StatusCode != want || resp.Close != (size > limit) {
				t.Errorf("%d bytes %s: got %s, close %v, want %d", size, name, resp.Status, resp.Close, want)
			}
			conn.Close()
		}
	}
}

// A client that asks first is told at once, and sends nothing.
func TestExpect(t *testing.T) {
	srv := serve(t)
	tr := &http.Transport{ExpectContinueTimeout: 10 * time.Second}
	defer tr.CloseIdleConnections()
	for size, want := range map[int64]int{10 << 20: http.StatusRequestEntityTooLarge, 10: http.StatusOK} {
		var sent int64
		counted := io.TeeReader(zeros(size), counter{&sent})
		req, err := http.NewRequest(http.MethodPost, srv.URL, counted)
		if err != nil {
			t.Fatal(err)
		}
		req.ContentLength = size
		req.Header.Set("Expect", "100-continue")
		resp, err := tr.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want || (want != http.StatusOK) != (sent == 0) {
			t.Errorf("%d bytes: got %s, %d bytes were sent", size, resp.Status, sent)
		}
	}
}

type counter struct{ n *int64 }

func (c counter) Write(p []byte) (int, error) { *c.n += int64(len(p)); return len(p), nil }

// Python's client, which that of OpenStack is made of, does not look for an answer while
// it sends.
func TestPython(t *testing.T) {
	const python = "/usr/bin/python3"
	srv := serve(t)
	script := "import sys, urllib.request, urllib.error\ntry:\n  urllib.request.urlopen(sys.argv[1], b'x' * 10485760)\nexcept urllib.error.HTTPError as e:\n  print(e.code)\n"
	out, err := exec.Command(python, "-c", script, srv.URL).CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) || err != nil && strings.Contains(err.Error(), "no such file") {
		t.Skip("there is no " + python)
	}
	if strings.TrimSpace(string(out)) != "413" {
		t.Errorf("got %s (%v), want 413", out, err)
	}
}

// More than Most is not read: the server does not serve as a sink.
func TestMoreThanMost(t *testing.T) {
	srv := serve(t)
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", int64(1)<<40)
	if n, err := io.Copy(conn, zeros(1<<30)); err == nil || n > 3*linger.Most {
		t.Errorf("%d bytes were taken (%v)", n, err)
	}
}

// A client that is refused reads that, too, as long as its body has the length of one that would be
// taken.
func TestDrop(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		linger.Drop(r, limit)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer srv.Close()
	for range 20 { // a reset comes now and then only
		conn, err := net.Dial("tcp", srv.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", int64(limit))
		if _, err := io.Copy(conn, zeros(limit)); err != nil {
			t.Errorf("send: %v", err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("got %v, %v", resp, err)
		}
		conn.Close()
	}
}

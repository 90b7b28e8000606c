package haproxy_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/balancer/haproxy"
)

// thief is an HAProxy that, when it is to check a configuration, first waits for the
// test: in that moment the ports of the configuration are chosen and free.
type thief struct {
	*testing.T
	binary, trial, ask, answer string
}

func newThief(t *testing.T) *thief {
	t.Helper()
	dir := t.TempDir()
	th := &thief{t, filepath.Join(dir, "haproxy"), filepath.Join(dir, "trial"), filepath.Join(dir, "ask"), filepath.Join(dir, "answer")}
	script := fmt.Sprintf("#!/bin/sh\nif [ \"$1\" = -c ] && [ -p %[2]s ]; then cp \"$3\" %[1]s && echo > %[2]s && read -r go < %[3]s; fi\nexec haproxy \"$@\"\n", th.trial, th.ask, th.answer)
	if err := os.WriteFile(th.binary, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return th
}

var boundTo = regexp.MustCompile(`(?m)^  bind (127\.0\.0\.1:\d+)`)

// steal takes the last address of a configuration that is checked, as often as is said, and lets all others pass. The function that it
// returns ends that, and gives what was taken.
func (t *thief) steal(times int) func() []string {
	t.Helper()
	for _, fifo := range []string{t.ask, t.answer} {
		if err := syscall.Mkfifo(fifo, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var taken []string
	var ended atomic.Bool
	done := make(chan struct{})
	pass := func() bool {
		if _, err := read(t.ask); err != nil {
			t.Error(err)
			return false
		}
		if ended.Load() {
			return false
		}
		if len(taken) < times {
			text, err := os.ReadFile(t.trial)
			found := boundTo.FindAllSubmatch(text, -1)
			if err != nil || len(found) == 0 {
				t.Errorf("a configuration without addresses: %v\n%s", err, text)
				return false
			}
			at := string(found[len(found)-1][1])
			ln, err := net.Listen("tcp", at)
			if err != nil {
				t.Errorf("take %s: %v", at, err)
				return false
			}
			t.Cleanup(func() { ln.Close() })
			taken = append(taken, at)
		}
		return os.WriteFile(t.answer, []byte("go\n"), 0) == nil
	}
	go func() {
		defer close(done)
		for pass() {
		}
	}()
	return func() []string {
		ended.Store(true)
		if err := os.WriteFile(t.ask, []byte("\n"), 0); err != nil {
			t.Fatal(err)
		}
		<-done
		if err := errors.Join(os.Remove(t.ask), os.Remove(t.answer)); err != nil {
			t.Fatal(err)
		}
		return taken
	}
}

func read(fifo string) ([]byte, error) {
	f, err := os.Open(fifo)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// A port that we chose and another process took before HAProxy had it is replaced by
// another one, at HAProxy's start and when it is loaded anew.
func TestStolenPort(t *testing.T) {
	t.Parallel()
	th := newThief(t)
	b := open(t, haproxy.Config{Binary: th.binary})
	for _, c := range []struct {
		name  string
		pool  stoker.PoolID
		times int
	}{{"at the start", "first", 2}, {"loaded anew", "second", 2}} {
		p := webPool()
		p.ID, p.Name = c.pool, string(c.pool)
		p.Listeners = []stoker.Listener{{Protocol: stoker.ProtocolTCP, Address: "127.0.0.1"}}
		p.Health = stoker.HealthCheck{}
		end := th.steal(c.times)
		st, err := b.SetPool(t.Context(), p)
		taken := end()
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if len(taken) != c.times {
			t.Errorf("%s: %d ports were taken, want %d", c.name, len(taken), c.times)
		}
		for _, at := range taken {
			if st.Addresses[0] == at {
				t.Errorf("%s: listens on %s, which was taken", c.name, at)
			}
		}
		conn, err := net.Dial("tcp", st.Addresses[0])
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		conn.Close()
	}
}

// One that was asked for is not replaced: whoever asked is told.
func TestStolenPortThatWasAskedFor(t *testing.T) {
	t.Parallel()
	th := newThief(t)
	b := open(t, haproxy.Config{Binary: th.binary})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := webPool()
	p.Listeners[0].Address, p.Listeners[0].Port = "127.0.0.1", ln.Addr().(*net.TCPAddr).Port
	ln.Close()
	end := th.steal(1)
	_, err = b.SetPool(t.Context(), p)
	if taken := end(); !stoker.IsKind(err, stoker.Conflict) || len(taken) != 1 {
		t.Errorf("SetPool: got %v after %d thefts, want Conflict after one", err, len(taken))
	}
}

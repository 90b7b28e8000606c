package haproxy_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/balancer/haproxy"
	"github.com/stoker-project/stoker/internal/haproxysock"
)

// foreign is an HAProxy as somebody else has configured it.
type foreign struct {
	socket, url string
	port        int
	cmd         *exec.Cmd
}

const foreignConfig = `
global
  stats socket %s mode 600 level admin
defaults
  mode http
  timeout connect 1s
  timeout client 10s
  timeout server 10s
  retries 2
  option redispatch 1
frontend flask_frontend
  bind 127.0.0.1:%d
  default_backend flask_backend
backend flask_backend
  balance roundrobin
  option httpchk GET /health
  server own %s check inter 100
backend still
  balance static-rr
`

func startForeign(t *testing.T, own *app) *foreign {
	t.Helper()
	needHAProxy(t)
	dir, err := os.MkdirTemp("", "stoker-attach")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	f := &foreign{socket: filepath.Join(dir, "sock"), port: freePort(t)}
	f.url = fmt.Sprintf("http://127.0.0.1:%d", f.port)
	file := filepath.Join(dir, "cfg")
	if err := os.WriteFile(file, fmt.Appendf(nil, foreignConfig, f.socket, f.port, own.addr), 0o600); err != nil {
		t.Fatal(err)
	}
	f.start(t, file)
	t.Cleanup(f.stop)
	return f
}

func (f *foreign) start(t *testing.T, file string) {
	t.Helper()
	f.cmd = exec.Command("haproxy", "-db", "-f", file)
	if err := f.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "HAProxy answers", func() bool { _, err := f.do(t, "show info"); return err == nil })
}

func (f *foreign) stop() {
	f.cmd.Process.Kill()
	f.cmd.Wait()
}

func (f *foreign) do(t *testing.T, command string) (string, error) {
	return haproxysock.Client{Path: f.socket}.Do(t.Context(), command)
}

// freePort gives one that was free a moment ago.
func freePort(t *testing.T) int {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port
}

func (f *foreign) pool() stoker.Pool {
	p := webPool()
	p.Listeners = []stoker.Listener{{Protocol: stoker.ProtocolHTTP, Port: f.port}}
	return p
}

func attach(t *testing.T, f *foreign, backend string) *haproxy.Balancer {
	t.Helper()
	b, err := haproxy.New(haproxy.Config{Attach: haproxy.Attach{Socket: f.socket, Backend: backend}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// Attached, only servers of ours come and go; what HAProxy had stays.
func TestAttach(t *testing.T) {
	t.Parallel()
	own := newApp(t, "own")
	f := startForeign(t, own)
	b := attach(t, f, "flask_backend")
	if st := setPool(t, b, f.pool()); len(st.URLs) != 1 || st.URLs[0] != f.url {
		t.Errorf("URLs: got %v, want %s", st.URLs, f.url)
	}
	one := newApp(t, "one")
	l := startLoad(t, f.url, 4)
	join(t, b, one)
	eventually(t, "both serve", func() bool { return one.hits.Load() > 10 && own.hits.Load() > 10 })
	if got := states(t, b); len(got) != 1 || got["one"] != stoker.MemberUp {
		t.Errorf("members: got %v, want ours only", got)
	}
	one.sick.Store(true)
	eventually(t, "it is down", func() bool { return states(t, b)["one"] == stoker.MemberDown })
	one.sick.Store(false)
	eventually(t, "it is up", func() bool { return states(t, b)["one"] == stoker.MemberUp })
	if err := b.RemoveMember(t.Context(), poolID, "one", time.Second); err != nil {
		t.Errorf("RemoveMember: %v", err)
	}
	one.srv.Close()
	l.wantClean(t)
	join(t, b, newApp(t, "two"))
	if err := b.RemovePool(t.Context(), poolID); err != nil {
		t.Errorf("RemovePool: %v", err)
	}
	table, err := f.do(t, "show servers conn flask_backend")
	if err != nil || strings.Contains(table, "two") || !strings.Contains(table, "flask_backend/own") {
		t.Errorf("servers at the end: got %q (%v), want own and not two", table, err)
	}
}

// An HAProxy that its owner restarts has lost our servers, and gets them again.
func TestAttachedRestarts(t *testing.T) {
	t.Parallel()
	f := startForeign(t, newApp(t, "own"))
	b := attach(t, f, "flask_backend")
	setPool(t, b, f.pool())
	one := newApp(t, "one")
	join(t, b, one)
	f.stop()
	eventually(t, "Stats says so", func() bool {
		_, err := b.Stats(t.Context(), poolID)
		return stoker.IsKind(err, stoker.Unavailable)
	})
	f.start(t, filepath.Join(filepath.Dir(f.socket), "cfg"))
	hits := one.hits.Load()
	eventually(t, "one serves again", func() bool {
		_, err := get(f.url)
		return err == nil && one.hits.Load() > hits
	})
}

// The next Stoker takes over what the one before has brought into HAProxy.
func TestAttachAgain(t *testing.T) {
	t.Parallel()
	f := startForeign(t, newApp(t, "own"))
	b := attach(t, f, "flask_backend")
	setPool(t, b, f.pool())
	one, two := newApp(t, "one"), newApp(t, "two")
	join(t, b, one, two)
	if _, err := f.do(t, "disable server flask_backend/own"); err != nil {
		t.Fatal(err)
	}
	l := startLoad(t, f.url, 4)
	b.Close()
	b = attach(t, f, "flask_backend")
	setPool(t, b, f.pool())
	if got := states(t, b); len(got) != 2 || got["one"] != stoker.MemberUp || got["two"] != stoker.MemberUp {
		t.Errorf("members after the restart: got %v, want both up", got)
	}
	join(t, b, one)
	if err := b.RemoveMember(t.Context(), poolID, "two", time.Second); err != nil {
		t.Errorf("RemoveMember: %v", err)
	}
	two.srv.Close()
	hits := one.hits.Load()
	eventually(t, "one serves on", func() bool { return one.hits.Load() > hits+20 })
	l.wantClean(t)
}

func TestAttachRefuses(t *testing.T) {
	t.Parallel()
	f := startForeign(t, newApp(t, "own"))
	noPort := f.pool()
	noPort.Listeners[0].Port = 0
	ruled := f.pool()
	ruled.Listeners[0].Policies = []stoker.L7Policy{{
		Action: stoker.L7Reject, Rules: []stoker.L7Rule{{Type: stoker.L7Path, Compare: stoker.L7Start, Value: "/admin"}},
	}}
	for _, c := range []struct {
		name, backend, want string
		pool                stoker.Pool
	}{
		{"no such backend", "nothing", "flask_backend", f.pool()},
		{"static algorithm", "still", "static-rr", f.pool()},
		{"policies", "flask_backend", "configured by others", ruled},
		{"no port", "flask_backend", "port", noPort},
		{"backend of the pool's name", "", `"web"`, f.pool()},
	} {
		_, err := attach(t, f, c.backend).SetPool(t.Context(), c.pool)
		if !stoker.IsKind(err, stoker.Invalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an Invalid one with %s", c.name, err, c.want)
		}
	}
	b := attach(t, f, "flask_backend")
	setPool(t, b, f.pool())
	second := f.pool()
	second.ID = "pool-2"
	if _, err := b.SetPool(t.Context(), second); !stoker.IsKind(err, stoker.Conflict) {
		t.Errorf("a second pool on the backend: got %v, want Conflict", err)
	}
}

package haproxy_test

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/balancer/haproxy"
	"github.com/stoker-project/stoker/internal/haproxysock"
)

func TestStatsPage(t *testing.T) {
	t.Parallel()
	at := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	b := open(t, haproxy.Config{Stats: at})
	setPool(t, b, webPool())
	join(t, b, newApp(t, "one"))
	page, err := get("http://" + at + "/")
	if err != nil || !strings.Contains(page, "web_backend") || !strings.Contains(page, "one:") {
		t.Errorf("statistics page: got %d bytes (%v), want one with the pool and its member", len(page), err)
	}
	if page, err := get("http://" + at + "/metrics"); err != nil || !strings.Contains(page, "haproxy_backend_") {
		t.Errorf("metrics: got %d bytes (%v), want those of HAProxy", len(page), err)
	}
}

// A member that comes up gets little at first.
func TestRamp(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := open(t, haproxy.Config{Dir: dir, Ramp: time.Minute})
	setPool(t, b, webPool())
	join(t, b, newApp(t, "one"))
	table, err := haproxysock.Client{Path: filepath.Join(dir, "worker.sock")}.Do(t.Context(), "show stat -1 4 -1")
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(table)).ReadAll()
	if err != nil || len(rows) != 2 {
		t.Fatalf("statistics: got %q (%v), want one server", table, err)
	}
	share := rows[1][slices.Index(rows[0], "throttle")]
	if n, err := strconv.Atoi(share); err != nil || n < 1 || n > 50 {
		t.Errorf("share of a new member: got %q, want a few percent", share)
	}
}

// A member that is set again while it drains is taken back; what it had goes on.
func TestSetWhileDraining(t *testing.T) {
	t.Parallel()
	b := open(t, haproxy.Config{})
	st := setPool(t, b, webPool())
	one := newApp(t, "one")
	join(t, b, one)
	held, removed := make(chan error, 1), make(chan error, 1)
	go func() { _, err := get(st.URLs[0] + "/hold"); held <- err }()
	eventually(t, "the request is there", func() bool { return one.hits.Load() == 1 })
	go func() { removed <- b.RemoveMember(t.Context(), poolID, "one", time.Hour) }()
	eventually(t, "it drains", func() bool { return states(t, b)["one"] == stoker.MemberDraining })
	join(t, b, one)
	if who, err := get(st.URLs[0]); who != "one" {
		t.Errorf("answer after it was set again: got %q (%v), want one", who, err)
	}
	if err := <-removed; !stoker.IsKind(err, stoker.Conflict) {
		t.Errorf("RemoveMember: got %v, want Conflict", err)
	}
	close(one.release)
	if err := <-held; err != nil {
		t.Errorf("request in flight meanwhile: %v", err)
	}
}

// A pool of the same name in another directory is another HAProxy.
func TestTwoBalancers(t *testing.T) {
	t.Parallel()
	one, two := newApp(t, "one"), newApp(t, "two")
	a, b := open(t, haproxy.Config{}), open(t, haproxy.Config{})
	atA, atB := setPool(t, a, webPool()), setPool(t, b, webPool())
	join(t, a, one)
	join(t, b, two)
	for url, want := range map[string]string{atA.URLs[0]: "one", atB.URLs[0]: "two"} {
		if got, err := get(url); got != want {
			t.Errorf("%s: got %q (%v), want %s", url, got, err, want)
		}
	}
}

// Only changes of pools load HAProxy anew.
func TestNoReloadForMembers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := open(t, haproxy.Config{Dir: dir})
	p := webPool()
	setPool(t, b, p)
	before := processes(t, dir)
	a := newApp(t, "one")
	join(t, b, a)
	heavy := a.member()
	heavy.Weight = 5
	moved := newApp(t, "two").member()
	moved.ID = "one"
	for _, m := range []stoker.Member{heavy, moved} {
		if err := b.SetMember(t.Context(), poolID, m); err != nil {
			t.Fatal(err)
		}
	}
	setPool(t, b, p)
	if err := b.RemoveMember(t.Context(), poolID, "one", time.Second); err != nil {
		t.Fatal(err)
	}
	if after := processes(t, dir); after.Worker != before.Worker {
		t.Errorf("worker: got %d, want still %d", after.Worker, before.Worker)
	}
	p.Retries = 1
	setPool(t, b, p)
	if after := processes(t, dir); after.Worker == before.Worker || after.Master != before.Master {
		t.Errorf("processes after a change of the pool: got %+v, want another worker of the same master than %+v", after, before)
	}
}

// The last pool takes HAProxy with it.
func TestLastPool(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := open(t, haproxy.Config{Dir: dir})
	for range 2 {
		st := setPool(t, b, webPool())
		join(t, b, newApp(t, "one"))
		if _, err := get(st.URLs[0]); err != nil {
			t.Fatal(err)
		}
		if err := b.RemovePool(t.Context(), poolID); err != nil {
			t.Fatalf("RemovePool: %v", err)
		}
		if _, err := get(st.URLs[0]); err == nil {
			t.Error("an answer after the last pool was removed")
		}
	}
}

// Sections bear the pools' names. A second pool of a name gets another, and both
// serve, also at one port of two addresses.
func TestNames(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := open(t, haproxy.Config{Dir: dir})
	first, second := webPool(), webPool()
	second.ID, second.Listeners = "pool-2", []stoker.Listener{
		{Protocol: stoker.ProtocolHTTP, Address: "127.0.0.1", Port: freePort(t)},
		{Protocol: stoker.ProtocolHTTP, Address: "127.0.0.2"},
	}
	second.Listeners[1].Port = second.Listeners[0].Port
	urls := append(setPool(t, b, first).URLs, setPool(t, b, second).URLs...)
	join(t, b, newApp(t, "one"))
	two := newApp(t, "two").member()
	if err := b.SetMember(t.Context(), second.ID, two); err != nil {
		t.Fatal(err)
	}
	if err := b.AwaitMember(t.Context(), second.ID, two.ID); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"one", "two", "two"} {
		if who, err := get(urls[i]); who != want {
			t.Errorf("%s: got %q (%v), want %s", urls[i], who, err, want)
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "haproxy.cfg"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"\nfrontend web_frontend\n", "\nbackend web_backend\n",
		fmt.Sprintf("\nfrontend web.%s_frontend:http:127.0.0.2:%d\n", "6c0f0682", second.Listeners[1].Port),
	} {
		if !strings.Contains(string(text), line) {
			t.Errorf("no %q in:\n%s", line, text)
		}
	}
	// The name stays when the pool that had it first has gone.
	if err := b.RemovePool(t.Context(), first.ID); err != nil {
		t.Fatal(err)
	}
	setPool(t, b, second)
	if who, err := get(urls[1]); who != "two" {
		t.Errorf("after the first was removed: got %q (%v), want two", who, err)
	}
}

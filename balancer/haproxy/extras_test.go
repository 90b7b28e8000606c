package haproxy_test

import (
	"encoding/csv"
	"fmt"
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
	if err != nil || !strings.Contains(page, "web.") || !strings.Contains(page, "one:") {
		t.Errorf("statistics page: got %d bytes (%v), want one with the pool and its member", len(page), err)
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

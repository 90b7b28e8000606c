package haproxy_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/balancer/haproxy"
	"github.com/stoker-project/stoker/internal/haproxysock"
)

// HAProxy that is killed is back within a second, with its members.
func TestHAProxyKilled(t *testing.T) {
	for _, victim := range []string{"master", "worker"} {
		t.Run(victim, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			b := open(t, haproxy.Config{Dir: dir})
			st := setPool(t, b, webPool())
			one, two, sick := newApp(t, "one"), newApp(t, "two"), newApp(t, "sick")
			join(t, b, one, two, sick)
			sick.sick.Store(true)
			eventually(t, "sick is down", func() bool { return states(t, b)["sick"] == stoker.MemberDown })
			p := processes(t, dir)
			pid := map[string]int{"master": p.Master, "worker": p.Worker}[victim]
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			eventually(t, "another one answers", func() bool {
				text, err := haproxysock.Client{Path: filepath.Join(dir, "master.sock")}.Do(t.Context(), "show proc")
				now := haproxysock.ParseProcesses(text).Worker
				return err == nil && now != 0 && now != p.Worker
			})
			if _, err := get(st.URLs[0]); err != nil {
				t.Errorf("the first request after the restart: %v", err)
			}
			if d := time.Since(start); d > time.Second {
				t.Errorf("out of service for %v, want less than 1s", d)
			}
			hits := sick.hits.Load()
			seen := map[string]int{}
			for range 20 {
				who, err := get(st.URLs[0])
				if err != nil {
					t.Fatal(err)
				}
				seen[who]++
			}
			if seen["one"] == 0 || seen["two"] == 0 || sick.hits.Load() != hits {
				t.Errorf("answers after the restart: got %v, want some of one and two, and none of sick", seen)
			}
			if got := states(t, b)["sick"]; got != stoker.MemberDown {
				t.Errorf("state of sick: got %s, want down", got)
			}
			sick.sick.Store(false)
			eventually(t, "sick is up again", func() bool { return states(t, b)["sick"] == stoker.MemberUp })
			if err := b.RemoveMember(t.Context(), poolID, "one", time.Second); err != nil {
				t.Errorf("RemoveMember after the restart: %v", err)
			}
		})
	}
}

// A Stoker that ends leaves HAProxy at work, and the next one finds all as it was.
func TestStokerRestarts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := open(t, haproxy.Config{Dir: dir})
	p := webPool()
	st := setPool(t, b, p)
	one, two := newApp(t, "one"), newApp(t, "two")
	join(t, b, one, two)
	for range 4 {
		if _, err := get(st.URLs[0]); err != nil {
			t.Fatal(err)
		}
	}
	before := processes(t, dir)
	l := startLoad(t, st.URLs[0], 4)
	b.Close()
	if _, err := get(st.URLs[0]); err != nil {
		t.Errorf("while there is no Stoker: %v", err)
	}
	b = open(t, haproxy.Config{Dir: dir})
	if got := states(t, b); len(got) != 2 || got["one"] != stoker.MemberUp || got["two"] != stoker.MemberUp {
		t.Errorf("members after the restart: got %v, want both up", got)
	}
	if again := setPool(t, b, p); again.URLs[0] != st.URLs[0] {
		t.Errorf("URL after the restart: got %s, want %s", again.URLs[0], st.URLs[0])
	}
	join(t, b, newApp(t, "three"))
	if err := b.RemoveMember(t.Context(), poolID, "one", time.Second); err != nil {
		t.Errorf("RemoveMember: %v", err)
	}
	if after := processes(t, dir); after.Worker != before.Worker {
		t.Errorf("worker: got %d after a change of members only, want the same %d", after.Worker, before.Worker)
	}
	l.wantClean(t)
}

// helperDir is set in the process that TestStokerKilled kills.
const helperDir = "STOKER_TEST_HAPROXY_DIR"

// TestHelper is no test: it is the Stoker that is killed. It takes members from
// its input, one per line, and says when they are up.
func TestHelper(t *testing.T) {
	dir := os.Getenv(helperDir)
	if dir == "" {
		t.Skip("runs for TestStokerKilled only")
	}
	b, err := haproxy.New(haproxy.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	st := setPool(t, b, webPool())
	fmt.Println("URL", st.URLs[0])
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		id, addr, _ := strings.Cut(in.Text(), " ")
		if id == "remove" {
			b.RemoveMember(t.Context(), poolID, stoker.MemberID(addr), time.Hour)
			continue
		}
		join(t, b, &app{name: id, addr: addr})
		fmt.Println("UP", id)
	}
}

// Stoker killed in the middle of a drain: traffic goes on, and the next one
// ends what was begun.
func TestStokerKilled(t *testing.T) {
	needHAProxy(t)
	t.Parallel()
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^TestHelper$")
	cmd.Env = append(os.Environ(), helperDir+"="+dir)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	await := func(word string) string {
		for lines.Scan() {
			if rest, ok := strings.CutPrefix(lines.Text(), word+" "); ok {
				return rest
			}
		}
		t.Fatalf("the helper has ended before it said %s", word)
		return ""
	}
	url := await("URL")
	one, two := newApp(t, "one"), newApp(t, "two")
	for _, a := range []*app{one, two} {
		fmt.Fprintln(in, a.name, a.addr)
		await("UP")
	}
	l := startLoad(t, url, 4)
	io.WriteString(in, "remove one\n")
	eventually(t, "one gets nothing any more", func() bool {
		n := one.hits.Load()
		for range 4 {
			if _, err := get(url); err != nil {
				t.Fatal(err)
			}
		}
		return one.hits.Load() == n
	})
	cmd.Process.Kill()
	cmd.Wait()
	if who, err := get(url); who != "two" || err != nil {
		t.Errorf("after the kill: got %q (%v), want two", who, err)
	}
	b := open(t, haproxy.Config{Dir: dir})
	if err := b.RemoveMember(t.Context(), poolID, "one", time.Second); err != nil {
		t.Errorf("RemoveMember after the kill: %v", err)
	}
	one.srv.Close()
	join(t, b, newApp(t, "three"))
	if got := states(t, b); len(got) != 2 || got["two"] != stoker.MemberUp || got["three"] != stoker.MemberUp {
		t.Errorf("members: got %v, want two and three", got)
	}
	l.wantClean(t)
}

// A change of pools loads HAProxy anew, and no client of another pool notices.
func TestReloadUnderLoad(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := open(t, haproxy.Config{Dir: dir, IdleTimeout: time.Second})
	st := setPool(t, b, webPool())
	one, two := newApp(t, "one"), newApp(t, "two")
	join(t, b, one, two)
	l := startLoad(t, st.URLs[0], 8)
	for i := range 5 {
		p := webPool()
		p.ID = stoker.PoolID(fmt.Sprint("other-", i))
		setPool(t, b, p)
		if i%2 == 0 {
			if err := b.RemovePool(t.Context(), p.ID); err != nil {
				t.Errorf("RemovePool: %v", err)
			}
		}
	}
	// Kept connections to workers that finish may not bring requests to a
	// member that has left.
	if err := b.RemoveMember(t.Context(), poolID, "one", patience); err != nil {
		t.Errorf("RemoveMember: %v", err)
	}
	one.srv.Close()
	before, err := b.Stats(t.Context(), poolID)
	if err != nil {
		t.Fatal(err)
	}
	l.wantClean(t)
	eventually(t, "most requests are counted", func() bool {
		st, err := b.Stats(t.Context(), poolID)
		if err != nil || st.Requests > l.done.Load() || st.Requests < before.Requests {
			t.Fatalf("stats after the reloads: got %d requests (%v), want %d to %d", st.Requests, err, before.Requests, l.done.Load())
		}
		return st.InFlight == 0 && st.Requests > l.done.Load()*3/4 // each reload loses some hundredths of a second
	})
}

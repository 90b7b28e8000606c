package haproxy_test

import (
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/balancer/haproxy"
	"github.com/stoker-project/stoker/internal/haproxysock"
)

// The file alone is enough for HAProxy's next start: members that changed by
// commands only serve when somebody else starts it while there is no Stoker. The next
// Stoker finds that HAProxy.
func TestFileServesAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := open(t, haproxy.Config{Dir: dir})
	st := setPool(t, b, webPool())
	one, two, left := newApp(t, "one"), newApp(t, "two"), newApp(t, "left")
	join(t, b, one, two, left)
	if err := b.RemoveMember(t.Context(), poolID, "left", time.Second); err != nil {
		t.Fatal(err)
	}
	b.Close()
	for _, pid := range []int{processes(t, dir).Master, processes(t, dir).Worker} {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "HAProxy is gone", func() bool { _, err := get(st.URLs[0]); return err != nil })
	cmd := exec.Command("haproxy", "-W", "-D", "-S", "unix@master.sock,mode,600", "-f", "haproxy.cfg")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("haproxy: %v: %s", err, out)
	}
	seen := map[string]bool{}
	eventually(t, "both members serve", func() bool {
		who, _ := get(st.URLs[0]) // HAProxy starts
		seen[who] = true
		return seen["one"] && seen["two"]
	})
	if seen["left"] {
		t.Error("a member that had left serves again")
	}
	var before haproxysock.Processes
	eventually(t, "HAProxy's master answers", func() bool {
		text, err := haproxysock.Client{Path: filepath.Join(dir, "master.sock")}.Do(t.Context(), "show proc")
		before = haproxysock.ParseProcesses(text)
		return err == nil && before.Worker != 0
	})
	b = open(t, haproxy.Config{Dir: dir})
	eventually(t, "the next Stoker knows both", func() bool {
		got := states(t, b)
		return len(got) == 2 && got["one"] == stoker.MemberUp && got["two"] == stoker.MemberUp
	})
	if after := processes(t, dir); after.Worker != before.Worker {
		t.Errorf("worker: got %d, want still %d", after.Worker, before.Worker)
	}
	l := startLoad(t, st.URLs[0], 2)
	join(t, b, newApp(t, "three"))
	if err := b.RemoveMember(t.Context(), poolID, "one", time.Second); err != nil {
		t.Error(err)
	}
	l.wantClean(t)
}

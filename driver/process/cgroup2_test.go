//go:build linux

package process

import (
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/stoker-project/stoker"
)

// The files of the unified hierarchy, on a tree without the kernel behind it: the
// machines that tests run on often have the old hierarchies only.
func TestCgroup2Files(t *testing.T) {
	root := t.TempDir()
	put(t, filepath.Join(root, "cgroup.subtree_control"), "")
	c, err := openCgroup2(root, "stoker/inst")
	if err != nil {
		t.Fatal(err)
	}
	if got := fileText(t, filepath.Join(root, "cgroup.subtree_control")); got != "+memory" {
		t.Errorf("subtree_control: got %q, want the last controller handed down", got)
	}
	dir := filepath.Join(root, "stoker/inst/one")
	if notes := c.create("one", stoker.Flavor{CPUs: 1.5, Memory: 1 << 20}); len(notes) != 2 {
		t.Errorf("without controllers: got notes %q, want two", notes)
	}
	put(t, filepath.Join(dir, "cgroup.controllers"), "cpu memory pids\n")
	put(t, filepath.Join(dir, "cpu.max"), "")
	put(t, filepath.Join(dir, "memory.max"), "")
	if notes := c.create("one", stoker.Flavor{CPUs: 1.5, Memory: 1 << 20}); len(notes) != 0 {
		t.Errorf("got notes %q, want none", notes)
	}
	if got := fileText(t, filepath.Join(dir, "cpu.max")); got != "150000 100000" {
		t.Errorf("cpu.max: got %q", got)
	}
	if got := fileText(t, filepath.Join(dir, "memory.max")); got != "1048576" {
		t.Errorf("memory.max: got %q", got)
	}

	put(t, filepath.Join(dir, "cpu.stat"), "usage_usec 2500000\nuser_usec 1\n")
	if got, ok := c.cpu("one"); !ok || got != 2.5 {
		t.Errorf("cpu: got %g, %v, want 2.5", got, ok)
	}
	if c.outOfMemory("one") {
		t.Error("out of memory without the file")
	}
	put(t, filepath.Join(dir, "memory.events"), "oom 1\noom_kill 2\n")
	if !c.outOfMemory("one") {
		t.Error("not out of memory after two kills")
	}
	put(t, filepath.Join(dir, "cgroup.procs"), "10\n11\n")
	put(t, filepath.Join(dir, "below", "cgroup.procs"), "12\n")
	pids, ok := c.pids("one")
	slices.Sort(pids)
	if !ok || !slices.Equal(pids, []int{10, 11, 12}) {
		t.Errorf("pids: got %v, %v", pids, ok)
	}
	if _, ok := c.pids("two"); ok {
		t.Error("got processes of a group that is not there")
	}
	if err := c.remove("two"); err != nil {
		t.Errorf("remove what is not there: %v", err)
	}
}

// The kernel's part, where a unified hierarchy is mounted, even beside the old
// ones and without controllers.
func TestCgroup2Start(t *testing.T) {
	var c cgroups
	for _, root := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		if _, err := os.Stat(filepath.Join(root, "cgroup.controllers")); err == nil {
			c, _ = openCgroup2(root, "stoker/test")
		}
	}
	if c == nil {
		t.Skip("there is no unified hierarchy to write to")
	}
	defer c.close()
	c.create("one", stoker.Flavor{})
	defer func() {
		if err := removeSoon(t.Context(), c, "one"); err != nil {
			t.Error(err)
		}
	}()
	var pid int
	err := c.start("one", func(sys *syscall.SysProcAttr) (err error) {
		pid, err = syscall.ForkExec("/bin/sleep", []string{"sleep", "1000"}, &syscall.ProcAttr{Sys: sys})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Wait4(pid, nil, 0, nil)
	defer syscall.Kill(pid, syscall.SIGKILL)
	if pids, ok := c.pids("one"); !ok || !slices.Equal(pids, []int{pid}) {
		t.Errorf("got processes %v, %v, want %d", pids, ok, pid)
	}
	if _, ok := c.cpu("one"); !ok {
		t.Error("got no CPU time")
	}
	if err := tryStart(c, "one"); err != nil {
		t.Errorf("try: %v", err)
	}
}

func put(t *testing.T, file, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func fileText(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

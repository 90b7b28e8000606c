//go:build linux

package process

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"github.com/stoker-project/stoker"
)

// cgroup1 uses the old hierarchies, one tree per controller.
type cgroup1 struct{ root, parent string }

func openCgroup1(root, parent string) (cgroups, error) {
	c := cgroup1{root, parent}
	if _, err := os.Stat(filepath.Join(root, "cpuacct")); err != nil {
		return nil, err
	}
	return c, os.MkdirAll(c.dir("cpuacct", ""), 0o755)
}

func (c cgroup1) dir(controller, name string) string {
	return filepath.Join(c.root, controller, c.parent, name)
}

// cpuPeriod is the kernel's default, in microseconds.
const cpuPeriod = 100_000

// cpuQuota is the part of a period that a server may use. The kernel takes no
// less than a millisecond.
func cpuQuota(cpus float64) int { return max(1000, int(cpus*cpuPeriod)) }

// create makes groups only where they are of use: each costs the kernel memory.
func (c cgroup1) create(name string, f stoker.Flavor) (notes []string) {
	// An error here shows as one of start, which does not find the group.
	_ = os.MkdirAll(c.dir("cpuacct", name), 0o755)
	if f.CPUs > 0 {
		err := c.limit("cpu", name, "cpu.cfs_quota_us", strconv.Itoa(cpuQuota(f.CPUs)))
		if err != nil {
			notes = append(notes, noCPULimit(f, err.Error()))
		}
	}
	if f.Memory > 0 {
		err := c.limit("memory", name, "memory.limit_in_bytes", strconv.FormatInt(f.Memory, 10))
		if err != nil {
			notes = append(notes, noMemoryLimit(f, err.Error()))
		}
	}
	return notes
}

// limit leaves no group of the controller behind when it cannot be set.
func (c cgroup1) limit(controller, name, file, value string) error {
	if _, err := os.Stat(filepath.Join(c.root, controller)); err != nil {
		return err
	}
	dir := c.dir(controller, name)
	err := os.MkdirAll(dir, 0o755)
	if err == nil {
		err = writeControl(dir, file, value)
	}
	if err != nil {
		removeGroups(dir)
	}
	return err
}

// start moves the thread that forks into the groups: children begin where the
// forking thread is. The thread ends with the fork, so it need not move back.
func (c cgroup1) start(name string, fork func(*syscall.SysProcAttr) error) error {
	var err error
	onThrowawayThread(func() {
		tid := strconv.Itoa(syscall.Gettid())
		for _, controller := range []string{"cpuacct", "cpu", "memory"} {
			dir := c.dir(controller, name)
			if _, absent := os.Stat(dir); absent != nil && controller != "cpuacct" {
				continue
			}
			if err = writeControl(dir, "tasks", tid); err != nil {
				err = fmt.Errorf("enter the control group: %w", err)
				return
			}
		}
		err = fork(&syscall.SysProcAttr{})
	})
	return err
}

// onThrowawayThread runs f on a thread that ends afterwards. The main thread
// cannot end; while it is kept busy here, another one must take f.
func onThrowawayThread(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the runtime ends the thread
		if syscall.Gettid() == syscall.Getpid() {
			onThrowawayThread(f)
			runtime.UnlockOSThread()
			return
		}
		f()
	}()
	<-done
}

func (c cgroup1) pids(name string) ([]int, bool) { return pidsBelow(c.dir("cpuacct", name)) }

func (c cgroup1) cpu(name string) (float64, bool) {
	data, err := os.ReadFile(filepath.Join(c.dir("cpuacct", name), "cpuacct.usage"))
	if err != nil {
		return 0, false
	}
	nanoseconds, err := strconv.ParseUint(strings.TrimSpace(string(data)), 10, 64)
	return float64(nanoseconds) / 1e9, err == nil
}

func (c cgroup1) outOfMemory(name string) bool {
	kills, _ := readCounter(filepath.Join(c.dir("memory", name), "memory.oom_control"), "oom_kill")
	return kills > 0
}

func (c cgroup1) close() {
	for _, controller := range []string{"memory", "cpu", "cpuacct"} {
		syscall.Rmdir(c.dir(controller, "")) // fails while there are groups in it
	}
}

func (c cgroup1) remove(name string) error {
	for _, controller := range []string{"memory", "cpu", "cpuacct"} {
		if err := removeGroups(c.dir(controller, name)); err != nil {
			return err
		}
	}
	return nil
}

//go:build linux

package process

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/stoker-project/stoker"
)

// cgroup2 uses the one unified hierarchy.
type cgroup2 struct{ root, parent string }

func openCgroup2(root, parent string) (cgroups, error) {
	c := cgroup2{root, parent}
	if err := os.MkdirAll(c.dir(""), 0o755); err != nil {
		return nil, err
	}
	// A controller must be handed down at each level. Where that is refused, the
	// servers' notes say so.
	for dir := root; ; {
		for _, controller := range []string{"+cpu", "+memory"} {
			_ = writeControl(dir, "cgroup.subtree_control", controller)
		}
		if dir == c.dir("") {
			return c, nil
		}
		below, _ := filepath.Rel(dir, c.dir(""))
		first, _, _ := strings.Cut(below, string(filepath.Separator))
		dir = filepath.Join(dir, first)
	}
}

func (c cgroup2) dir(name string) string { return filepath.Join(c.root, c.parent, name) }

func (c cgroup2) create(name string, f stoker.Flavor) (notes []string) {
	dir := c.dir(name)
	// An error here shows as one of start, which does not find the group.
	_ = os.MkdirAll(dir, 0o755)
	if f.CPUs > 0 {
		if err := c.limit(name, "cpu", "cpu.max", fmt.Sprintf("%d %d", cpuQuota(f.CPUs), cpuPeriod)); err != nil {
			notes = append(notes, noCPULimit(f, err.Error()))
		}
	}
	if f.Memory > 0 {
		if err := c.limit(name, "memory", "memory.max", strconv.FormatInt(f.Memory, 10)); err != nil {
			notes = append(notes, noMemoryLimit(f, err.Error()))
		}
	}
	return notes
}

func (c cgroup2) limit(name, controller, file, value string) error {
	data, err := os.ReadFile(filepath.Join(c.dir(name), "cgroup.controllers"))
	if err != nil {
		return err
	}
	if !slices.Contains(strings.Fields(string(data)), controller) {
		return fmt.Errorf("the controller %s is not handed down to %s", controller, c.dir(name))
	}
	return writeControl(c.dir(name), file, value)
}

// start uses CLONE_INTO_CGROUP.
func (c cgroup2) start(name string, fork func(*syscall.SysProcAttr) error) error {
	dir, err := os.Open(c.dir(name))
	if err != nil {
		return fmt.Errorf("enter the control group: %w", err)
	}
	defer dir.Close()
	return fork(&syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(dir.Fd())})
}

func (c cgroup2) pids(name string) ([]int, bool) { return pidsBelow(c.dir(name)) }

func (c cgroup2) cpu(name string) (float64, bool) {
	microseconds, ok := readCounter(filepath.Join(c.dir(name), "cpu.stat"), "usage_usec")
	return float64(microseconds) / 1e6, ok
}

func (c cgroup2) outOfMemory(name string) bool {
	kills, _ := readCounter(filepath.Join(c.dir(name), "memory.events"), "oom_kill")
	return kills > 0
}

func (c cgroup2) remove(name string) error { return removeGroups(c.dir(name)) }

func (c cgroup2) close() { syscall.Rmdir(c.dir("")) } // fails while there are groups in it

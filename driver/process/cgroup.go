//go:build linux

package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/stoker-project/stoker"
)

// cgroups is a tree of control groups, one group per server. Groups limit, count
// processor time, and hold processes together whatever those do.
type cgroups interface {
	// create makes the group of a server and sets its limits. Notes tell which of
	// them could not be set.
	create(name string, f stoker.Flavor) (notes []string)
	// start calls fork so that the child begins its life in the group. fork may
	// be called on another goroutine.
	start(name string, fork func(*syscall.SysProcAttr) error) error
	// pids gives the processes of the group and those below; false: no such group.
	pids(name string) ([]int, bool)
	// cpu gives the seconds used; false: not known.
	cpu(name string) (float64, bool)
	// outOfMemory tells whether the kernel killed for the memory limit.
	outOfMemory(name string) bool
	// remove takes away the group, which must be empty; no group is no error.
	remove(name string) error
	// close takes away what holds the groups, if there is none any more.
	close()
}

// findCgroups chooses the version that is mounted at root and tries it out.
func findCgroups(ctx context.Context, root, installation string) cgroups {
	if root == "none" {
		return noCgroups{"control groups are switched off in the configuration"}
	}
	const probe = ".probe"
	c, err := openCgroups(root, filepath.Join("stoker", installation))
	if err == nil {
		c.create(probe, stoker.Flavor{})
		err = errors.Join(tryStart(c, probe), removeSoon(ctx, c, probe))
	}
	if err != nil {
		return noCgroups{fmt.Sprintf("control groups cannot be used here (%v)", err)}
	}
	return c
}

func openCgroups(root, parent string) (cgroups, error) {
	if _, err := os.Stat(filepath.Join(root, "cgroup.controllers")); err == nil {
		return openCgroup2(root, parent)
	}
	return openCgroup1(root, parent)
}

// tryStart starts nothing in the group: that the program is not found is told
// only after the child has entered the group.
func tryStart(c cgroups, name string) error {
	err := c.start(name, func(sys *syscall.SysProcAttr) error {
		_, err := syscall.ForkExec("/proc/self/no such program", []string{"probe"}, &syscall.ProcAttr{Sys: sys})
		return err
	})
	if errors.Is(err, syscall.ENOENT) {
		return nil
	}
	return fmt.Errorf("start a process in a group: %w", err)
}

// removeSoon removes a group, trying for a second: the kernel empties it a moment
// after its last process or thread is gone.
func removeSoon(ctx context.Context, c cgroups, name string) error {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for tries := 0; ; tries++ {
		err := c.remove(name)
		if !errors.Is(err, syscall.EBUSY) || tries == 500 {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// noCgroups is used where there are none.
type noCgroups struct{ why string }

func (n noCgroups) create(_ string, f stoker.Flavor) (notes []string) {
	if f.CPUs > 0 {
		notes = append(notes, noCPULimit(f, n.why))
	}
	if f.Memory > 0 {
		notes = append(notes, noMemoryLimit(f, n.why))
	}
	return notes
}

func (noCgroups) start(_ string, fork func(*syscall.SysProcAttr) error) error {
	return fork(&syscall.SysProcAttr{})
}

func (noCgroups) pids(string) ([]int, bool)  { return nil, false }
func (noCgroups) cpu(string) (float64, bool) { return 0, false }
func (noCgroups) outOfMemory(string) bool    { return false }
func (noCgroups) remove(string) error        { return nil }
func (noCgroups) close()                     {}

func noCPULimit(f stoker.Flavor, why string) string {
	return fmt.Sprintf("the limit of %g CPUs is not applied: %s", f.CPUs, why)
}

func noMemoryLimit(f stoker.Flavor, why string) string {
	return fmt.Sprintf("the memory limit of %d MiB is not applied: %s", f.Memory>>20, why)
}

// pidsBelow reads the processes of a group and of those that its processes made.
func pidsBelow(dir string) ([]int, bool) {
	var pids []int
	if _, err := os.Stat(dir); err != nil {
		return nil, false
	}
	filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() {
			return nil // a group that is gone has no processes
		}
		data, _ := os.ReadFile(filepath.Join(path, "cgroup.procs"))
		for field := range bytes.FieldsSeq(data) {
			if pid, err := strconv.Atoi(string(field)); err == nil {
				pids = append(pids, pid)
			}
		}
		return nil
	})
	return pids, true
}

// removeGroups removes a group and those below, the deepest first.
func removeGroups(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() {
			if err := removeGroups(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	if err := syscall.Rmdir(dir); err != nil && !errors.Is(err, syscall.ENOENT) {
		return fmt.Errorf("remove the control group %s: %w", dir, err)
	}
	return nil
}

// writeControl sets one file of a group.
func writeControl(dir, file, value string) error {
	f, err := os.OpenFile(filepath.Join(dir, file), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(value)
	return errors.Join(err, f.Close())
}

// readCounter reads the number after a key in a file of "key number" lines.
func readCounter(file, key string) (uint64, bool) {
	data, err := os.ReadFile(file)
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(data)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok && name == key {
			n, err := strconv.ParseUint(value, 10, 64)
			return n, err == nil
		}
	}
	return 0, false
}

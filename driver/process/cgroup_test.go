//go:build linux

package process_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/driver/process"
)

// limited is a driver on a system whose control groups work; it skips otherwise.
func limited(t *testing.T) (*process.Driver, process.Config) {
	t.Helper()
	cfg := process.Config{Dir: t.TempDir()}
	d := open(t, cfg)
	s := create(t, d, stoker.ServerSpec{Token: "try", Image: "sleep 1000", Flavor: stoker.Flavor{CPUs: 1, Memory: 64 << 20}})
	if len(s.Notes) > 0 {
		t.Skipf("control groups cannot be used here: %s", strings.Join(s.Notes, "; "))
	}
	return d, cfg
}

func TestCPULimit(t *testing.T) {
	d, _ := limited(t)
	spec := sh("while :; do :; done")
	spec.Flavor.CPUs = 0.1
	create(t, d, spec)
	start := time.Now()
	const enough = 0.06
	eventually(t, "the server to use CPU time", func() bool {
		used, err := d.CPU(t.Context(), []stoker.ServerToken{"one"})
		if err != nil {
			t.Fatal(err)
		}
		return used["one"] >= enough
	})
	// It gets a hundredth of a second per tenth, the first at once.
	if got := time.Since(start); got < 400*time.Millisecond {
		t.Errorf("it had %g s of CPU time after %v, want no less than 400ms", enough, got)
	}
}

func TestMemoryLimit(t *testing.T) {
	d, _ := limited(t)
	// tail keeps its last line in memory, and this line has no end.
	spec := sh("exec tail -n 1 /dev/zero")
	spec.Flavor.Memory = 32 << 20
	create(t, d, spec)
	got := wait(t, d, "one")
	if !strings.HasPrefix(got.Reason, "was killed by signal 9 (SIGKILL) (the kernel killed for the memory limit of 32 MiB)") {
		t.Errorf("got %q", got.Reason)
	}
}

func TestNotes(t *testing.T) {
	d := open(t, process.Config{Dir: t.TempDir(), Cgroups: "none"})
	flavor := stoker.Flavor{CPUs: 0.5, Memory: 64 << 20, Disk: 1 << 30}
	s := create(t, d, stoker.ServerSpec{Image: "sleep 1000", Flavor: flavor})
	got := strings.Join(s.Notes, "\n")
	for _, want := range []string{"0.5 CPUs is not applied: ", "64 MiB is not applied: ", "disk size is not limited"} {
		if !strings.Contains(got, want) {
			t.Errorf("got notes %q, want one with %q", s.Notes, want)
		}
	}
}

// A tree without the kernel behind it cannot be used, and the notes say so.
func TestNoRealCgroups(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "cgroup.controllers"), []byte("cpu memory\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d := open(t, process.Config{Dir: t.TempDir(), Cgroups: root})
	s := create(t, d, stoker.ServerSpec{Image: "sleep 1000", Flavor: stoker.Flavor{CPUs: 1}})
	if len(s.Notes) != 1 || !strings.Contains(s.Notes[0], "cannot be used here") {
		t.Errorf("got notes %q, want one that says why", s.Notes)
	}
}

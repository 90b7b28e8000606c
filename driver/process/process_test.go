//go:build linux

package process_test

import (
	"bytes"
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/driver/drivertest"
	"github.com/stoker-project/stoker/driver/process"
)

// open starts a driver that ends with the test, and its servers too.
func open(t *testing.T, cfg process.Config) *process.Driver {
	t.Helper()
	d, err := process.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		leaveNothing(t, cfg)
	})
	return d
}

// leaveNothing destroys all servers, also when a test has ended early, and checks
// that no process is left.
func leaveNothing(t *testing.T, cfg process.Config) {
	d, err := process.New(cfg)
	if err != nil {
		t.Error(err)
		return
	}
	defer d.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	servers, err := d.List(ctx)
	if err != nil {
		t.Error(err)
	}
	for _, s := range servers {
		if err := d.Destroy(ctx, s.Token, 0); err != nil {
			t.Error(err)
		}
	}
	if left := processesOf(cfg.Dir); len(left) > 0 {
		t.Errorf("processes outlive the test: %v", left)
	}
}

// processesOf finds, independently of the driver, the living processes whose HOME
// is below dir.
func processesOf(dir string) (pids []int) {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, proc := range dirs {
		environ, err := os.ReadFile(proc + "/environ")
		if err == nil && bytes.Contains(environ, []byte("HOME="+dir+"/")) {
			pid, _ := strconv.Atoi(filepath.Base(proc))
			pids = append(pids, pid)
		}
	}
	return pids
}

func sh(script string) stoker.ServerSpec {
	return stoker.ServerSpec{Image: "script", UserData: "#!/bin/sh\n" + script + "\n"}
}

func conformance(cgroups string) func(*testing.T) {
	return func(t *testing.T) {
		var dir string
		config := func() process.Config { return process.Config{Dir: dir, Cgroups: cgroups} }
		burns := sh("while :; do :; done")
		drivertest.Run(t, func(t *testing.T) stoker.Driver {
			dir = t.TempDir()
			return open(t, config())
		}, drivertest.Options{
			Runs:   stoker.ServerSpec{Image: "sleep 1000"},
			Ends:   sh("echo hello; echo goodbye; exit 3"),
			Output: "goodbye",
			Burns:  &burns,
			Bad: map[string]stoker.ServerSpec{
				"ports":                {Image: "sleep 1000", Ports: []stoker.ServerPort{{Network: "a", IP: netip.MustParseAddr("10.0.0.2")}}},
				"no such program":      {Image: "no-such-program-anywhere --now"},
				"no such file":         {Image: "/no/such/file"},
				"not executable":       {Image: "/etc/passwd"},
				"not in working dir":   {Image: "./nothing"},
				"no image, no script":  {},
				"no #!":                {Image: "script", UserData: "echo hello"},
				"no interpreter":       {Image: "script", UserData: "#!/no/such/interpreter\n"},
				"open quote":           {Image: "sleep '1000"},
				"shell operator":       {Image: "sleep 1000 | cat"},
				"unset variable":       {Image: "sleep $NO_SUCH_VARIABLE"},
				"port":                 {Image: "sleep 1000", Port: 70000},
				"negative flavor":      {Image: "sleep 1000", Flavor: stoker.Flavor{CPUs: -1}},
				"metadata not for env": {Image: "sleep 1000", Metadata: map[string]string{"a": "x\x00y"}},
				"metadata too large":   {Image: "sleep 1000", Metadata: map[string]string{"a": strings.Repeat("x", 200_000)}},
			},
			Reopen: func(t *testing.T, d stoker.Driver) stoker.Driver {
				if err := d.(*process.Driver).Close(); err != nil {
					t.Fatal(err)
				}
				return open(t, config())
			},
		})
	}
}

func TestConformance(t *testing.T) {
	t.Run("cgroups", conformance(""))
	t.Run("no cgroups", conformance("none"))
}

// TestMetadataIsForANewServer: the environment of a process cannot change, so a
// driver that said it can change metadata in place would leave servers as they are.
func TestMetadataIsForANewServer(t *testing.T) {
	var d stoker.Driver = &process.Driver{}
	if _, ok := d.(stoker.MetadataUpdater); ok {
		t.Error("the driver claims to change metadata in place")
	}
}

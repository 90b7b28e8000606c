//go:build linux

package process_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/driver/process"
)

// The variables that make the test binary a helper which hosts a driver.
const (
	envCrashDir     = "PROCESS_TEST_DIR"
	envCrashCgroups = "PROCESS_TEST_CGROUPS"
	envCrashPoint   = "PROCESS_TEST_POINT" // a point of the story, or churn
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(envCrashDir); dir != "" {
		cfg := process.Config{Dir: dir, Cgroups: os.Getenv(envCrashCgroups)}
		fmt.Println(host(cfg, os.Getenv(envCrashPoint)))
		os.Exit(1)
	}
	if os.Getenv(envHello) != "" {
		fmt.Println(serveHello())
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// host creates and destroys servers until it is killed; where churn is not asked
// for, it kills itself at the point.
func host(cfg process.Config, point string) error {
	ctx := context.Background()
	d, err := process.OpenCrashing(cfg, func(at string) {
		if at == point {
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	})
	if err != nil {
		return err
	}
	for i := 0; point == "churn" || i == 0; i++ {
		token := stoker.ServerToken(fmt.Sprint("s", i%5))
		if point == "churn" {
			go d.Create(ctx, stoker.ServerSpec{Token: token + "-beside", Image: "sleep 1000"})
		}
		_, err := d.Create(ctx, stoker.ServerSpec{Token: token, Image: "sleep 1000"})
		if err != nil && !stoker.IsKind(err, stoker.Conflict) { // an earlier host was destroying it
			return err
		}
		if err := d.Destroy(ctx, token, time.Second); err != nil {
			return err
		}
	}
	return errors.New("it was not killed")
}

// helper is the test binary as a host, not yet started.
func helper(t *testing.T, cfg process.Config, point string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), envCrashDir+"="+cfg.Dir, envCrashCgroups+"="+cfg.Cgroups, envCrashPoint+"="+point)
	return cmd
}

// crashAt lets a host kill itself at a point.
func crashAt(t *testing.T, cfg process.Config, point string) {
	t.Helper()
	out, err := helper(t, cfg, point).Output()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("the host was not killed: %v\n%s", err, out)
	}
}

func eachCgroups(t *testing.T, test func(t *testing.T, cfg process.Config)) {
	for name, cgroups := range map[string]string{"cgroups": "", "no cgroups": "none"} {
		t.Run(name, func(t *testing.T) {
			cfg := process.Config{Dir: t.TempDir(), Cgroups: cgroups}
			t.Cleanup(func() { leaveNothing(t, cfg) })
			test(t, cfg)
		})
	}
}

func only(t *testing.T, d *process.Driver) stoker.Server {
	t.Helper()
	servers, err := d.List(t.Context())
	if err != nil || len(servers) != 1 {
		t.Fatalf("got %v, error %v, want one server", servers, err)
	}
	return servers[0]
}

func TestCrashBeforeStart(t *testing.T) {
	eachCgroups(t, func(t *testing.T, cfg process.Config) {
		crashAt(t, cfg, "written")
		d := open(t, cfg)
		lost := only(t, d)
		if lost.State != stoker.ServerError || !strings.Contains(lost.Reason, "before it had started") {
			t.Errorf("got %s, %q, want ERROR and why", lost.State, lost.Reason)
		}
		again, err := d.Create(t.Context(), stoker.ServerSpec{Token: "s0", Image: "sleep 1000"})
		if err != nil {
			t.Fatal(err)
		}
		if again.State != stoker.ServerActive || again.Addresses[0] != lost.Addresses[0] {
			t.Errorf("got %+v, want it to run at %v", again, lost.Addresses)
		}
		if got := processesOf(cfg.Dir); len(got) != 1 {
			t.Errorf("got processes %v, want one", got)
		}
	})
}

func TestCrashAfterStart(t *testing.T) {
	eachCgroups(t, func(t *testing.T, cfg process.Config) {
		crashAt(t, cfg, "started")
		before := processesOf(cfg.Dir)
		d := open(t, cfg)
		if s := only(t, d); s.State != stoker.ServerActive {
			t.Errorf("got %s, %q, want ACTIVE", s.State, s.Reason)
		}
		if _, err := d.Create(t.Context(), stoker.ServerSpec{Token: "s0", Image: "sleep 1000"}); err != nil {
			t.Fatal(err)
		}
		after := processesOf(cfg.Dir)
		if len(before) != 1 || len(after) != 1 || before[0] != after[0] {
			t.Errorf("got processes %v, then %v, want the same one", before, after)
		}
		// Its end is seen, although it is no child of this driver.
		syscall.Kill(after[0], syscall.SIGKILL)
		s, err := d.Wait(t.Context(), "s0")
		if err != nil || s.State != stoker.ServerStopped || !strings.Contains(s.Reason, "not known") {
			t.Errorf("got %s, %q, error %v, want SHUTOFF with an unknown status", s.State, s.Reason, err)
		}
	})
}

func TestCrashWhileDestroying(t *testing.T) {
	for _, point := range []string{"leaving", "stopped"} {
		t.Run(point, func(t *testing.T) {
			eachCgroups(t, func(t *testing.T, cfg process.Config) {
				crashAt(t, cfg, point)
				d := open(t, cfg)
				eventually(t, "the destruction to be finished", func() bool {
					servers, err := d.List(t.Context())
					return err == nil && len(servers) == 0
				})
				if got := processesOf(cfg.Dir); len(got) != 0 {
					t.Errorf("got processes %v, want none", got)
				}
			})
		})
	}
}

// TestCrashAnywhere kills hosts at random moments, one after the other in the
// same directory.
func TestCrashAnywhere(t *testing.T) {
	eachCgroups(t, func(t *testing.T, cfg process.Config) {
		for range 6 {
			cmd := helper(t, cfg, "churn")
			var out bytes.Buffer
			cmd.Stdout = &out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			timer := time.AfterFunc(time.Duration(30+rand.IntN(120))*time.Millisecond, func() { cmd.Process.Kill() })
			cmd.Wait()
			timer.Stop()
			if code := cmd.ProcessState.ExitCode(); code != -1 {
				t.Fatalf("the host ended with status %d before it was killed: %s", code, &out)
			}
		}
		d := open(t, cfg)
		for i := range 5 {
			for _, beside := range []string{"", "-beside"} {
				token := stoker.ServerToken(fmt.Sprint("s", i, beside))
				// Those that were left half destroyed are in the way until they are gone.
				eventually(t, "create", func() bool {
					_, err := d.Create(t.Context(), stoker.ServerSpec{Token: token, Image: "sleep 1000"})
					if err != nil && !stoker.IsKind(err, stoker.Conflict) {
						t.Fatal(err)
					}
					return err == nil
				})
			}
		}
		if got := processesOf(cfg.Dir); len(got) != 10 {
			t.Errorf("got processes %v, want ten", got)
		}
	})
}

func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(10 * time.Second); !done(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("waited too long for %s", what)
		}
	}
}

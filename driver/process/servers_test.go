//go:build linux

package process_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/driver/process"
)

func create(t *testing.T, d *process.Driver, spec stoker.ServerSpec) stoker.Server {
	t.Helper()
	if spec.Token == "" {
		spec.Token = "one"
	}
	s, err := d.Create(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func wait(t *testing.T, d *process.Driver, token stoker.ServerToken) stoker.Server {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	s, err := d.Wait(ctx, token)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func output(t *testing.T, dir string, token stoker.ServerToken) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "servers", string(token), "log"))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// awaitLine waits until a server has written a line.
func awaitLine(t *testing.T, dir string, token stoker.ServerToken, line string) {
	t.Helper()
	eventually(t, "the server to print "+line, func() bool {
		return strings.Contains(output(t, dir, token), line+"\n")
	})
}

func TestEnvironment(t *testing.T) {
	t.Setenv("SECRET_OF_STOKER", "must not be seen")
	cfg := process.Config{Dir: t.TempDir(), Images: map[string]process.Image{
		"print": {
			Command: "env",
			Env:     map[string]string{"FROM_IMAGE": "i", "BOTH": "i"},
		},
	}}
	d := open(t, cfg)
	s := create(t, d, stoker.ServerSpec{Token: "one", Name: "web-1", Image: "print", Port: 9090,
		Metadata: map[string]string{"BOTH": "m", "role": "web", "no name": "x", "PORT": "1", "STOKER_TOKEN": "x"}})
	wait(t, d, "one")
	got := strings.Split(strings.TrimSpace(output(t, cfg.Dir, "one")), "\n")
	got = slices.DeleteFunc(got, func(line string) bool { return strings.HasPrefix(line, "STOKER_INSTALLATION=") })
	slices.Sort(got)
	want := []string{
		"BOTH=m", "FROM_IMAGE=i", "HOME=" + filepath.Join(cfg.Dir, "servers/one/work"), "HOST=" + s.Addresses[0].IP,
		"LANG=C.UTF-8", "PATH=" + process.DefaultPath, "PORT=9090", "SERVER_NAME=web-1", "STOKER_TOKEN=one", "role=web",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

func TestImages(t *testing.T) {
	cfg := process.Config{Dir: t.TempDir(), Images: map[string]process.Image{
		"files": {
			Command: "./bin/run",
			Args:    []string{"$PORT", "${SERVER_NAME}", "$$5"},
			Files:   map[string]string{"bin/run": "#!/bin/sh\necho args \"$@\"; cat data.txt user_data\n", "data.txt": "data\n"},
		},
	}}
	d := open(t, cfg)
	for token, test := range map[stoker.ServerToken]struct {
		spec stoker.ServerSpec
		want string
	}{
		"image":   {stoker.ServerSpec{Name: "n", Image: "files", UserData: "user\n"}, "args 8080 n $5\ndata\nuser\n"},
		"command": {stoker.ServerSpec{Image: `sh -c 'echo "$1 $HOME"' sh "port $PORT"`}, "port 8080 " + filepath.Join(cfg.Dir, "servers/command/work") + "\n"},
		"script":  {stoker.ServerSpec{UserData: "#!/bin/sh\npwd\n"}, filepath.Join(cfg.Dir, "servers/script/work") + "\n"},
	} {
		test.spec.Token = token
		create(t, d, test.spec)
		wait(t, d, token)
		if got := output(t, cfg.Dir, token); got != test.want {
			t.Errorf("%s: got %q, want %q", token, got, test.want)
		}
	}
}

func TestReasons(t *testing.T) {
	cfg := process.Config{Dir: t.TempDir()}
	d := open(t, cfg)
	create(t, d, sh("for i in 1 2 3 4 5 6 7; do echo line $i; done; exit 7"))
	got := wait(t, d, "one")
	if got.State != stoker.ServerStopped || !strings.HasPrefix(got.Reason, "exited with status 7 after ") ||
		!strings.HasSuffix(got.Reason, "s; last lines of its log: line 3\nline 4\nline 5\nline 6\nline 7") {
		t.Errorf("got %s, %q", got.State, got.Reason)
	}
	spec := sh("kill -ABRT $$")
	spec.Token = "two"
	create(t, d, spec)
	if got := wait(t, d, "two").Reason; !strings.HasPrefix(got, "was killed by signal 6 (SIGABRT) after ") || !strings.HasSuffix(got, "; its log is empty") {
		t.Errorf("got %q", got)
	}
}

func TestDestroyAsksFirst(t *testing.T) {
	eachCgroups(t, func(t *testing.T, cfg process.Config) {
		d := open(t, cfg)
		note := filepath.Join(t.TempDir(), "note")
		create(t, d, sh("trap 'echo bye > "+note+"; exit' TERM; echo ready; while :; do sleep 0.01; done"))
		awaitLine(t, cfg.Dir, "one", "ready")
		if err := d.Destroy(t.Context(), "one", 10*time.Second); err != nil {
			t.Fatal(err)
		}
		if data, err := os.ReadFile(note); err != nil || string(data) != "bye\n" {
			t.Errorf("the server could not say good-bye: got %q, error %v", data, err)
		}
		if _, err := os.Stat(filepath.Join(cfg.Dir, "servers", "one")); !os.IsNotExist(err) {
			t.Errorf("its directory is still there: %v", err)
		}
	})
}

// The server ignores SIGTERM, and so do a child that has left its session and one
// that has left it and forgotten its environment.
func TestDestroyFindsAll(t *testing.T) {
	eachCgroups(t, func(t *testing.T, cfg process.Config) {
		d := open(t, cfg)
		loop := "trap '' TERM; while :; do sleep 0.05; done"
		create(t, d, sh("setsid sh -c \""+loop+"\" & sh -c \""+loop+"\" & env -i HOME=$HOME sh -c \""+loop+"\" & echo ready; "+loop))
		awaitLine(t, cfg.Dir, "one", "ready")
		if got := processesOf(cfg.Dir); len(got) < 4 {
			t.Errorf("got processes %v, want four or more", got)
		}
		if err := d.Destroy(t.Context(), "one", 50*time.Millisecond); err != nil {
			t.Fatal(err)
		}
		if got := processesOf(cfg.Dir); len(got) != 0 {
			t.Errorf("got processes %v, want none", got)
		}
	})
}

func TestDestroyGivesUpWithItsContext(t *testing.T) {
	cfg := process.Config{Dir: t.TempDir()}
	d := open(t, cfg)
	create(t, d, sh("trap '' TERM; echo ready; while :; do sleep 0.05; done"))
	awaitLine(t, cfg.Dir, "one", "ready")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if err := d.Destroy(ctx, "one", time.Hour); err == nil {
		t.Error("got no error although it still runs")
	}
	if s := only(t, d); s.State != stoker.ServerActive {
		t.Errorf("got %s, want ACTIVE", s.State)
	}
	if err := d.Destroy(t.Context(), "one", 0); err != nil {
		t.Error(err)
	}
}

// A PID that belongs to somebody else by now must be neither watched nor killed.
func TestReusedPID(t *testing.T) {
	eachCgroups(t, func(t *testing.T, cfg process.Config) {
		d := open(t, cfg)
		create(t, d, stoker.ServerSpec{Image: "sleep 1000"})
		bystander := create(t, d, stoker.ServerSpec{Token: "two", Image: "sleep 1000"})
		pids := processesOf(cfg.Dir)
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		one, two := stateOf(t, cfg, "one"), stateOf(t, cfg, "two")
		syscall.Kill(one.Process.PID, syscall.SIGKILL)
		var status syscall.WaitStatus
		if _, err := syscall.Wait4(one.Process.PID, &status, 0, nil); err != nil {
			t.Fatal(err)
		}
		one.Process.PID, one.Process.Start = two.Process.PID, two.Process.Start-1
		setState(t, cfg, "one", one)

		d = open(t, cfg)
		if s := wait(t, d, "one"); s.State != stoker.ServerStopped {
			t.Errorf("got %s, want SHUTOFF", s.State)
		}
		if err := d.Destroy(t.Context(), "one", time.Second); err != nil {
			t.Fatal(err)
		}
		if s := only(t, d); s.Token != bystander.Token || s.State != stoker.ServerActive {
			t.Errorf("got %+v, want two, ACTIVE (of processes %v)", s, pids)
		}
	})
}

func TestMachineWasRestarted(t *testing.T) {
	cfg := process.Config{Dir: t.TempDir()}
	d := open(t, cfg)
	create(t, d, sh("exit 0"))
	wait(t, d, "one")
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	st := stateOf(t, cfg, "one")
	st.Process.Boot = "another"
	setState(t, cfg, "one", st)
	if err := os.Remove(filepath.Join(cfg.Dir, "servers/one/end.json")); err != nil {
		t.Fatal(err)
	}
	if s := wait(t, open(t, cfg), "one"); s.State != stoker.ServerError || !strings.Contains(s.Reason, "restarted") {
		t.Errorf("got %s, %q, want ERROR and why", s.State, s.Reason)
	}
}

// serverState is the part of state.json that tests change.
type serverState struct {
	Process struct {
		PID   int    `json:"pid"`
		Start uint64 `json:"start"`
		Boot  string `json:"boot"`
	} `json:"process"`
	Started time.Time `json:"started"`
}

func stateOf(t *testing.T, cfg process.Config, token string) (s serverState) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(cfg.Dir, "servers", token, "state.json"))
	if err == nil {
		err = json.Unmarshal(data, &s)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func setState(t *testing.T, cfg process.Config, token string, s serverState) {
	t.Helper()
	data, err := json.Marshal(s)
	if err == nil {
		err = os.WriteFile(filepath.Join(cfg.Dir, "servers", token, "state.json"), data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func BenchmarkCreateDestroy(b *testing.B) {
	for _, cgroups := range []string{"", "none"} {
		b.Run("cgroups="+cgroups, func(b *testing.B) {
			d, err := process.New(process.Config{Dir: b.TempDir(), Cgroups: cgroups})
			if err != nil {
				b.Fatal(err)
			}
			defer d.Close()
			for i := 0; b.Loop(); i++ {
				token := stoker.ServerToken(fmt.Sprint(i))
				if _, err := d.Create(b.Context(), stoker.ServerSpec{Token: token, Image: "sleep 1000"}); err != nil {
					b.Fatal(err)
				}
				if err := d.Destroy(b.Context(), token, time.Second); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

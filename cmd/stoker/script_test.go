package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/stoker-project/stoker/balancer/haproxy"
	"github.com/stoker-project/stoker/driver/process"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"stoker": main})
}

// TestScripts runs the stories of testdata/script, each with a home of its own.
// Beside testscript's own commands they have:
//
//	code N stoker ...    the command ends with the exit code N
//	await FILE           waits until there is a file
//	awaitout REGEXP stoker ...   repeats the command until its output matches
//	get URL              fetches an address; the answer is the standard output
//	empty DIR            there is nothing in a directory
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			examples, err := filepath.Abs("../../examples")
			if err != nil {
				return err
			}
			e.Setenv("HOME", filepath.Join(e.WorkDir, "home"))
			e.Setenv("DATA", filepath.Join(e.WorkDir, "home", ".local", "share", "stoker"))
			e.Setenv("EXAMPLES", examples)
			e.Defer(func() { destroyAll(filepath.Join(e.WorkDir, "home", ".local", "share", "stoker", "process")) })
			e.Defer(func() { stopHAProxy(filepath.Join(e.WorkDir, "home", ".local", "share", "stoker", "haproxy")) })
			return os.Mkdir(filepath.Join(e.WorkDir, "home"), 0o700)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"code": wantCode, "await": awaitFile, "awaitout": awaitOut, "get": get, "empty": empty,
		},
	})
}

// destroyAll ends the servers that a script has left behind because it failed.
func destroyAll(dir string) {
	if _, err := os.Stat(dir); err != nil {
		return
	}
	d, err := process.New(process.Config{Dir: dir})
	if err != nil {
		return // its Stoker runs on, and so do they
	}
	defer d.Close()
	servers, err := d.List(context.Background())
	if err != nil {
		return
	}
	for _, s := range servers {
		_ = d.Destroy(context.Background(), s.Token, time.Second)
	}
}

// stopHAProxy ends the HAProxy that a script has left behind because it failed.
func stopHAProxy(dir string) {
	if _, err := os.Stat(dir); err != nil {
		return
	}
	b, err := haproxy.New(haproxy.Config{Dir: dir})
	if err != nil {
		return
	}
	defer b.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_ = b.Shutdown(ctx)
}

func wantCode(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("got exit code %d, want %d", got, want)
	}
}

// patience is how long anything may take that takes milliseconds.
const patience = 30 * time.Second

// eventually asks until the answer is yes.
func eventually(ts *testscript.TestScript, what string, f func() bool) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for !f() {
		select {
		case <-tick.C:
		case <-limit.C:
			ts.Fatalf("waited %s for %s", patience, what)
		}
	}
}

func awaitFile(ts *testscript.TestScript, _ bool, args []string) {
	file := ts.MkAbs(args[0])
	eventually(ts, file, func() bool {
		_, err := os.Stat(file)
		return err == nil
	})
}

func awaitOut(ts *testscript.TestScript, _ bool, args []string) {
	eventually(ts, args[0], func() bool {
		// The command may fail until it does not.
		return ts.Exec(args[1], args[2:]...) == nil && strings.Contains(ts.ReadFile("stdout"), args[0])
	})
}

func get(ts *testscript.TestScript, neg bool, args []string) {
	res, err := http.Get(strings.TrimSpace(args[0]))
	if neg {
		if err == nil {
			res.Body.Close()
			ts.Fatalf("%s answers", args[0])
		}
		return
	}
	ts.Check(err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	ts.Check(err)
	_, err = ts.Stdout().Write(text)
	ts.Check(err)
}

func empty(ts *testscript.TestScript, _ bool, args []string) {
	files, err := os.ReadDir(ts.MkAbs(args[0]))
	ts.Check(err)
	if len(files) > 0 {
		ts.Fatalf("%s holds %v", args[0], files)
	}
}

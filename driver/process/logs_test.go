//go:build linux

package process_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/driver/process"
)

func readLogs(t *testing.T, d *process.Driver, tail int) string {
	t.Helper()
	r, err := d.Logs(t.Context(), "one", tail, false)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestTail(t *testing.T) {
	cfg := process.Config{Dir: t.TempDir()}
	d := open(t, cfg)
	create(t, d, sh("true"))
	wait(t, d, "one")
	dir := filepath.Join(cfg.Dir, "servers", "one")
	long := strings.Repeat("x", 20_000)
	for name, content := range map[string]string{"log.1": "1\n2\n3\n", "log": "4\n" + long + "\n\n6"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for tail, want := range map[int]string{
		0: "", 1: "6", 2: "\n6", 3: long + "\n\n6", 4: "4\n" + long + "\n\n6", 5: "3\n4\n" + long + "\n\n6",
		7: "1\n2\n3\n4\n" + long + "\n\n6", 100: "1\n2\n3\n4\n" + long + "\n\n6", -1: "1\n2\n3\n4\n" + long + "\n\n6",
	} {
		if got := readLogs(t, d, tail); got != want {
			t.Errorf("tail %d: got %d bytes, want %d", tail, len(got), len(want))
		}
	}
}

// Lines come as they are written, and go on after the log was cut.
func TestFollowAndCut(t *testing.T) {
	cfg := process.Config{Dir: t.TempDir(), MaxLog: 4000}
	d := open(t, cfg)
	gate := filepath.Join(t.TempDir(), "gate")
	create(t, d, sh("i=0; while [ $i -lt 400 ]; do echo before $i; i=$((i+1)); done\n"+
		"while ! [ -e "+gate+" ]; do sleep 0.01; done; echo after; sleep 1000"))
	r, err := d.Logs(t.Context(), "one", -1, true)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	lines := bufio.NewScanner(r)
	for i := range 400 {
		if !lines.Scan() || lines.Text() != fmt.Sprint("before ", i) {
			t.Fatalf("got %q, error %v, want before %d", lines.Text(), lines.Err(), i)
		}
	}
	dir := filepath.Join(cfg.Dir, "servers", "one")
	eventually(t, "the log to be cut", func() bool {
		info, err := os.Stat(filepath.Join(dir, "log"))
		return err == nil && info.Size() == 0
	})
	if info, err := os.Stat(filepath.Join(dir, "log.1")); err != nil || info.Size() > 2000 || info.Size() < 1000 {
		t.Errorf("got old log %v, error %v, want up to 2000 bytes", info, err)
	}
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if !lines.Scan() || lines.Text() != "after" {
		t.Errorf("got %q, error %v, want after", lines.Text(), lines.Err())
	}
	if got := readLogs(t, d, 2); got != "before 399\nafter\n" {
		t.Errorf("got %q", got)
	}
}

func TestFollowEndsWithItsContext(t *testing.T) {
	d := open(t, process.Config{Dir: t.TempDir()})
	create(t, d, stoker.ServerSpec{Image: "sleep 1000"})
	ctx, cancel := context.WithCancel(t.Context())
	r, err := d.Logs(ctx, "one", -1, true)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	ended := make(chan error, 1)
	go func() {
		_, err := io.ReadAll(r)
		ended <- err
	}()
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
}

package dockerdtest

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// Daemon is a Docker daemon of a test's own. Its methods are for one goroutine.
type Daemon struct {
	t    testing.TB
	dir  string
	args []string
	cmd  *exec.Cmd
	done chan struct{} // closed when cmd has ended
}

// patience bounds what a daemon may take on a busy machine.
const patience = time.Minute

// New starts a daemon that ends with the test, with further arguments such as
// --live-restore. The test is skipped where there can be none.
func New(t testing.TB, args ...string) *Daemon {
	t.Helper()
	if os.Getenv(stageVar) != stageInside {
		t.Skip("no Docker daemon: " + os.Getenv(reasonVar))
	}
	dir, err := os.MkdirTemp("", "d") // short: a socket's path has 108 bytes at most
	if err != nil {
		t.Fatal(err)
	}
	d := &Daemon{t: t, dir: dir, args: args}
	d.Start()
	t.Cleanup(func() {
		d.Stop()
		if t.Failed() {
			d.printLog()
		}
	})
	return d
}

// Socket is the path of the daemon's socket.
func (d *Daemon) Socket() string { return filepath.Join(d.dir, "docker.sock") }

// Start starts the daemon, again after Kill or Stop, and waits until it answers.
func (d *Daemon) Start() {
	d.t.Helper()
	log, err := os.OpenFile(d.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		d.t.Fatal(err)
	}
	defer log.Close()
	args := append([]string{
		"--data-root", filepath.Join(d.dir, "data"), "--exec-root", filepath.Join(d.dir, "exec"),
		"--host", "unix://" + d.Socket(), "--pidfile", filepath.Join(d.dir, "pid"),
		"--bridge", "none", "--cgroup-parent", os.Getenv(cgroupVar), "--log-level", "warn",
	}, d.args...)
	cmd := exec.Command("dockerd", args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		cmd.Wait()
		close(done)
	}()
	d.cmd, d.done = cmd, done
	d.awaitAnswer()
}

func (d *Daemon) awaitAnswer() {
	d.t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !d.answers() {
		select {
		case <-tick.C:
		case <-d.done:
			d.printLog()
			d.t.Fatal("dockerd has ended")
		case <-deadline:
			d.printLog()
			d.t.Fatal("dockerd does not answer")
		}
	}
}

func (d *Daemon) answers() bool {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	tr := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", d.Socket())
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://docker/_ping", nil)
	if err != nil {
		d.t.Fatal(err)
	}
	resp, err := tr.RoundTrip(req)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// Kill ends the daemon as a crash does. Its containers go on.
func (d *Daemon) Kill() { d.end(syscall.SIGKILL) }

// Stop ends the daemon in order.
func (d *Daemon) Stop() { d.end(syscall.SIGTERM) }

// Signal sends the daemon a signal, SIGSTOP for example.
func (d *Daemon) Signal(sig syscall.Signal) {
	d.t.Helper()
	if err := d.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		d.t.Error(err)
	}
}

func (d *Daemon) end(sig syscall.Signal) {
	d.t.Helper()
	d.Signal(sig)
	select {
	case <-d.done:
	case <-time.After(patience):
		d.t.Error("dockerd does not end")
		d.cmd.Process.Kill()
		<-d.done
	}
}

func (d *Daemon) logFile() string { return filepath.Join(d.dir, "log") }

func (d *Daemon) printLog() {
	text, err := os.ReadFile(d.logFile())
	if err != nil {
		return
	}
	d.t.Logf("dockerd:\n%s", text[max(0, len(text)-8000):])
}

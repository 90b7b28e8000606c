//go:build linux

package process

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stoker-project/stoker"
)

// watch waits for the end of a server's first process and records it. It owns fd.
func (d *Driver) watch(s *server, fd *pidfd) {
	defer fd.close()
	if err := fd.wait(d.ctx); err != nil {
		if d.ctx.Err() == nil {
			d.log.Error("wait for the end of a server", "server", s.token, "err", err)
		}
		return
	}
	status, known := fd.reap(s.state.Process.PID)
	now := time.Now()
	e := &end{State: stoker.ServerStopped, Time: now}
	e.Reason = d.howEnded(status, known, s.record.Spec) +
		" after " + roughly(now.Sub(s.state.Started)) + d.lastLines(s.token)
	d.mu.Lock()
	leaving := s.leaving
	if leaving {
		e.Reason = "was stopped to be destroyed"
	}
	s.end = e
	d.mu.Unlock()
	if !leaving {
		d.log.Info("server ended by itself", "server", s.token, "reason", e.Reason)
		if err := writeJSON(filepath.Join(d.serverDir(s.token), endFile), e); err != nil {
			d.log.Warn("record the end of a server", "server", s.token, "err", err)
		}
	}
	close(s.ended)
}

func (d *Driver) howEnded(status unix.WaitStatus, known bool, spec stoker.ServerSpec) string {
	how := "ended, with a status that is not known because an earlier run of Stoker had started it,"
	switch {
	case known && status.Signaled():
		how = fmt.Sprintf("was killed by signal %d (%s)", int(status.Signal()), unix.SignalName(status.Signal()))
	case known:
		how = fmt.Sprintf("exited with status %d", status.ExitStatus())
	}
	if d.cgroups.outOfMemory(fileName(spec.Token)) {
		how += fmt.Sprintf(" (the kernel killed for the memory limit of %d MiB)", spec.Flavor.Memory>>20)
	}
	return how
}

// roughly keeps two or three digits that say something.
func roughly(t time.Duration) string {
	switch {
	case t < time.Second:
		return t.Round(time.Millisecond).String()
	case t < time.Minute:
		return t.Round(10 * time.Millisecond).String()
	}
	return t.Round(time.Second).String()
}

// lastLines is the end of a server's log as the end of a reason.
func (d *Driver) lastLines(token stoker.ServerToken) string {
	const lines, bytes = 5, 1000
	text, err := readTail(d.logPaths(token), lines)
	if err != nil {
		return ""
	}
	text = strings.TrimSpace(strings.ToValidUTF8(text, "\uFFFD"))
	if text == "" {
		return "; its log is empty"
	}
	if len(text) > bytes {
		text = "..." + strings.ToValidUTF8(text[len(text)-bytes:], "")
	}
	return "; last lines of its log: " + text
}

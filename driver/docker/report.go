package docker

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/fsnotify/fsnotify"
	"golang.org/x/sys/unix"

	"github.com/stoker-project/stoker"
)

// report is how the user data of a server has gone, in the guest's words. The guest
// writes a file, rather than calling Stoker, because a file outlives both: it is found by
// the Stoker that was not there when it was written, and it needs no root on this side.
// The kernel tells when it appears.
type report struct {
	Status string `json:"status"` // empty: there is none yet
	Step   string `json:"step"`
	Reason string `json:"reason"`
	Lines  string `json:"lines"`
}

const (
	reportFile = "user_data.json"
	reportDone = "done"
	maxReport  = 16 << 10
)

// readReport reads what a server says of itself. Whoever is root in the server can put
// anything there, also links, pipes and endless files: nothing of that is followed.
func readReport(dir string) report {
	fd, err := unix.Open(filepath.Join(dir, reportDir, reportFile), unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return report{}
		}
		return report{Status: "unreadable", Reason: err.Error()}
	}
	f := os.NewFile(uintptr(fd), reportFile)
	defer f.Close()
	bad := func(why string) report { return report{Status: "unreadable", Reason: "its report is " + why} }
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return bad("no file")
	}
	text, err := io.ReadAll(io.LimitReader(f, maxReport+1))
	switch {
	case err != nil:
		return bad(err.Error())
	case len(text) > maxReport:
		return bad("too large")
	}
	var r report
	if err := json.Unmarshal(text, &r); err != nil || r.Status == "" {
		return bad("not understood")
	}
	for _, s := range []*string{&r.Step, &r.Reason, &r.Lines} {
		*s = strings.TrimSpace(printable(*s))
	}
	return r
}

// printable keeps a server from writing to terminals what it should not.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
}

// awaitReport has the kernel tell of a server's report. Asking twice is harmless.
func (d *Driver) awaitReport(token stoker.ServerToken) error {
	dir := filepath.Join(d.serverDir(token), reportDir)
	d.mu.Lock()
	d.reporters[dir] = token
	d.mu.Unlock()
	if err := d.watcher.Add(dir); err != nil {
		return fmt.Errorf("watch %s: %w", dir, err)
	}
	return nil
}

// hearReports wakes those who wait for servers whose reports appear, until Close.
func (d *Driver) hearReports() {
	defer d.watcher.Close()
	for {
		select {
		case e := <-d.watcher.Events:
			if filepath.Base(e.Name) != reportFile || !e.Has(fsnotify.Create) {
				continue
			}
			d.mu.Lock()
			token := d.reporters[filepath.Dir(e.Name)]
			d.mu.Unlock()
			d.wake(token)
		case err := <-d.watcher.Errors: // too many at once: some were missed
			d.log.Debug("reports of servers", "err", err)
			d.wakeAll()
		case <-d.ctx.Done():
			return
		}
	}
}

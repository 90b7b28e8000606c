//go:build linux

package process

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/stoker-project/stoker"
)

// followInterval is how often a followed log is looked at.
const followInterval = 100 * time.Millisecond

// Logs implements stoker.LogReader. The stream holds what the server has written
// to its standard output and error. With follow it ends once the server has ended
// and everything is read.
func (d *Driver) Logs(ctx context.Context, token stoker.ServerToken, tail int, follow bool) (io.ReadCloser, error) {
	s := d.find(token)
	if s == nil {
		return nil, noServer(token)
	}
	files, err := openLogs(d.logPaths(token))
	if err != nil {
		return nil, cannotUse(d.serverDir(token), err)
	}
	if err := files.seekTail(tail); err != nil {
		return nil, errors.Join(err, files.Close())
	}
	if !follow || len(files) == 0 {
		return files.reader(), nil
	}
	ctx, cancel := context.WithCancel(ctx)
	return &follower{ctx: ctx, cancel: cancel, files: files, ended: s.ended, tick: time.NewTicker(followInterval)}, nil
}

// logPaths gives the files of a log, the oldest first.
func (d *Driver) logPaths(token stoker.ServerToken) []string {
	dir := d.serverDir(token)
	return []string{filepath.Join(dir, oldLogFile), filepath.Join(dir, logFile)}
}

// logFiles are the open files of a log, the oldest first.
type logFiles []*os.File

// openLogs leaves out files that are not there.
func openLogs(paths []string) (logFiles, error) {
	var files logFiles
	for _, path := range paths {
		f, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, errors.Join(err, files.Close())
		}
		files = append(files, f)
	}
	return files, nil
}

// seekTail places the files so that reading them gives the last lines; all of
// them if lines is negative.
func (l logFiles) seekTail(lines int) error {
	if lines < 0 {
		return nil
	}
	for i := len(l) - 1; i >= 0; i-- {
		have, err := seekLines(l[i], lines)
		if err != nil {
			return err
		}
		lines -= have
	}
	return nil
}

// seekLines places f before its last lines, as many as there are up to the
// number, and gives how many those are. A last line without its end counts.
func seekLines(f *os.File, lines int) (int, error) {
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil || lines == 0 || end == 0 {
		return 0, err
	}
	found := 0
	buf := make([]byte, 8<<10)
	for at := end; at > 0; {
		n := min(int64(len(buf)), at)
		at -= n
		if _, err := f.ReadAt(buf[:n], at); err != nil {
			return 0, err
		}
		for i := n - 1; i >= 0; i-- {
			if buf[i] != '\n' || at+i == end-1 {
				continue
			}
			if found++; found == lines {
				_, err := f.Seek(at+i+1, io.SeekStart)
				return found, err
			}
		}
	}
	_, err = f.Seek(0, io.SeekStart)
	return found + 1, err
}

// reader reads the files one after the other.
func (l logFiles) reader() io.ReadCloser {
	readers := make([]io.Reader, len(l))
	for i, f := range l {
		readers[i] = f
	}
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(readers...), l}
}

func (l logFiles) Close() error {
	var errs []error
	for _, f := range l {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// readTail gives the last lines of a log.
func readTail(paths []string, lines int) (string, error) {
	files, err := openLogs(paths)
	if err != nil {
		return "", err
	}
	defer files.Close()
	if err := files.seekTail(lines); err != nil {
		return "", err
	}
	var text bytes.Buffer
	// Somebody may write lines without end.
	_, err = io.CopyN(&text, files.reader(), 64<<10)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return text.String(), err
}

// follower reads a log and goes on with what is added to it. Read has one caller
// at a time; Close may be called at any time, any number of times.
type follower struct {
	ctx    context.Context
	cancel context.CancelFunc
	files  logFiles
	at     int // which of the files is read; the last is never left
	ended  <-chan struct{}
	tick   *time.Ticker
	close  sync.Once
	err    error // of Close
}

func (l *follower) Read(p []byte) (int, error) {
	for {
		// Asked before reading, so that nothing written before the end is missed.
		last := isClosed(l.ended)
		n, err := l.files[l.at].Read(p)
		if n > 0 || err != nil && err != io.EOF {
			return n, l.blame(err)
		}
		if l.at < len(l.files)-1 {
			l.at++
			continue
		}
		if last {
			return 0, io.EOF
		}
		if err := l.rewindIfCut(); err != nil {
			return 0, l.blame(err)
		}
		select {
		case <-l.ctx.Done():
			return 0, context.Cause(l.ctx)
		case <-l.ended:
		case <-l.tick.C:
		}
	}
}

// rewindIfCut goes back to the start when the log was cut.
func (l *follower) rewindIfCut() error {
	f := l.files[l.at]
	at, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil && info.Size() < at {
		_, err = f.Seek(0, io.SeekStart)
	}
	return err
}

// blame names the context where it is the reason of an error.
func (l *follower) blame(err error) error {
	if err != nil && err != io.EOF && l.ctx.Err() != nil {
		return context.Cause(l.ctx)
	}
	return err
}

func (l *follower) Close() error {
	l.close.Do(func() {
		l.cancel()
		l.tick.Stop()
		l.err = l.files.Close()
	})
	return l.err
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

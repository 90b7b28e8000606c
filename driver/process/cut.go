//go:build linux

package process

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/stoker-project/stoker"
)

// cutInterval is how often the size of logs is looked at.
const cutInterval = time.Second

// cutLogs keeps logs within their bound until Close. A server keeps its log file
// open, so the log is copied and truncated; what the server writes in between is
// lost, a few lines at most.
func (d *Driver) cutLogs() {
	tick := time.NewTicker(cutInterval)
	defer tick.Stop()
	for {
		select {
		case <-d.ctx.Done():
			return
		case <-tick.C:
		}
		for _, token := range d.tokens() {
			if err := d.cutLog(token); err != nil && !errors.Is(err, fs.ErrNotExist) {
				d.log.Warn("cut the log of a server", "server", token, "err", err)
			}
		}
	}
}

func (d *Driver) tokens() []stoker.ServerToken {
	d.mu.Lock()
	defer d.mu.Unlock()
	tokens := make([]stoker.ServerToken, 0, len(d.servers))
	for token := range d.servers {
		tokens = append(tokens, token)
	}
	return tokens
}

// cutLog moves the log aside when it has half of what both files may have. On a
// full disk nothing can be moved; then the log is only truncated.
func (d *Driver) cutLog(token stoker.ServerToken) error {
	paths := d.logPaths(token)
	half := d.cfg.MaxLog / 2
	info, err := os.Stat(paths[1])
	if err != nil || info.Size() <= half {
		return err
	}
	log, err := os.OpenFile(paths[1], os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer log.Close()
	// Of one that has grown beyond all bounds, the end is worth most.
	if _, err := log.Seek(-min(half, info.Size()), io.SeekEnd); err != nil {
		return err
	}
	err = copyTo(paths[0], log)
	return errors.Join(err, log.Truncate(0))
}

// copyTo replaces a file by what there is to read.
func copyTo(path string, r io.Reader) error {
	tmp := path + ".tmp"
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		os.Remove(tmp)
	}
	return err
}

//go:build linux

package process

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/stoker-project/stoker"
)

// Create implements stoker.Driver: it writes the server's directory and starts its
// process. A server that has ended is not started again.
func (d *Driver) Create(ctx context.Context, spec stoker.ServerSpec) (stoker.Server, error) {
	if err := checkSpec(spec); err != nil {
		return stoker.Server{}, err
	}
	unlock, err := d.locks.lock(ctx, spec.Token)
	if err != nil {
		return stoker.Server{}, fmt.Errorf("create server %q: %w", spec.Name, err)
	}
	defer unlock()
	s := d.find(spec.Token)
	switch {
	case s == nil:
		s, err = d.createNew(spec)
	case s.bad != nil || d.isLeaving(s):
		err = &stoker.Error{Kind: stoker.Conflict,
			Message: fmt.Sprintf("create server %q: there is one of token %q that is broken or on its way out", spec.Name, spec.Token),
			Err:     s.bad, Hint: "Destroy it first."}
	case s.state == nil:
		s, err = d.startWritten(s.record)
	}
	if err != nil {
		return stoker.Server{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return s.view(), nil
}

func checkSpec(spec stoker.ServerSpec) error {
	problem := ""
	switch {
	case spec.Token == "":
		problem = "it has no token"
	case len(fileName(spec.Token)) > 200:
		problem = "its token is longer than 200 characters"
	case spec.Port < 0 || spec.Port > 65535:
		problem = fmt.Sprintf("port %d is not between 1 and 65535", spec.Port)
	case spec.Flavor.CPUs < 0 || spec.Flavor.Memory < 0 || spec.Flavor.Disk < 0:
		problem = fmt.Sprintf("flavor %q has a negative size", spec.Flavor.Name)
	case strings.ContainsRune(string(spec.Token)+spec.Name+spec.Image, 0):
		problem = "its token, name or image holds a zero byte"
	case len(spec.Ports) > 0:
		problem = "it has ports in networks, and processes share the network of the machine"
	}
	for key, value := range spec.Metadata {
		if strings.ContainsRune(value, 0) {
			problem = fmt.Sprintf("the metadata value of %q holds a zero byte", key)
		}
	}
	if problem != "" {
		return stoker.Errorf(stoker.Invalid, "create server %q: %s", spec.Name, problem)
	}
	return nil
}

// createNew does everything for a token that was never seen.
func (d *Driver) createNew(spec stoker.ServerSpec) (*server, error) {
	r := record{Spec: spec, Port: spec.Port, Created: time.Now().Round(0)}
	if r.Port == 0 {
		r.Port = d.cfg.Port
	}
	var err error
	if r.Address, err = d.address(spec.Token, r.Port); err != nil {
		return nil, fmt.Errorf("create server %q: %w", spec.Name, err)
	}
	c, err := d.command(r)
	if err == nil {
		err = d.writeDir(r, c)
	}
	if err != nil {
		d.release(r.Address)
		return nil, err
	}
	d.crash("written")
	return d.start(r, c)
}

// startWritten starts a server whose directory an earlier driver wrote before it
// was killed.
func (d *Driver) startWritten(r record) (*server, error) {
	c, err := d.command(r)
	if err != nil {
		return nil, err
	}
	return d.start(r, c)
}

// writeDir makes the server's directory complete and then puts it in place.
func (d *Driver) writeDir(r record, c command) error {
	tmp := filepath.Join(d.tmpDir(), fileName(r.Spec.Token))
	err := d.fillDir(tmp, r, c)
	if err == nil {
		err = os.Rename(tmp, d.serverDir(r.Spec.Token))
	}
	if err != nil {
		os.RemoveAll(tmp)
		return fmt.Errorf("create server %q: %w", r.Spec.Name, cannotUse(d.cfg.Dir, err))
	}
	return nil
}

func (d *Driver) fillDir(dir string, r record, c command) error {
	work := filepath.Join(dir, workName)
	if err := os.RemoveAll(dir); err != nil { // of an earlier server
		return err
	}
	if err := os.MkdirAll(work, 0o700); err != nil {
		return err
	}
	for name, content := range c.files {
		file := filepath.Join(work, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			return err
		}
		mode := os.FileMode(0o600)
		if strings.HasPrefix(content, "#!") {
			mode = 0o700
		}
		if err := writeFile(file, []byte(content), mode); err != nil {
			return err
		}
	}
	if err := writeJSON(filepath.Join(work, metaFile), orEmpty(r.Spec.Metadata)); err != nil {
		return err
	}
	return writeJSON(filepath.Join(dir, recordFile), r)
}

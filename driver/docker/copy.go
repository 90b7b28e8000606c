package docker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"

	"github.com/stoker-project/stoker"
)

// CopyVolume implements stoker.VolumeCopier. Its files are copied on this machine, as they are
// found: a server that writes meanwhile should stand still. While the daemon does not
// answer, it waits.
func (d *Driver) CopyVolume(ctx context.Context, from stoker.VolumeToken, spec stoker.VolumeSpec) error {
	err := checkVolume(spec)
	if err == nil {
		err = d.persist(ctx, func(c *conn) error { return d.copyVolume(ctx, c, from, spec) })
	}
	if err != nil {
		return fmt.Errorf("create volume %q: %w", spec.Name, err)
	}
	return nil
}

// copyVolume makes the volume after the record that says that it is not whole, and
// removes the record when it is.
func (d *Driver) copyVolume(ctx context.Context, c *conn, from stoker.VolumeToken, spec stoker.VolumeSpec) error {
	record := d.halfCopy(spec.Token)
	_, half := os.Stat(record)
	if half != nil && !errors.Is(half, fs.ErrNotExist) {
		return cannotUse(d.cfg.Dir, half)
	}
	_, there := d.volumeFolder(ctx, c, spec.Token)
	if there == nil && half != nil {
		return nil // it is whole
	}
	if there != nil && !stoker.IsKind(there, stoker.NotFound) {
		return there
	}
	source, err := d.sourceFolder(ctx, c, from, spec.Project)
	if err != nil {
		return err
	}
	if _, _, err := d.places.claim(spec.Token, nowhere); err != nil { // no server gets it meanwhile
		return err
	}
	defer d.places.release(spec.Token)
	if err := replaceFile(record, nil, 0o600); err != nil {
		return cannotUse(d.cfg.Dir, err)
	}
	d.crash("copy begun")
	if err := d.makeVolume(ctx, c, spec); err != nil {
		return err
	}
	target, err := d.volumeFolder(ctx, c, spec.Token)
	if err != nil {
		return err
	}
	if err := copyFolder(ctx, source, target); err != nil {
		return err
	}
	d.crash("copied")
	if err := os.Remove(record); err != nil {
		return cannotUse(d.cfg.Dir, err)
	}
	return nil
}

// halfCopy is the record of a copy that is being made.
func (d *Driver) halfCopy(token stoker.VolumeToken) string {
	return filepath.Join(d.copiesDir(), escape(string(token)))
}

// sourceFolder is where the data of a project's volume is; NotFound for another's.
func (d *Driver) sourceFolder(ctx context.Context, c *conn, token stoker.VolumeToken, project stoker.ProjectID) (string, error) {
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	seen, err := c.VolumeInspect(call, d.volumeName(token), client.VolumeInspectOptions{})
	_, half := os.Stat(d.halfCopy(token))
	switch {
	case errdefs.IsNotFound(err), err == nil && (!d.isOurVolume(seen.Volume, token) || seen.Volume.Labels[labelProject] != string(project) || half == nil):
		return "", stoker.Errorf(stoker.NotFound, "there is no volume %q", token)
	case err != nil:
		return "", explain(ctx, "look at a volume", err)
	}
	return seen.Volume.Mountpoint, nil
}

// copyFolder makes a folder like another one, with owners, times, links and attributes.
func copyFolder(ctx context.Context, from, to string) error {
	old, err := os.ReadDir(to)
	for _, e := range old { // of a try that was broken off
		err = errors.Join(err, os.RemoveAll(filepath.Join(to, e.Name())))
	}
	if err != nil {
		return stoker.Errorf(stoker.Unavailable, "empty the copy: %w", err)
	}
	out, err := exec.CommandContext(ctx, "cp", "-a", "--reflink=auto", "--", from+"/.", to).CombinedOutput()
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, exec.ErrNotFound):
		return &stoker.Error{Kind: stoker.Invalid, Message: "volumes are copied by cp, which is not there", Hint: "Install GNU coreutils."}
	case err != nil:
		return stoker.Errorf(stoker.Unavailable, "copy the volume: %w: %.500s", err, strings.TrimSpace(string(out)))
	}
	return nil
}

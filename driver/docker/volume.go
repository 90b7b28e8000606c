package docker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/volume"
	"github.com/moby/moby/client"

	"github.com/stoker-project/stoker"
)

// labelSize is the wanted size of a volume, in bytes; its other labels are like a
// container's.
const labelSize = "stoker.size"

// CreateVolume implements stoker.Volumer: a named volume of Docker's, whose labels hold
// all that is known of it. Docker cannot hold it to its size. While the daemon does not
// answer, it waits.
func (d *Driver) CreateVolume(ctx context.Context, spec stoker.VolumeSpec) error {
	err := checkVolume(spec)
	if err == nil {
		err = d.persist(ctx, func(c *conn) error { return d.makeVolume(ctx, c, spec) })
	}
	if err != nil {
		return fmt.Errorf("create volume %q: %w", spec.Name, err)
	}
	return nil
}

func checkVolume(spec stoker.VolumeSpec) error {
	switch {
	case spec.Token == "":
		return stoker.Errorf(stoker.Invalid, "it has no token")
	case len(escape(string(spec.Token))) > 200:
		return stoker.Errorf(stoker.Invalid, "its token is longer than 200 characters")
	case spec.Size < 0:
		return stoker.Errorf(stoker.Invalid, "its size is negative")
	}
	return nil
}

// makeVolume makes it, or gets the one of that name: Docker does both in one step.
func (d *Driver) makeVolume(ctx context.Context, c *conn, spec stoker.VolumeSpec) error {
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	made, err := c.VolumeCreate(call, client.VolumeCreateOptions{
		Name:   d.volumeName(spec.Token),
		Driver: "local",
		Labels: map[string]string{
			labelInstallation: d.installation,
			labelToken:        string(spec.Token),
			labelName:         spec.Name,
			labelProject:      string(spec.Project),
			labelSize:         strconv.FormatInt(spec.Size, 10),
		},
	})
	if err != nil {
		return explain(ctx, "make its volume of Docker's", err)
	}
	if !d.isOurVolume(made.Volume, spec.Token) {
		return &stoker.Error{Kind: stoker.Conflict, Message: "there is a volume " + made.Volume.Name + " of somebody else",
			Hint: "It is not of this installation: remove or rename it."}
	}
	d.crash("volume made")
	return nil
}

func (d *Driver) volumeName(token stoker.VolumeToken) string {
	return "stoker-" + d.installation + "-" + escape(string(token))
}

func (d *Driver) isOurVolume(v volume.Volume, token stoker.VolumeToken) bool {
	return v.Labels[labelInstallation] == d.installation && v.Labels[labelToken] == string(token)
}

// volumeFolder is where a volume's data is on this machine; NotFound if there is no
// such volume.
func (d *Driver) volumeFolder(ctx context.Context, c *conn, token stoker.VolumeToken) (string, error) {
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	seen, err := c.VolumeInspect(call, d.volumeName(token), client.VolumeInspectOptions{})
	switch {
	case errdefs.IsNotFound(err), err == nil && !d.isOurVolume(seen.Volume, token):
		return "", stoker.Errorf(stoker.NotFound, "there is no volume %q", token)
	case err != nil:
		return "", explain(ctx, "look at a volume", err)
	}
	return seen.Volume.Mountpoint, nil
}

// DestroyVolume implements stoker.Volumer: the volume and its data are gone. While the
// daemon does not answer, it waits.
func (d *Driver) DestroyVolume(ctx context.Context, token stoker.VolumeToken) error {
	err := d.persist(ctx, func(c *conn) error { return d.removeVolume(ctx, c, token) })
	if err != nil {
		return fmt.Errorf("destroy volume %q: %w", token, err)
	}
	return nil
}

func (d *Driver) removeVolume(ctx context.Context, c *conn, token stoker.VolumeToken) error {
	_, err := d.volumeFolder(ctx, c, token)
	if stoker.IsKind(err, stoker.NotFound) {
		return d.forgetCopy(token)
	}
	if err != nil {
		return err
	}
	if _, _, err := d.places.claim(token, nowhere); err != nil { // no server gets it meanwhile
		return err
	}
	defer d.places.release(token)
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err = c.VolumeRemove(call, d.volumeName(token), client.VolumeRemoveOptions{})
	if err != nil && !errdefs.IsNotFound(err) {
		return explain(ctx, "remove its volume of Docker's", err)
	}
	return d.forgetCopy(token)
}

// forgetCopy removes the record of a volume that was not copied whole.
func (d *Driver) forgetCopy(token stoker.VolumeToken) error {
	if err := os.Remove(d.halfCopy(token)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return cannotUse(d.cfg.Dir, err)
	}
	return nil
}

// volumeFolders are where the data of all volumes of this installation is.
func (d *Driver) volumeFolders(ctx context.Context, c *conn) (map[stoker.VolumeToken]string, error) {
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	all, err := c.VolumeList(call, client.VolumeListOptions{Filters: d.ours()})
	if err != nil {
		return nil, explain(ctx, "list volumes", err)
	}
	out := make(map[stoker.VolumeToken]string, len(all.Items))
	for _, v := range all.Items {
		if token := stoker.VolumeToken(v.Labels[labelToken]); d.isOurVolume(v, token) {
			out[token] = v.Mountpoint
		}
	}
	return out, nil
}

// deviceName is what a volume is called in its server: vdb for /dev/vdb; empty where
// no device is given.
func deviceName(device string) (string, error) {
	name := strings.TrimPrefix(device, "/dev/")
	if name != "" && (name != escape(name) || strings.HasPrefix(name, "_") || len(name) > 100) {
		return "", &stoker.Error{Kind: stoker.Invalid, Message: fmt.Sprintf("%q is not the name of a device", device),
			Hint: "Give one like /dev/vdb: letters, digits, dots and hyphens."}
	}
	return name, nil
}

package docker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/moby/moby/api/types/container"

	"github.com/stoker-project/stoker"
)

// How a volume gets into a container that runs: a folder of the machine is mounted at
// volumesPoint when the container is made, as a slave of a shared mount. What is
// mounted into the folder later appears in the container too.
//
//	Dir/mounts/             the shared mount
//	        NAME/           a server's folder, empty but for what is mounted in it
//	                vdb/    a volume's data, bind-mounted
//	Dir/servers/NAME/volumes/vdb    the record: the volume's token
//
// The record is written before the volume is mounted, and removed before it is
// unmounted: what is mounted without a record goes, also after a crash. Folders below
// Dir/mounts are only ever removed when they are empty, never with what is in them.
const volumesPoint = "/mnt/volumes"

// recordsDir is where a server's folder names its volumes, a file for each.
const recordsDir = "volumes"

func (d *Driver) mountsDir() string { return filepath.Join(d.cfg.Dir, "mounts") }

// mountsOf is the folder of the machine that a server sees at volumesPoint.
func (d *Driver) mountsOf(server stoker.ServerToken) string {
	return filepath.Join(d.mountsDir(), escape(string(server)))
}

func (d *Driver) recordOf(p place) string {
	return filepath.Join(d.serverDir(p.server), recordsDir, p.device)
}

func (d *Driver) mountOf(p place) string { return filepath.Join(d.mountsOf(p.server), p.device) }

// AttachVolume implements stoker.VolumeAttacher: the server sees the volume's data in
// /mnt/volumes/vdb for /dev/vdb, while it runs and after every start of its container.
// While the daemon does not answer, it waits.
func (d *Driver) AttachVolume(ctx context.Context, server stoker.ServerToken, volume stoker.VolumeToken, device string) (string, error) {
	doing := fmt.Sprintf("attach volume %q to server %q", volume, server)
	name, err := deviceName(device)
	if err != nil {
		return "", fmt.Errorf("%s: %w", doing, err)
	}
	var got place
	err = d.persist(ctx, func(c *conn) (err error) {
		got, err = d.attach(ctx, c, volume, place{server, name})
		return err
	})
	if err != nil {
		return "", fmt.Errorf("%s: %w", doing, err)
	}
	return volumesPoint + "/" + got.device, nil
}

// attach asks the daemon first; after that, all happens on this machine.
func (d *Driver) attach(ctx context.Context, c *conn, volume stoker.VolumeToken, want place) (place, error) {
	folder, err := d.volumeFolder(ctx, c, volume)
	if err != nil {
		return want, err
	}
	b, err := d.container(ctx, c, want.server)
	if err != nil {
		return want, err
	}
	if !d.takesVolumes(b) {
		return want, d.noPlace()
	}
	got, fresh, err := d.places.claim(volume, want)
	if err != nil {
		return want, err
	}
	err = d.put(folder, volume, got)
	if err == nil {
		err = d.seen(b, got)
	}
	if err != nil && fresh {
		err = errors.Join(err, d.take(ctx, volume, got))
	}
	return got, err
}

// takesVolumes tells whether a container was made with the folder for volumes.
func (d *Driver) takesVolumes(b box) bool {
	for _, m := range b.seen.Mounts {
		if m.Destination == volumesPoint && m.Source == d.mountsOf(b.token()) {
			return true
		}
	}
	return false
}

func (d *Driver) noPlace() error {
	e := &stoker.Error{Kind: stoker.Invalid, Message: "its container was made without a place for volumes",
		Hint: "Its image's configuration has a volume at " + volumesPoint + ", or it was made by a Stoker that could not mount: replace the server."}
	if !d.places.mayMount {
		e.Hint = "Only root can mount: let Stoker run as root, and replace the server."
	}
	return e
}

// put mounts a volume's data into the server's folder, where it is not yet.
func (d *Driver) put(folder string, volume stoker.VolumeToken, p place) error {
	if err := d.shareMounts(); err != nil {
		return err
	}
	d.places.files.Lock()
	defer d.places.files.Unlock()
	err := os.MkdirAll(filepath.Dir(d.recordOf(p)), 0o755)
	if err == nil {
		err = replaceFile(d.recordOf(p), []byte(volume), 0o644)
	}
	if err != nil {
		return cannotUse(d.serverDir(p.server), err)
	}
	d.crash("attach recorded")
	if err := d.mount(folder, p); err != nil {
		return err
	}
	d.crash("attach mounted")
	return nil
}

// mount mounts what a record wants; d.places.files is held.
func (d *Driver) mount(folder string, p place) error {
	target := d.mountOf(p)
	if err := os.MkdirAll(target, 0o755); err != nil {
		return cannotUse(d.mountsDir(), err)
	}
	openFolder(folder)
	return mountOnce(folder, target)
}

// openFolder lets every user of a server write into a volume that nobody has used,
// as Docker's volumes belong to root at first. Whoever has it may narrow that.
func openFolder(folder string) {
	entries, err := os.ReadDir(folder)
	if info, statErr := os.Stat(folder); err == nil && statErr == nil && len(entries) == 0 && info.Mode().Perm() == 0o755 {
		_ = os.Chmod(folder, 0o777) // only a convenience
	}
}

// seen makes sure that a container that runs has got what was mounted.
func (d *Driver) seen(b box, p place) error {
	if b.seen.State == nil || b.state != container.StateRunning {
		return nil // its next start brings it
	}
	ok, err := mountedFor(b.seen.State.Pid, volumesPoint+"/"+p.device)
	if errors.Is(err, fs.ErrNotExist) || ok {
		return nil // it has ended meanwhile, or all is well
	}
	return &stoker.Error{Kind: stoker.Unavailable, Message: "what Stoker mounts does not reach the container", Err: err,
		Hint: "Stoker and the Docker daemon must see the same mounts: no PrivateMounts, PrivateTmp or ProtectSystem for Stoker. If they do, restart the container."}
}

// DetachVolume implements stoker.VolumeAttacher. What has been written is written to
// the disk first. Files of the volume that the server has open stay open to it until it
// closes them. While the daemon does not answer, it waits.
func (d *Driver) DetachVolume(ctx context.Context, server stoker.ServerToken, volume stoker.VolumeToken) error {
	err := d.persist(ctx, func(*conn) error { // what is attached is known from the first connection on
		if has, ok := d.places.find(volume); ok && has.server == server {
			return d.take(ctx, volume, has)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("detach volume %q from server %q: %w", volume, server, err)
	}
	return nil
}

// take undoes put. The volume stays claimed when that is not done wholly.
func (d *Driver) take(ctx context.Context, volume stoker.VolumeToken, p place) error {
	if err := d.unrecord(p); err != nil {
		return cannotUse(d.serverDir(p.server), err)
	}
	d.crash("detach recorded")
	if err := d.unmount(ctx, d.mountOf(p)); err != nil {
		return err
	}
	d.places.release(volume)
	return nil
}

func (d *Driver) unrecord(p place) error {
	d.places.files.Lock()
	defer d.places.files.Unlock()
	err := os.Remove(d.recordOf(p))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// takeAll detaches whatever a server has that is gone.
func (d *Driver) takeAll(server stoker.ServerToken) error {
	for device, volume := range d.places.volumes(server) {
		if err := d.take(d.ctx, volume, place{server, device}); err != nil {
			return err
		}
	}
	return removeEmpty(d.mountsOf(server))
}

// unmount takes a mount away and its folder, which is empty then.
func (d *Driver) unmount(ctx context.Context, target string) error {
	if err := unmountAll(ctx, target); err != nil {
		return err
	}
	return removeEmpty(target)
}

// removeEmpty removes a folder that may not be there; never what is in it.
func removeEmpty(dir string) error {
	err := os.Remove(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return cannotUse(dir, err)
	}
	return nil
}

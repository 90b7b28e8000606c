package docker

import (
	"context"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/moby/moby/api/types/mount"

	"github.com/stoker-project/stoker"
)

// volumesMount is the folder for volumes of a server that is to be made; none where
// Stoker cannot mount, or the image has something of its own there.
func (d *Driver) volumesMount(token stoker.ServerToken, image Image) []mount.Mount {
	if !d.places.mayMount || image.hasMountAt(volumesPoint) {
		return nil
	}
	err := d.shareMounts()
	if err == nil {
		err = os.MkdirAll(d.mountsOf(token), 0o755)
	}
	if err != nil {
		d.log.Warn("server gets no place for volumes", "server", token, "err", err)
		return nil
	}
	return []mount.Mount{{
		Type: mount.TypeBind, Source: d.mountsOf(token), Target: volumesPoint,
		ReadOnly:    true, // the folder, not the volumes in it
		BindOptions: &mount.BindOptions{Propagation: mount.PropagationRSlave, ReadOnlyNonRecursive: true},
	}}
}

// shareMounts makes the folder of all mounts a shared mount, where it is none.
func (d *Driver) shareMounts() error {
	dir := d.mountsDir()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return cannotUse(d.cfg.Dir, err)
	}
	d.places.files.Lock()
	defer d.places.files.Unlock()
	return shareMount(dir)
}

// unshareMounts undoes that where nothing is mounted below, for a driver without servers.
func (d *Driver) unshareMounts() error {
	left, err := os.ReadDir(d.mountsDir())
	if err != nil || len(left) > 0 || !canMount() {
		return nil
	}
	return d.unmount(d.ctx, d.mountsDir())
}

// hasMountAt tells whether the configuration mounts something at a place of the image.
func (i Image) hasMountAt(place string) bool {
	for _, v := range i.Volumes {
		parts := strings.Split(v, ":") // as checked: what, where and how
		if len(parts) > 1 && path.Clean(parts[1]) == place {
			return true
		}
	}
	return false
}

// putBack makes the mounts what the records say: after a restart of the machine all
// are missing, and a crash can leave one too many. servers are those that are
// there. A volume that cannot be put back is told of, and keeps nothing else from going on.
func (d *Driver) putBack(ctx context.Context, c *conn, servers []stoker.ServerToken) {
	wanted := d.readPlaces(servers)
	if err := d.sweepMounts(ctx, servers); err != nil {
		d.log.Warn("mounts of volumes cannot be cleaned up", "err", err)
	}
	if len(wanted) == 0 {
		return
	}
	folders, err := d.volumeFolders(ctx, c)
	if err == nil {
		err = d.shareMounts()
	}
	if err != nil {
		d.log.Error("volumes cannot be put back", "err", err)
		return
	}
	for volume, p := range wanted {
		if err := d.remount(folders[volume], p); err != nil {
			d.log.Error("volume cannot be put back", "volume", volume, "server", p.server, "err", err)
		}
	}
}

// readPlaces claims what the records say, and gives it.
func (d *Driver) readPlaces(servers []stoker.ServerToken) map[stoker.VolumeToken]place {
	out := map[stoker.VolumeToken]place{}
	for _, server := range servers {
		records, err := os.ReadDir(filepath.Join(d.serverDir(server), recordsDir))
		if err != nil {
			continue // it has none
		}
		for _, r := range records {
			p := place{server, r.Name()}
			text, err := os.ReadFile(d.recordOf(p))
			volume := stoker.VolumeToken(text)
			if err != nil || volume == "" || r.Name() != escape(r.Name()) {
				continue // it was being written
			}
			if _, _, err := d.places.claim(volume, p); err != nil {
				d.log.Error("volume is recorded twice", "volume", volume, "server", server, "err", err)
				continue
			}
			out[volume] = p
		}
	}
	return out
}

// remount mounts a volume again if it is still to be there.
func (d *Driver) remount(folder string, p place) error {
	if folder == "" {
		return stoker.Errorf(stoker.NotFound, "somebody has removed it from Docker")
	}
	d.places.files.Lock()
	defer d.places.files.Unlock()
	if _, err := os.Stat(d.recordOf(p)); err != nil {
		return nil // it is being detached
	}
	return d.mount(folder, p)
}

// sweepMounts takes away what is mounted and not recorded, and the folders of servers
// that are gone.
func (d *Driver) sweepMounts(ctx context.Context, servers []stoker.ServerToken) error {
	names := map[string]stoker.ServerToken{}
	for _, s := range servers {
		names[escape(string(s))] = s
	}
	folders, err := os.ReadDir(d.mountsDir())
	if err != nil {
		return nil // nothing was ever mounted
	}
	for _, f := range folders {
		server, there := names[f.Name()]
		if err := d.sweepFolder(ctx, f.Name(), d.places.volumes(server)); err != nil {
			return err
		}
		if there {
			continue
		}
		if err := removeEmpty(filepath.Join(d.mountsDir(), f.Name())); err != nil {
			return err
		}
	}
	return nil
}

// sweepFolder leaves only the wanted devices in a server's folder.
func (d *Driver) sweepFolder(ctx context.Context, name string, wanted map[string]stoker.VolumeToken) error {
	dir := filepath.Join(d.mountsDir(), name)
	devices, err := os.ReadDir(dir)
	if err != nil {
		return cannotUse(dir, err)
	}
	for _, dev := range devices {
		if _, ok := wanted[dev.Name()]; ok {
			continue
		}
		if err := d.unmount(ctx, filepath.Join(dir, dev.Name())); err != nil {
			return err
		}
	}
	return nil
}

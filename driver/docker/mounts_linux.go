package docker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"github.com/stoker-project/stoker"
)

// canMount tells whether this process may mount.
func canMount() bool { return os.Geteuid() == 0 }

// shareMount makes a folder a mount that shares what is mounted below it with its
// slaves, and with nobody else: it must not be in the group of the mount it lies in, or
// everything would be mounted there too.
func shareMount(dir string) error {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return cannotMount(dir, err)
	}
	mounts, err := mountinfo.GetMounts(mountinfo.ParentsFilter(dir))
	if err != nil {
		return cannotMount(dir, err)
	}
	groups := map[int]string{}
	for _, m := range mounts {
		groups[m.ID] = m.Optional
	}
	mounted := false
	for _, m := range mounts {
		if m.Mountpoint != dir {
			continue
		}
		mounted = true
		if strings.HasPrefix(m.Optional, "shared:") && m.Optional != groups[m.Parent] {
			return nil
		}
	}
	if !mounted {
		if err := unix.Mount(dir, dir, "", unix.MS_BIND, ""); err != nil {
			return cannotMount(dir, err)
		}
	}
	for _, how := range []uintptr{unix.MS_PRIVATE, unix.MS_SHARED} {
		if err := unix.Mount("", dir, "", how, ""); err != nil {
			return cannotMount(dir, err)
		}
	}
	return nil
}

// mountOnce shows a folder at another place, where nothing is mounted yet.
func mountOnce(folder, target string) error {
	mounted, err := mountinfo.Mounted(target)
	if err == nil && !mounted {
		err = unix.Mount(folder, target, "", unix.MS_BIND, "")
	}
	if err != nil {
		return cannotMount(target, err)
	}
	return nil
}

// mountedFor tells whether a process has something mounted at a path.
func mountedFor(pid int, path string) (bool, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/mountinfo", pid))
	if err != nil {
		return false, err
	}
	defer f.Close()
	found, err := mountinfo.GetMountsFromReader(f, mountinfo.SingleEntryFilter(path))
	return len(found) > 0, err
}

// How long it is waited for a mount that is in use, and how often it is tried.
const (
	unmountPatience = time.Second
	unmountPause    = 20 * time.Millisecond
)

// unmountAll takes away all that is mounted at a place. What is in use there, still
// after a moment, is written to the disk and taken out of everybody's sight; it ends
// with its last user.
func unmountAll(ctx context.Context, target string) error {
	deadline := time.Now().Add(unmountPatience)
	for {
		err := unix.Unmount(target, unix.UMOUNT_NOFOLLOW)
		switch {
		case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOENT):
			return nil // nothing is mounted there any more
		case errors.Is(err, unix.EBUSY) && time.Now().Before(deadline):
			if !sleep(ctx, unmountPause) {
				return context.Cause(ctx)
			}
		case errors.Is(err, unix.EBUSY):
			flush(target)
			if err := unix.Unmount(target, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); err != nil {
				return cannotMount(target, err)
			}
		case err != nil:
			return cannotMount(target, err)
		}
	}
}

// flush writes the file system of a place to its disk.
func flush(dir string) {
	f, err := os.Open(dir)
	if err != nil {
		return
	}
	defer f.Close()
	_ = unix.Syncfs(int(f.Fd()))
}

// anyMount tells whether anything is mounted at a place or below it.
func anyMount(dir string) (bool, error) {
	real, err := filepath.EvalSymlinks(dir)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	found, err := mountinfo.GetMounts(mountinfo.PrefixFilter(real))
	return len(found) > 0, err
}

func cannotMount(dir string, err error) error {
	return &stoker.Error{Kind: stoker.Unavailable, Message: "mount or unmount " + dir, Err: err,
		Hint: "Stoker must be root and have the right to mount (CAP_SYS_ADMIN)."}
}

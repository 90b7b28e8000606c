package dockerdtest

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// debianPackages are what is in the tree beside what every Debian has.
var debianPackages = []string{"busybox", "ca-certificates", "cron", "curl", "haproxy", "iproute2", "procps", "python3"}

// Debian gives the path of a tar file with the root file system of a small Debian, for
// an image of the kind import. It is made by the first test that asks, which takes a minute
// and the network, and kept in the user's cache for all. Nobody may change it. The test is
// skipped where it cannot be made.
func Debian(t testing.TB) string {
	t.Helper()
	if _, err := exec.LookPath("debootstrap"); err != nil {
		t.Skip("debootstrap is not installed (apt-get install debootstrap)")
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Skip("no Debian: " + err.Error())
	}
	dir := filepath.Join(cache, "stoker-test")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	hash := sha256.Sum256([]byte(strings.Join(debianArgs(), " ")))
	file := filepath.Join(dir, "debian-"+hex.EncodeToString(hash[:6])+".tar")
	unlock, err := lock(file + ".lock") // other packages' tests run at the same time
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	if _, err := os.Stat(file); err == nil {
		return file
	}
	if err := makeDebian(file); err != nil {
		t.Skipf("no Debian: %v", err)
	}
	return file
}

func lock(file string) (unlock func() error, err error) {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", file, err)
	}
	return f.Close, nil
}

func debianArgs() []string {
	return []string{"--variant=minbase", "--include=" + strings.Join(debianPackages, ","), suite()}
}

// suite is that of this machine, for its keys are here.
func suite() string {
	f, err := os.Open("/etc/os-release")
	if err != nil {
		return "stable"
	}
	defer f.Close()
	of := map[string]string{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		key, value, _ := strings.Cut(lines.Text(), "=")
		of[key] = strings.Trim(value, `"`)
	}
	if of["ID"] == "debian" && of["VERSION_CODENAME"] != "" {
		return of["VERSION_CODENAME"]
	}
	return "stable"
}

func makeDebian(file string) error {
	tree, err := os.MkdirTemp("", "debian")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tree)
	if err := outside("debootstrap", append(debianArgs(), tree)...); err != nil {
		return err
	}
	_ = unix.Unmount(filepath.Join(tree, "proc"), unix.MNT_DETACH) // where debootstrap has left it
	_ = unix.Unmount(filepath.Join(tree, "sys"), unix.MNT_DETACH)
	part := file + ".part"
	defer os.Remove(part)
	err = outside("tar", "-C", tree, "--one-file-system", "--numeric-owner", "--exclude=./var/cache/apt/*", "--exclude=./var/lib/apt/lists/*",
		"--exclude=./dev/*", "-cf", part, ".")
	if err != nil {
		return err
	}
	return os.Rename(part, file)
}

// outside runs a program in the machine's own network. The thread that has gone there
// ends with its goroutine.
func outside(program string, args ...string) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		if err := unix.Setns(hostNet, unix.CLONE_NEWNET); err != nil {
			done <- fmt.Errorf("enter the machine's network: %w", err)
			return
		}
		cmd := exec.Command(program, args...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			out = bytes.TrimSpace(out)
			err = fmt.Errorf("%s: %w: %s", program, err, out[max(0, len(out)-500):])
		}
		done <- err
	}()
	return <-done
}

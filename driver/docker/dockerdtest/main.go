package dockerdtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// The test binary runs three times: by the go command, as the first process of the
// new namespaces, and below that with the tests.
const (
	stageVar  = "DOCKERDTEST_STAGE"
	cgroupVar = "DOCKERDTEST_CGROUP"
	reasonVar = "DOCKERDTEST_REASON" // why there can be no daemon

	stageInit   = "init"
	stageInside = "inside"
)

// hostNet is the descriptor of the machine's own network namespace in the second and
// third process.
const hostNet = 3

// Main runs the tests where they can have daemons. Call it from TestMain, with
// m.Run: os.Exit(dockerdtest.Main(m.Run)).
func Main(run func() int) int {
	switch os.Getenv(stageVar) {
	case stageInside:
		unix.CloseOnExec(hostNet)
		return run()
	case stageInit:
		return initial()
	}
	if reason := missing(); reason != "" {
		os.Setenv(reasonVar, reason)
		return run()
	}
	code, err := enter()
	if err != nil {
		os.Setenv(reasonVar, "namespaces cannot be made here: "+err.Error())
		return run()
	}
	return code
}

func missing() string {
	if os.Getuid() != 0 {
		return "a Docker daemon needs root"
	}
	for _, program := range []string{"dockerd", "containerd", "runc", "iptables"} {
		if _, err := exec.LookPath(program); err != nil {
			return program + " is not installed (apt-get install docker.io iptables)"
		}
	}
	return ""
}

// enter runs this program as the first process of new namespaces, and cleans up
// after it.
func enter() (code int, err error) {
	tmp, err := os.MkdirTemp("", "dockerd")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(tmp)
	cgroup := fmt.Sprintf("dockerdtest-%d", os.Getpid())
	defer removeCgroups(cgroup)
	network, err := os.Open("/proc/self/ns/net")
	if err != nil {
		return 0, err
	}
	defer network.Close()
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.ExtraFiles = []*os.File{network} // hostNet
	cmd.Env = append(os.Environ(), stageVar+"="+stageInit, cgroupVar+"=/"+cgroup, "TMPDIR="+tmp)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNET | syscall.CLONE_NEWNS,
		Pdeathsig:  syscall.SIGKILL, // should we be killed, nothing stays either
	}
	runtime.LockOSThread() // Pdeathsig is about this thread
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	if err := cmd.Wait(); err != nil {
		return max(cmd.ProcessState.ExitCode(), 1), nil
	}
	return 0, nil
}

// removeCgroups removes the groups of containers, which outlive the namespaces.
func removeCgroups(name string) {
	dirs, _ := filepath.Glob("/sys/fs/cgroup/*/" + name)
	for _, dir := range append(dirs, "/sys/fs/cgroup/"+name) {
		for range 100 { // the kernel takes a moment to empty them
			if removeTree(dir) {
				break
			}
			<-time.After(10 * time.Millisecond)
		}
	}
}

// removeTree removes directories only: that is how groups are removed.
func removeTree(dir string) bool {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if e.IsDir() {
			removeTree(filepath.Join(dir, e.Name()))
		}
	}
	err := syscall.Rmdir(dir)
	return err == nil || errors.Is(err, syscall.ENOENT)
}

// initial prepares the namespaces, runs the tests in them and collects the dead
// children of others until the tests have ended.
func initial() int {
	if err := prepare(); err != nil {
		fmt.Fprintln(os.Stderr, "dockerdtest: prepare namespaces:", err)
		return 1
	}
	unix.CloseOnExec(hostNet)
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.ExtraFiles = []*os.File{os.NewFile(hostNet, "network")}
	cmd.Env = append(os.Environ(), stageVar+"="+stageInside)
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(os.Stderr, "dockerdtest:", err)
		return 1
	}
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			fmt.Fprintln(os.Stderr, "dockerdtest: wait for the tests:", err)
			return 1
		case pid == cmd.Process.Pid && status.Exited():
			return status.ExitStatus()
		case pid == cmd.Process.Pid:
			return 1
		}
	}
}

// prepare makes places of their own for what daemons write outside their
// directories, and brings up the loopback interface.
func prepare() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	resolver, _ := os.ReadFile("/etc/resolv.conf") // often a link into /run
	if err := unix.Mount("tmpfs", "/run", "tmpfs", 0, ""); err != nil {
		return fmt.Errorf("mount /run: %w", err)
	}
	for _, dir := range []string{"/etc", "/opt"} {
		over := filepath.Join("/run/over", dir)
		for _, d := range []string{"/upper", "/work"} {
			if err := os.MkdirAll(over+d, 0o755); err != nil {
				return err
			}
		}
		options := strings.Join([]string{"lowerdir=" + dir, "upperdir=" + over + "/upper", "workdir=" + over + "/work"}, ",")
		if err := unix.Mount("overlay", dir, "overlay", 0, options); err != nil {
			return fmt.Errorf("cover %s: %w", dir, err)
		}
	}
	_ = os.Remove("/etc/resolv.conf")
	if err := os.WriteFile("/etc/resolv.conf", resolver, 0o644); err != nil {
		return err
	}
	return loopbackUp()
}

func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	lo.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo); err != nil {
		return fmt.Errorf("bring up lo: %w", err)
	}
	return nil
}

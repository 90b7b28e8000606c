package netns

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// Do calls f inside the network namespace that the file at path stands for, such as
// /proc/PID/ns/net, and gives its error. f must not start goroutines that use the network,
// and not wait for such ones: only its own is inside. The sockets that it makes
// belong to the namespace for ever, wherever they are used afterwards.
func Do(path string, f func() error) error {
	target, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("enter a network namespace: %w", err)
	}
	defer target.Close()
	return DoFile(target, f)
}

// DoFile is Do with the opened file of a namespace.
func DoFile(target *os.File, f func() error) error {
	done := make(chan error, 1)
	go func() { // a goroutine of its own: its thread can be given up
		done <- onThread(target, f)
	}()
	return <-done
}

// onThread calls f on a thread that is in the namespace. Should it not come back, it
// stays locked, and so ends with its goroutine.
func onThread(target *os.File, f func() error) (err error) {
	runtime.LockOSThread()
	home, err := os.Open("/proc/thread-self/ns/net")
	if err == nil {
		defer home.Close()
		err = unix.Setns(int(target.Fd()), unix.CLONE_NEWNET)
	}
	if err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("enter the network namespace %s: %w", target.Name(), err)
	}
	defer func() {
		if back := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); back != nil {
			err = errors.Join(err, fmt.Errorf("leave the network namespace %s: %w", target.Name(), back))
			return
		}
		runtime.UnlockOSThread()
	}()
	return f()
}

// Same tells whether two files, or paths, stand for the same namespace; false when
// one cannot be read.
func Same(a, b string) bool {
	first, errA := os.Stat(a)
	second, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(first, second)
}

// Able tells whether this process may enter namespaces of others and change what is
// in them.
func Able() bool {
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&head, &data[0]); err != nil {
		return false
	}
	const need = 1<<unix.CAP_SYS_ADMIN | 1<<unix.CAP_NET_ADMIN
	return data[0].Effective&need == need
}

//go:build linux

package process

import (
	"context"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// pidfd refers to one process for good: unlike a PID it is never used again for
// another. Waiting on it costs no thread, the runtime's poller does it.
type pidfd struct{ f *os.File }

func openPidfd(pid int) (*pidfd, error) {
	fd, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK)
	if errors.Is(err, unix.EINVAL) { // before Linux 5.10
		if fd, err = unix.PidfdOpen(pid, 0); err == nil {
			return newPidfd(fd)
		}
	}
	if err != nil {
		return nil, os.NewSyscallError("pidfd_open", err)
	}
	return newPidfd(fd)
}

func newPidfd(fd int) (*pidfd, error) {
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	return &pidfd{os.NewFile(uintptr(fd), "pidfd")}, nil
}

// wait blocks until the process has ended. It may be called once.
func (p *pidfd) wait(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { p.f.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	conn, err := p.f.SyscallConn()
	if err != nil {
		return err
	}
	err = conn.Read(func(fd uintptr) bool {
		polled := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := unix.Poll(polled, 0)
		return err == nil && n > 0
	})
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// signal sends a signal; a process that is gone is no error.
func (p *pidfd) signal(sig unix.Signal) error {
	conn, err := p.f.SyscallConn()
	if err != nil {
		return err
	}
	var sent error
	err = conn.Control(func(fd uintptr) { sent = unix.PidfdSendSignal(int(fd), sig, nil, 0) })
	if errors.Is(sent, unix.ESRCH) {
		sent = nil
	}
	return errors.Join(err, sent)
}

// reap takes the status of an ended process; false if it is not a child of ours
// and so its status went to another.
func (p *pidfd) reap(pid int) (unix.WaitStatus, bool) {
	conn, err := p.f.SyscallConn()
	if err != nil {
		return 0, false
	}
	var status unix.WaitStatus
	reaped := false
	conn.Control(func(fd uintptr) {
		// WNOWAIT asks whether this very process is a child that has ended; only
		// then its PID is certain to be its own still.
		options := unix.WEXITED | unix.WNOHANG | unix.WNOWAIT
		if unix.Waitid(unix.P_PIDFD, int(fd), nil, options, nil) != nil {
			return
		}
		got, err := unix.Wait4(pid, &status, unix.WNOHANG, nil)
		reaped = err == nil && got == pid
	})
	return status, reaped
}

func (p *pidfd) close() { p.f.Close() }

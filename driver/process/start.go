//go:build linux

package process

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/stoker-project/stoker"
)

// start runs the command in the server's directory and writes down which process
// it is. On an error nothing is left.
func (d *Driver) start(r record, c command) (*server, error) {
	s := newServer(r.Spec.Token)
	s.record = r
	d.mu.Lock()
	d.servers[s.token] = s
	d.mu.Unlock()

	err := d.run(s, c)
	if err != nil {
		d.mu.Lock()
		s.leaving = true // for those who wait for it already
		d.mu.Unlock()
		close(s.ended)
		return nil, errors.Join(err, d.forget(d.ctx, s.token))
	}
	if err := writeJSON(filepath.Join(d.serverDir(s.token), stateFile), s.state); err != nil {
		err = fmt.Errorf("create server %q: %w", r.Spec.Name, cannotUse(d.cfg.Dir, err))
		return nil, errors.Join(err, d.destroy(d.ctx, s.token, 0))
	}
	return s, nil
}

// run starts the process and has it watched.
func (d *Driver) run(s *server, c command) error {
	name := fileName(s.token)
	st := &state{Notes: d.cgroups.create(name, s.record.Spec.Flavor)}
	if s.record.Spec.Flavor.Disk > 0 {
		st.Notes = append(st.Notes, "the disk size is not limited: servers share the file system")
	}
	pid, fd, err := d.fork(s, c)
	if err != nil {
		return startError(s.record.Spec, err)
	}
	d.crash("started")
	watched, err := newPidfd(fd)
	if err != nil {
		abandon(pid)
		return err
	}
	// It is there even if it has ended: nobody else takes its status.
	entry, err := readStat(pid)
	if err != nil {
		watched.close()
		abandon(pid)
		return err
	}
	st.Process = process{PID: pid, Start: entry.start, Boot: d.boot}
	st.Started = time.Now().Round(0)
	d.mu.Lock()
	s.state = st
	d.mu.Unlock()
	d.wg.Go(func() { d.watch(s, watched) })
	return nil
}

// abandon ends a child that was just started and that nobody watches.
func abandon(pid int) {
	syscall.Kill(-pid, syscall.SIGKILL)
	syscall.Wait4(pid, nil, 0, nil)
}

// fork starts the process in a session of its own, so that neither Stoker's end
// nor its terminal reaches it, and gives its PID and a pidfd.
func (d *Driver) fork(s *server, c command) (pid, fd int, err error) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return 0, 0, err
	}
	defer null.Close()
	log, err := os.OpenFile(filepath.Join(d.serverDir(s.token), logFile), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return 0, 0, err
	}
	defer log.Close()
	fd = -1
	err = d.cgroups.start(fileName(s.token), func(sys *syscall.SysProcAttr) error {
		sys.Setsid = true
		sys.PidFD = &fd
		pid, err = syscall.ForkExec(c.path, c.argv, &syscall.ProcAttr{
			Dir:   d.workDir(s.token),
			Env:   environ(c.env),
			Files: []uintptr{null.Fd(), log.Fd(), log.Fd()},
			Sys:   sys,
		})
		return err
	})
	return pid, fd, err
}

// startError translates what the kernel says about a program it cannot run.
func startError(spec stoker.ServerSpec, err error) error {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return fmt.Errorf("create server %q: %w", spec.Name, err)
	}
	is := func(of ...syscall.Errno) bool { return slices.Contains(of, errno) }
	switch {
	case is(syscall.E2BIG):
		return &stoker.Error{Kind: stoker.Invalid, Message: fmt.Sprintf("create server %q", spec.Name), Err: err,
			Hint: "The metadata is too large for the environment of a process; hand large values over in the user data."}
	case is(syscall.ENOENT):
		return badImage(spec, fmt.Errorf("the program, or the interpreter that its first line names, does not exist: %w", err))
	case is(syscall.EACCES, syscall.EPERM, syscall.ENOEXEC, syscall.ENOTDIR, syscall.EISDIR, syscall.ELOOP, syscall.EINVAL, syscall.ELIBBAD):
		return badImage(spec, fmt.Errorf("the program cannot be run: %w", err))
	case is(syscall.EAGAIN, syscall.ENOMEM, syscall.EMFILE, syscall.ENFILE):
		return &stoker.Error{Kind: stoker.NoCapacity, Message: fmt.Sprintf("create server %q", spec.Name), Err: err,
			Hint: "Raise the limits on processes and open files (ulimit -u, ulimit -n), or run fewer servers."}
	}
	return &stoker.Error{Kind: stoker.Unavailable, Message: fmt.Sprintf("create server %q", spec.Name), Err: err}
}

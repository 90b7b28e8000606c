package guest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Run is process 1 of a server. It gives the status that the server ends with: that of
// the image's command, or 128 and the number of the signal that has ended it.
func Run(o Options) int {
	b := &boss{Options: o, signals: make(chan os.Signal, 64), children: make(chan os.Signal, 1)}
	b.role, b.Command = roleOf(o, os.Readlink, exists)
	signal.Notify(b.children, syscall.SIGCHLD)
	signal.Notify(b.signals, handedOn()...)
	ready, err := b.startWorker()
	if err != nil {
		b.say("start the user data: %v", err)
		b.fail("start", err.Error())
	}
	return b.wait(ready)
}

// handedOn are all signals but those that cannot be caught, and those that are about
// the process that gets them.
func handedOn() (out []os.Signal) {
	const last = 64
	for s := syscall.Signal(1); s <= last; s++ {
		switch s {
		case syscall.SIGKILL, syscall.SIGSTOP, syscall.SIGCHLD, syscall.SIGPIPE, syscall.SIGURG, syscall.SIGSEGV, syscall.SIGBUS, syscall.SIGFPE, syscall.SIGILL, syscall.SIGTRAP:
		default:
			out = append(out, s)
		}
	}
	return out
}

// boss owns the children of process 1. Only its goroutine starts and collects any, so
// that it knows each one that ends.
type boss struct {
	Options
	role              role
	signals, children chan os.Signal
	worker, main      int // process IDs; 0: does not run
	halting           int // what stops the services
	began             bool
	killed            *time.Timer // after the last signal to all; nil: not yet
}

func (b *boss) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "guest: "+format+"\n", args...)
}

// startWorker gives a channel that is closed when the machine is set up.
func (b *boss) startWorker() (<-chan struct{}, error) {
	ready := make(chan struct{})
	r, w, err := os.Pipe()
	if err != nil {
		close(ready)
		return ready, err
	}
	args := []string{"--work", "--dir", b.Dir}
	if b.role == roleServices {
		args = append(args, "--services")
	}
	b.worker, err = b.fork(append(b.Self, args...), &syscall.ProcAttr{
		Dir: "/", Env: os.Environ(), Files: []uintptr{0, 1, 2, w.Fd()}, Sys: &syscall.SysProcAttr{Setsid: true},
	})
	w.Close()
	go func() {
		_, _ = r.Read(make([]byte, 1)) // its end says the same
		r.Close()
		close(ready)
	}()
	return ready, err
}

func (b *boss) fork(argv []string, attr *syscall.ProcAttr) (int, error) {
	return syscall.ForkExec(argv[0], argv, attr)
}

// wait serves signals and dead children until the server ends.
func (b *boss) wait(ready <-chan struct{}) int {
	for {
		var dead <-chan time.Time
		if b.killed != nil {
			dead = b.killed.C
		}
		select {
		case <-ready:
			ready = nil
			if status, ended := b.begin(); ended {
				return status
			}
		case s := <-b.signals:
			if status, ended := b.signal(s.(syscall.Signal)); ended {
				return status
			}
		case <-b.children:
			if status, ended := b.collect(); ended {
				return status
			}
		case <-dead:
			return 0
		}
	}
}

// begin starts what the image is for.
func (b *boss) begin() (status int, ended bool) {
	b.began = true
	if b.role != roleServices { // the user data may have made an init
		b.role, b.Command = roleOf(b.Options, os.Readlink, exists)
	}
	switch b.role {
	case roleServices:
		return 0, false
	case roleInit:
		err := syscall.Exec(b.Command[0], b.Command, os.Environ())
		b.say("hand over to %s: %v", b.Command[0], err)
		return 126, true
	}
	path, err := exec.LookPath(b.Command[0])
	if err != nil {
		b.say("start the command of the image: %v", err)
		return 127, true
	}
	attr := &syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{0, 1, 2}, Sys: &syscall.SysProcAttr{}}
	if b.User != "" {
		if err := become(attr, b.User); err != nil {
			b.say("start %s as user %s: %v", b.Command[0], b.User, err)
			return 126, true
		}
	}
	if b.main, err = syscall.ForkExec(path, b.Command, attr); err != nil {
		b.say("start %s: %v", b.Command[0], err)
		return 126, true
	}
	return 0, false
}

// signal hands a signal on to the image's command. Without one, those that ask a
// machine to end stop the services.
func (b *boss) signal(s syscall.Signal) (status int, ended bool) {
	if b.main != 0 {
		_ = syscall.Kill(b.main, s) // it may have ended
		return 0, false
	}
	if !endsMachine(s) || b.halting != 0 || b.killed != nil {
		return 0, false
	}
	if !b.began {
		return 128 + int(s), true
	}
	var err error
	b.halting, err = b.fork(append(b.Self, "--halt"), &syscall.ProcAttr{Dir: "/", Env: os.Environ(), Files: []uintptr{0, 1, 2}})
	if err != nil {
		b.say("stop the services: %v", err)
		return 1, true
	}
	return 0, false
}

// endsMachine tells whether a signal asks a machine to end: those of Docker and people,
// of a failing power supply, and that for systemd.
func endsMachine(s syscall.Signal) bool {
	const powerFailure, systemdHalt = 30, 37 // SIGPWR, SIGRTMIN+3
	return s == syscall.SIGTERM || s == syscall.SIGINT || s == syscall.SIGQUIT || s == powerFailure || s == systemdHalt
}

// lastBreath is how long processes may take to end when all are told to.
const lastBreath = 5 * time.Second

// collect takes leave of all children that have ended.
func (b *boss) collect() (status int, ended bool) {
	for {
		var ws syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &ws, syscall.WNOHANG, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.ECHILD) && b.killed != nil:
			return 0, true
		case err != nil || pid <= 0:
			return 0, false
		}
		switch pid {
		case b.main:
			return statusOf(ws), true
		case b.worker:
			b.worker = 0
			if statusOf(ws) != 0 && !reported(b.Dir) {
				b.fail("user data", fmt.Sprintf("what runs it has ended with status %d", statusOf(ws)))
			}
		case b.halting:
			b.halting = 0
			_ = syscall.Kill(-1, syscall.SIGTERM) // all but this one
			b.killed = time.NewTimer(lastBreath)
		}
	}
}

func (b *boss) fail(step, reason string) {
	if err := (Report{Status: StatusError, Step: step, Reason: reason}).write(b.Dir); err != nil {
		b.say("write the report: %v", err)
	}
}

func statusOf(ws syscall.WaitStatus) int {
	if ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return ws.ExitStatus()
}

// role is what process 1 is to be.
type role int

const (
	roleMain     role = iota // parent of the image's command
	roleInit                 // it becomes the image's init
	roleServices             // it is the init
)

// inits are programs that want to be process 1.
var inits = []string{"init", "systemd", "openrc-init", "runit", "runit-init", "tini", "dumb-init"}

// roleOf decides it from the image's command, and gives the command. A shell alone,
// which is the command of images of distributions, would end at once: such an image has
// no command. Its init is started, unless that is systemd, which does not run in a
// container that was not made for it.
func roleOf(o Options, readlink func(string) (string, error), exists func(string) bool) (role, []string) {
	const init = "/sbin/init"
	if len(o.Command) == 0 || len(o.Command) == 1 && isShell(o.Command[0]) {
		if target, _ := readlink(init); exists(init) && base(target) != "systemd" {
			return roleInit, []string{init}
		}
		return roleServices, nil
	}
	program := o.Command[0]
	if o.User == "" && strings.HasPrefix(program, "/") && slices.Contains(inits, base(program)) && exists(program) {
		return roleInit, o.Command
	}
	return roleMain, o.Command
}

func isShell(program string) bool {
	return slices.Contains([]string{"sh", "bash", "ash", "dash", "zsh"}, base(program))
}

func base(path string) string { return path[strings.LastIndex(path, "/")+1:] }

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

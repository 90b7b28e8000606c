package haproxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/haproxysock"
)

// build is what the HAProxy on this machine can do.
type build struct {
	version string
	lua     bool // requests can wait for the first member
	metrics bool // an exporter for Prometheus is in it
}

// inspect asks the program for its version and features.
func inspect(ctx context.Context, binary string) (build, error) {
	out, err := exec.CommandContext(ctx, binary, "-vv").Output()
	if err != nil {
		return build{}, &stoker.Error{Kind: stoker.Unavailable, Message: "ask HAProxy for its version", Err: err,
			Hint: "Install HAProxy 2.6 or newer, or give the path of its program."}
	}
	text := string(out)
	v := versionLine.FindStringSubmatch(text)
	if v == nil {
		return build{}, stoker.Errorf(stoker.Unavailable, "%s does not look like HAProxy: %.60q", binary, text)
	}
	major, _ := strconv.Atoi(v[2]) // digits both
	minor, _ := strconv.Atoi(v[3])
	if major < 2 || major == 2 && minor < 6 {
		return build{}, &stoker.Error{Kind: stoker.Unavailable, Message: fmt.Sprintf("HAProxy %s is too old", v[1]),
			Hint: "Install HAProxy 2.6 or newer."}
	}
	return build{version: v[1], lua: strings.Contains(text, "+LUA"), metrics: strings.Contains(text, "+PROMEX")}, nil
}

var versionLine = regexp.MustCompile(`(?m)^HA-?Proxy version ((\d+)\.(\d+)\S*)`)

// host is the HAProxy that we run: a master and its workers, as a daemon that
// outlives us. Only the keeper uses it.
type host struct {
	binary string
	dir    string
	master haproxysock.Client
}

func (h *host) path(name string) string { return filepath.Join(h.dir, name) }

func (h *host) processes(ctx context.Context) (haproxysock.Processes, error) {
	text, err := h.master.Do(ctx, "show proc")
	if err != nil {
		return haproxysock.Processes{}, err
	}
	p := haproxysock.ParseProcesses(text)
	if p.Master == 0 {
		return p, stoker.Errorf(stoker.Unavailable, "read HAProxy's processes: %.60q", text)
	}
	return p, nil
}

// start runs HAProxy with the configuration in dir. It returns when HAProxy has
// its listeners, or says why it has not.
func (h *host) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	if err := h.command(ctx, "-W", "-D", "-S", "unix@"+masterSocket+",mode,600", "-f", configFile); err != nil {
		return fmt.Errorf("start HAProxy: %w", err)
	}
	return h.await(ctx, func(context.Context) {}, func(p haproxysock.Processes) bool { return p.Worker != 0 })
}

const startTime = 10 * time.Second

// check lets HAProxy read a configuration, without using it.
func (h *host) check(ctx context.Context, file string) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	if err := h.command(ctx, "-c", "-f", file); err != nil {
		return fmt.Errorf("check HAProxy's configuration: %w", err)
	}
	return nil
}

// command runs the program in dir. Its output goes through a file: the daemon
// that it leaves behind may not hold a pipe of ours.
func (h *host) command(ctx context.Context, args ...string) error {
	out, err := os.CreateTemp(h.dir, "output.*")
	if err != nil {
		return err
	}
	defer os.Remove(out.Name())
	defer out.Close()
	cmd := exec.CommandContext(ctx, h.binary, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = h.dir, out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // no Ctrl-C of ours reaches it
	err = cmd.Run()
	var exit *exec.ExitError
	if err == nil || !errors.As(err, &exit) {
		return err
	}
	text, _ := os.ReadFile(out.Name()) // without it the exit status must do
	return refusal(text, err)
}

// refusal makes an error of what HAProxy says before it gives up.
func refusal(output []byte, err error) error {
	var alerts []string
	for line := range bytes.Lines(output) {
		if _, text, ok := strings.Cut(string(line), "[ALERT]"); ok {
			_, text, _ = strings.Cut(text, " : ")
			alerts = append(alerts, strings.TrimSpace(text))
		}
	}
	if len(alerts) == 0 {
		return stoker.Errorf(stoker.Unavailable, "HAProxy ended: %w", err)
	}
	text := strings.Join(alerts[:min(len(alerts), 3)], "; ")
	if strings.Contains(text, "cannot bind socket") {
		return &stoker.Error{Kind: stoker.Conflict, Message: text, Hint: "Choose another port, or stop what listens there."}
	}
	return stoker.Errorf(stoker.Invalid, "%s", text)
}

// reload lets the running HAProxy take over the configuration in dir: a new
// worker gets the sockets, and the old one ends what it has. watch is called
// every now and then until it is done.
func (h *host) reload(ctx context.Context, watch func(context.Context)) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	before, err := h.processes(ctx)
	if err != nil {
		return err
	}
	if _, err := h.master.Do(ctx, "reload"); err != nil {
		return err
	}
	var failed error
	err = h.await(ctx, watch, func(p haproxysock.Processes) bool {
		if p.Failed > before.Failed {
			failed = errNotLoaded
		}
		return failed != nil || p.Worker != 0 && p.Worker != before.Worker
	})
	return errors.Join(failed, err)
}

var errNotLoaded = stoker.Errorf(stoker.Unavailable, "HAProxy could not load its configuration anew and goes on with the old one")

// await asks for the processes until they are as they should be. The master
// does not answer while it loads itself anew; watch is called meanwhile too.
func (h *host) await(ctx context.Context, watch func(context.Context), ready func(haproxysock.Processes) bool) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		watch(ctx)
		p, err := h.processes(ctx)
		if err == nil && ready(p) {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return stoker.Errorf(stoker.Unavailable, "HAProxy has no new worker after %s: %w", startTime, errors.Join(ctx.Err(), err))
		}
	}
}

// stop ends HAProxy at once; nil when there is none.
func (h *host) stop(ctx context.Context) error {
	p, err := h.processes(ctx)
	if gone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, stopTime)
	defer cancel()
	if !h.terminate(ctx, p.Master) {
		return stoker.Errorf(stoker.Unavailable, "HAProxy, process %d, does not end", p.Master)
	}
	return nil
}

const stopTime = 5 * time.Second

// finish waits until the workers that are not current have nothing in flight,
// or ctx ends.
func (h *host) finish(ctx context.Context) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for h.busy(ctx) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (h *host) busy(ctx context.Context) bool {
	p, err := h.processes(ctx)
	if err != nil {
		return false
	}
	for _, pid := range p.Old {
		s, _ := look(ctx, h.master, fmt.Sprintf("@!%d ", pid)) // one that has ended has nothing
		for _, b := range s.backends {
			if b.Current > 0 {
				return true
			}
		}
	}
	return false
}

// gone tells whether the error means that nobody listens on the socket.
func gone(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, fs.ErrNotExist)
}

// terminate asks the process to end, more than once: a master that has just
// started may miss it.
func (h *host) terminate(ctx context.Context, pid int) bool {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for n := 0; !ended(pid); n++ {
		if n%20 == 0 {
			_ = syscall.Kill(pid, syscall.SIGTERM) // whether it has ended is seen by itself
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ended(pid)
		}
	}
	return true
}

// ended tells whether a process has, even if nobody has taken notice: HAProxy is
// a child of the system's first process, which may be slow.
func ended(pid int) bool {
	if syscall.Kill(pid, 0) == syscall.ESRCH {
		return true
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false // no such files on this system, or gone just now
	}
	_, state, _ := bytes.Cut(stat, []byte(") ")) // after the name, in parentheses
	return bytes.HasPrefix(state, []byte("Z"))
}

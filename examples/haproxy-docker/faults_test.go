package haproxydocker_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	moby "github.com/moby/moby/client"
)

// operation is a change that a fault breaks into.
type operation struct {
	name   string
	begin  func(r rig)
	midway func(r rig, before []string) bool // the worst moment has come
	size   int                               // when it is done
	flavor string
}

var operations = []operation{
	{
		name:   "scale-out",
		begin:  func(r rig) { r.CLI("group", "resize", "app/web", "4") },
		midway: func(r rig, before []string) bool { return len(r.Containers()) > len(before) }, // made, and not yet in HAProxy
		size:   4, flavor: "m1.tiny",
	},
	{
		name:   "scale-in",
		begin:  func(r rig) { r.CLI("group", "resize", "app/web", "2") },
		midway: func(r rig, before []string) bool { return up() < 4 }, // drains, and is not yet stopped
		size:   2, flavor: "m1.tiny",
	},
	{
		name: "resize",
		begin: func(r rig) {
			r.CLI("stack", "update", "app", "--existing", "-t", "examples/haproxy-docker/app.yaml", "-P", "flavor=m1.medium")
		},
		midway: func(r rig, before []string) bool { return r.sized(before, "m1.medium") > 0 },
		size:   2, flavor: "m1.medium",
	},
}

// fault kills something. Requests that the victim has in hand may fail.
type fault struct {
	name   string
	strike func(r rig, victim string)
	fails  int64 // requests that may fail; -1: any number, until it is mended
	kills  bool  // a server
}

// clients ask all the time: each may have one request in the victim's hands.
const clients = 4

var faults = []fault{
	{"stoker", func(r rig, _ string) { r.Kill(); r.Answers(url, 1); r.Start() }, 0, false},
	{"haproxy", func(rig, string) { killHAProxy() }, -1, false},
	{"dockerd", func(r rig, _ string) { r.Daemon.Kill(); r.Answers(url, 1); r.Daemon.Start() }, 0, false},
	{"container", killContainer, clients, true},
	{"application", killApplication, clients, true},
}

// TestFaults kills each part at the worst moment of each change. Requests through
// what is left go on, everything gets to where it was to be, and no container is
// left over or made twice.
func TestFaults(t *testing.T) {
	r := newRig(t)
	r.Configure(r.configuration())
	r.Start()
	r.CLI("stack", "create", "app", "-t", "examples/haproxy-docker/app.yaml", "-P", "work=1", "-P", "min=2", "--wait")
	r.CLI("group", "freeze", "app/web", "--for", "1h")
	r.size(2)
	for _, f := range faults {
		for _, op := range operations {
			r.strike(f, op)
		}
		r.CLI("stack", "update", "app", "--existing", "-t", "examples/haproxy-docker/app.yaml", "-P", "flavor=m1.tiny", "--wait")
	}
	r.CLI("stack", "delete", "app", "--wait")
	r.Interrupt()
	r.wantNothing()
}

// configuration is the example's, for another folder and any free port of the API.
func (r rig) configuration() string {
	text, err := os.ReadFile("stoker.yaml")
	if err != nil {
		r.Fatal(err)
	}
	here, err := filepath.Abs(".")
	if err != nil {
		r.Fatal(err)
	}
	return strings.Replace(string(text), "./api", filepath.Join(here, "api"), 1) + "listen: 127.0.0.1:0\n"
}

// strike breaks one change by one fault.
func (r rig) strike(f fault, op operation) {
	r.Helper()
	what := f.name + " killed in a " + op.name
	before := r.Containers()
	l := r.Load(url, clients)
	defer l.Stop()
	op.begin(r)
	r.Until("the middle of the "+op.name, func() bool { return op.midway(r, before) })
	victim := before[0] // the newest that served
	f.strike(r, victim)
	r.size(op.size)
	r.Until(what+": the flavor", func() bool { return r.sized(r.Containers(), op.flavor) == op.size })
	r.Settled("app", r.status())
	r.Until(what+": one HAProxy, a master with its worker", func() bool { return len(haproxies()) == 2 })
	if n := l.Failed(); f.fails >= 0 && n > f.fails {
		r.Errorf("%s: %d requests failed, want %d at most: %v", what, n, f.fails, l.Last())
	}
	l.Forget()
	l.None(what)
	r.wantKept(what, before, r.Containers(), f.kills)
}

// status is what the stack says when it is done, whichever the last change was.
func (r rig) status() string {
	st, err := r.API.Stack(r.Context(), "app")
	if err == nil && strings.HasPrefix(st.Status, "UPDATE") {
		return "UPDATE_COMPLETE"
	}
	return "CREATE_COMPLETE"
}

// wantKept wants that no container was made that had no need to be: of those before, all
// are still there that can be, but for one that was killed.
func (r rig) wantKept(what string, before, after []string, killed bool) {
	r.Helper()
	kept := 0
	for _, id := range before {
		if slices.Contains(after, id) {
			kept++
		}
	}
	want := min(len(before), len(after))
	if killed {
		want-- // it, or the one in its place
	}
	if kept < want {
		r.Errorf("%s: %d of %d containers were kept, want %d", what, kept, len(before), want)
	}
}

// sized counts the containers that have the limits of a flavor.
func (r rig) sized(ids []string, flavor string) int {
	r.Helper()
	memory := map[string]int64{"m1.tiny": 512 << 20, "m1.medium": 4 << 30}[flavor]
	n := 0
	for _, id := range ids {
		c, err := r.Docker.ContainerInspect(r.Context(), id, moby.ContainerInspectOptions{})
		if err == nil && c.Container.HostConfig.Memory == memory {
			n++
		}
	}
	return n
}

func killHAProxy() {
	for _, pid := range haproxies() {
		syscall.Kill(pid, syscall.SIGKILL)
	}
}

func killContainer(r rig, id string) {
	r.Helper()
	if _, err := r.Docker.ContainerKill(r.Context(), id, moby.ContainerKillOptions{}); err != nil {
		r.Fatal(fmt.Errorf("kill a container: %w", err))
	}
}

// killApplication kills the process in the container, behind Docker's back.
func killApplication(r rig, id string) {
	r.Helper()
	c, err := r.Docker.ContainerInspect(r.Context(), id, moby.ContainerInspectOptions{})
	if err != nil {
		r.Fatal(err)
	}
	if err := syscall.Kill(c.Container.State.Pid, syscall.SIGKILL); err != nil {
		r.Fatal(fmt.Errorf("kill the application: %w", err))
	}
}

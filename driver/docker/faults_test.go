package docker_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/client"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/driver/docker"
	"github.com/stoker-project/stoker/driver/docker/dockerdtest"
)

// TestDaemonLost kills the daemon under a running server: the server goes on,
// nothing is believed to have ended, and what was asked for meanwhile is done when
// the daemon is back.
func TestDaemonLost(t *testing.T) {
	w := newWorld(t, dockerdtest.New(t, "--live-restore"))
	first := w.create("stays", spec("serve"))
	w.create("goes", spec("serve"))
	get(t, first, "/env")
	ended := w.wait("stays")
	w.daemon.Kill()
	w.untilLost()
	if _, err := w.driver.CPU(w.ctx, []stoker.ServerToken{"stays"}); !stoker.IsKind(err, stoker.Unavailable) {
		t.Errorf("CPU without a daemon: got %v, want Unavailable", err)
	}
	if _, err := w.driver.Logs(w.ctx, "stays", -1, false); !stoker.IsKind(err, stoker.Unavailable) {
		t.Errorf("logs without a daemon: got %v, want Unavailable", err)
	}
	get(t, first, "/env")

	done := make(chan error, 4)
	go func() {
		_, err := w.driver.Create(w.ctx, stoker.ServerSpec{Token: "new", Name: "new", Image: "serve"})
		done <- err
	}()
	go func() { done <- w.driver.Destroy(w.ctx, "goes", time.Second) }()
	go func() { done <- w.driver.Resize(w.ctx, "stays", stoker.Flavor{CPUs: 0.5}) }()
	go func() { done <- w.driver.UpdateMetadata(w.ctx, "stays", map[string]string{"a": "b"}) }()
	select {
	case err := <-done:
		t.Fatalf("without a daemon: got %v, want patience", err)
	case err := <-ended:
		t.Fatalf("the server is said to have ended: %v", err)
	case <-time.After(300 * time.Millisecond): // long enough to be wrong
	}
	w.daemon.Start()
	for range 4 {
		if err := within(w, done, "what was asked for"); err != nil {
			t.Error(err)
		}
	}
	if got := w.find("stays"); got.ID != first.ID || got.State != stoker.ServerActive {
		t.Errorf("got %+v, want the server as it was", got)
	}
	get(t, w.find("new"), "/env")
	if n := len(w.containers(w.ctx)); n != 2 {
		t.Errorf("got %d containers, want stays and new", n)
	}
	w.destroy("stays", time.Second)
	if got := within(w, ended, "the end"); !stoker.IsKind(got.err, stoker.NotFound) {
		t.Errorf("wait over the loss: got %v, want NotFound", got.err)
	}
}

// TestDaemonRestarts loses the containers too, as Docker does without live-restore.
func TestDaemonRestarts(t *testing.T) {
	w := newWorld(t, dockerdtest.New(t))
	first := w.create("one", spec("serve"))
	get(t, first, "/env")
	ended := w.wait("one")
	w.daemon.Stop()
	w.untilLost()
	w.daemon.Start()
	got := within(w, ended, "the end of the server")
	if got.err != nil || got.server.State != stoker.ServerStopped || !strings.Contains(got.server.Reason, "exited with status") {
		t.Errorf("got %+v, want an ended server", got)
	}
	w.destroy("one", 0)
	get(t, w.create("one", spec("serve")), "/env")
}

// TestStartWithoutDaemon starts Stoker while Docker is away: a first start is
// refused, one with servers waits.
func TestStartWithoutDaemon(t *testing.T) {
	w := newWorld(t, dockerdtest.New(t, "--live-restore"))
	made := w.create("one", spec("serve"))
	w.daemon.Kill()
	w.untilLost()
	if d, err := docker.New(w.ctx, config(t, w.daemon)); !stoker.IsKind(err, stoker.Unavailable) {
		t.Errorf("a first start: got %v, error %v, want Unavailable", d, err)
	}
	w.reopen()
	w.untilLost()
	ended := w.wait("one")
	w.daemon.Start()
	w.until("the daemon is back", func() bool { _, err := w.driver.List(w.ctx); return err == nil })
	if got := w.find("one"); got.ID != made.ID || got.State != stoker.ServerActive {
		t.Errorf("got %+v, want %+v", got, made)
	}
	w.destroy("one", 0)
	if got := within(w, ended, "the end"); !stoker.IsKind(got.err, stoker.NotFound) {
		t.Errorf("got %v, want NotFound", got.err)
	}
}

// fromOutside lets others end, pause and remove containers.
func fromOutside(t *testing.T, daemon *dockerdtest.Daemon) {
	w := newWorld(t, daemon)
	for _, token := range []stoker.ServerToken{"killed", "removed", "paused", "renamed"} {
		w.create(token, spec("serve"))
	}
	killed, removed := w.wait("killed"), w.wait("removed")
	id := func(token stoker.ServerToken) string { return string(w.find(token).ID) }

	if _, err := w.docker.ContainerKill(w.ctx, id("killed"), client.ContainerKillOptions{Signal: "KILL"}); err != nil {
		t.Fatal(err)
	}
	got := within(w, killed, "the end of the killed one")
	if got.err != nil || got.server.State != stoker.ServerStopped || !strings.Contains(got.server.Reason, "137 (as one that is killed by signal 9)") {
		t.Errorf("killed: got %+v", got)
	}
	if _, err := w.docker.ContainerRemove(w.ctx, id("removed"), client.ContainerRemoveOptions{Force: true}); err != nil {
		t.Fatal(err)
	}
	// It may be seen in the moment between its end and its removal.
	if got := within(w, removed, "the end of the removed one"); got.err == nil && got.server.State != stoker.ServerStopped ||
		got.err != nil && !stoker.IsKind(got.err, stoker.NotFound) {
		t.Errorf("removed: got %+v", got)
	}
	w.destroy("removed", time.Second)

	if _, err := w.docker.ContainerPause(w.ctx, id("paused"), client.ContainerPauseOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := w.find("paused"); got.State != stoker.ServerPaused || !strings.Contains(fmt.Sprint(got.Notes), "paused") {
		t.Errorf("paused: got %+v", got)
	}
	w.destroy("paused", time.Second)

	before := id("renamed")
	if _, err := w.docker.ContainerRename(w.ctx, before, client.ContainerRenameOptions{NewName: "else"}); err != nil {
		t.Fatal(err)
	}
	if again := w.create("renamed", spec("serve")); string(again.ID) != before {
		t.Errorf("renamed: got another server %s, want %s", again.ID, before)
	}
}

// crashes kills Stoker at the worst moments.
func crashes(t *testing.T, daemon *dockerdtest.Daemon) {
	one := stoker.ServerSpec{Token: "one", Name: "one", Image: "serve"}
	for _, at := range []string{"made", "started"} {
		t.Run(at, func(t *testing.T) {
			w := newWorld(t, daemon)
			w.crashing(at, func(d *docker.Driver) { d.Create(w.ctx, one) })
			left := w.find("one")
			if at == "made" && (left.State != stoker.ServerError || !strings.Contains(left.Reason, "creating it again starts it")) {
				t.Errorf("got %+v, want one that was never started", left)
			}
			again := w.create("one", one)
			if again.State != stoker.ServerActive || at == "started" && again.ID != left.ID {
				t.Errorf("got %+v, want it running, and the same where it ran before: %s", again, left.ID)
			}
			get(t, again, "/files/metadata.json")
			if n := len(w.containers(w.ctx)); n != 1 {
				t.Errorf("got %d containers, want 1", n)
			}
		})
	}
	t.Run("stopped", func(t *testing.T) {
		w := newWorld(t, daemon)
		w.create("one", one)
		w.crashing("stopped", func(d *docker.Driver) { d.Destroy(w.ctx, "one", time.Second) })
		if got := w.find("one"); got.State != stoker.ServerStopped {
			t.Errorf("got %+v, want a stopped server", got)
		}
		w.destroy("one", time.Second)
	})
}

// installations keeps two of them apart on one daemon.
func installations(t *testing.T, daemon *dockerdtest.Daemon) {
	a, b := newWorld(t, daemon), newWorld(t, daemon)
	ofA, ofB := a.create("one", spec("serve")), b.create("one", spec("serve"))
	if ofA.ID == ofB.ID || ofA.Addresses[0].IP == ofB.Addresses[0].IP {
		t.Errorf("they share a server: %+v and %+v", ofA, ofB)
	}
	a.destroy("one", 0)
	if servers, err := a.driver.List(a.ctx); err != nil || len(servers) != 0 {
		t.Errorf("a: got %v, error %v, want nothing", servers, err)
	}
	if got := b.find("one"); got.ID != ofB.ID || got.State != stoker.ServerActive {
		t.Errorf("b: got %+v, want its server untouched", got)
	}
	get(t, ofB, "/env")
	// Another's container of the name that is needed is not taken for a server.
	foreign, err := b.docker.ContainerCreate(b.ctx, client.ContainerCreateOptions{
		Name: strings.TrimPrefix(b.containers(b.ctx)[0], "/") + "-2", Image: imageOf(b, ofB.ID), Config: nil,
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.driver.Create(b.ctx, stoker.ServerSpec{Token: "one-2", Name: "two", Image: "serve"})
	if !stoker.IsKind(err, stoker.Conflict) {
		t.Errorf("a foreign container has the name: got %v, want Conflict", err)
	}
	b.destroy("one-2", 0)
	if _, err := b.docker.ContainerRemove(b.ctx, foreign.ID, client.ContainerRemoveOptions{}); err != nil {
		t.Errorf("the foreign container: %v", err)
	}
}

func imageOf(w *world, id stoker.PhysicalID) string {
	seen, err := w.docker.ContainerInspect(w.ctx, string(id), client.ContainerInspectOptions{})
	if err != nil {
		w.Fatal(err)
	}
	return seen.Container.Image
}

// addressTaken lets another container have the address that a server would get.
func addressTaken(t *testing.T, daemon *dockerdtest.Daemon) {
	w := newWorld(t, daemon)
	keeper := w.create("keeper", spec("serve")) // keeps the network
	first := w.create("one", spec("serve"))
	w.destroy("one", 0)
	squat(w, first.Addresses[0], imageOf(w, keeper.ID))
	second := w.create("one", spec("serve"))
	if second.Addresses[0].IP == first.Addresses[0].IP {
		t.Errorf("got the address %s that another container has", first.Addresses[0].IP)
	}
	get(t, second, "/env")
	if n := w.containers(w.ctx); len(n) != 2 {
		t.Errorf("got %v, want two containers", n)
	}
}

// networkRemoved lets somebody remove the network between two servers.
func networkRemoved(t *testing.T, daemon *dockerdtest.Daemon) {
	w := newWorld(t, daemon)
	first := w.create("one", spec("serve"))
	w.destroy("one", 0)
	if _, err := w.docker.NetworkRemove(w.ctx, first.Addresses[0].Network, client.NetworkRemoveOptions{}); err != nil {
		t.Fatal(err)
	}
	get(t, w.create("two", spec("serve")), "/env")
}

// TestDaemonDiesAtWork kills the daemon while it creates, and while it destroys.
func TestDaemonDiesAtWork(t *testing.T) {
	w := newWorld(t, dockerdtest.New(t, "--live-restore"))
	const n = 8
	token := func(i int) stoker.ServerToken { return stoker.ServerToken(fmt.Sprintf("server-%d", i)) }
	all := func(do func(stoker.ServerToken) error) <-chan error {
		done := make(chan error, n)
		for i := range n {
			go func() { done <- do(token(i)) }()
		}
		return done
	}
	dies := func(when func() bool) {
		w.until("work is under way", when)
		w.daemon.Kill()
		w.untilLost()
		w.daemon.Start()
	}
	created := all(func(token stoker.ServerToken) error {
		_, err := w.driver.Create(w.ctx, stoker.ServerSpec{Token: token, Name: string(token), Image: "serve"})
		return err
	})
	dies(func() bool { return len(w.containers(w.ctx)) > n/2 })
	for range n {
		if err := within(w, created, "a server"); err != nil {
			t.Errorf("create: %v", err)
		}
	}
	if got := w.containers(w.ctx); len(got) != n {
		t.Errorf("got %v, want %d containers", got, n)
	}
	for i := range n {
		get(t, w.find(token(i)), "/env")
	}
	destroyed := all(func(token stoker.ServerToken) error { return w.driver.Destroy(w.ctx, token, time.Second) })
	dies(func() bool { return len(w.containers(w.ctx)) < n })
	for range n {
		if err := within(w, destroyed, "an end"); err != nil {
			t.Errorf("destroy: %v", err)
		}
	}
	if got := w.containers(w.ctx); len(got) != 0 {
		t.Errorf("got %v, want nothing", got)
	}
}

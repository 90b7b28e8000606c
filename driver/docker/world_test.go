package docker_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/types/volume"
	"github.com/moby/moby/client"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/driver/docker"
	"github.com/stoker-project/stoker/driver/docker/dockerdtest"
)

// world is one driver on a daemon, and the daemon's own view of it.
type world struct {
	*testing.T
	ctx    context.Context
	daemon *dockerdtest.Daemon
	cfg    docker.Config
	driver *docker.Driver
	docker *client.Client
}

// newWorld checks in the end that nothing is left of the driver's servers.
func newWorld(t *testing.T, daemon *dockerdtest.Daemon) *world {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	w := &world{T: t, ctx: ctx, daemon: daemon, cfg: config(t, daemon)}
	var err error
	if w.docker, err = client.New(client.WithHost("unix://" + daemon.Socket())); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.docker.Close() })
	w.start()
	t.Cleanup(w.leaveNothing)
	return w
}

func (w *world) start() {
	w.Helper()
	var err error
	if w.driver, err = docker.New(w.ctx, w.cfg); err != nil {
		w.Fatal(err)
	}
}

// reopen is a restart of Stoker.
func (w *world) reopen() {
	w.Helper()
	if err := w.driver.Close(); err != nil {
		w.Fatal(err)
	}
	w.start()
}

func (w *world) create(token stoker.ServerToken, s stoker.ServerSpec) stoker.Server {
	w.Helper()
	s.Token, s.Name = token, string(token)
	made, err := w.driver.Create(w.ctx, s)
	if err != nil {
		w.Fatalf("create %q: %v", token, err)
	}
	return made
}

func (w *world) destroy(token stoker.ServerToken, grace time.Duration) {
	w.Helper()
	if err := w.driver.Destroy(w.ctx, token, grace); err != nil {
		w.Fatalf("destroy %q: %v", token, err)
	}
}

func (w *world) find(token stoker.ServerToken) stoker.Server {
	w.Helper()
	return find(w.T, w.driver, token)
}

// containers are the names of all that the daemon has of the driver's installation.
func (w *world) containers(ctx context.Context) (names []string) {
	w.Helper()
	all, err := w.docker.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: w.label()})
	if err != nil {
		w.Fatal(err)
	}
	for _, c := range all.Items {
		names = append(names, c.Names...)
	}
	slices.Sort(names)
	return names
}

func (w *world) label() client.Filters { return client.Filters{}.Add("label", w.installed()) }

// installed is the label of what is of the driver's installation.
func (w *world) installed() string {
	id, err := os.ReadFile(filepath.Join(w.cfg.Dir, "installation"))
	if err != nil {
		w.Fatal(err)
	}
	return "stoker.installation=" + strings.TrimSpace(string(id))
}

func (w *world) leaveNothing() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	servers, err := w.driver.List(ctx)
	if err != nil {
		w.Errorf("list at the end: %v", err)
	}
	for _, s := range servers {
		if err := w.driver.Destroy(ctx, s.Token, 0); err != nil {
			w.Error(err)
		}
	}
	w.removeVolumes(ctx)
	w.removeNetworks(ctx)
	if err := w.driver.Close(); err != nil {
		w.Error(err)
	}
	if left := w.containers(ctx); len(left) > 0 {
		w.Errorf("containers are left: %v", left)
	}
	networks, err := w.docker.NetworkList(ctx, client.NetworkListOptions{Filters: w.label()})
	if err != nil || len(networks.Items) > 0 {
		w.Errorf("networks are left: %v, error %v", networks.Items, err)
	}
	files, err := os.ReadDir(filepath.Join(w.cfg.Dir, "servers"))
	if err != nil || len(files) > 0 {
		w.Errorf("files are left: %v, error %v", files, err)
	}
}

// removeVolumes removes the volumes that a test has made.
func (w *world) removeVolumes(ctx context.Context) {
	volumes := func() []volume.Volume {
		all, err := w.docker.VolumeList(ctx, client.VolumeListOptions{Filters: w.label()})
		if err != nil {
			w.Fatal(err)
		}
		return all.Items
	}
	for _, v := range volumes() {
		if err := w.driver.DestroyVolume(ctx, stoker.VolumeToken(v.Labels["stoker.token"])); err != nil {
			w.Error(err)
		}
	}
	if left := volumes(); len(left) > 0 {
		w.Errorf("volumes are left: %v", left)
	}
	if left, err := os.ReadDir(filepath.Join(w.cfg.Dir, "mounts")); err == nil && len(left) > 0 {
		w.Errorf("folders of mounts are left: %v", left)
	}
}

// wait waits for a server's end elsewhere; the channel gives what came of it.
func (w *world) wait(token stoker.ServerToken) <-chan ending {
	c := make(chan ending, 1)
	go func() {
		s, err := w.driver.Wait(w.ctx, token)
		c <- ending{s, err}
	}()
	return c
}

type ending struct {
	server stoker.Server
	err    error
}

// within gives what comes out of a channel.
func within[V any](w *world, c <-chan V, what string) V {
	w.Helper()
	select {
	case v := <-c:
		return v
	case <-w.ctx.Done():
		w.Fatalf("waited in vain for %s", what)
	}
	panic("not reached")
}

// until polls, because what is waited for is in the hands of others.
func (w *world) until(what string, ok func() bool) {
	w.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-w.ctx.Done():
			w.Fatalf("waited in vain: %s", what)
		}
	}
}

func (w *world) untilLost() {
	w.Helper()
	w.until("the loss of the daemon is seen", func() bool {
		_, err := w.driver.List(w.ctx)
		if err != nil && !stoker.IsKind(err, stoker.Unavailable) {
			w.Fatalf("list without a daemon: got %v, want Unavailable", err)
		}
		return err != nil
	})
}

// errCrash is what a crash at a point of the story panics with.
var errCrash = errors.New("crash")

// crashing runs f on a driver that dies at a point; the next one takes over.
func (w *world) crashing(at string, f func(*docker.Driver)) {
	w.Helper()
	if err := w.driver.Close(); err != nil {
		w.Fatal(err)
	}
	d, err := docker.Open(w.ctx, w.cfg, func(point string) {
		if point == at {
			panic(errCrash)
		}
	})
	if err != nil {
		w.Fatal(err)
	}
	func() {
		defer func() {
			if got := recover(); got != errCrash {
				w.Fatalf("got %v, want a crash at %q", got, at)
			}
		}()
		f(d)
	}()
	d.Abandon()
	w.start()
}

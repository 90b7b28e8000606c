package docker_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/client"
	"golang.org/x/sys/unix"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/driver/docker"
	"github.com/stoker-project/stoker/driver/docker/dockerdtest"
)

// files asks the program in a server, which runs as nobody.
type files struct{}

func (files) Read(t *testing.T, d stoker.Driver, server stoker.ServerToken, path string) (string, bool) {
	t.Helper()
	text, ok := askFile(t, find(t, d, server), http.MethodGet, path, "")
	if !ok {
		return "", false
	}
	return text, true
}

func (files) Write(t *testing.T, d stoker.Driver, server stoker.ServerToken, path, text string) bool {
	t.Helper()
	_, ok := askFile(t, find(t, d, server), http.MethodPut, path, text)
	return ok
}

func askFile(t *testing.T, s stoker.Server, method, path, text string) (string, bool) {
	t.Helper()
	get(t, s, "/env") // it listens
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	at := "http://" + net.JoinHostPort(s.Addresses[0].IP, strconv.Itoa(s.Port)) + "/file?path=" + url.QueryEscape(path)
	req, err := http.NewRequestWithContext(ctx, method, at, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body), resp.StatusCode == http.StatusOK
}

func (w *world) volume(token stoker.VolumeToken) {
	w.Helper()
	if err := w.driver.CreateVolume(w.ctx, stoker.VolumeSpec{Token: token, Name: "x", Project: "p", Size: 1 << 30}); err != nil {
		w.Fatal(err)
	}
}

func (w *world) attach(server stoker.ServerToken, volume stoker.VolumeToken) {
	w.Helper()
	if _, err := w.driver.AttachVolume(w.ctx, server, volume, "/dev/vdb"); err != nil {
		w.Fatal(err)
	}
}

func (w *world) detach(server stoker.ServerToken, volume stoker.VolumeToken) {
	w.Helper()
	if err := w.driver.DetachVolume(w.ctx, server, volume); err != nil {
		w.Fatal(err)
	}
}

// file is what a server has in a file of its first volume.
func (w *world) file(server stoker.ServerToken) string {
	w.Helper()
	text, _ := files{}.Read(w.T, w.driver, server, "/mnt/volumes/vdb/file")
	return text
}

func (w *world) writeFile(server stoker.ServerToken, text string) {
	w.Helper()
	if !(files{}.Write(w.T, w.driver, server, "/mnt/volumes/vdb/file", text)) {
		w.Fatalf("server %q cannot write to its volume", server)
	}
}

// mounted are the places below the driver's folder where something is mounted.
func (w *world) mounted() (at []string) {
	w.Helper()
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		w.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); strings.HasPrefix(f[4], w.cfg.Dir) {
			at = append(at, f[4])
		}
	}
	return at
}

// volumes checks what Docker knows of a volume, and what others may not do.
func volumes(t *testing.T, daemon *dockerdtest.Daemon) {
	w := newWorld(t, daemon)
	w.volume("data")
	all, err := w.docker.VolumeList(w.ctx, client.VolumeListOptions{Filters: w.label()})
	if err != nil || len(all.Items) != 1 {
		t.Fatalf("got %v, error %v, want one volume", all.Items, err)
	}
	labels := all.Items[0].Labels
	for label, want := range map[string]string{"token": "data", "name": "x", "project": "p", "size": "1073741824"} {
		if got := labels["stoker."+label]; got != want {
			t.Errorf("label %s: got %q, want %q", label, got, want)
		}
	}
	w.create("one", spec("serve"))
	w.attach("one", "data")
	if got := strings.Join(w.find("one").Notes, "; "); !strings.Contains(got, "size of its volumes is not limited") {
		t.Errorf("notes: got %q, want one about the size", got)
	}
	if (files{}).Write(t, w.driver, "one", "/mnt/volumes/file", "lost") {
		t.Error("a server can write beside its volumes, where it would be lost")
	}
	for _, device := range []string{"/dev/../x", "a/b", "_x", "/dev/."} {
		if _, err := w.driver.AttachVolume(w.ctx, "one", "data", device); !stoker.IsKind(err, stoker.Invalid) {
			t.Errorf("device %q: got %v, want Invalid", device, err)
		}
	}
	foreign, err := w.docker.VolumeCreate(w.ctx, client.VolumeCreateOptions{Name: all.Items[0].Name + "-2"})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.driver.CreateVolume(w.ctx, stoker.VolumeSpec{Token: "data-2"}); !stoker.IsKind(err, stoker.Conflict) {
		t.Errorf("a volume of somebody else: got %v, want Conflict", err)
	}
	if err := w.driver.DestroyVolume(w.ctx, "data-2"); err != nil {
		t.Error(err)
	}
	if _, err := w.docker.VolumeRemove(w.ctx, foreign.Volume.Name, client.VolumeRemoveOptions{}); err != nil {
		t.Errorf("the volume of somebody else: %v", err)
	}
	noPlaceForVolumes(w)
	w.driver.Demote()
	w.create("of nobody", spec("serve"))
	if _, err := w.driver.AttachVolume(w.ctx, "of nobody", "data", ""); !stoker.IsKind(err, stoker.Invalid) || !strings.Contains(err.Error(), "root") {
		t.Errorf("a driver that is not root: got %v, want Invalid with a word of root", err)
	}
}

// noPlaceForVolumes has an image with something of its own at /mnt/volumes.
func noPlaceForVolumes(w *world) {
	image := w.cfg.Images["serve"]
	image.Volumes = []string{w.TempDir() + ":/mnt/volumes/"}
	w.cfg.Images["own"] = image
	w.reopen()
	w.create("own", spec("own"))
	w.detach("one", "data")
	if _, err := w.driver.AttachVolume(w.ctx, "own", "data", ""); !stoker.IsKind(err, stoker.Invalid) {
		w.Errorf("an image with a volume of its own there: got %v, want Invalid", err)
	}
}

// volumesAreKept ends servers in every way while they have a volume: its data stays.
func volumesAreKept(t *testing.T, daemon *dockerdtest.Daemon) {
	ends := map[string]func(*world){
		"destroyed": func(w *world) { w.destroy("one", time.Second) },
		"its container is removed by another": func(w *world) {
			w.removeContainer("one")
			w.destroy("one", 0)
		},
		"the same, and Stoker starts": func(w *world) {
			w.removeContainer("one")
			w.reopen()
		},
		"the same after a crash": func(w *world) {
			w.driver.Abandon()
			w.removeContainer("one")
			w.start()
		},
	}
	for how, end := range ends {
		t.Run(how, func(t *testing.T) {
			w := newWorld(t, daemon)
			w.volume("data")
			w.create("one", spec("serve"))
			w.attach("one", "data")
			w.writeFile("one", "precious")
			end(w)
			if left, err := os.ReadDir(filepath.Join(w.cfg.Dir, "servers")); err != nil || len(left) > 0 {
				t.Errorf("folders are left: %v, error %v", left, err)
			}
			w.create("two", spec("serve"))
			w.detach("one", "data") // as the engine does, or harmless
			w.attach("two", "data")
			if got := w.file("two"); got != "precious" {
				t.Errorf("got %q, want the data", got)
			}
		})
	}
	t.Run("something is mounted in its folder", func(t *testing.T) { foreignMount(t, daemon) })
}

// foreignMount lets somebody mount data into a server's folder: it is not removed with it.
func foreignMount(t *testing.T, daemon *dockerdtest.Daemon) {
	w := newWorld(t, daemon)
	w.create("one", spec("serve"))
	data := t.TempDir()
	if err := os.WriteFile(filepath.Join(data, "file"), []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	at := filepath.Join(w.cfg.Dir, "servers", "one", "foreign")
	if err := os.Mkdir(at, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount(data, at, "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	if err := w.driver.Destroy(w.ctx, "one", 0); !stoker.IsKind(err, stoker.Conflict) {
		t.Errorf("got %v, want Conflict", err)
	}
	if err := unix.Unmount(at, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(data, "file")); err != nil {
		t.Errorf("the data: %v", err)
	}
	w.destroy("one", 0)
}

func (w *world) removeContainer(token stoker.ServerToken) {
	w.Helper()
	all, err := w.docker.ContainerList(w.ctx, client.ContainerListOptions{All: true, Filters: w.label().Add("label", "stoker.token="+string(token))})
	if err != nil || len(all.Items) != 1 {
		w.Fatalf("got %v, error %v, want one container", all.Items, err)
	}
	if _, err := w.docker.ContainerRemove(w.ctx, all.Items[0].ID, client.ContainerRemoveOptions{Force: true}); err != nil {
		w.Fatal(err)
	}
}

// volumeCrashes kills Stoker at the worst moments.
func volumeCrashes(t *testing.T, daemon *dockerdtest.Daemon) {
	for _, at := range []string{"attach recorded", "attach mounted"} {
		t.Run(at, func(t *testing.T) {
			w := newWorld(t, daemon)
			w.volume("data")
			w.create("one", spec("serve"))
			w.crashing(at, func(d *docker.Driver) { d.AttachVolume(w.ctx, "one", "data", "/dev/vdb") })
			w.writeFile("one", "kept") // what was begun is there
			w.attach("one", "data")
			if got := w.file("one"); got != "kept" {
				t.Errorf("got %q, want the same volume", got)
			}
			w.detach("one", "data")
		})
	}
	t.Run("detach recorded", func(t *testing.T) {
		w := newWorld(t, daemon)
		w.volume("data")
		w.create("one", spec("serve"))
		w.attach("one", "data")
		w.writeFile("one", "kept")
		w.crashing("detach recorded", func(d *docker.Driver) { d.DetachVolume(w.ctx, "one", "data") })
		if got := w.file("one"); got != "" {
			t.Errorf("got %q, want nothing: it was detached", got)
		}
		w.detach("one", "data")
	})
	t.Run("volume made", func(t *testing.T) {
		w := newWorld(t, daemon)
		w.crashing("volume made", func(d *docker.Driver) { d.CreateVolume(w.ctx, stoker.VolumeSpec{Token: "data", Name: "x"}) })
		w.volume("data")
	})
}

// busyVolume takes a volume away of which the server has a file open.
func busyVolume(t *testing.T, daemon *dockerdtest.Daemon) {
	w := newWorld(t, daemon)
	w.volume("data")
	one := w.create("one", spec("serve"))
	w.attach("one", "data")
	w.writeFile("one", "kept")
	get(t, one, "/hold?path=/mnt/volumes/vdb/file")
	w.detach("one", "data")
	if got := w.file("one"); got != "" {
		t.Errorf("got %q, want nothing", got)
	}
	if at := w.mounted(); slices.ContainsFunc(at, func(s string) bool { return strings.HasSuffix(s, "/vdb") }) {
		t.Errorf("mounts are left: %v", at)
	}
	w.create("two", spec("serve"))
	w.attach("two", "data")
	if got := w.file("two"); got != "kept" {
		t.Errorf("got %q, want the data", got)
	}
}

// machineRestarts loses all mounts and processes, as a restart of the machine does.
// Somebody starts the container again.
func machineRestarts(t *testing.T, daemon *dockerdtest.Daemon) {
	w := newWorld(t, daemon)
	w.volume("data")
	one := w.create("one", spec("serve"))
	w.attach("one", "data")
	w.writeFile("one", "kept")
	w.driver.Abandon()
	if _, err := w.docker.ContainerKill(w.ctx, string(one.ID), client.ContainerKillOptions{Signal: "KILL"}); err != nil {
		t.Fatal(err)
	}
	for at := w.mounted(); len(at) > 0; at = w.mounted() {
		if err := unix.Unmount(at[len(at)-1], unix.MNT_DETACH); err != nil {
			t.Fatal(err)
		}
	}
	w.start()
	for _, when := range []string{"the machine", "the container"} {
		if _, err := w.docker.ContainerRestart(w.ctx, string(one.ID), client.ContainerRestartOptions{}); err != nil {
			t.Fatal(err)
		}
		if got := w.file("one"); got != "kept" {
			t.Errorf("after a restart of %s: got %q, want the data", when, got)
		}
	}
	w.attach("one", "data") // it was attached
	w.detach("one", "data")
	if got := w.file("one"); got != "" {
		t.Errorf("detached: got %q, want nothing", got)
	}
}

// TestDaemonDiesAttaching kills the daemon while volumes are attached and detached.
func TestDaemonDiesAttaching(t *testing.T) {
	w := newWorld(t, dockerdtest.New(t, "--live-restore"))
	w.volume("data")
	w.volume("more")
	one := w.create("one", spec("serve"))
	w.attach("one", "data")
	w.writeFile("one", "kept")
	w.daemon.Kill()
	w.untilLost()
	if got, ok := askFile(t, one, http.MethodGet, "/mnt/volumes/vdb/file", ""); !ok || got != "kept" {
		t.Errorf("without a daemon: got %q, want the data", got)
	}
	done := make(chan error, 3)
	go func() {
		_, err := w.driver.AttachVolume(w.ctx, "one", "more", "/dev/vdc")
		done <- err
	}()
	go func() { done <- w.driver.CreateVolume(w.ctx, stoker.VolumeSpec{Token: "new", Name: "new"}) }()
	go func() { done <- w.driver.DetachVolume(w.ctx, "one", "data") }()
	select {
	case err := <-done:
		t.Fatalf("without a daemon: got %v, want patience", err)
	case <-time.After(300 * time.Millisecond): // long enough to be wrong
	}
	w.daemon.Start()
	for range 3 {
		if err := within(w, done, "what was asked for"); err != nil {
			t.Error(err)
		}
	}
	if got := w.file("one"); got != "" {
		t.Errorf("detached: got %q, want nothing", got)
	}
	if !(files{}.Write(t, w.driver, "one", "/mnt/volumes/vdc/file", "new")) {
		t.Error("the volume that was attached meanwhile cannot be written")
	}
}

package docker_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/driver/docker"
	"github.com/stoker-project/stoker/driver/docker/dockerdtest"
)

// TestServers runs what needs no daemon of its own on one.
func TestServers(t *testing.T) {
	daemon := dockerdtest.New(t)
	for name, test := range map[string]func(*testing.T, *dockerdtest.Daemon){
		"what servers see":  whatServersSee,
		"resize":            resize,
		"resize at the end": resizeAtTheEnd,
		"out of memory":     outOfMemory,
		"stubborn":          stubborn,
		"logs are bounded":  logsAreBounded,
		"orphans":           orphans,
		"builds":            builds,
		"bad images":        badImages,
		"imports":           imports,
		"from outside":      fromOutside,
		"crashes":           crashes,
		"captures":          captures,
		"captures crash":    capturesCrash,
		"two installations": installations,
		"address taken":     addressTaken,
		"usage":             usage,
		"unwell":            unwell,
		"network removed":   networkRemoved,
		"networks crash":    networksCrash,
		"started by others": startedByOthers,
		"held at the start": heldAtStart,
		"no raw packets":    noRawPackets,
		"rules flushed":     rulesFlushed,
		"not root":          notRoot,
		"networks refuse":   networksRefuse,
		"volumes":           volumes,
		"volumes are kept":  volumesAreKept,
		"volume crashes":    volumeCrashes,
		"busy volume":       busyVolume,
		"machine restarts":  machineRestarts,
	} {
		t.Run(name, func(t *testing.T) { test(t, daemon) })
	}
}

// squat runs a container that is nobody's with an address.
func squat(w *world, a stoker.Address, image string) {
	w.Helper()
	made, err := w.docker.ContainerCreate(w.ctx, client.ContainerCreateOptions{
		Name:       "squatter",
		Config:     &container.Config{Image: image, Cmd: []string{"serve"}, Env: []string{"PORT=1", "HOST=127.0.0.1"}},
		HostConfig: &container.HostConfig{NetworkMode: container.NetworkMode(a.Network), CapAdd: []string{"NET_BIND_SERVICE"}},
		NetworkingConfig: &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{
			a.Network: {IPAMConfig: &network.EndpointIPAMConfig{IPv4Address: netip.MustParseAddr(a.IP)}},
		}},
	})
	if err == nil {
		_, err = w.docker.ContainerStart(w.ctx, made.ID, client.ContainerStartOptions{})
	}
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { // before the world's own
		if _, err := w.docker.ContainerRemove(context.Background(), made.ID, client.ContainerRemoveOptions{Force: true}); err != nil {
			w.Log(err)
		}
	})
}

func whatServersSee(t *testing.T, daemon *dockerdtest.Daemon) {
	w := newWorld(t, daemon)
	volume := t.TempDir()
	image := w.cfg.Images["serve"]
	image.Volumes = []string{volume + ":/etc/stoker-volume:ro"}
	image.Env = map[string]string{"OF_IMAGE": "1", "ROLE": "of image"}
	w.cfg.Images["more"] = image
	w.reopen()
	s := stoker.ServerSpec{Image: "more", UserData: "#!/bin/sh\nexit\n", Port: 9000,
		Metadata: map[string]string{"ROLE": "web", "not a name": "x", "PORT": "1"}}
	one := w.create("One/with:odd characters ü", s)
	env := get(t, one, "/env")
	for _, want := range []string{"HOST=0.0.0.0\n", "PORT=9000\n", "SERVER_NAME=One/with:odd characters ü\n", "ROLE=web\n", "OF_IMAGE=1\n",
		"STOKER_TOKEN=One/with:odd characters ü\n", "HOSTNAME=One-with-odd-characters\n"} {
		if !strings.Contains(env, want) {
			t.Errorf("environment lacks %q: %s", want, env)
		}
	}
	if got := get(t, one, "/files/user_data"); got != s.UserData {
		t.Errorf("user data: got %q, want %q", got, s.UserData)
	}
	seen, err := w.docker.ContainerInspect(w.ctx, string(one.ID), client.ContainerInspectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if m := seen.Container.HostConfig.Binds; len(m) != 1 || m[0] != image.Volumes[0] {
		t.Errorf("volumes: got %v, want %v", m, image.Volumes)
	}
	if got := seen.Container.Config.User; got != "65534:65534" {
		t.Errorf("a program runs as %q, want nobody", got)
	}
}

func resize(t *testing.T, daemon *dockerdtest.Daemon) {
	w := newWorld(t, daemon)
	const mib = 1 << 20
	s := spec("serve")
	s.Flavor = stoker.Flavor{CPUs: 0.25, Memory: 64 * mib}
	made := w.create("one", s)
	get(t, made, "/env")
	check := func(what string, quota, memory int64) {
		t.Helper()
		seen, err := w.docker.ContainerInspect(w.ctx, string(made.ID), client.ContainerInspectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if r := seen.Container.HostConfig.Resources; r.CPUQuota != quota || r.Memory != memory {
			t.Errorf("%s: got quota %d, memory %d, want %d, %d", what, r.CPUQuota, r.Memory, quota, memory)
		}
		if got := w.find("one"); got.ID != made.ID || got.State != stoker.ServerActive {
			t.Errorf("%s: got %+v, want the same server, running", what, got)
		}
	}
	check("created", 25_000, 64*mib)
	resize := func(f stoker.Flavor) {
		t.Helper()
		if err := w.driver.Resize(w.ctx, "one", f); err != nil {
			t.Fatal(err)
		}
	}
	resize(stoker.Flavor{CPUs: 2, Memory: 256 * mib})
	check("larger", 200_000, 256*mib)
	resize(stoker.Flavor{CPUs: 0.5, Memory: 96 * mib})
	check("smaller", 50_000, 96*mib)
	info, err := w.docker.Info(w.ctx, client.InfoOptions{})
	if err != nil {
		t.Fatal(err)
	}
	resize(stoker.Flavor{})
	check("without limits", -1, info.Info.MemTotal)
	if err := w.driver.Resize(w.ctx, "never was", s.Flavor); !stoker.IsKind(err, stoker.NotFound) {
		t.Errorf("a server that never was: got %v, want NotFound", err)
	}
	if err := w.driver.Resize(w.ctx, "one", stoker.Flavor{Memory: 1}); !stoker.IsKind(err, stoker.Invalid) {
		t.Errorf("one byte of memory: got %v, want Invalid", err)
	}
}

// resizeAtTheEnd changes servers that have just been killed, before Docker has
// noticed: it is the end that is told then, not a fault of the change.
func resizeAtTheEnd(t *testing.T, daemon *dockerdtest.Daemon) {
	w := newWorld(t, daemon)
	for i := range 5 {
		token := stoker.ServerToken(fmt.Sprint("killed-", i))
		made := w.create(token, spec("serve"))
		get(t, made, "/env")
		seen, err := w.docker.ContainerInspect(w.ctx, string(made.ID), client.ContainerInspectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		ended := w.wait(token)
		if err := syscall.Kill(seen.Container.State.Pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		if err := w.driver.Resize(w.ctx, token, stoker.Flavor{CPUs: 0.5}); err != nil {
			t.Errorf("got %v, want the change", err)
		}
		if got := within(w, ended, "the end"); got.err != nil || got.server.State != stoker.ServerStopped {
			t.Errorf("got %+v, want the end", got)
		}
		w.destroy(token, 0)
	}
}

// usage reads what servers use, also where the kernel's counters cannot be read.
func usage(t *testing.T, daemon *dockerdtest.Daemon) {
	w := newWorld(t, daemon)
	one := w.create("one", spec("serve"))
	get(t, one, "/env")
	tokens := []stoker.ServerToken{"one", "never was"}
	memory := func() int64 {
		t.Helper()
		used, err := w.driver.Memory(w.ctx, tokens)
		if err != nil || len(used) != 1 || used["one"] < 100<<10 {
			t.Fatalf("memory: got %v, error %v, want some of one", used, err)
		}
		return used["one"]
	}
	before := memory()
	resp, err := httpGet(w, one, "/eat")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if after := memory(); after < before+60<<20 {
		t.Errorf("after 64 MiB more: got %d bytes, had %d", after, before)
	}
	fromKernel, err := w.driver.CPU(w.ctx, tokens)
	if err != nil {
		t.Fatal(err)
	}
	w.driver.Blind()
	asked, err := w.driver.CPU(w.ctx, tokens)
	if err != nil || asked["one"] < fromKernel["one"] {
		t.Errorf("the daemon says %v, error %v; the kernel said %v", asked, err, fromKernel)
	}
	memory()
}

// unwell has an image whose own health check fails.
func unwell(t *testing.T, daemon *dockerdtest.Daemon) {
	w := newWorld(t, daemon)
	dir := folder(t, map[string]string{"app": w.program(),
		"Dockerfile": "FROM scratch\nCOPY app /\nENTRYPOINT [\"/app\"]\nCMD [\"serve\"]\n" +
			"HEALTHCHECK --interval=10ms --retries=1 CMD [\"/app\", \"ends\"]\n"})
	w.cfg.Images["unwell"] = docker.Image{Build: dir}
	w.reopen()
	w.create("one", spec("unwell"))
	w.until("a note tells of the health check", func() bool {
		one := w.find("one")
		return one.State == stoker.ServerActive && strings.Contains(strings.Join(one.Notes, "; "), "not well")
	})
}

func outOfMemory(t *testing.T, daemon *dockerdtest.Daemon) {
	w := newWorld(t, daemon)
	s := spec("serve")
	s.Flavor.Memory = 32 << 20
	one := w.create("one", s)
	ended := w.wait("one")
	get(t, one, "/env")
	go eat(w, one)
	if got := within(w, ended, "the kernel kills"); got.err != nil || !strings.Contains(got.server.Reason, "memory limit of 32 MiB") {
		t.Errorf("got %+v, want the memory limit as the reason", got)
	}
}

func stubborn(t *testing.T, daemon *dockerdtest.Daemon) {
	w := newWorld(t, daemon)
	get(t, w.create("one", spec("stubborn")), "/env")
	w.destroy("one", time.Second) // it ignores SIGTERM
	if left := w.containers(w.ctx); len(left) != 0 {
		t.Errorf("got %v, want nothing", left)
	}
}

func logsAreBounded(t *testing.T, daemon *dockerdtest.Daemon) {
	w := newWorld(t, daemon)
	w.cfg.MaxLog = 200_000
	w.reopen()
	one := w.create("one", spec("noise"))
	get(t, one, "/env") // answers after 20 MB of output
	read := func(tail int) []byte {
		t.Helper()
		r, err := w.driver.Logs(w.ctx, "one", tail, false)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	w.until("the log is written", func() bool { return bytes.HasSuffix(read(1), []byte("serving\n")) })
	if all := read(-1); len(all) > 200_000 || len(all) < 20_000 {
		t.Errorf("got %d bytes, want at most 200,000 and not nearly nothing", len(all))
	}
	if two := read(2); bytes.Count(two, []byte("\n")) != 2 || !bytes.Contains(two, []byte("line 199999 ")) {
		t.Errorf("the last two lines: got %q", two)
	}
}

// orphans removes what a crash has left of a server without a container.
func orphans(t *testing.T, daemon *dockerdtest.Daemon) {
	w := newWorld(t, daemon)
	w.create("one", spec("serve"))
	orphan := filepath.Join(w.cfg.Dir, "servers", "orphan")
	if err := os.Mkdir(orphan, 0o755); err != nil {
		t.Fatal(err)
	}
	w.reopen()
	if _, err := os.Stat(orphan); !os.IsNotExist(err) {
		t.Errorf("the orphan is there still: %v", err)
	}
	get(t, w.find("one"), "/files/metadata.json")
}

func eat(w *world, s stoker.Server) {
	for range 10 {
		resp, err := httpGet(w, s, "/eat")
		if err != nil {
			return // it is dead
		}
		resp.Body.Close()
	}
}

package docker_test

import (
	"io"
	"strings"
	"testing"

	"github.com/stoker-project/stoker/driver/docker"
	"github.com/stoker-project/stoker/driver/docker/dockerdtest"
)

// TestDebian: a root file system runs as an image.
func TestDebian(t *testing.T) {
	daemon := dockerdtest.New(t)
	cfg := config(t, daemon)
	cfg.Images["debian"] = docker.Image{Import: dockerdtest.Debian(t), Command: []string{"/bin/sh", "-c", ". /etc/os-release; echo $ID; curl --version; exit 3"}}
	d := open(t, cfg)
	s := spec("debian")
	s.Token = "d"
	if _, err := d.Create(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	got, err := d.Wait(t.Context(), "d")
	if err != nil || !strings.Contains(got.Reason, "status 3") {
		t.Fatalf("got %+v, error %v, want the end with status 3", got, err)
	}
	r, err := d.Logs(t.Context(), "d", -1, false)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	all, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	log := string(all)
	if !strings.HasPrefix(log, "debian\n") || !strings.Contains(log, "\ncurl ") {
		t.Errorf("got %q, want Debian's name and curl's version", log)
	}
}

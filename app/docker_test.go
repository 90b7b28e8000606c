package app_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/app"
)

func TestLoadDocker(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "stoker.yaml")
	text := "drivers: {docker: {max_log: 1MiB, images: {a: {build: ./a}, b: {program: /bin/b}, c: {image: nginx}}}}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := app.Load(file, app.Default())
	if err != nil {
		t.Fatal(err)
	}
	got := c.Drivers.Docker
	if a, b, image := got.Images["a"].Build, got.Images["b"].Program, got.Images["c"].Image; a != filepath.Join(dir, "a") || b != "/bin/b" || image != "nginx" {
		t.Errorf("got %q, %q and %q, want paths from the file's folder, and other names as they are", a, b, image)
	}
	if got.MaxLog != 1<<20 {
		t.Errorf("max_log: got %d", got.MaxLog)
	}
}

func TestDockerDriverRefuses(t *testing.T) {
	c := config(t)
	c.Driver = "docker"
	c.Drivers.Docker.Socket = filepath.Join(t.TempDir(), "nobody.sock")
	wantKind(t, refused(t, c), stoker.Unavailable, "nobody.sock", "Is Docker running")
	c.Drivers.Docker.Images = map[string]app.DockerImageConfig{"a": {Image: "x", Build: "y"}}
	wantKind(t, refused(t, c), stoker.Invalid, `image "a"`, "exactly one of")
}

// TestServersOfAnotherDriver keeps the servers of a driver from being forgotten.
func TestServersOfAnotherDriver(t *testing.T) {
	for left, now := range map[string]string{"docker": "process", "process": "docker"} {
		c := config(t)
		c.Driver = now
		if err := os.MkdirAll(filepath.Join(c.Data, left, "servers", "one"), 0o700); err != nil {
			t.Fatal(err)
		}
		wantKind(t, refused(t, c), stoker.Conflict, "holds servers of the "+left+" driver", "--driver "+left)
	}
}

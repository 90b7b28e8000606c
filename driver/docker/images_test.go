package docker_test

import (
	"archive/tar"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/moby/moby/client"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/driver/docker"
	"github.com/stoker-project/stoker/driver/docker/dockerdtest"
)

func httpGet(w *world, s stoker.Server, path string) (*http.Response, error) {
	url := "http://" + net.JoinHostPort(s.Addresses[0].IP, strconv.Itoa(s.Port)) + path
	req, err := http.NewRequestWithContext(w.ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	return (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
}

// folder makes a folder of files; a content that begins with "-> " is a symbolic link.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		file := filepath.Join(dir, name)
		err := os.MkdirAll(filepath.Dir(file), 0o755)
		if target, link := strings.CutPrefix(content, "-> "); link && err == nil {
			err = os.Symlink(target, file)
		} else if err == nil {
			err = os.WriteFile(file, []byte(content), 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func (w *world) program() string {
	w.Helper()
	file, err := app()
	if err != nil {
		w.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		w.Fatal(err)
	}
	return string(text)
}

func (w *world) images() (tags []string) {
	w.Helper()
	all, err := w.docker.ImageList(w.ctx, client.ImageListOptions{All: true})
	if err != nil {
		w.Fatal(err)
	}
	for _, i := range all.Items {
		tags = append(tags, i.RepoTags...)
	}
	return tags
}

func builds(t *testing.T, daemon *dockerdtest.Daemon) {
	w := newWorld(t, daemon)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o644); err != nil {
		t.Fatal(err)
	}
	dir := folder(t, map[string]string{
		"Dockerfile":    "FROM scratch\nCOPY . /\nENV VERSION=1\nENTRYPOINT [\"/app\"]\nCMD [\"serve\"]\n",
		"app":           w.program(),
		".dockerignore": "junk\n**/*.tmp\n",
		"junk/a":        "x", "sub/b.tmp": "x", "sub/kept": "x",
		"outside": "-> " + secret,
	})
	w.cfg.Images["Built one"] = docker.Image{Build: dir}
	w.reopen()
	one := w.create("one", spec("Built one"))
	if env := get(t, one, "/env"); !strings.Contains(env, "VERSION=1\n") {
		t.Errorf("got %s, want VERSION=1", env)
	}
	for file, want := range map[string]bool{"/sub/kept": true, "/junk": false, "/sub/b.tmp": false, "/outside": true} {
		_, err := w.docker.ContainerStatPath(w.ctx, string(one.ID), client.ContainerStatPathOptions{Path: file})
		if (err == nil) != want {
			t.Errorf("%s in the image: %v, want %v", file, err, want)
		}
	}
	w.destroy("one", 0)
	before := imageID(w)

	// A change is seen by the next run of Stoker, and the old image goes.
	changed := "FROM scratch\nCOPY . /\nENV VERSION=2\nENTRYPOINT [\"/app\"]\nCMD [\"serve\"]\n"
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(changed), 0o644); err != nil {
		t.Fatal(err)
	}
	w.reopen()
	two := w.create("two", spec("Built one"))
	if env := get(t, two, "/env"); !strings.Contains(env, "VERSION=2\n") {
		t.Errorf("got %s, want VERSION=2", env)
	}
	if _, err := w.docker.ImageInspect(w.ctx, before); err == nil {
		t.Error("the image of the first build is there still")
	}
	// Somebody removes the image: it is built again.
	w.destroy("two", 0)
	if _, err := w.docker.ImageRemove(w.ctx, imageID(w), client.ImageRemoveOptions{Force: true}); err != nil {
		t.Fatal(err)
	}
	get(t, w.create("three", spec("Built one")), "/env")
}

// imageID is that of the one image that was built.
func imageID(w *world) string {
	w.Helper()
	for _, tag := range w.images() {
		if strings.Contains(tag, "/built-one-") {
			seen, err := w.docker.ImageInspect(w.ctx, tag)
			if err != nil {
				w.Fatal(err)
			}
			return seen.ID
		}
	}
	w.Fatalf("got images %v, want one that was built", w.images())
	return ""
}

func badImages(t *testing.T, daemon *dockerdtest.Daemon) {
	w := newWorld(t, daemon)
	w.cfg.Images["broken build"] = docker.Image{Build: folder(t, map[string]string{"Dockerfile": "FROM scratch\nCOPY nothing /\n"})}
	w.cfg.Images["no dockerfile"] = docker.Image{Build: t.TempDir()}
	w.cfg.Images["no tar"] = docker.Image{Import: "/no/such.tar", Command: []string{"x"}}
	w.cfg.Images["no program in it"] = docker.Image{Import: tarOf(t, map[string]string{"a": "b"}), Command: []string{"/nothing"}}
	w.cfg.Images["dynamic"] = docker.Image{Program: "/bin/sh"}
	w.reopen()
	for name := range w.cfg.Images {
		if w.cfg.Images[name].Program != "" && name != "dynamic" {
			continue
		}
		_, err := w.driver.Create(w.ctx, stoker.ServerSpec{Token: "one", Name: "one", Image: name})
		if !stoker.IsKind(err, stoker.Invalid) {
			t.Errorf("%s: got %v, want Invalid", name, err)
		}
	}
	if left := w.containers(w.ctx); len(left) > 0 {
		t.Errorf("got %v, want nothing", left)
	}
	w.cfg.OnlyListed = true
	w.reopen()
	_, err := w.driver.Create(w.ctx, stoker.ServerSpec{Token: "one", Name: "one", Image: "nginx"})
	if !stoker.IsKind(err, stoker.Invalid) || !strings.Contains(err.Error(), "not one of those in the configuration") {
		t.Errorf("an image that is not listed: got %v", err)
	}
}

func tarOf(t *testing.T, files map[string]string) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for name, content := range files {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(content))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "image.tar")
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func imports(t *testing.T, daemon *dockerdtest.Daemon) {
	w := newWorld(t, daemon)
	w.cfg.Images["imported"] = docker.Image{Import: tarOf(t, map[string]string{"app": w.program()}), Command: []string{"/app", "serve"}}
	w.reopen()
	first := w.create("one", spec("imported"))
	get(t, first, "/env")
	image := imageOf(w, first.ID)
	w.reopen()
	if again := w.create("two", spec("imported")); imageOf(w, again.ID) != image {
		t.Error("the same file was imported twice")
	}
	// By Docker's own name.
	tag := ""
	for _, t := range w.images() {
		if strings.Contains(t, "/imported:") {
			tag = t
		}
	}
	made, err := w.driver.Create(w.ctx, stoker.ServerSpec{Token: "three", Name: "three", Image: tag})
	if !stoker.IsKind(err, stoker.Invalid) || !strings.Contains(err.Error(), "o command") { // it has none of its own
		t.Errorf("got %+v, error %v, want Invalid: no command", made, err)
	}
}

func FuzzDemux(f *testing.F) {
	f.Add([]byte("\x01\x00\x00\x00\x00\x00\x00\x02hi\x02\x00\x00\x00\x00\x00\x00\x01!"), 3)
	f.Add([]byte("\x01\x00\x00\x00\xff\xff\xff\xffhi"), 1)
	f.Add([]byte("\x07"), 0)
	f.Fuzz(func(t *testing.T, data []byte, size int) {
		r := docker.Demux(context.Background(), io.NopCloser(bytes.NewReader(data)))
		buf := make([]byte, max(1, size%100))
		total := 0
		for {
			n, err := r.Read(buf)
			total += n
			if err != nil {
				break
			}
		}
		if total > len(data) {
			t.Errorf("got %d bytes out of %d", total, len(data))
		}
	})
}

func FuzzEscape(f *testing.F) {
	f.Add("a/b", "a_2fb")
	f.Add(".x", "_2ex")
	f.Fuzz(func(t *testing.T, a, b string) {
		x, y := docker.Escape(a), docker.Escape(b)
		if a != b && x == y {
			t.Errorf("%q and %q both become %q", a, b, x)
		}
		for _, c := range x {
			if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-", c) {
				t.Errorf("%q becomes %q", a, x)
			}
		}
	})
}

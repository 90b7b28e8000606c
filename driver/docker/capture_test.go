package docker_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/client"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/driver/docker"
	"github.com/stoker-project/stoker/driver/docker/dockerdtest"
)

// kept are the images of the daemon that were made of servers, by ID and names.
func (w *world) kept() (ids, names []string) {
	w.Helper()
	all, err := w.docker.ImageList(w.ctx, client.ImageListOptions{All: true, Filters: client.Filters{}.Add("label", strings.Replace(w.installed(), "installation", "keeper", 1))})
	if err != nil {
		w.Fatal(err)
	}
	for _, i := range all.Items {
		ids, names = append(ids, i.ID), append(names, i.RepoTags...)
	}
	return ids, slices.DeleteFunc(names, func(n string) bool { return n == "<none>:<none>" })
}

func (w *world) capture(token stoker.ServerToken, key string) string {
	w.Helper()
	image, err := w.driver.Capture(w.ctx, token, key)
	if err != nil {
		w.Fatal(err)
	}
	return image
}

// captures: what Docker keeps of a container beside its files does not come along, and
// nothing is left when image and servers are gone.
func captures(t *testing.T, daemon *dockerdtest.Daemon) {
	w := newWorld(t, daemon)
	w.create("one", stoker.ServerSpec{Image: "serve", Project: "p", Metadata: map[string]string{"OLD": "1", "BOTH": "1"}, Path: []stoker.StackID{"s"}})
	image := w.capture("one", "k")
	second := w.create("two", stoker.ServerSpec{Image: image, Project: "p", Metadata: map[string]string{"BOTH": "2"}})
	env := map[string]string{}
	for _, e := range strings.Split(get(t, second, "/env"), "\n") {
		k, v, _ := strings.Cut(e, "=")
		env[k] = v
	}
	if _, old := env["OLD"]; old || env["BOTH"] != "2" || env["STOKER_TOKEN"] != "two" {
		t.Errorf("got %v", env)
	}
	if len(second.Path) != 0 || second.Project != "p" || second.Name != "two" {
		t.Errorf("got %+v", second)
	}
	// Under the ID of the image, another project finds nothing.
	ids, names := w.kept()
	if len(ids) != 1 || !slices.Equal(names, []string{image}) {
		t.Fatalf("there are %q %q, want %q", ids, names, image)
	}
	for _, name := range []string{ids[0], strings.TrimPrefix(ids[0], "sha256:")[:12], "docker.io/" + image} {
		_, err := w.driver.Create(w.ctx, stoker.ServerSpec{Token: "thief", Name: "thief", Image: name, Project: "q"})
		if !stoker.IsKind(err, stoker.Invalid) {
			t.Errorf("as %s: %v", name, err)
		}
	}
	if err := w.driver.DropImage(w.ctx, "k"); err != nil {
		t.Fatal(err)
	}
	w.destroy("one", 0)
	if ids, names := w.kept(); len(ids) != 1 || len(names) != 0 {
		t.Errorf("while a server has it: %q %q", ids, names)
	}
	w.destroy("two", 0)
	if ids, _ := w.kept(); len(ids) != 0 {
		t.Errorf("left: %q", ids)
	}
}

// capturesCrash breaks off in the middle of making images and copies.
func capturesCrash(t *testing.T, daemon *dockerdtest.Daemon) {
	w := newWorld(t, daemon)
	w.create("one", stoker.ServerSpec{Image: "serve", Project: "p"})
	var image string
	w.crashing("captured", func(d *docker.Driver) { d.Capture(w.ctx, "one", "k") })
	image = w.capture("one", "k")
	if _, names := w.kept(); !slices.Equal(names, []string{image}) {
		t.Errorf("there are %q", names)
	}
	if err := w.driver.DropImage(w.ctx, "k"); err != nil {
		t.Fatal(err)
	}
	// A server of an image that ends without its image: the next driver sees to that.
	image = w.capture("one", "l")
	w.create("two", stoker.ServerSpec{Image: image, Project: "p"})
	if err := w.driver.DropImage(w.ctx, "l"); err != nil {
		t.Fatal(err)
	}
	two := w.find("two")
	if _, err := w.docker.ContainerRemove(w.ctx, string(two.ID), client.ContainerRemoveOptions{Force: true}); err != nil {
		t.Fatal(err)
	}
	w.reopen()
	if ids, _ := w.kept(); len(ids) != 0 {
		t.Errorf("left: %q", ids)
	}
	w.destroy("two", 0)
	spec := stoker.VolumeSpec{Token: "data", Name: "data", Project: "p"}
	if err := w.driver.CreateVolume(w.ctx, spec); err != nil {
		t.Fatal(err)
	}
	at, err := w.driver.AttachVolume(w.ctx, "one", "data", "")
	if err != nil {
		t.Fatal(err)
	}
	if !(files{}).Write(t, w.driver, "one", at+"/file", "x") {
		t.Fatal("it cannot be written")
	}
	spec.Token = "copy"
	for _, point := range []string{"copy begun", "volume made", "copied"} {
		w.crashing(point, func(d *docker.Driver) { d.CopyVolume(w.ctx, "data", spec) })
		// What is half is no volume to copy.
		other := spec
		other.Token = "second"
		if err := w.driver.CopyVolume(w.ctx, "copy", other); !stoker.IsKind(err, stoker.NotFound) {
			t.Errorf("%s: half a copy was copied: %v", point, err)
		}
	}
	if err := w.driver.CopyVolume(w.ctx, "data", spec); err != nil {
		t.Fatal(err)
	}
	there, err := w.driver.AttachVolume(w.ctx, "one", "copy", "")
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := (files{}).Read(t, w.driver, "one", there+"/file"); !ok || got != "x" {
		t.Errorf("the copy has %q, %t", got, ok)
	}
	w.destroy("one", time.Second)
	for _, v := range []stoker.VolumeToken{"data", "copy", "second"} {
		if err := w.driver.DestroyVolume(w.ctx, v); err != nil {
			t.Error(err)
		}
	}
}

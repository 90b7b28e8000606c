package docker

import (
	"context"
	"fmt"
	"hash/fnv"
	"strings"
	"sync"

	"github.com/containerd/errdefs"
	"github.com/distribution/reference"
	"github.com/moby/moby/client"

	"github.com/stoker-project/stoker"
)

// images are those that were made or fetched in this run of Stoker.
type images struct {
	mu   sync.Mutex
	byID map[string]*ready // by the name that templates use
}

// ready is one image. Whoever takes the turn may make it; the others wait.
type ready struct {
	turn chan struct{}
	ref  string // empty: not yet made
}

func newImages() images { return images{byID: map[string]*ready{}} }

func (i *images) of(name string) *ready {
	i.mu.Lock()
	defer i.mu.Unlock()
	r, ok := i.byID[name]
	if !ok {
		r = &ready{turn: make(chan struct{}, 1)}
		i.byID[name] = r
	}
	return r
}

// image finds the image that a template names, and what Docker calls it. It is
// made if it must be. stale is what Docker did not have, although it was given here.
func (d *Driver) image(ctx context.Context, c *conn, name, stale string) (Image, string, error) {
	image, err := d.listed(name)
	if err != nil {
		return image, "", err
	}
	if image.Image != "" && stale == "" {
		return image, image.Image, nil
	}
	r := d.images.of(name)
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-ctx.Done():
		return image, "", context.Cause(ctx)
	}
	if r.ref == "" || r.ref == stale {
		ref, err := d.prepare(ctx, c, name, image)
		if err != nil {
			return image, "", fmt.Errorf("image %q: %w", name, err)
		}
		r.ref = ref
	}
	return image, r.ref, nil
}

// listed finds an image in the configuration. What is not there is a name of
// Docker's.
func (d *Driver) listed(name string) (Image, error) {
	image, ok := d.cfg.Images[name]
	if ok && image.Image == "" {
		return image, nil
	}
	if !ok {
		image.Image = name
	}
	hint := "An image of the docker driver is a name from its configuration, or one of Docker's, like nginx:1.27."
	if !ok && d.cfg.OnlyListed {
		return image, &stoker.Error{Kind: stoker.Invalid, Message: fmt.Sprintf("image %q is not one of those in the configuration of the docker driver", name),
			Hint: "Add it there, or choose another."}
	}
	if _, err := reference.ParseAnyReference(image.Image); err != nil {
		return image, &stoker.Error{Kind: stoker.Invalid, Message: fmt.Sprintf("image %q", name), Err: err, Hint: hint}
	}
	return image, nil
}

// prepare makes or fetches an image.
func (d *Driver) prepare(ctx context.Context, c *conn, name string, image Image) (ref string, err error) {
	tag := d.imageTag(name)
	switch {
	case image.Build != "":
		return d.build(ctx, c, tag, image)
	case image.Import != "":
		return d.importTar(ctx, c, tag, image.Import)
	case image.Program != "":
		return d.importProgram(ctx, c, tag, image.Program)
	}
	return image.Image, d.pull(ctx, c, image.Image)
}

// imageTag is what Docker is to call an image that is made here. Docker knows
// small letters only, so other names get a number that tells them apart.
func (d *Driver) imageTag(name string) string {
	slug := strings.Trim(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(name)), "-")
	slug = strings.Join(strings.FieldsFunc(slug, func(r rune) bool { return r == '-' }), "-")
	if slug != name {
		h := fnv.New32a()
		h.Write([]byte(name))
		slug = strings.Trim(fmt.Sprintf("%s-%08x", slug, h.Sum32()), "-")
	}
	return "stoker-" + d.installation + "/" + slug
}

func (d *Driver) pull(ctx context.Context, c *conn, ref string) error {
	if _, err := c.ImageInspect(ctx, ref); !errdefs.IsNotFound(err) {
		return explain(ctx, "find it", err) // it is there, or nothing is known
	}
	if d.cfg.Pull == PullNever {
		return &stoker.Error{Kind: stoker.Invalid, Message: "Docker has no such image, and the configuration says never to fetch one",
			Hint: "docker pull, docker load or docker build it on this machine, or set pull to missing."}
	}
	d.log.Info("fetch image", "image", ref)
	answer, err := c.ImagePull(ctx, ref, client.ImagePullOptions{})
	if err == nil {
		err = answer.Wait(ctx)
	}
	if err == nil {
		return nil
	}
	if anyIn(err.Error(), "manifest unknown", "not found", "repository does not exist", "access denied", "unauthorized", "denied:") {
		return &stoker.Error{Kind: stoker.Invalid, Message: "fetch it from its registry", Err: err, Hint: "Is its name right, and may Docker fetch it?"}
	}
	return explain(ctx, "fetch it from its registry", err)
}

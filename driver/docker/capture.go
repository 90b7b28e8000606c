package docker

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/distribution/reference"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/stoker-project/stoker"
)

// The labels of an image that was made of a server, and of the containers of it. Its project
// is under labelProject.
const (
	// labelKept is the image that the server had, as templates name it: what the
	// configuration says of that one counts for this one too.
	labelKept = "stoker.kept"
	// labelKeeper is the installation that made it. It is not labelInstallation, so that a
	// container that somebody else makes of it is not ours.
	labelKeeper = "stoker.keeper"
	// labelEnv lists the variables that the server's image had of its own, as JSON. Docker
	// keeps all that the server had.
	labelEnv = "stoker.env"
)

// Capture implements stoker.ServerImager: docker commit. The container stands still
// meanwhile. While the daemon does not answer, it waits.
func (d *Driver) Capture(ctx context.Context, token stoker.ServerToken, key string) (string, error) {
	name := d.keptName(key)
	err := d.persist(ctx, func(c *conn) error { return d.capture(ctx, c, token, name) })
	if err != nil {
		return "", fmt.Errorf("make an image of server %q: %w", token, err)
	}
	return name, nil
}

// keptName is what Docker calls a captured image.
func (d *Driver) keptName(key string) string {
	return "stoker-" + d.installation + "/kept:" + escape(key)
}

// isKept tells whether a name is one of captured images, however it is spelled.
func (d *Driver) isKept(name string) bool {
	named, err := reference.ParseNormalizedNamed(name)
	return err == nil && reference.FamiliarName(named) == "stoker-"+d.installation+"/kept"
}

func (d *Driver) capture(ctx context.Context, c *conn, token stoker.ServerToken, name string) error {
	if _, err := c.ImageInspect(ctx, name); !errdefs.IsNotFound(err) {
		return explain(ctx, "look for its image", err) // it is there, or nothing is known
	}
	found, err := d.container(ctx, c, token)
	if err != nil {
		return err
	}
	seen, err := c.ContainerInspect(ctx, found.id, client.ContainerInspectOptions{})
	if err != nil {
		return explain(ctx, "look at its container", err)
	}
	was, err := c.ImageInspect(ctx, seen.Container.Image)
	if err != nil {
		return explain(ctx, "look at its image", err)
	}
	files, err := d.readFiles(token)
	if err != nil {
		return err
	}
	origin := files.Image
	if kept := found.labels[labelKept]; kept != "" {
		origin = kept
	}
	config := &container.Config{Entrypoint: []string{}, Labels: map[string]string{}}
	if own := was.Config; own != nil {
		config.Env, config.Cmd, config.User, config.WorkingDir, config.StopSignal = own.Env, own.Cmd, own.User, own.WorkingDir, own.StopSignal
		config.Entrypoint = append(config.Entrypoint, own.Entrypoint...)
		config.Healthcheck, config.Shell, config.Volumes = own.Healthcheck, own.Shell, own.Volumes
		maps.Copy(config.Labels, own.Labels)
	}
	// What is left out here Docker takes from the container.
	for label := range found.labels {
		if strings.HasPrefix(label, "stoker.") {
			config.Labels[label] = ""
		}
	}
	config.Labels[labelKeeper], config.Labels[labelProject] = d.installation, found.labels[labelProject]
	config.Labels[labelKept], config.Labels[labelEnv] = origin, list(variables(config.Env))
	if was.Config != nil && found.labels[labelKept] != "" {
		if first, ok := was.Config.Labels[labelEnv]; ok {
			config.Labels[labelEnv] = first // of the first image in the row
		}
	}
	_, err = c.ContainerCommit(ctx, found.id, client.ContainerCommitOptions{Reference: name, Config: config})
	if err != nil {
		return explain(ctx, "make an image of its container", err)
	}
	d.crash("captured")
	return nil
}

// variables are the names in an environment.
func variables(env []string) []string {
	out := make([]string, len(env))
	for i, e := range env {
		out[i], _, _ = strings.Cut(e, "=")
	}
	return out
}

// DropImage implements stoker.ServerImager. While the daemon does not answer, it waits.
func (d *Driver) DropImage(ctx context.Context, key string) error {
	err := d.persist(ctx, func(c *conn) error {
		// By force: servers that have it keep its content.
		_, err := c.ImageRemove(ctx, d.keptName(key), client.ImageRemoveOptions{Force: true})
		if errdefs.IsNotFound(err) {
			return nil
		}
		return explain(ctx, "remove it", err)
	})
	if err != nil {
		return fmt.Errorf("image %q: %w", d.keptName(key), err)
	}
	return nil
}

// keptImage is a captured image for a server of its project: with what the configuration
// says of the image that the first server had. Variables of that server are taken away.
func (d *Driver) keptImage(ctx context.Context, c *conn, spec stoker.ServerSpec) (Image, string, error) {
	seen, err := c.ImageInspect(ctx, spec.Image)
	if errdefs.IsNotFound(err) || err == nil && (seen.Config == nil || seen.Config.Labels[labelProject] != string(spec.Project)) {
		return Image{}, "", &stoker.Error{Kind: stoker.Invalid, Message: fmt.Sprintf("there is no image %q", spec.Image), Hint: "It was made of a server, and removed, or is another project's."}
	}
	if err != nil {
		return Image{}, "", explain(ctx, "find it", err)
	}
	image := d.cfg.Images[seen.Config.Labels[labelKept]]
	env := map[string]string{}
	own := unlist[string](seen.Config.Labels[labelEnv])
	for _, name := range variables(seen.Config.Env) {
		if !slices.Contains(own, name) {
			env[name] = absent
		}
	}
	maps.Copy(env, image.Env)
	image.Env = env
	return image, spec.Image, nil
}

// absent is the value of variables that a server is not to have, though its image has.
const absent = "\x00"

// foreign refuses an image that was made of another project's server, under another name:
// Docker knows images by the beginning of their IDs too.
func (d *Driver) foreign(ctx context.Context, c *conn, ref string) error {
	seen, err := c.ImageInspect(ctx, ref)
	if err != nil || seen.Config == nil || seen.Config.Labels[labelKept] == "" || seen.Config.Labels[labelKeeper] != d.installation {
		return nil // what is missing shows when it is used
	}
	return &stoker.Error{Kind: stoker.Invalid, Message: fmt.Sprintf("there is no image %q", ref)}
}

// dropOrphans removes captured images that have no name and no server: a crash came between
// the end of the last server and that of its image.
func (d *Driver) dropOrphans(ctx context.Context, c *conn) error {
	all, err := c.ImageList(ctx, client.ImageListOptions{Filters: client.Filters{}.Add("label", labelKeeper+"="+d.installation).Add("dangling", "true")})
	if err != nil {
		return explain(ctx, "list images without names", err)
	}
	for _, i := range all.Items {
		if i.Labels[labelKept] == "" {
			continue
		}
		if _, err := c.ImageRemove(ctx, i.ID, client.ImageRemoveOptions{}); err != nil && !errdefs.IsNotFound(err) && !errdefs.IsConflict(err) {
			return explain(ctx, "remove an image without a name", err)
		}
	}
	return nil
}

// dropOrphan removes the image of a server that is gone, if it was captured and has no
// name any more.
func (d *Driver) dropOrphan(ctx context.Context, c *conn, b box) error {
	if b.labels[labelKept] == "" || b.seen == nil {
		return nil
	}
	seen, err := c.ImageInspect(ctx, b.seen.Image)
	if err == nil && len(seen.RepoTags) == 0 {
		_, err = c.ImageRemove(ctx, b.seen.Image, client.ImageRemoveOptions{})
	}
	if errdefs.IsNotFound(err) || errdefs.IsConflict(err) { // another server has it
		return nil
	}
	return explain(ctx, "remove its image", err)
}

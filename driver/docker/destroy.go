package docker

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"

	"github.com/stoker-project/stoker"
)

// Destroy implements stoker.Driver. Docker sends the image's stop signal (SIGTERM
// if it has none), and SIGKILL after the grace, which counts in whole seconds. While the
// daemon does not answer, it waits.
func (d *Driver) Destroy(ctx context.Context, token stoker.ServerToken, grace time.Duration) error {
	end := d.begin(token, destroying)
	defer end()
	err := d.persist(ctx, func(c *conn) error { return d.destroy(ctx, c, token, grace) })
	if err != nil {
		return fmt.Errorf("destroy server %q: %w", token, err)
	}
	return nil
}

// destroy believes only what it sees: it ends when no container is found.
func (d *Driver) destroy(ctx context.Context, c *conn, token stoker.ServerToken, grace time.Duration) error {
	const tries = 100
	for try := 0; ; try++ {
		found, err := d.container(ctx, c, token)
		if stoker.IsKind(err, stoker.NotFound) {
			return d.forget(token)
		}
		if err != nil {
			return err
		}
		if grace > 0 {
			if err := d.stop(ctx, c, found.id, grace); err != nil {
				return err
			}
		}
		d.crash("stopped")
		err = d.removeContainer(ctx, c, found.id)
		if err == nil {
			err = d.dropOrphan(ctx, c, found)
		}
		if err != nil && (!stoker.IsKind(err, stoker.Conflict) || try == tries) {
			return err
		}
		if err != nil && !sleep(ctx, firstPause) { // another is removing it
			return context.Cause(ctx)
		}
	}
}

func (d *Driver) stop(ctx context.Context, c *conn, id string, grace time.Duration) error {
	seconds := int(math.Ceil(min(grace, 24*time.Hour).Seconds()))
	_, err := c.ContainerStop(ctx, id, client.ContainerStopOptions{Timeout: &seconds})
	if errdefs.IsNotFound(err) {
		return nil
	}
	return explain(ctx, "stop its container", err)
}

// forget removes what is kept of a server that has no container.
func (d *Driver) forget(token stoker.ServerToken) error {
	if token == "" {
		return nil // its directory would be everybody's
	}
	if err := d.takeAll(token); err != nil {
		return err
	}
	if err := removeServerDir(d.serverDir(token)); err != nil {
		return err
	}
	d.release(token)
	return d.forgetPorts(token)
}

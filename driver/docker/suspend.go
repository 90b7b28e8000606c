package docker

import (
	"context"
	"fmt"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/stoker-project/stoker"
)

var _ stoker.ServerPauser = (*Driver)(nil)

// Pause implements stoker.ServerPauser: the kernel freezes the container's
// processes.
func (d *Driver) Pause(ctx context.Context, token stoker.ServerToken) error {
	return d.freeze(ctx, token, "pause", func(c *conn, b box) error {
		if b.state == container.StatePaused {
			return nil
		}
		_, err := c.ContainerPause(ctx, b.id, client.ContainerPauseOptions{})
		return err
	})
}

// Unpause implements stoker.ServerPauser.
func (d *Driver) Unpause(ctx context.Context, token stoker.ServerToken) error {
	return d.freeze(ctx, token, "unpause", func(c *conn, b box) error {
		if b.state != container.StatePaused {
			return nil
		}
		_, err := c.ContainerUnpause(ctx, b.id, client.ContainerUnpauseOptions{})
		return err
	})
}

// freeze has something done with the container of a server, which must run.
func (d *Driver) freeze(ctx context.Context, token stoker.ServerToken, verb string, do func(*conn, box) error) error {
	err := d.persist(ctx, func(c *conn) error {
		b, err := d.container(ctx, c, token)
		if err != nil {
			return err
		}
		if b.state != container.StateRunning && b.state != container.StatePaused {
			return stoker.Errorf(stoker.Conflict, "its container is %s", b.state)
		}
		err = do(c, b)
		if errdefs.IsNotFound(err) {
			return noServer(token)
		}
		return explain(ctx, verb+" its container", err)
	})
	if err != nil {
		return fmt.Errorf("%s server %q: %w", verb, token, err)
	}
	d.wake(token)
	return nil
}

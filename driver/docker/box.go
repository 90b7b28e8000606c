package docker

import (
	"context"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"github.com/stoker-project/stoker"
)

// box is what the daemon tells of a container, in a list or when asked for this one.
type box struct {
	id       string
	created  time.Time // to the second, as lists have it
	labels   map[string]string
	state    container.ContainerState
	home     string // the network that it was made for
	networks map[string]*network.EndpointSettings
	sick     bool                       // its image's own health check says so
	seen     *container.InspectResponse // nil in a list
}

func (b box) token() stoker.ServerToken { return stoker.ServerToken(b.labels[labelToken]) }

// containers gives all containers of this installation. In the moment after one has
// ended, Docker's list shows it running still.
func (d *Driver) containers(ctx context.Context, c *conn) ([]box, error) {
	return d.listContainers(ctx, c, d.ours())
}

func (d *Driver) listContainers(ctx context.Context, c *conn, f client.Filters) ([]box, error) {
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	found, err := c.ContainerList(call, client.ContainerListOptions{All: true, Filters: f})
	if err != nil {
		return nil, explain(ctx, "list containers", err)
	}
	boxes := make([]box, len(found.Items))
	for i, s := range found.Items {
		boxes[i] = box{id: s.ID, created: time.Unix(s.Created, 0), labels: s.Labels, state: s.State, home: s.HostConfig.NetworkMode,
			sick: strings.HasSuffix(s.Status, "(unhealthy)")}
		if s.NetworkSettings != nil {
			boxes[i].networks = s.NetworkSettings.Networks
		}
	}
	return boxes, nil
}

// container finds the container of a server by its name, and where somebody has
// renamed it, by its labels; NotFound if there is none.
func (d *Driver) container(ctx context.Context, c *conn, token stoker.ServerToken) (box, error) {
	b, err := d.inspect(ctx, c, d.containerName(token))
	if err == nil && d.isOurs(b, token) || err != nil && !stoker.IsKind(err, stoker.NotFound) {
		return b, err
	}
	found, err := d.listContainers(ctx, c, d.ours().Add("label", labelToken+"="+string(token)))
	if err != nil {
		return box{}, err
	}
	for _, f := range found {
		b, err := d.inspect(ctx, c, f.id)
		if err == nil || !stoker.IsKind(err, stoker.NotFound) {
			return b, err
		}
	}
	return box{}, noServer(token)
}

func (d *Driver) isOurs(b box, token stoker.ServerToken) bool {
	return b.labels[labelInstallation] == d.installation && b.token() == token
}

func (d *Driver) inspect(ctx context.Context, c *conn, id string) (box, error) {
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	got, err := c.ContainerInspect(call, id, client.ContainerInspectOptions{})
	if err != nil {
		return box{}, explain(ctx, "look at a container", err)
	}
	seen := got.Container
	b := box{id: seen.ID, seen: &seen}
	if created, err := time.Parse(time.RFC3339Nano, seen.Created); err == nil {
		b.created = created.Local().Truncate(time.Second)
	}
	if seen.Config != nil {
		b.labels = seen.Config.Labels
	}
	if seen.State != nil {
		b.state = seen.State.Status
		b.sick = seen.State.Running && seen.State.Health != nil && seen.State.Health.Status == container.Unhealthy
	}
	if seen.HostConfig != nil {
		b.home = string(seen.HostConfig.NetworkMode)
	}
	if seen.NetworkSettings != nil {
		b.networks = seen.NetworkSettings.Networks
	}
	return b, nil
}

// removeContainer kills what runs still, and removes anonymous volumes too.
func (d *Driver) removeContainer(ctx context.Context, c *conn, id string) error {
	_, err := c.ContainerRemove(ctx, id, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	if errdefs.IsNotFound(err) {
		return nil
	}
	return explain(ctx, "remove its container", err)
}

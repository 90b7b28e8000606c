package docker

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/stoker-project/stoker"
)

// Create implements stoker.Driver: it makes a container and starts it. A server
// that has ended is not started again. While the daemon does not answer, it waits.
func (d *Driver) Create(ctx context.Context, spec stoker.ServerSpec) (stoker.Server, error) {
	doing := fmt.Sprintf("create server %q", spec.Name)
	if err := checkSpec(spec); err != nil {
		return stoker.Server{}, fmt.Errorf("%s: %w", doing, err)
	}
	end := d.begin(spec.Token, creating)
	defer end()
	var made stoker.Server
	err := d.persist(ctx, func(c *conn) error {
		err := d.create(ctx, c, spec)
		if err == nil {
			made, err = d.server(ctx, c, spec.Token)
		}
		return err
	})
	if err != nil {
		return stoker.Server{}, fmt.Errorf("%s: %w", doing, err)
	}
	return made, nil
}

// longest is the kernel's limit for one argument or variable of a program.
const longest = 128 << 10

func checkSpec(spec stoker.ServerSpec) error {
	problem := ""
	switch {
	case spec.Token == "":
		problem = "it has no token"
	case len(escape(string(spec.Token))) > 200:
		problem = "its token is longer than 200 characters"
	case spec.Port < 0 || spec.Port > 65535:
		problem = fmt.Sprintf("port %d is not between 1 and 65535", spec.Port)
	case spec.Flavor.CPUs < 0 || spec.Flavor.Memory < 0 || spec.Flavor.Disk < 0:
		problem = fmt.Sprintf("flavor %q has a negative size", spec.Flavor.Name)
	case strings.ContainsRune(string(spec.Token)+spec.Name+spec.Image, 0):
		problem = "its token, name or image holds a zero byte"
	}
	for key, value := range spec.Metadata {
		switch {
		case strings.ContainsRune(value, 0):
			problem = fmt.Sprintf("the metadata value of %q holds a zero byte", key)
		case len(key)+len(value)+2 > longest:
			problem = fmt.Sprintf("the metadata value of %q is too large for the environment; hand it over in the user data", key)
		}
	}
	if problem == "" {
		problem = checkPorts(spec.Ports)
	}
	if problem != "" {
		return stoker.Errorf(stoker.Invalid, "%s", problem)
	}
	return nil
}

// create makes sure that there is a started container. What it finds of an earlier
// try it uses.
func (d *Driver) create(ctx context.Context, c *conn, spec stoker.ServerSpec) error {
	found, err := d.container(ctx, c, spec.Token)
	switch {
	case stoker.IsKind(err, stoker.NotFound):
		return d.createNew(ctx, c, spec)
	case err != nil:
		return err
	}
	switch found.state {
	case container.StateCreated:
		// An earlier try was broken off before the start. Docker forgets the fixed address
		// of such a container when it is restarted, so another one is made.
		if err := d.removeContainer(ctx, c, found.id); err != nil {
			return err
		}
		return d.createNew(ctx, c, spec)
	case container.StateRemoving, container.StateDead:
		return &stoker.Error{Kind: stoker.Conflict, Message: fmt.Sprintf("there is a container of token %q on its way out", spec.Token), Hint: "Destroy it first."}
	}
	return d.dress(ctx, c, spec.Token)
}

// errAgain tells that what was chosen for a container is not to be had: another
// uses the address, or the network has gone.
var errAgain = errors.New("it must be made anew")

// createTries is how often that is tried. Only others can be in the way.
const createTries = 8

// createNew makes the container and starts it. On an error that is no loss of the
// daemon, nothing is left.
func (d *Driver) createNew(ctx context.Context, c *conn, spec stoker.ServerSpec) error {
	spec.Ports = completePorts(spec.Ports)
	err := d.writeFiles(spec)
	if err == nil {
		err = d.makeAndStart(ctx, c, spec)
	}
	for try := 1; errors.Is(err, errAgain) && try < createTries; try++ {
		err = d.makeAndStart(ctx, c, spec)
	}
	if err != nil && !errors.Is(err, errLost) && ctx.Err() == nil {
		return errors.Join(err, d.forget(spec.Token))
	}
	return err
}

func (d *Driver) makeAndStart(ctx context.Context, c *conn, spec stoker.ServerSpec) error {
	id, err := d.makeContainer(ctx, c, spec)
	if err != nil {
		return err
	}
	d.crash("made")
	if err := d.join(ctx, c, id, spec.Ports); err != nil {
		if errors.Is(err, errLost) || ctx.Err() != nil {
			return err
		}
		return errors.Join(err, d.removeContainer(ctx, c, id))
	}
	d.crash("joined")
	d.hold(spec.Ports)
	err = d.start(ctx, c, spec, id)
	if err == nil {
		err = d.dressNew(ctx, c, spec.Token, id)
	}
	if err != nil && !errors.Is(err, errLost) && ctx.Err() == nil {
		d.letGo(spec.Ports)
	}
	if err == nil {
		d.attend(ctx, id, true) // what it asks for first should be there
	}
	return err
}

// dressNew makes the ports of a container that has just been started. Without them it
// must not stay.
func (d *Driver) dressNew(ctx context.Context, c *conn, token stoker.ServerToken, id string) error {
	err := d.dress(ctx, c, token)
	if err == nil || errors.Is(err, errLost) || ctx.Err() != nil {
		return err
	}
	return errors.Join(err, d.removeContainer(ctx, c, id))
}

// makeContainer makes the container, and before it what it needs. Whether image and
// network are still there shows only then, so they are looked for a second time.
func (d *Driver) makeContainer(ctx context.Context, c *conn, spec stoker.ServerSpec) (id string, err error) {
	stale := ""
	for range 2 {
		var opts client.ContainerCreateOptions
		if opts, err = d.containerOptions(ctx, c, spec, stale); err != nil {
			return "", err
		}
		stale = opts.Config.Image
		var made client.ContainerCreateResult
		made, err = c.ContainerCreate(ctx, opts)
		if err == nil {
			return made.ID, nil
		}
		if !errdefs.IsNotFound(err) {
			break
		}
		d.forgetNetwork()
	}
	if errdefs.IsConflict(err) {
		return "", &stoker.Error{Kind: stoker.Conflict, Message: "make its container", Err: err,
			Hint: "A container that is not of this installation has the name: remove or rename it."}
	}
	return "", refused(explain(ctx, "make its container", err))
}

// start starts a container. One that cannot be started is removed.
func (d *Driver) start(ctx context.Context, c *conn, spec stoker.ServerSpec, id string) error {
	_, err := c.ContainerStart(ctx, id, client.ContainerStartOptions{})
	if err == nil {
		d.crash("started")
		return nil
	}
	told := refused(explain(ctx, "start its container", err))
	if errors.Is(told, errLost) || ctx.Err() != nil {
		return told // it may have started
	}
	switch text := err.Error(); {
	case strings.Contains(text, "Address already in use") && len(spec.Ports) > 0:
		told = inUse(spec.Ports, err)
	case strings.Contains(text, "Address already in use"):
		d.giveUp(spec.Token)
		told = again(err)
	case errdefs.IsNotFound(err) && strings.Contains(text, "network"):
		d.forgetNetwork()
		told = again(err)
	}
	return errors.Join(told, d.removeContainer(ctx, c, id))
}

func again(err error) error {
	return &stoker.Error{Kind: stoker.Unavailable, Message: "start its container", Err: fmt.Errorf("%w: %w", errAgain, err)}
}

// refused says Invalid where what was asked for is not there: the image, or the
// program in it.
func refused(err error) error {
	if e, ok := stoker.AsError(err); ok && e.Kind == stoker.NotFound {
		return &stoker.Error{Kind: stoker.Invalid, Message: e.Message, Err: e.Err, Hint: e.Hint}
	}
	return err
}

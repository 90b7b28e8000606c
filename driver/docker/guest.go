package docker

import (
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"

	"github.com/stoker-project/stoker"
)

// labelGuest says that the guest runs in a container; its value is awaited where the
// server is ready only when its user data has been run.
const (
	labelGuest   = "stoker.guest"
	guestRuns    = "runs"
	guestAwaited = "awaited"
)

// Where the guest is in a container; on this machine both are below the server's
// folder.
const (
	guestFile = "guest" // the program is mounted over it
	reportDir = "report"
)

// needsGuest tells whether a server has something for the guest to do. An imported
// image without a command has nobody else for process 1.
func needsGuest(spec stoker.ServerSpec, image Image) bool {
	return spec.UserData != "" || spec.AwaitUserData || len(spec.Keys) > 0 || image.Import != "" && len(image.Command)+len(image.Entrypoint) == 0
}

// putGuest makes the guest the first process of a container, where it is needed. It
// starts what the image would start, as the image's user.
func (d *Driver) putGuest(ctx context.Context, c *conn, spec stoker.ServerSpec, image Image, opts *client.ContainerCreateOptions) error {
	switch {
	case d.cfg.Guest == "" && spec.AwaitUserData:
		return &stoker.Error{Kind: stoker.Invalid, Message: "its user data is to be waited for, but is not run",
			Hint: "Set guest to auto in the configuration of the docker driver."}
	case d.cfg.Guest == "" || !needsGuest(spec, image):
		return nil
	}
	seen, err := c.ImageInspect(ctx, opts.Config.Image)
	if errdefs.IsNotFound(err) {
		if _, opts.Config.Image, err = d.imageOf(ctx, c, spec, opts.Config.Image); err != nil {
			return err
		}
		seen, err = c.ImageInspect(ctx, opts.Config.Image)
	}
	if err != nil {
		return refused(explain(ctx, "find its image", err))
	}
	entrypoint, command, user := image.Entrypoint, image.Command, image.User
	if own := seen.Config; own != nil {
		if len(entrypoint) == 0 {
			entrypoint = own.Entrypoint
			if len(command) == 0 {
				command = own.Cmd
			}
		}
		if user == "" {
			user = own.User
		}
	}
	argv := []string{mountPoint + "/" + guestFile, "guest"}
	if user != "" && user != "root" && user != "0" && user != "0:0" {
		argv = append(argv, "--user", user)
	}
	opts.Config.Entrypoint, opts.Config.Cmd, opts.Config.User = append(argv, "--"), slices.Concat(entrypoint, command), "0:0"
	opts.Config.Labels[labelGuest] = guestRuns
	if spec.AwaitUserData {
		opts.Config.Labels[labelGuest] = guestAwaited
	}
	dir := d.serverDir(spec.Token)
	opts.HostConfig.Mounts = append(opts.HostConfig.Mounts,
		mount.Mount{Type: mount.TypeBind, Source: d.cfg.Guest, Target: mountPoint + "/" + guestFile, ReadOnly: true},
		mount.Mount{Type: mount.TypeBind, Source: filepath.Join(dir, reportDir), Target: mountPoint + "/" + reportDir})
	return nil
}

// tellsMetadata tells whether servers find the metadata service.
func (c Config) tellsMetadata() bool {
	address := netip.MustParseAddr("169.254.169.254")
	return slices.ContainsFunc(c.Inside, func(in Inside) bool { return in.Address.Addr() == address })
}

// withReport is a server of the guest with what is known of its user data.
func withReport(s stoker.Server, label string, state container.ContainerState, r report) stoker.Server {
	switch {
	case label == "" || s.State != stoker.ServerActive || state != container.StateRunning && state != container.StatePaused:
	case label == guestAwaited && r.Status == "":
		s.State = stoker.ServerBuild
	case label == guestAwaited && r.Status != reportDone:
		s.State, s.Reason = stoker.ServerError, r.String()
	case r.Status != "" && r.Status != reportDone:
		s.Notes = append(s.Notes, r.String())
	}
	return s
}

// String is a failure for people.
func (r report) String() string {
	text := "its user data failed"
	if r.Step != "" {
		text += ": " + r.Step
	}
	if r.Reason != "" {
		text += ": " + r.Reason
	}
	if r.Lines != "" {
		text += "; last lines: " + r.Lines
	}
	return fmt.Sprintf("%.2000s", text)
}

package docker

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/serverid"
)

// The labels of a container hold all that is known of its server.
const (
	labelInstallation = "stoker.installation"
	labelToken        = "stoker.token"
	labelName         = "stoker.name"
	labelProject      = "stoker.project"
	labelPath         = "stoker.path" // JSON
	labelAddress      = "stoker.address"
	labelPort         = "stoker.port"
	labelNotes        = "stoker.notes" // JSON
)

// containerOptions is the container of a server. Making it chooses the address where it has no ports, and
// makes image and network where they are missing. stale, if not empty, is the image of
// a first try for which something was missing.
func (d *Driver) containerOptions(ctx context.Context, c *conn, spec stoker.ServerSpec, stale string) (client.ContainerCreateOptions, error) {
	none := client.ContainerCreateOptions{}
	image, ref, err := d.imageOf(ctx, c, spec, stale)
	if err != nil {
		return none, err
	}
	home, err := d.homeOf(ctx, c, spec)
	if err != nil {
		return none, err
	}
	if spec.Port == 0 {
		spec.Port = d.cfg.Port
	}
	resources, notes := limits(spec.Flavor, c)
	labels := d.labels(spec, notes)
	maps.Copy(labels, home.labels)
	opts := client.ContainerCreateOptions{
		Name: d.containerName(spec.Token),
		Config: &container.Config{
			Image:      ref,
			Hostname:   serverid.Hostname(spec.Name),
			Env:        d.environment(spec, image),
			Entrypoint: image.Entrypoint,
			Cmd:        image.Command,
			User:       image.User,
			Labels:     labels,
		},
		HostConfig: &container.HostConfig{
			Binds: image.Volumes,
			Mounts: append(d.volumesMount(spec.Token, image),
				mount.Mount{Type: mount.TypeBind, Source: d.serverDir(spec.Token), Target: mountPoint, ReadOnly: true}),
			NetworkMode:   container.NetworkMode(home.network),
			RestartPolicy: container.RestartPolicy{Name: container.RestartPolicyDisabled}, // replacing is the engine's task
			CapDrop:       dropped(spec.Ports),
			Resources:     resources,
			LogConfig: container.LogConfig{Type: "json-file", Config: map[string]string{
				"max-size": strconv.FormatInt(max(d.cfg.MaxLog/2, 1), 10), "max-file": "2",
			}},
		},
		NetworkingConfig: &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{home.network: home.endpoint}},
	}
	return opts, d.putGuest(ctx, c, spec, image, &opts)
}

// imageOf is the image of a server, and what Docker calls it.
func (d *Driver) imageOf(ctx context.Context, c *conn, spec stoker.ServerSpec, stale string) (Image, string, error) {
	if d.isKept(spec.Image) {
		return d.keptImage(ctx, c, spec)
	}
	image, ref, err := d.image(ctx, c, spec.Image, stale)
	if _, ours := d.cfg.Images[spec.Image]; err == nil && !ours {
		err = d.foreign(ctx, c, ref)
	}
	return image, ref, err
}

// containerName is the same for a token always, so that Docker itself refuses a
// second container.
func (d *Driver) containerName(token stoker.ServerToken) string {
	return "stoker-" + d.installation + "-" + escape(string(token))
}

func (d *Driver) labels(spec stoker.ServerSpec, notes []string) map[string]string {
	labels := map[string]string{
		labelInstallation: d.installation,
		labelToken:        string(spec.Token),
		labelName:         spec.Name,
		labelProject:      string(spec.Project),
		labelPath:         list(spec.Path),
		labelPort:         strconv.Itoa(spec.Port),
	}
	if len(notes) > 0 {
		labels[labelNotes] = list(notes)
	}
	return labels
}

// list is a list of texts as JSON, which cannot go wrong.
func list[S ~string](texts []S) string {
	data, _ := json.Marshal(texts)
	return string(data)
}

// unlist gives nothing for what is no list.
func unlist[S ~string](text string) (texts []S) {
	_ = json.Unmarshal([]byte(text), &texts)
	return texts
}

// environment is what the server gets beside its image's own variables.
func (d *Driver) environment(spec stoker.ServerSpec, image Image) []string {
	env := maps.Clone(image.Env)
	if env == nil {
		env = map[string]string{}
	}
	for key, value := range spec.Metadata {
		if isEnvName(key) {
			env[key] = value
		}
	}
	maps.Copy(env, map[string]string{
		"HOST":                "0.0.0.0",
		"PORT":                strconv.Itoa(spec.Port),
		"SERVER_NAME":         spec.Name,
		"STOKER_TOKEN":        string(spec.Token),
		"STOKER_INSTALLATION": d.installation,
	})
	all := make([]string, 0, len(env))
	for _, key := range slices.Sorted(maps.Keys(env)) {
		if env[key] == absent {
			all = append(all, key)
			continue
		}
		all = append(all, key+"="+env[key])
	}
	return all
}

// cpuPeriod is the kernel's default, in microseconds.
const cpuPeriod = 100_000

// limits turns a flavor into limits. Notes tell which of them this daemon cannot
// set.
func limits(f stoker.Flavor, c *conn) (r container.Resources, notes []string) {
	switch {
	case f.CPUs > 0 && c.info.CPUCfsQuota:
		r.CPUPeriod, r.CPUQuota = cpuPeriod, cpuQuota(f.CPUs)
	case f.CPUs > 0:
		notes = append(notes, fmt.Sprintf("the limit of %g CPUs is not applied: the kernel of the Docker daemon cannot", f.CPUs))
	}
	switch {
	case f.Memory > 0 && c.info.MemoryLimit:
		r.Memory, r.MemorySwap = f.Memory, f.Memory // no swap: it would hide that there is too little
	case f.Memory > 0:
		notes = append(notes, fmt.Sprintf("the memory limit of %d MiB is not applied: the kernel of the Docker daemon cannot", f.Memory>>20))
	}
	if f.Disk > 0 {
		notes = append(notes, "the disk size is not limited: containers share the file system of the Docker daemon")
	}
	return r, notes
}

// cpuQuota is the part of a period that a server may use, in microseconds. The
// kernel takes no less than a millisecond.
func cpuQuota(cpus float64) int64 { return max(1000, int64(cpus*cpuPeriod)) }

// Resize implements stoker.ServerResizer: the limits change while the server runs.
func (d *Driver) Resize(ctx context.Context, token stoker.ServerToken, f stoker.Flavor) error {
	err := d.persist(ctx, func(c *conn) error {
		found, err := d.container(ctx, c, token)
		if err != nil {
			return err
		}
		r, _ := limits(f, c)
		// To Docker, 0 is no change. It knows no word for memory without a limit.
		if r.CPUQuota == 0 && c.info.CPUCfsQuota {
			r.CPUPeriod, r.CPUQuota = cpuPeriod, -1
		}
		if r.Memory == 0 && c.info.MemoryLimit {
			r.Memory, r.MemorySwap = c.info.MemTotal, c.info.MemTotal
		}
		err = setLimits(ctx, c, found.id, r)
		if err != nil && strings.Contains(err.Error(), "device or resource busy") {
			return &stoker.Error{Kind: stoker.Conflict, Message: "lower its memory limit", Err: err, Hint: "The server uses more memory than the new flavor has."}
		}
		return explain(ctx, "change its limits", err)
	})
	if err != nil {
		return fmt.Errorf("resize server %q: %w", token, err)
	}
	return nil
}

// setLimits changes a container's limits. Docker takes a moment to see that a
// container has ended, and cannot change it until then.
func setLimits(ctx context.Context, c *conn, id string, r container.Resources) error {
	const tries = 100 // some seconds
	for try := 0; ; try++ {
		_, err := c.ContainerUpdate(ctx, id, client.ContainerUpdateOptions{Resources: &r})
		if err == nil || try == tries || !anyIn(err.Error(), "container not running", "container is not running", "stopped container", "deleted process", "no such process", "task "+id+" not found") {
			return err
		}
		if !sleep(ctx, firstPause) {
			return context.Cause(ctx)
		}
	}
}

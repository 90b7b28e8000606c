package openstack

import (
	"context"
	"fmt"
	"path"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/census"
	"github.com/stoker-project/stoker/internal/heatschema"
	"github.com/stoker-project/stoker/internal/request"
	"github.com/stoker-project/stoker/internal/schema"
)

// volumeAttachment is OS::Cinder::VolumeAttachment: a volume's place in a server.
type volumeAttachment struct {
	schema.Fixed
	*storage
	census *census.Census
}

var (
	_ stoker.Updater    = volumeAttachment{}
	_ stoker.Attributer = volumeAttachment{}
	_ stoker.Resumer    = volumeAttachment{}
	_ stoker.Refuser    = volumeAttachment{}
)

func volumeAttachmentSchema(t heatschema.Table) *stoker.Schema {
	return t.Describe("OS::Cinder::VolumeAttachment", "A volume's place in a server that runs. A change moves it in place: it leaves the old server first.",
		heatschema.Texts{
			"instance_uuid":  "The server: get_resource of an OS::Nova::Server.",
			"mountpoint":     "The device's name in the server, /dev/vdb; by default the first that is free. Where a driver has no devices it names the folder: /mnt/volumes/vdb.",
			"volume_id":      "The volume: get_resource of an OS::Cinder::Volume, or its name.",
			"attribute:show": "A map with id, serverId, volumeId, device, and path, where the server finds the volume.",
		}, nil)
}

func (a volumeAttachment) Refuse(t stoker.TypeName) error { return a.refuseVolumes(t) }

func (a volumeAttachment) Create(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	want, err := a.wanted(ctx, req)
	if err != nil {
		return stoker.Result{}, err
	}
	return a.put(ctx, req, want)
}

func (a volumeAttachment) put(ctx context.Context, req *stoker.Request, want attachment) (stoker.Result, error) {
	got, err := a.attach(ctx, want)
	if err != nil {
		return stoker.Result{}, fmt.Errorf("attach volume: %w", err)
	}
	return stoker.Result{PhysicalID: stoker.PhysicalID(req.ID), Data: map[string]any{
		"server": string(got.server), "server_id": string(got.serverID), "volume": string(got.volume), "device": got.device, "path": got.path,
	}}, nil
}

// wanted finds the server and the volume.
func (a volumeAttachment) wanted(ctx context.Context, req *stoker.Request) (attachment, error) {
	v := request.Values(req.Properties)
	vol, err := a.volumes.find(req.Stack.Project, v.String("volume_id"))
	if err != nil {
		return attachment{}, in("volume_id", err)
	}
	id := stoker.PhysicalID(v.String("instance_uuid"))
	s, found, err := a.census.ByID(ctx, id)
	if err != nil {
		return attachment{}, err
	}
	if !found || s.Project != req.Stack.Project {
		return attachment{}, refused("instance_uuid", fmt.Sprintf("there is no server %s", id), "")
	}
	return attachment{id: string(req.ID), owner: ownerOf(req), volume: stoker.VolumeToken(vol.id),
		server: s.Token, serverID: s.ID, device: v.String("mountpoint")}, nil
}

// recorded is what was attached last; false if that is not known.
func recorded(req *stoker.Request) (attachment, bool) {
	d := request.Values(req.Data)
	a := attachment{id: string(req.ID), owner: ownerOf(req),
		volume: stoker.VolumeToken(d.String("volume")), server: stoker.ServerToken(d.String("server")),
		serverID: stoker.PhysicalID(d.String("server_id")), device: d.String("device"), path: d.String("path")}
	return a, a.volume != "" && a.server != ""
}

// Update moves the volume. A server that was replaced is another one: its volume
// follows.
func (a volumeAttachment) Update(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	want, err := a.wanted(ctx, req)
	if err != nil {
		return stoker.Result{}, err
	}
	if old, ok := recorded(req); ok && (old.server != want.server || old.volume != want.volume || old.device != want.device) {
		if err := a.detach(ctx, old); err != nil {
			return stoker.Result{}, fmt.Errorf("detach volume: %w", err)
		}
	}
	return a.put(ctx, req, want)
}

// Delete also finds what a Create has attached whose end is not known.
func (a volumeAttachment) Delete(ctx context.Context, req *stoker.Request) error {
	old, ok := recorded(req)
	if !ok {
		var err error
		if old, err = a.wanted(ctx, req); err != nil {
			return unlessGone(err)
		}
	}
	if err := a.detach(ctx, old); err != nil {
		return fmt.Errorf("detach volume: %w", err)
	}
	return nil
}

// unlessGone is nil where what a resource names is not there: it has nothing.
func unlessGone(err error) error {
	if stoker.IsKind(err, stoker.Invalid) {
		return nil
	}
	return err
}

func (a volumeAttachment) Resume(_ context.Context, req *stoker.Request) error {
	if was, ok := recorded(req); ok {
		a.keep(was)
	}
	return nil
}

func (volumeAttachment) Attribute(_ context.Context, req *stoker.Request, name string, _ []any) (any, int, error) {
	if name != "show" {
		return nil, 0, request.UnknownAttribute(req.Name, name)
	}
	a, ok := recorded(req)
	if !ok {
		return nil, 0, nil
	}
	return map[string]any{
		"id": string(req.PhysicalID), "serverId": string(a.serverID), "volumeId": string(a.volume), "device": a.deviceShown(), "path": a.path,
	}, 0, nil
}

// deviceShown is the device's name, where none was wanted the one that was chosen.
func (a attachment) deviceShown() string {
	if a.device == "" && a.path != "" {
		return "/dev/" + path.Base(a.path)
	}
	return a.device
}

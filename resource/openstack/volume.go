package openstack

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/heatschema"
	"github.com/stoker-project/stoker/internal/python"
	"github.com/stoker-project/stoker/internal/request"
	"github.com/stoker-project/stoker/internal/schema"
	"github.com/stoker-project/stoker/internal/value"
)

// volume is OS::Cinder::Volume: data that outlives servers.
type volume struct {
	schema.Fixed
	*storage
}

var (
	_ stoker.Updater    = volume{}
	_ stoker.Attributer = volume{}
	_ stoker.Validator  = volume{}
	_ stoker.Resumer    = volume{}
	_ stoker.Refuser    = volume{}

	_ stoker.Snapshotter = volume{}
)

func volumeSchema(t heatschema.Table) *stoker.Schema {
	return t.Describe("OS::Cinder::Volume", "A volume: data of its own that outlives servers. It is empty at first, or a copy of another one; images are not offered.",
		heatschema.Texts{
			"availability_zone":             "The zone to be in. Ignored: there is one.",
			"backup_id":                     "The backup to make it from: one of a snapshot of a stack, by its resource_data.",
			"description":                   "What it is for.",
			"image":                         "The image to make it from. Refused.",
			"imageRef":                      "The old name of image. Refused.",
			"metadata":                      "Keys and values, for people and the attributes.",
			"multiattach":                   "Whether several servers can have it at a time. true is refused.",
			"name":                          "Its name; by default stack, resource and a short ID.",
			"read_only":                     "Whether servers can only read it. true is refused.",
			"scheduler_hints":               "Hints on where to place it. Ignored.",
			"size":                          "Its size in GB. It can grow, not shrink. Required here. What holds a volume to its size is the driver: Docker cannot.",
			"snapshot_id":                   "The snapshot to make it from. Refused.",
			"source_volid":                  "The volume to copy, as it is when this one is made: get_resource of it.",
			"volume_type":                   "Its kind. Ignored.",
			"attribute:attachments":         "The same as attachments_list, as Python writes it.",
			"attribute:attachments_list":    "The servers that have it: maps with server_id, device, and path, where the server finds it.",
			"attribute:availability_zone":   "The zone; nova.",
			"attribute:bootable":            "false: servers boot from images.",
			"attribute:created_at":          "When it was made.",
			"attribute:display_description": "The description.",
			"attribute:display_name":        "The name.",
			"attribute:encrypted":           "False.",
			"attribute:metadata":            "The metadata, as Python writes it.",
			"attribute:metadata_values":     "The metadata.",
			"attribute:multiattach":         "false.",
			"attribute:show":                "All of this, in Cinder's form.",
			"attribute:size":                "The size in GB.",
			"attribute:snapshot_id":         "None.",
			"attribute:source_volid":        "The volume that it was copied from, else None.",
			"attribute:status":              "available, or in-use while a server has it.",
			"attribute:volume_type":         "The kind.",
		}, nil)
}

func (v volume) Refuse(t stoker.TypeName) error { return v.refuseVolumes(t) }

// Validate refuses sources other than nothing and other volumes.
func (v volume) Validate(req *stoker.Request) error {
	p := request.Values(req.Properties)
	for _, name := range []string{"image", "imageRef", "snapshot_id"} {
		if p.Has(name) {
			return refused(name, "volumes are not made from that here", "Give size, and fill the volume from a server.")
		}
	}
	if p.Has("source_volid") && p.Has("backup_id") {
		return refused("backup_id", "a volume is made from one thing", "Leave out this or source_volid.")
	}
	for _, name := range []string{"source_volid", "backup_id"} {
		if p.Has(name) && !v.Snapshots() {
			return refused(name, "the driver copies no volumes", "Give size, and fill the volume from a server.")
		}
	}
	for _, name := range []string{"read_only", "multiattach"} {
		if p.Bool(name) {
			return refused(name, "a volume is in one server at a time here, which can write to it", "Leave it out.")
		}
	}
	return nil
}

func (v volume) Create(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	p := request.Values(req.Properties)
	if p.Int("size") < 1 {
		return stoker.Result{}, refused("size", "no size is given", "Give it in GB.")
	}
	spec := volumeSpec(req, stoker.VolumeToken(req.ID), nameOf(req))
	var err error
	if from := sourceOf(p); from != "" {
		copier, ok := v.volumer.(stoker.VolumeCopier)
		if !ok {
			return stoker.Result{}, v.Validate(req)
		}
		err = copier.CopyVolume(ctx, stoker.VolumeToken(from), spec)
	} else {
		err = v.volumer.CreateVolume(ctx, spec)
	}
	if err != nil {
		return stoker.Result{}, fmt.Errorf("create volume %s: %w", nameOf(req), err)
	}
	v.shelve(req)
	return stoker.Result{PhysicalID: stoker.PhysicalID(req.ID), Data: map[string]any{"created_at": time.Now().UTC().Format("2006-01-02T15:04:05.000000")}}, nil
}

func volumeSpec(req *stoker.Request, token stoker.VolumeToken, name string) stoker.VolumeSpec {
	return stoker.VolumeSpec{Token: token, Name: name, Project: req.Stack.Project, Size: int64(request.Values(req.Properties).Int("size")) << 30}
}

// What is told of a snapshot of a volume: the copy that was made, and what the template
// asked for then.
const snapshotCopy = "backup_id" // Heat's

// Snapshots tells whether the driver copies volumes.
func (v volume) Snapshots() bool {
	_, ok := v.volumer.(stoker.VolumeCopier)
	return ok
}

// TakeSnapshot copies the volume as it is: Cinder would make a backup.
func (v volume) TakeSnapshot(ctx context.Context, req *stoker.Request, key string) (map[string]any, error) {
	err := v.volumer.(stoker.VolumeCopier).CopyVolume(ctx, stoker.VolumeToken(req.ID), volumeSpec(req, stoker.VolumeToken(key), "backup of "+nameOf(req)))
	if err != nil {
		return nil, fmt.Errorf("copy volume %s: %w", nameOf(req), err)
	}
	return map[string]any{snapshotCopy: key, "asked": askedSource(req)}, nil
}

// askedSource is what the template wanted the volume to be made from.
func askedSource(req *stoker.Request) string {
	p := request.Values(req.Properties)
	if from := request.Values(req.Data).Map(stoker.RestoredKey); from != nil && from[snapshotCopy] == p[snapshotCopy] {
		return from.String("asked")
	}
	return sourceOf(p)
}

func sourceOf(p request.Values) string {
	return cmp.Or(p.String("source_volid"), p.String("backup_id"))
}

func (v volume) DropSnapshot(ctx context.Context, key string) error {
	if v.volumer == nil {
		return nil // another driver has made it
	}
	return v.volumer.DestroyVolume(ctx, stoker.VolumeToken(key))
}

// Restored is a volume of the copy, until the template names another source.
func (volume) Restored(properties, data map[string]any) map[string]any {
	if sourceOf(properties) != request.Values(data).String("asked") {
		return properties
	}
	out := maps.Clone(properties)
	delete(out, "source_volid")
	out[snapshotCopy] = data[snapshotCopy]
	return out
}

func (v volume) shelve(req *stoker.Request) {
	v.volumes.put(thing[volumeInfo]{id: string(req.ID), name: nameOf(req), project: req.Stack.Project, owner: ownerOf(req),
		value: volumeInfo{size: request.Values(req.Properties).Int("size")}})
}

// Update changes what stands in records only. No driver holds a volume to its size
// in a way that a larger one would have to be told of. Another backup makes another volume, which
// is whole before the old one goes; Cinder would write it over the old one.
func (v volume) Update(_ context.Context, req *stoker.Request) (stoker.Result, error) {
	if now, old := request.Values(req.Properties), request.Values(req.OldProperties); now.Int("size") < old.Int("size") {
		return stoker.Result{}, &stoker.Error{Kind: stoker.Invalid, Type: "NotSupported", Path: "properties.size",
			Message: "Shrinking volume is not supported.", Hint: "Make another volume and copy the data."}
	}
	if now := request.Values(req.Properties); now.Has(snapshotCopy) && now.Changed(req.OldProperties, snapshotCopy) {
		return stoker.Result{}, stoker.ErrReplace
	}
	v.shelve(req)
	return stoker.Result{}, nil
}

func (v volume) Resume(_ context.Context, req *stoker.Request) error {
	v.shelve(req)
	return nil
}

func (v volume) Delete(ctx context.Context, req *stoker.Request) error {
	if v.volumer != nil {
		if err := v.volumer.DestroyVolume(ctx, stoker.VolumeToken(req.ID)); err != nil {
			return fmt.Errorf("delete volume %s: %w", nameOf(req), err)
		}
	}
	v.volumes.remove(string(req.ID))
	return nil
}

func (v volume) Attribute(_ context.Context, req *stoker.Request, name string, _ []any) (any, int, error) {
	shown := v.show(req)
	switch name {
	case "show":
		return shown, 0, nil
	case "attachments_list":
		return shown["attachments"], 0, nil
	case "metadata_values":
		return shown["metadata"], 0, nil
	case "multiattach":
		return false, 0, nil
	case "display_name":
		return shown["name"], 0, nil
	case "display_description":
		return shown["description"], 0, nil
	}
	if _, ok := v.Schema().Attributes[name]; !ok {
		return nil, 0, request.UnknownAttribute(req.Name, name)
	}
	if text, ok := shown[name].(string); ok {
		return text, 0, nil
	}
	return python.Literal(shown[name]), 0, nil // Heat's str()
}

// show looks like Cinder's answer to a GET of the volume.
func (v volume) show(req *stoker.Request) map[string]any {
	p := request.Values(req.Properties)
	metadata, _ := value.Clone(req.Properties["metadata"]).(map[string]any)
	if metadata == nil {
		metadata = map[string]any{}
	}
	attachments, status := []any{}, "available"
	if a, ok := v.of(stoker.VolumeToken(req.ID)); ok {
		attachments, status = []any{showHeld(a)}, "in-use"
	}
	zone := p.String("availability_zone")
	if zone == "" {
		zone = "nova"
	}
	return map[string]any{
		"id": string(req.ID), "name": nameOf(req), "description": orNull(p, "description"), "size": int64(p.Int("size")),
		"status": status, "attachments": attachments, "metadata": metadata, "availability_zone": zone,
		"bootable": "false", "encrypted": false, "multiattach": false, "snapshot_id": nil, "source_volid": orNull(p, "source_volid"),
		"volume_type": orNull(p, "volume_type"), "created_at": request.Values(req.Data).String("created_at"),
	}
}

func orNull(v request.Values, name string) any {
	if s := v.String(name); s != "" {
		return s
	}
	return nil
}

// showHeld looks like one of a volume's attachments. path is our own addition.
func showHeld(a attachment) map[string]any {
	return map[string]any{
		"id": string(a.volume), "attachment_id": a.id, "volume_id": string(a.volume), "server_id": string(a.serverID),
		"device": a.deviceShown(), "path": a.path,
	}
}

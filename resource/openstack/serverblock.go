package openstack

import (
	"context"
	"fmt"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/request"
)

// mapping is a volume that a server is to have from the start.
type mapping struct {
	at     string // the property and index, for errors
	volume string // as written
	device string
	goes   bool // the volume is deleted with the server
}

// mappings reads the volumes of both properties. Sources other than a volume are
// refused.
func mappings(v request.Values) ([]mapping, error) {
	var out []mapping
	for _, property := range []string{"block_device_mapping", "block_device_mapping_v2"} {
		for i, m := range v.Maps(property) {
			at := fmt.Sprintf("%s.%d", property, i)
			if err := checkMapping(at, m); err != nil {
				return nil, err
			}
			out = append(out, mapping{at: at + ".volume_id", volume: m.String("volume_id"), device: m.String("device_name"), goes: m.Bool("delete_on_termination")})
		}
	}
	return out, nil
}

func checkMapping(at string, m request.Values) error {
	const hint = "Map volumes by volume_id; the server itself starts from its image."
	for _, source := range []string{"image", "image_id", "snapshot_id", "swap_size", "ephemeral_size", "ephemeral_format"} {
		if m.Has(source) {
			return refused(at+"."+source, "servers have volumes here, and no other disks", hint)
		}
	}
	if m.Has("boot_index") && m.Int("boot_index") >= 0 {
		return refused(at+".boot_index", "servers do not boot from volumes here", hint)
	}
	return nil
}

// checkMappings refuses volumes where the driver has none, and what is none.
func (s *storage) checkMappings(v request.Values) error {
	all, err := mappings(v)
	if err == nil && len(all) > 0 && s.attacher == nil {
		err = refused(all[0].at, "the configured driver has no volumes", "Start Stoker with --driver docker, or leave it out: the server's own disk goes with the server.")
	}
	return err
}

// attachMapped attaches the volumes of a server that was just made, and gives what is
// to be recorded of that.
func (s *storage) attachMapped(ctx context.Context, req *stoker.Request, id stoker.PhysicalID) ([]any, error) {
	all, err := mappings(req.Properties)
	if err != nil {
		return nil, err
	}
	var data []any
	for _, m := range all {
		vol, err := s.volumes.find(req.Stack.Project, m.volume)
		if err != nil {
			return nil, in(m.at, err)
		}
		got, err := s.attach(ctx, attachment{id: string(req.ID), owner: ownerOf(req), volume: stoker.VolumeToken(vol.id),
			server: token(req), serverID: id, device: m.device})
		if err != nil {
			return nil, fmt.Errorf("attach volume %s: %w", vol.name, err)
		}
		data = append(data, map[string]any{"volume": vol.id, "device": got.device, "path": got.path})
	}
	return data, nil
}

// keepMapped makes the volumes of a server known that are recorded.
func (s *storage) keepMapped(req *stoker.Request) {
	for _, m := range request.Values(req.Data).Maps("volumes") {
		s.keep(attachment{id: string(req.ID), owner: ownerOf(req), volume: stoker.VolumeToken(m.String("volume")),
			server: token(req), serverID: req.PhysicalID, device: m.String("device"), path: m.String("path")})
	}
}

// dropMapped forgets the volumes of a server that is gone, and deletes those that go
// with it.
func (s *storage) dropMapped(ctx context.Context, req *stoker.Request) error {
	for _, a := range s.in(token(req), string(req.ID)) {
		s.drop(a)
	}
	all, err := mappings(req.Properties)
	if err != nil || s.volumer == nil {
		return nil // such a server was never made
	}
	for _, m := range all {
		vol, err := s.volumes.find(req.Stack.Project, m.volume)
		if err != nil || !m.goes {
			continue
		}
		if _, taken := s.of(stoker.VolumeToken(vol.id)); taken {
			continue // the one that takes the server's place has it
		}
		if err := s.volumer.DestroyVolume(ctx, stoker.VolumeToken(vol.id)); err != nil {
			return fmt.Errorf("delete volume %s: %w", vol.name, err)
		}
	}
	return nil
}

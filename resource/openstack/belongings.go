package openstack

import (
	"context"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/census"
	"github.com/stoker-project/stoker/internal/heatschema"
	"github.com/stoker-project/stoker/internal/request"
	"github.com/stoker-project/stoker/internal/schema"
)

// belongings are what servers have or belong to that resources of other types make:
// volumes, keys, groups.
type belongings struct {
	storage *storage
	keys    *keyring
	groups  *groups
}

func newBelongings(d Deps) belongings {
	return belongings{storage: newStorage(d.Driver), keys: newKeyring(d.Keys), groups: newGroups()}
}

// types are those that make them.
func (b belongings) types(t heatschema.Table, found *census.Census) map[stoker.TypeName]stoker.ResourceType {
	return map[stoker.TypeName]stoker.ResourceType{
		"OS::Cinder::Volume":           volume{Fixed: schema.Fix(volumeSchema(t)), storage: b.storage},
		"OS::Cinder::VolumeAttachment": volumeAttachment{Fixed: schema.Fix(volumeAttachmentSchema(t)), storage: b.storage, census: found},
		"OS::Nova::KeyPair":            keyPair{Fixed: schema.Fix(keyPairSchema(t)), keys: b.keys},
		"OS::Nova::ServerGroup":        serverGroup{Fixed: schema.Fix(serverGroupSchema(t)), groups: b.groups},
	}
}

// annotate adds to a server's notes what was not applied of its belongings, and makes
// it a member of its group.
func (b belongings) annotate(req *stoker.Request, made stoker.Server) stoker.Server {
	_, unknown, _ := b.keys.named(req.Stack.Project, request.Values(req.Properties).String("key_name"))
	for _, note := range []string{unknown, b.groups.join(req, made.ID)} {
		if note != "" {
			made.Notes = append(made.Notes, note)
		}
	}
	return made
}

// withVolumes adds what is recorded of a server's volumes.
func withVolumes(data map[string]any, volumes []any) map[string]any {
	if len(volumes) > 0 {
		data["volumes"] = volumes
	}
	return data
}

// keep makes a server's volumes and its membership known again.
func (b belongings) keep(req *stoker.Request) {
	b.groups.join(req, req.PhysicalID)
	b.storage.keepMapped(req)
}

// drop forgets them: the server is gone.
func (b belongings) drop(ctx context.Context, req *stoker.Request) error {
	b.groups.leave(req)
	return b.storage.dropMapped(ctx, req)
}

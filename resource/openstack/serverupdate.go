package openstack

import (
	"cmp"
	"context"
	"fmt"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/request"
)

// inPlace tells whether a change of a property alone leaves the server as it is:
// Update applies it, or it says how others are updated, or means nothing here.
func inPlace(property string) bool {
	switch property {
	case "metadata", "flavor", "user_data", "tags", "networks", "admin_pass",
		"flavor_update_policy", "image_update_policy", "user_data_update_policy",
		"deployment_swift_data", "software_config_transport":
		return true
	}
	return false
}

// Update applies a change of metadata or flavor in place, where the driver can;
// everything else needs a new server.
func (s server) Update(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	now := request.Values(req.Properties)
	if needsNew(now, req.OldProperties) {
		return stoker.Result{}, stoker.ErrReplace
	}
	if moved, err := s.moved(req); moved || err != nil {
		return stoker.Result{}, cmp.Or(err, stoker.ErrReplace)
	}
	// Ask for both abilities before using one, so that a server to be replaced
	// is left as it is.
	updater, canMetadata := s.Driver.(stoker.MetadataUpdater)
	resizer, canResize := s.Driver.(stoker.ServerResizer)
	metadata, flavor := now.Changed(req.OldProperties, "metadata"), now.Changed(req.OldProperties, "flavor")
	if metadata && !canMetadata || flavor && !canResize {
		return stoker.Result{}, stoker.ErrReplace
	}
	if flavor {
		if err := s.resize(ctx, resizer, req); err != nil {
			return stoker.Result{}, err
		}
	}
	if metadata {
		if err := s.setMetadata(ctx, updater, req); err != nil {
			return stoker.Result{}, err
		}
	}
	return stoker.Result{}, nil
}

// needsNew tells whether only a new server can be as wanted.
func needsNew(now request.Values, old map[string]any) bool {
	changed := func(name string) bool { return now.Changed(old, name) }
	switch {
	case changed("flavor") && now.String("flavor_update_policy") == "REPLACE":
		return true
	case changed("user_data") && now.String("user_data_update_policy") != "IGNORE":
		return true
	}
	for _, properties := range []map[string]any{now, old} {
		for name := range properties {
			if !inPlace(name) && changed(name) {
				return true // image and name foremost
			}
		}
	}
	return false
}

func (s server) resize(ctx context.Context, r stoker.ServerResizer, req *stoker.Request) error {
	f, err := s.flavor(req.Properties)
	if err != nil {
		return err
	}
	if err := r.Resize(ctx, token(req), f); err != nil {
		return s.gone(ctx, req, fmt.Errorf("resize server %s: %w", nameOf(req), err))
	}
	return nil
}

func (s server) setMetadata(ctx context.Context, u stoker.MetadataUpdater, req *stoker.Request) error {
	m, err := metadataOf(req.Properties)
	if err != nil {
		return err
	}
	if err := u.UpdateMetadata(ctx, token(req), m); err != nil {
		return s.gone(ctx, req, fmt.Errorf("change metadata of server %s: %w", nameOf(req), err))
	}
	return nil
}

// gone asks for a new server where the old one has vanished or ended: that is why it
// could not be changed.
func (s server) gone(ctx context.Context, req *stoker.Request, err error) error {
	if stoker.IsKind(err, stoker.NotFound) || s.prove(ctx, token(req)) != nil && ctx.Err() == nil {
		return stoker.ErrReplace
	}
	return err
}

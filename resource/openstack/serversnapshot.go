package openstack

import (
	"context"
	"fmt"
	"maps"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/request"
)

// What is told of a snapshot of a server: the image that was made, and the one that the
// template named then.
const (
	snapshotImage = "snapshot_image_id" // Heat's
	askedImage    = "image"
)

// Snapshots tells whether the driver makes images of servers.
func (s server) Snapshots() bool {
	_, ok := s.Driver.(stoker.ServerImager)
	return ok
}

// TakeSnapshot makes an image of the server. Volumes in it are not part of that.
func (s server) TakeSnapshot(ctx context.Context, req *stoker.Request, key string) (map[string]any, error) {
	image, err := s.Driver.(stoker.ServerImager).Capture(ctx, token(req), key)
	if err != nil {
		return nil, fmt.Errorf("make an image of server %s: %w", nameOf(req), err)
	}
	return map[string]any{snapshotImage: image, askedImage: askedOf(req, askedImage, snapshotImage)}, nil
}

// askedOf is what the template asked for where a resource was restored, and has something
// else therefore.
func askedOf(req *stoker.Request, property, told string) any {
	if from := request.Values(req.Data).Map(stoker.RestoredKey); from != nil && from[told] == req.Properties[property] {
		return from[property]
	}
	return req.Properties[property]
}

func (s server) DropSnapshot(ctx context.Context, key string) error {
	i, ok := s.Driver.(stoker.ServerImager)
	if !ok {
		return nil // another driver has made it
	}
	return i.DropImage(ctx, key)
}

// Restored is a server of the image, until the template names another one.
func (server) Restored(properties, data map[string]any) map[string]any {
	if properties[askedImage] != data[askedImage] {
		return properties
	}
	out := maps.Clone(properties)
	out[askedImage] = data[snapshotImage]
	return out
}

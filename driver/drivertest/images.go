package drivertest

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/stoker-project/stoker"
)

// keptImage begins the names of images that Capture has made.
const keptImage = "kept/"

// fakeImage is what a Fake keeps of a server's disk.
type fakeImage struct {
	project stoker.ProjectID
	origin  string // the image of the server, or where that was kept too, its origin
	files   map[string]string
}

// Capture implements stoker.ServerImager.
func (f *Fake) Capture(ctx context.Context, token stoker.ServerToken, key string) (string, error) {
	if err := f.enter(ctx, "capture", token); err != nil {
		return "", err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	name := keptImage + key
	if _, ok := f.images[name]; ok {
		return name, nil
	}
	s, ok := f.servers[token]
	if !ok {
		return "", noServer(token)
	}
	if f.images == nil {
		f.images = map[string]fakeImage{}
	}
	origin := s.spec.Image
	if kept, ok := f.images[origin]; ok {
		origin = kept.origin
	}
	f.images[name] = fakeImage{s.Project, origin, maps.Clone(s.disk)}
	return name, nil
}

// DropImage implements stoker.ServerImager.
func (f *Fake) DropImage(ctx context.Context, key string) error {
	if err := f.enter(ctx, "drop-image", ""); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.images, keptImage+key)
	return nil
}

// Images gives the names of those that are kept, sorted.
func (f *Fake) Images() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Sorted(maps.Keys(f.images))
}

// disk is what a new server begins with; f.mu is held.
func (f *Fake) disk(spec stoker.ServerSpec) (map[string]string, bool) {
	if !strings.HasPrefix(spec.Image, keptImage) {
		return map[string]string{}, true
	}
	i, ok := f.images[spec.Image]
	return maps.Clone(i.files), ok && i.project == spec.Project
}

// CopyVolume implements stoker.VolumeCopier.
func (f *Fake) CopyVolume(ctx context.Context, from stoker.VolumeToken, spec stoker.VolumeSpec) error {
	if err := f.enter(ctx, "copy-volume", ""); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.volumes[spec.Token]; ok {
		return nil
	}
	source, ok := f.volumes[from]
	if !ok || source.Spec.Project != spec.Project {
		return stoker.Errorf(stoker.NotFound, "there is no volume %q", from)
	}
	f.volumes[spec.Token] = &FakeVolume{Spec: spec, Files: maps.Clone(source.Files)}
	return nil
}

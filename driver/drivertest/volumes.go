package drivertest

import (
	"context"
	"strings"

	"github.com/stoker-project/stoker"
)

// FakeVolume is a volume of a Fake.
type FakeVolume struct {
	Spec   stoker.VolumeSpec
	Server stoker.ServerToken // that has it; empty: none
	Path   string             // where the server finds it
	Files  map[string]string  // what WriteFile has put there
}

// volumePoint is where servers of a Fake find their volumes.
const volumePoint = "/volumes/"

// CreateVolume implements stoker.Volumer.
func (f *Fake) CreateVolume(ctx context.Context, spec stoker.VolumeSpec) error {
	if err := f.enter(ctx, "create-volume", ""); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if spec.Token == "" {
		return stoker.Errorf(stoker.Invalid, "create volume: it has no token")
	}
	if _, ok := f.volumes[spec.Token]; ok {
		return nil
	}
	if f.volumes == nil {
		f.volumes = map[stoker.VolumeToken]*FakeVolume{}
	}
	f.volumes[spec.Token] = &FakeVolume{Spec: spec, Files: map[string]string{}}
	return nil
}

// DestroyVolume implements stoker.Volumer.
func (f *Fake) DestroyVolume(ctx context.Context, token stoker.VolumeToken) error {
	if err := f.enter(ctx, "destroy-volume", ""); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if v, ok := f.volumes[token]; ok && v.Server != "" {
		return stoker.Errorf(stoker.Conflict, "volume %q is attached to server %q", token, v.Server)
	}
	delete(f.volumes, token)
	return nil
}

// AttachVolume implements stoker.VolumeAttacher.
func (f *Fake) AttachVolume(ctx context.Context, server stoker.ServerToken, volume stoker.VolumeToken, device string) (string, error) {
	if err := f.enter(ctx, "attach", server); err != nil {
		return "", err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	v, ok := f.volumes[volume]
	if !ok {
		return "", stoker.Errorf(stoker.NotFound, "there is no volume %q", volume)
	}
	if _, ok := f.servers[server]; !ok {
		return "", noServer(server)
	}
	want := volumePoint + strings.TrimPrefix(device, "/dev/")
	switch {
	case v.Server == server && (device == "" || v.Path == want):
		return v.Path, nil
	case v.Server != "":
		return "", stoker.Errorf(stoker.Conflict, "volume %q is attached to server %q as %s", volume, v.Server, v.Path)
	case device == "":
		want = f.freePath(server)
	case f.pathUsed(server, want):
		return "", stoker.Errorf(stoker.Conflict, "server %q has another volume as %s", server, device)
	}
	v.Server, v.Path = server, want
	return want, nil
}

func (f *Fake) freePath(server stoker.ServerToken) string {
	for letter := 'b'; ; letter++ {
		if p := volumePoint + "vd" + string(letter); !f.pathUsed(server, p) {
			return p
		}
	}
}

func (f *Fake) pathUsed(server stoker.ServerToken, path string) bool {
	for _, v := range f.volumes {
		if v.Server == server && v.Path == path {
			return true
		}
	}
	return false
}

// DetachVolume implements stoker.VolumeAttacher.
func (f *Fake) DetachVolume(ctx context.Context, server stoker.ServerToken, volume stoker.VolumeToken) error {
	if err := f.enter(ctx, "detach", server); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if v, ok := f.volumes[volume]; ok && v.Server == server {
		v.Server, v.Path = "", ""
	}
	return nil
}

// detachAll frees the volumes of a server that goes; f.mu is held.
func (f *Fake) detachAll(server stoker.ServerToken) {
	for _, v := range f.volumes {
		if v.Server == server {
			v.Server, v.Path = "", ""
		}
	}
}

// Volumes gives all volumes as they are.
func (f *Fake) Volumes() map[stoker.VolumeToken]FakeVolume {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := make(map[stoker.VolumeToken]FakeVolume, len(f.volumes))
	for token, v := range f.volumes {
		all[token] = *v
	}
	return all
}

// WriteFile writes a file in a server as a program in it would: to the volume that is
// there, or its disk. false: nothing is there to write to.
func (f *Fake) WriteFile(server stoker.ServerToken, path, text string) bool {
	files, name := f.filesAt(server, path)
	if files == nil {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	files[name] = text
	return true
}

// ReadFile reads a file in a server; false if there is none.
func (f *Fake) ReadFile(server stoker.ServerToken, path string) (string, bool) {
	files, name := f.filesAt(server, path)
	f.mu.Lock()
	defer f.mu.Unlock()
	text, ok := files[name]
	return text, ok
}

// filesAt gives the files of the volume that is at a path, or of the server's own disk.
func (f *Fake) filesAt(server stoker.ServerToken, path string) (map[string]string, string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, v := range f.volumes {
		if name, ok := strings.CutPrefix(path, v.Path+"/"); ok && v.Server == server && server != "" {
			return v.Files, name
		}
	}
	if s := f.servers[server]; s != nil && !strings.HasPrefix(path, volumePoint) {
		return s.disk, path
	}
	return nil, ""
}

package openstack

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/stoker-project/stoker"
)

// storage is what the types of Cinder and the servers share: the volumes, who has
// them, and the driver's abilities.
type storage struct {
	volumes  *shelf[volumeInfo]
	volumer  stoker.Volumer        // nil: the driver has no volumes
	attacher stoker.VolumeAttacher // nil: it cannot attach them

	mu   sync.Mutex
	held map[stoker.VolumeToken]attachment
}

type volumeInfo struct{ size int } // GB

// attachment is a volume's place in a server.
type attachment struct {
	id       string // of the attachment: a resource, or a server's mapping
	owner    maker  // the resource that attached it
	volume   stoker.VolumeToken
	server   stoker.ServerToken
	serverID stoker.PhysicalID
	device   string // as wanted; empty: any
	path     string // where the server finds it; empty: not known yet
}

func newStorage(d stoker.Driver) *storage {
	s := &storage{volumes: newShelf[volumeInfo]("volume"), held: map[stoker.VolumeToken]attachment{}}
	s.volumer, _ = d.(stoker.Volumer)
	s.attacher, _ = d.(stoker.VolumeAttacher)
	return s
}

// refuseVolumes says that the driver has no volumes.
func (s *storage) refuseVolumes(t stoker.TypeName) error {
	if s.volumer != nil && s.attacher != nil {
		return nil
	}
	return &stoker.Error{Kind: stoker.Invalid, Type: "ResourceTypeUnavailable",
		Message: fmt.Sprintf("no driver for this type is configured: %s needs one that has volumes", t),
		Hint:    "Start Stoker with --driver docker, or map the type to OS::Heat::None or to a template of your own in the environment's resource_registry."}
}

// attach puts a volume into a server. Where the resource that has it is the one that
// this one takes the place of, it is taken from there: what is replaced leaves last, and
// a volume can be in one server only.
func (s *storage) attach(ctx context.Context, want attachment) (attachment, error) {
	before, err := s.claim(want)
	if err != nil {
		return want, err
	}
	if before.server != "" && before.server != want.server {
		if err := s.attacher.DetachVolume(ctx, before.server, want.volume); err != nil {
			s.keep(before)
			return want, err
		}
	}
	want.path, err = s.attacher.AttachVolume(ctx, want.server, want.volume, want.device)
	if err != nil {
		s.drop(want) // should it be there all the same, the driver knows
		return want, err
	}
	s.keep(want)
	return want, nil
}

// claim makes an attachment the volume's, and gives the one it had before, of the same
// resource. Conflict: another resource has the volume.
func (s *storage) claim(want attachment) (before attachment, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before, taken := s.held[want.volume]
	if taken && before.owner != want.owner {
		return before, &stoker.Error{Kind: stoker.Conflict,
			Message: fmt.Sprintf("volume %s is attached to server %s already", want.volume, before.serverID),
			Hint:    fmt.Sprintf("Resource %s has attached it; a volume is in one server at a time.", before.owner.resource)}
	}
	s.held[want.volume] = want
	return before, nil
}

// keep makes an attachment known: it is complete.
func (s *storage) keep(a attachment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held[a.volume] = a
}

// detach takes a volume from a server, unless it has become another's.
func (s *storage) detach(ctx context.Context, a attachment) error {
	if now, ok := s.of(a.volume); ok && now.id != a.id {
		return nil
	}
	if s.attacher == nil {
		return nil // nothing was ever attached
	}
	if err := s.attacher.DetachVolume(ctx, a.server, a.volume); err != nil {
		return err
	}
	s.drop(a)
	return nil
}

// drop forgets an attachment that is gone.
func (s *storage) drop(a attachment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held[a.volume].id == a.id {
		delete(s.held, a.volume)
	}
}

// of gives who has a volume.
func (s *storage) of(v stoker.VolumeToken) (attachment, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.held[v]
	return a, ok
}

// in gives what is attached by one server's own mappings.
func (s *storage) in(server stoker.ServerToken, id string) []attachment {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []attachment
	for _, a := range s.held {
		if a.server == server && a.id == id {
			out = append(out, a)
		}
	}
	slices.SortFunc(out, func(a, b attachment) int { return strings.Compare(string(a.volume), string(b.volume)) })
	return out
}

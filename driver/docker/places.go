package docker

import (
	"fmt"
	"maps"
	"sync"

	"github.com/stoker-project/stoker"
)

// place is where a volume is: under which name in which server.
type place struct {
	server stoker.ServerToken
	device string
}

// nowhere is the place of a volume that is being destroyed.
var nowhere = place{}

// places are those of all volumes that are attached, or are being; what is on disk is
// the truth of the next run.
type places struct {
	mu sync.Mutex
	of map[stoker.VolumeToken]place
	in map[stoker.ServerToken]map[string]stoker.VolumeToken // the same, by server and device
	// files is held while a record and its mount are changed together.
	files sync.Mutex
	// mayMount tells whether servers get a place for volumes; only tests change it.
	mayMount bool
}

func newPlaces() places {
	return places{
		of:       map[stoker.VolumeToken]place{},
		in:       map[stoker.ServerToken]map[string]stoker.VolumeToken{},
		mayMount: canMount(),
	}
}

// firstDevices are what volumes without a wanted name are called, as in a virtual
// machine whose own disk is vda.
const firstDevices = "bcdefghijklmnopqrstuvwxyz"

// claim takes a place for a volume, or finds that it has it already. Without a device,
// one is chosen that is free. Conflict: the volume is elsewhere, or another has the place.
func (p *places) claim(volume stoker.VolumeToken, want place) (got place, fresh bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if has, taken := p.of[volume]; taken {
		if has.server == want.server && (want.device == "" || has.device == want.device) {
			return has, false, nil
		}
		return has, false, elsewhere(volume, has)
	}
	if want != nowhere {
		if want.device, err = free(p.in[want.server], want); err != nil {
			return want, false, err
		}
		if p.in[want.server] == nil {
			p.in[want.server] = map[string]stoker.VolumeToken{}
		}
		p.in[want.server][want.device] = volume
	}
	p.of[volume] = want
	return want, true, nil
}

func elsewhere(volume stoker.VolumeToken, has place) error {
	if has == nowhere {
		return stoker.Errorf(stoker.Conflict, "volume %q is being destroyed", volume)
	}
	return &stoker.Error{Kind: stoker.Conflict, Message: fmt.Sprintf("volume %q is attached to server %q as %s", volume, has.server, has.device),
		Hint: "Detach it there first."}
}

// free gives the device that is wanted, or else the first one, if no other volume of
// the server has it.
func free(used map[string]stoker.VolumeToken, want place) (string, error) {
	if want.device != "" {
		if other, taken := used[want.device]; taken {
			return "", stoker.Errorf(stoker.Conflict, "server %q has volume %q as %s", want.server, other, want.device)
		}
		return want.device, nil
	}
	for _, letter := range firstDevices {
		if name := "vd" + string(letter); used[name] == "" {
			return name, nil
		}
	}
	return "", stoker.Errorf(stoker.NoCapacity, "server %q has %d volumes already", want.server, len(firstDevices))
}

// find gives the place of a volume.
func (p *places) find(volume stoker.VolumeToken) (place, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	has, ok := p.of[volume]
	return has, ok
}

// release makes a volume free, and its place.
func (p *places) release(volume stoker.VolumeToken) {
	p.mu.Lock()
	defer p.mu.Unlock()
	has := p.of[volume]
	delete(p.of, volume)
	delete(p.in[has.server], has.device)
	if len(p.in[has.server]) == 0 {
		delete(p.in, has.server)
	}
}

// volumes are those of a server by their devices.
func (p *places) volumes(server stoker.ServerToken) map[string]stoker.VolumeToken {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.in[server])
}

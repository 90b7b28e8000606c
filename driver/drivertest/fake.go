package drivertest

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/stoker-project/stoker"
)

// The images that a Fake treats specially; every other one runs until destroyed.
const (
	ImageEnds  = "ends"  // prints Goodbye and ends with status 3 at once
	ImageBurns = "burns" // uses one processor all the time
	ImageBad   = "bad"   // Create refuses it as Invalid
)

// Goodbye is the last line that a server of ImageEnds prints.
const Goodbye = "goodbye"

// Fake is a driver in memory. Its zero value is ready and makes every server
// ACTIVE at once; the methods in faults.go make it misbehave. It uses only
// time.Now and timers, so it works inside a synctest bubble. All methods may be
// called concurrently.
type Fake struct {
	mu       sync.Mutex
	servers  map[stoker.ServerToken]*fakeServer
	made     uint32 // counts servers, for addresses
	faults   faults
	calls    []Call
	volumes  map[stoker.VolumeToken]*FakeVolume
	networks map[stoker.NetworkToken]*Network
	images   map[string]fakeImage
}

type fakeServer struct {
	stoker.Server
	spec  stoker.ServerSpec
	cpu   float64
	log   []string
	disk  map[string]string // files outside of volumes
	ended chan struct{}     // closed when it ended by itself
	gone  chan struct{}     // closed when destroyed
}

var (
	_ stoker.Driver          = (*Fake)(nil)
	_ stoker.ServerWaiter    = (*Fake)(nil)
	_ stoker.MetadataUpdater = (*Fake)(nil)
	_ stoker.ServerResizer   = (*Fake)(nil)
	_ stoker.ServerPauser    = (*Fake)(nil)
	_ stoker.CPUReader       = (*Fake)(nil)
	_ stoker.LogReader       = (*Fake)(nil)
	_ stoker.Volumer         = (*Fake)(nil)
	_ stoker.VolumeAttacher  = (*Fake)(nil)
	_ stoker.VolumeCopier    = (*Fake)(nil)
	_ stoker.ServerImager    = (*Fake)(nil)
)

// Create implements stoker.Driver.
func (f *Fake) Create(ctx context.Context, spec stoker.ServerSpec) (stoker.Server, error) {
	if err := f.enter(ctx, "create", spec.Token); err != nil {
		return stoker.Server{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if s, ok := f.servers[spec.Token]; ok {
		return s.view(), nil
	}
	switch {
	case spec.Token == "":
		return stoker.Server{}, stoker.Errorf(stoker.Invalid, "create server: it has no token")
	case spec.Image == ImageBad:
		return stoker.Server{}, stoker.Errorf(stoker.Invalid, "create server %q: there is no image %q", spec.Name, spec.Image)
	}
	disk, ok := f.disk(spec)
	if !ok {
		return stoker.Server{}, stoker.Errorf(stoker.Invalid, "create server %q: there is no image %q", spec.Name, spec.Image)
	}
	if problem := f.portsProblem(spec.Ports); problem != "" {
		return stoker.Server{}, stoker.Errorf(stoker.Invalid, "create server %q: %s", spec.Name, problem)
	}
	s := f.add(spec)
	s.disk = disk
	if f.faults.lostCreates > 0 {
		f.faults.lostCreates--
		return stoker.Server{}, stoker.Errorf(stoker.Unavailable, "create server %q: the answer was lost", spec.Name)
	}
	return s.view(), nil
}

// add puts a new server into the table; f.mu is held.
func (f *Fake) add(spec stoker.ServerSpec) *fakeServer {
	f.made++
	ip := netip.AddrFrom4([4]byte{10, byte(f.made >> 16), byte(f.made >> 8), byte(f.made)})
	port := spec.Port
	if port == 0 {
		port = 8080
	}
	spec.Path = slices.Clone(spec.Path)
	spec.Metadata = maps.Clone(spec.Metadata)
	s := &fakeServer{
		spec:  spec,
		ended: make(chan struct{}),
		gone:  make(chan struct{}),
		Server: stoker.Server{
			Token:     spec.Token,
			ID:        stoker.PhysicalID("fake-" + spec.Token),
			Name:      spec.Name,
			Project:   spec.Project,
			Path:      spec.Path,
			State:     f.faults.birthState(),
			Addresses: []stoker.Address{{Network: "fake", IP: ip.String()}},
			Port:      port,
			Created:   time.Now(),
		},
	}
	if len(spec.Ports) > 0 {
		s.placed(spec.Ports)
	}
	if f.servers == nil {
		f.servers = map[stoker.ServerToken]*fakeServer{}
	}
	f.servers[spec.Token] = s
	s.runUserData()
	if spec.Image == ImageEnds {
		s.log = append(s.log, Goodbye)
		s.end(stoker.ServerStopped, "exited with status 3; last lines of its log: "+Goodbye)
	}
	return s
}

// List implements stoker.Driver.
func (f *Fake) List(ctx context.Context) ([]stoker.Server, error) {
	if err := f.enter(ctx, "list", ""); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	list := []stoker.Server{}
	for token, s := range f.servers {
		if !f.faults.hidden[token] {
			list = append(list, s.view())
		}
	}
	list = append(list, f.faults.ghosts...)
	slices.SortFunc(list, func(a, b stoker.Server) int { return strings.Compare(string(a.Token), string(b.Token)) })
	return list, nil
}

// Destroy implements stoker.Driver. The grace is not waited for.
func (f *Fake) Destroy(ctx context.Context, token stoker.ServerToken, _ time.Duration) error {
	if err := f.enter(ctx, "destroy", token); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if s, ok := f.servers[token]; ok {
		close(s.gone)
		delete(f.servers, token)
		f.detachAll(token)
	}
	return nil
}

// Wait implements stoker.ServerWaiter.
func (f *Fake) Wait(ctx context.Context, token stoker.ServerToken) (stoker.Server, error) {
	f.mu.Lock()
	s, ok := f.servers[token]
	f.mu.Unlock()
	if !ok {
		return stoker.Server{}, noServer(token)
	}
	select {
	case <-ctx.Done():
		return stoker.Server{}, fmt.Errorf("wait for server %q: %w", token, context.Cause(ctx))
	case <-s.gone:
		return stoker.Server{}, noServer(token)
	case <-s.ended:
		f.mu.Lock()
		defer f.mu.Unlock()
		return s.view(), nil
	}
}

// end marks the server as ended by itself; the Fake's mu is held.
func (s *fakeServer) end(state stoker.ServerState, reason string) {
	s.State, s.Reason = state, reason
	select {
	case <-s.ended:
	default:
		close(s.ended)
	}
}

// view copies what the caller may keep.
func (s *fakeServer) view() stoker.Server {
	v := s.Server
	v.Path = slices.Clone(v.Path)
	v.Addresses = slices.Clone(v.Addresses)
	v.Notes = slices.Clone(v.Notes)
	return v
}

func noServer(token stoker.ServerToken) error {
	return stoker.Errorf(stoker.NotFound, "there is no server %q", token)
}

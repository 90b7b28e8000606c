package openstack_test

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/driver/drivertest"
)

// netFake is a driver in memory that has networks.
type netFake struct {
	*drivertest.Fake

	mu       sync.Mutex
	networks map[stoker.NetworkToken]stoker.NetworkSpec
	reaches  map[stoker.NetworkToken]stoker.Reach
	hosts    map[netip.Addr]stoker.NetworkToken
	ports    map[stoker.ServerToken][]stoker.ServerPort
	filters  int // counts SetFilter
}

func newNetFake() *netFake {
	return &netFake{
		Fake: &drivertest.Fake{}, networks: map[stoker.NetworkToken]stoker.NetworkSpec{}, reaches: map[stoker.NetworkToken]stoker.Reach{},
		hosts: map[netip.Addr]stoker.NetworkToken{}, ports: map[stoker.ServerToken][]stoker.ServerPort{},
	}
}

var (
	_ stoker.Networker    = (*netFake)(nil)
	_ stoker.NetworkHost  = (*netFake)(nil)
	_ stoker.PortFilterer = (*netFake)(nil)
)

// Create is the driver's, with addresses in the networks.
func (f *netFake) Create(ctx context.Context, spec stoker.ServerSpec) (stoker.Server, error) {
	f.mu.Lock()
	for _, p := range spec.Ports {
		n, ok := f.networks[p.Network]
		if !ok || !n.Prefix.Contains(p.IP) {
			f.mu.Unlock()
			return stoker.Server{}, stoker.Errorf(stoker.Invalid, "there is no network %s with %s", p.Network, p.IP)
		}
		for token, others := range f.ports {
			if token != spec.Token && slices.ContainsFunc(others, func(o stoker.ServerPort) bool { return o.IP == p.IP }) {
				f.mu.Unlock()
				return stoker.Server{}, stoker.Errorf(stoker.Conflict, "address %s is in use", p.IP)
			}
		}
	}
	if _, ok := f.ports[spec.Token]; !ok && spec.Ports != nil {
		f.ports[spec.Token] = slices.Clone(spec.Ports)
	}
	f.mu.Unlock()
	s, err := f.Fake.Create(ctx, spec)
	return f.placed(s), err
}

func (f *netFake) placed(s stoker.Server) stoker.Server {
	f.mu.Lock()
	defer f.mu.Unlock()
	if ports := f.ports[s.Token]; len(ports) > 0 {
		s.Addresses = nil
		for _, p := range ports {
			s.Addresses = append(s.Addresses, stoker.Address{Network: p.Name, IP: p.IP.String(), MAC: p.MAC})
		}
	}
	return s
}

func (f *netFake) List(ctx context.Context) ([]stoker.Server, error) {
	list, err := f.Fake.List(ctx)
	for i := range list {
		list[i] = f.placed(list[i])
	}
	return list, err
}

func (f *netFake) Destroy(ctx context.Context, token stoker.ServerToken, grace time.Duration) error {
	err := f.Fake.Destroy(ctx, token, grace)
	if err == nil {
		f.mu.Lock()
		delete(f.ports, token)
		f.mu.Unlock()
	}
	return err
}

func (f *netFake) CreateNetwork(_ context.Context, spec stoker.NetworkSpec) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !spec.Prefix.Contains(spec.Gateway) {
		return stoker.Errorf(stoker.Invalid, "the gateway %s is not in %s", spec.Gateway, spec.Prefix)
	}
	for token, n := range f.networks {
		if token != spec.Token && n.Prefix.Overlaps(spec.Prefix) {
			return stoker.Errorf(stoker.Conflict, "%s overlaps %s", spec.Prefix, n.Prefix)
		}
	}
	f.networks[spec.Token] = spec
	return nil
}

func (f *netFake) DestroyNetwork(_ context.Context, token stoker.NetworkToken) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for server, ports := range f.ports {
		if slices.ContainsFunc(ports, func(p stoker.ServerPort) bool { return p.Network == token }) {
			return stoker.Errorf(stoker.Conflict, "server %s is in network %s", server, token)
		}
	}
	delete(f.networks, token)
	delete(f.reaches, token)
	return nil
}

func (f *netFake) RouteNetwork(_ context.Context, token stoker.NetworkToken, r stoker.Reach) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.networks[token]; !ok {
		return stoker.Errorf(stoker.NotFound, "there is no network %s", token)
	}
	f.reaches[token] = r
	return nil
}

func (f *netFake) AddHostAddress(_ context.Context, token stoker.NetworkToken, ip netip.Addr) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n, ok := f.networks[token]; !ok || !n.Prefix.Contains(ip) {
		return stoker.Errorf(stoker.NotFound, "there is no network %s with %s", token, ip)
	}
	f.hosts[ip] = token
	return nil
}

func (f *netFake) RemoveHostAddress(_ context.Context, _ stoker.NetworkToken, ip netip.Addr) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.hosts, ip)
	return nil
}

func (f *netFake) SetFilter(_ context.Context, server stoker.ServerToken, ip netip.Addr, filter *stoker.Filter) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.filters++
	for i, p := range f.ports[server] {
		if p.IP == ip {
			f.ports[server][i].Filter = filter
			return nil
		}
	}
	return stoker.Errorf(stoker.NotFound, "server %s has no port %s", server, ip)
}

// passes tells whether something from an address comes through to a port.
func (f *netFake) passes(ip string, port int, from string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, ports := range f.ports {
		for _, p := range ports {
			if p.IP == netip.MustParseAddr(ip) {
				return p.Filter == nil || slices.ContainsFunc(p.Filter.Ingress, func(r stoker.FilterRule) bool {
					return (r.Protocol == "" || r.Protocol == "tcp") && (r.Min == nil || port >= *r.Min) && (r.Max == nil || port <= *r.Max) &&
						(len(r.Remote) == 0 || slices.ContainsFunc(r.Remote, func(n netip.Prefix) bool { return n.Contains(netip.MustParseAddr(from)) }))
				})
			}
		}
	}
	return false
}

// prefixes lists the networks with whom they reach, in words.
func (f *netFake) prefixes() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []string
	for _, token := range slices.Collect(maps.Keys(f.networks)) {
		var reaches []string
		for _, other := range f.reaches[token].Networks {
			reaches = append(reaches, f.networks[other].Prefix.String())
		}
		slices.Sort(reaches)
		if f.reaches[token].Outside {
			reaches = append(reaches, "outside")
		}
		out = append(out, fmt.Sprint(f.networks[token].Prefix, " ", reaches))
	}
	slices.Sort(out)
	return out
}

// addresses lists the servers' addresses by the servers' names.
func (f *netFake) addresses() map[string][]string {
	out := map[string][]string{}
	list, _ := f.List(context.Background())
	for _, s := range list {
		for _, a := range s.Addresses {
			out[s.Name] = append(out[s.Name], a.Network+" "+a.IP)
		}
	}
	return out
}

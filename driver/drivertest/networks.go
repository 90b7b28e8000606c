package drivertest

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/stoker-project/stoker"
)

// Network is a network of a Fake as it is.
type Network struct {
	stoker.NetworkSpec
	Reach stoker.Reach
	Hosts []netip.Addr // further addresses of the machine
}

var (
	_ stoker.Networker    = (*Fake)(nil)
	_ stoker.NetworkHost  = (*Fake)(nil)
	_ stoker.PortFilterer = (*Fake)(nil)
)

// Networks gives all networks.
func (f *Fake) Networks() map[stoker.NetworkToken]Network {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := make(map[stoker.NetworkToken]Network, len(f.networks))
	for token, n := range f.networks {
		all[token] = Network{n.NetworkSpec, stoker.Reach{Networks: slices.Clone(n.Reach.Networks), Outside: n.Reach.Outside}, slices.Clone(n.Hosts)}
	}
	return all
}

// CreateNetwork implements stoker.Networker.
func (f *Fake) CreateNetwork(ctx context.Context, spec stoker.NetworkSpec) error {
	if err := f.enter(ctx, "create-network", stoker.ServerToken(spec.Token)); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case spec.Token == "":
		return stoker.Errorf(stoker.Invalid, "create network: it has no token")
	case !spec.Prefix.IsValid() || spec.Prefix != spec.Prefix.Masked() || !spec.Prefix.Contains(spec.Gateway):
		return stoker.Errorf(stoker.Invalid, "create network %q: gateway %s is not in a subnet %s", spec.Name, spec.Gateway, spec.Prefix)
	}
	for token, n := range f.networks {
		if token == spec.Token && n.Prefix == spec.Prefix {
			return nil
		}
		if token == spec.Token || n.Prefix.Overlaps(spec.Prefix) {
			return stoker.Errorf(stoker.Conflict, "create network %q: %s overlaps %s of network %q", spec.Name, spec.Prefix, n.Prefix, n.Name)
		}
	}
	if f.networks == nil {
		f.networks = map[stoker.NetworkToken]*Network{}
	}
	f.networks[spec.Token] = &Network{NetworkSpec: spec}
	return nil
}

// DestroyNetwork implements stoker.Networker.
func (f *Fake) DestroyNetwork(ctx context.Context, token stoker.NetworkToken) error {
	if err := f.enter(ctx, "destroy-network", stoker.ServerToken(token)); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.servers {
		for _, p := range s.spec.Ports {
			if p.Network == token {
				return stoker.Errorf(stoker.Conflict, "destroy network %q: server %q is in it", token, s.Token)
			}
		}
	}
	delete(f.networks, token)
	return nil
}

// RouteNetwork implements stoker.Networker.
func (f *Fake) RouteNetwork(ctx context.Context, token stoker.NetworkToken, r stoker.Reach) error {
	return f.changeNetwork(ctx, "route", token, func(n *Network) error {
		n.Reach = stoker.Reach{Networks: slices.Clone(r.Networks), Outside: r.Outside}
		return nil
	})
}

// AddHostAddress implements stoker.NetworkHost.
func (f *Fake) AddHostAddress(ctx context.Context, token stoker.NetworkToken, ip netip.Addr) error {
	return f.changeNetwork(ctx, "add-host-address", token, func(n *Network) error {
		if !n.Prefix.Contains(ip) {
			return stoker.Errorf(stoker.Invalid, "%s is not in %s of network %q", ip, n.Prefix, token)
		}
		if !slices.Contains(n.Hosts, ip) {
			n.Hosts = append(n.Hosts, ip)
		}
		return nil
	})
}

// RemoveHostAddress implements stoker.NetworkHost.
func (f *Fake) RemoveHostAddress(ctx context.Context, token stoker.NetworkToken, ip netip.Addr) error {
	err := f.changeNetwork(ctx, "remove-host-address", token, func(n *Network) error {
		n.Hosts = slices.DeleteFunc(n.Hosts, func(other netip.Addr) bool { return other == ip })
		return nil
	})
	if stoker.IsKind(err, stoker.NotFound) {
		return nil
	}
	return err
}

func (f *Fake) changeNetwork(ctx context.Context, op string, token stoker.NetworkToken, do func(*Network) error) error {
	if err := f.enter(ctx, op, stoker.ServerToken(token)); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	n, ok := f.networks[token]
	if !ok {
		return stoker.Errorf(stoker.NotFound, "there is no network %q", token)
	}
	return do(n)
}

// SetFilter implements stoker.PortFilterer; Spec shows the new filter.
func (f *Fake) SetFilter(ctx context.Context, server stoker.ServerToken, ip netip.Addr, filter *stoker.Filter) error {
	if problem := filterProblem(filter); problem != "" {
		return stoker.Errorf(stoker.Invalid, "%s", problem)
	}
	found := false
	err := f.change(ctx, "filter", server, func(s *fakeServer) {
		ports := slices.Clone(s.spec.Ports) // Spec has given the old ones away
		for i, p := range ports {
			if p.IP == ip {
				ports[i].Filter, found = filter, true
			}
		}
		s.spec.Ports = ports
	})
	if err == nil && !found {
		return stoker.Errorf(stoker.NotFound, "server %q has no port with address %s", server, ip)
	}
	return err
}

// portsProblem says what is wrong with ports; empty: nothing. f.mu is held.
func (f *Fake) portsProblem(ports []stoker.ServerPort) string {
	for i, p := range ports {
		n, ok := f.networks[p.Network]
		_, err := net.ParseMAC(p.MAC)
		switch {
		case !ok:
			return fmt.Sprintf("there is no network %q", p.Network)
		case !n.Prefix.Contains(p.IP) || p.IP == n.Gateway:
			return fmt.Sprintf("%s is no address for a server in %s", p.IP, n.Prefix)
		case p.MAC != "" && err != nil:
			return fmt.Sprintf("%q is no MAC address", p.MAC)
		}
		if problem := filterProblem(p.Filter); problem != "" {
			return fmt.Sprintf("port %d: %s", i+1, problem)
		}
	}
	return ""
}

// placed gives a server its places in networks; f.mu is held.
func (s *fakeServer) placed(ports []stoker.ServerPort) {
	s.spec.Ports = slices.Clone(ports)
	s.Addresses = nil
	for i, p := range ports {
		if p.MAC == "" {
			b := p.IP.As16()
			s.spec.Ports[i].MAC = net.HardwareAddr(append([]byte{2, 0}, b[12:]...)).String()
		}
		s.Addresses = append(s.Addresses, stoker.Address{Network: p.Name, IP: p.IP.String(), MAC: s.spec.Ports[i].MAC})
	}
}

// owner finds the server with a port of that address; f.mu is held.
func (f *Fake) owner(ip netip.Addr) (*fakeServer, stoker.ServerPort, bool) {
	for _, s := range f.servers {
		for _, p := range s.spec.Ports {
			if p.IP == ip {
				return s, p, true
			}
		}
	}
	return nil, stoker.ServerPort{}, false
}

package openstack_test

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/driver/drivertest"
)

// netFake is the driver in memory, which refuses to give two servers one address.
type netFake struct{ *drivertest.Fake }

func (f netFake) Create(ctx context.Context, spec stoker.ServerSpec) (stoker.Server, error) {
	for token := range f.Servers() {
		other, _ := f.Spec(token)
		for _, p := range spec.Ports {
			if token != spec.Token && slices.ContainsFunc(other.Ports, func(o stoker.ServerPort) bool { return o.IP == p.IP }) {
				return stoker.Server{}, stoker.Errorf(stoker.Conflict, "address %s is in use", p.IP)
			}
		}
	}
	return f.Fake.Create(ctx, spec)
}

// passes tells whether TCP from an address comes through to a server's address.
func (f netFake) passes(ip string, port int, from string) bool {
	for token := range f.Servers() {
		spec, _ := f.Spec(token)
		for _, p := range spec.Ports {
			if p.IP == netip.MustParseAddr(ip) {
				return p.Filter == nil || slices.ContainsFunc(p.Filter.Ingress, func(r stoker.FilterRule) bool { return lets(r, port, from) })
			}
		}
	}
	return false
}

func lets(r stoker.FilterRule, port int, from string) bool {
	return (r.Protocol == "" || r.Protocol == "tcp") && (r.Min == nil || port >= *r.Min) && (r.Max == nil || port <= *r.Max) &&
		(len(r.Remote) == 0 || slices.ContainsFunc(r.Remote, func(n netip.Prefix) bool { return n.Contains(netip.MustParseAddr(from)) }))
}

// prefixes lists the networks with whom they reach, in words.
func (f netFake) prefixes() []string {
	all := f.Networks()
	var out []string
	for n := range maps.Values(all) {
		var reaches []string
		for _, other := range n.Reach.Networks {
			reaches = append(reaches, all[other].Prefix.String())
		}
		slices.Sort(reaches)
		if n.Reach.Outside {
			reaches = append(reaches, "outside")
		}
		out = append(out, fmt.Sprint(n.Prefix, " ", reaches))
	}
	slices.Sort(out)
	return out
}

// hosts lists the machine's further addresses.
func (f netFake) hosts() []string {
	var out []string
	for n := range maps.Values(f.Networks()) {
		for _, ip := range n.Hosts {
			out = append(out, ip.String())
		}
	}
	slices.Sort(out)
	return out
}

// addresses lists the servers' addresses by the servers' names.
func (f netFake) addresses() map[string][]string {
	out := map[string][]string{}
	for s := range maps.Values(f.Servers()) {
		for _, a := range s.Addresses {
			out[s.Name] = append(out[s.Name], a.Network+" "+a.IP)
		}
	}
	return out
}

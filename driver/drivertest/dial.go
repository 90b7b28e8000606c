package drivertest

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"

	"github.com/stoker-project/stoker"
)

// OutsideFake answers beyond the machine of a Fake.
const OutsideFake = "203.0.113.2:80"

// Dial has a server, or the machine where from is empty, connect to an address, as
// Options.Dial has it. Servers that run answer by tcp and udp at their port.
func (f *Fake) Dial(from stoker.ServerToken, network, address string) (answers func() bool) {
	to := packet{protocol: network}
	if at, err := netip.ParseAddrPort(address); err == nil {
		to.dst, to.port = at.Addr(), int(at.Port())
	} else {
		to.dst, to.port = netip.MustParseAddr(address), 8 // the type of a question
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	ends, ok := f.passes(from, to)
	if !ok {
		return nil
	}
	return func() bool {
		for _, s := range ends {
			select {
			case <-s.gone:
				return false
			case <-s.ended:
				return false
			default:
			}
		}
		return true
	}
}

// packet is the first one of a connection.
type packet struct {
	protocol string
	src, dst netip.Addr
	port     int // with icmp the type; the code is 0
}

// passes tells whether it arrives where something answers, and which servers are at
// its ends; f.mu is held.
func (f *Fake) passes(from stoker.ServerToken, p packet) (ends []*fakeServer, ok bool) {
	target, in, toServer := f.owner(p.dst)
	if from == "" {
		return []*fakeServer{target}, toServer && target.listens(p)
	}
	s := f.servers[from]
	if s == nil || len(s.spec.Ports) == 0 {
		return nil, false
	}
	out := s.spec.Ports[0]
	for _, port := range s.spec.Ports {
		if f.networks[port.Network].Prefix.Contains(p.dst) {
			out = port
		}
	}
	p.src = out.IP
	if !lets(out.Filter, p, false) {
		return nil, false
	}
	if !toServer {
		return []*fakeServer{s}, f.answersElsewhere(f.networks[out.Network], p)
	}
	ok = f.routed(out.Network, in.Network) && lets(in.Filter, p, true) && target.listens(p)
	return []*fakeServer{s, target}, ok
}

// answersElsewhere is about the machine and what is beyond it; f.mu is held.
func (f *Fake) answersElsewhere(n *Network, p packet) bool {
	if p.protocol == "icmp" {
		return p.dst == n.Gateway || slices.Contains(n.Hosts, p.dst)
	}
	return n.Reach.Outside && fmt.Sprintf("%s:%d", p.dst, p.port) == OutsideFake
}

func (f *Fake) routed(a, b stoker.NetworkToken) bool {
	return a == b || slices.Contains(f.networks[a].Reach.Networks, b) && slices.Contains(f.networks[b].Reach.Networks, a)
}

func (s *fakeServer) listens(p packet) bool { return p.protocol == "icmp" || p.port == s.Port }

// lets tells whether a filter lets a packet pass.
func lets(f *stoker.Filter, p packet, incoming bool) bool {
	if f == nil {
		return true
	}
	rules, remote := f.Egress, p.dst
	if incoming {
		rules, remote = f.Ingress, p.src
	}
	return slices.ContainsFunc(rules, func(r stoker.FilterRule) bool {
		within := len(r.Remote) == 0 || slices.ContainsFunc(r.Remote, func(n netip.Prefix) bool { return n.Contains(remote) })
		return within && (r.Protocol == "" || r.Protocol == p.protocol && covers(r, p))
	})
}

// covers is about ports, and with icmp about type and code.
func covers(r stoker.FilterRule, p packet) bool {
	if p.protocol == "icmp" {
		return (r.Min == nil || *r.Min == p.port) && (r.Max == nil || *r.Max == 0)
	}
	return (r.Min == nil || *r.Min <= p.port) && (r.Max == nil || p.port <= *r.Max)
}

// filterProblem says what is wrong with a filter; empty: nothing.
func filterProblem(f *stoker.Filter) string {
	if f == nil {
		return ""
	}
	for _, r := range slices.Concat(f.Ingress, f.Egress) {
		_, err := strconv.ParseUint(r.Protocol, 10, 8)
		named := slices.Contains([]string{"", "tcp", "udp", "icmp", "icmpv6"}, r.Protocol)
		switch {
		case !named && err != nil:
			return fmt.Sprintf("protocol %q is unknown", r.Protocol)
		case r.Protocol == "" && (r.Min != nil || r.Max != nil):
			return "a range of ports needs a protocol"
		case r.Min != nil && r.Max != nil && r.Protocol != "icmp" && *r.Min > *r.Max:
			return fmt.Sprintf("the range of ports %d to %d is empty", *r.Min, *r.Max)
		}
	}
	return ""
}

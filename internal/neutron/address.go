package neutron

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"github.com/stoker-project/stoker"
)

// Ranges are those that a subnet's addresses are dealt from: its pools, or all there
// are, without the network's own address, the broadcast address and the gateway.
func (s Subnet) Ranges() []Range {
	if len(s.Pools) > 0 {
		return s.Pools
	}
	first, last := s.bounds()
	machine := s.Machine()
	if s.Whole || machine.Compare(first) < 0 || machine.Compare(last) > 0 {
		return []Range{{first, last}}
	}
	var out []Range
	if machine != first {
		out = append(out, Range{first, machine.Prev()})
	}
	if machine != last {
		out = append(out, Range{machine.Next(), last})
	}
	return out
}

// Machine is the address of the machine itself: the gateway, or the first one where
// there is none; not valid where it needs none.
func (s Subnet) Machine() netip.Addr {
	if s.Gateway.IsValid() || s.Whole {
		return s.Gateway
	}
	first, _ := s.bounds()
	return first
}

// bounds are the first and the last address that a host can have.
func (s Subnet) bounds() (first, last netip.Addr) {
	p := s.Prefix.Masked()
	first, last = p.Addr(), lastOf(p)
	if p.Addr().Is4() && p.Bits() < 31 {
		return first.Next(), last.Prev()
	}
	return first, last
}

func lastOf(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 1 << (7 - i%8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// host tells whether a host of the subnet can have an address.
func (s Subnet) host(ip netip.Addr) bool {
	first, last := s.bounds()
	return ip.Compare(first) >= 0 && ip.Compare(last) <= 0 && ip != s.Machine()
}

// Take deals an address of a subnet to an owner: the one it has already, the wanted
// one, or, where none is wanted, the lowest that nobody has. Errors: NotFound: no such
// subnet; Invalid: the wanted one is none of its hosts'; Conflict: another owner has
// it; NoCapacity: none is left.
func (c *Cloud) Take(subnet ID, want netip.Addr, owner ID) (netip.Addr, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, ok := c.subnets.Rows[subnet]
	if !ok {
		return want, stoker.Errorf(stoker.NotFound, "The subnet (%s) could not be found", subnet)
	}
	return c.take(s, want, owner)
}

func (c *Cloud) take(s Subnet, want netip.Addr, owner ID) (netip.Addr, error) {
	taken := c.taken[s.ID]
	if taken == nil {
		taken = map[netip.Addr]ID{}
		c.taken[s.ID] = taken
	}
	if !want.IsValid() {
		for _, ip := range owned(taken, owner) {
			return ip, nil
		}
		ip, ok := s.free(taken)
		if !ok {
			return ip, stoker.Errorf(stoker.NoCapacity, "No more IP addresses available on network %s (subnet %s)", s.Net, s.Prefix)
		}
		want = ip
	}
	if !s.host(want) {
		return want, stoker.Errorf(stoker.Invalid, "IP address %s is not a valid IP for the subnet %s", want, s.Prefix)
	}
	if by, ok := taken[want]; ok && by != owner {
		return want, stoker.Errorf(stoker.Conflict, "IP address %s is already allocated in subnet %s, to %s", want, s.Prefix, by)
	}
	taken[want] = owner
	return want, nil
}

func owned(taken map[netip.Addr]ID, owner ID) []netip.Addr {
	var out []netip.Addr
	for ip, by := range taken {
		if by == owner {
			out = append(out, ip)
		}
	}
	slices.SortFunc(out, netip.Addr.Compare)
	return out
}

// free is the lowest address that nobody has.
func (s Subnet) free(taken map[netip.Addr]ID) (netip.Addr, bool) {
	ranges := slices.Clone(s.Ranges())
	slices.SortFunc(ranges, func(a, b Range) int { return a.Start.Compare(b.Start) })
	for _, r := range ranges {
		for ip := r.Start; ip.IsValid() && ip.Compare(r.End) <= 0; ip = ip.Next() {
			if _, ok := taken[ip]; !ok && s.host(ip) {
				return ip, true
			}
		}
	}
	return netip.Addr{}, false
}

// Give takes all addresses of an owner back.
func (c *Cloud) Give(owner ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.give(owner)
}

func (c *Cloud) give(owner ID) {
	for _, taken := range c.taken {
		for _, ip := range owned(taken, owner) {
			delete(taken, ip)
		}
	}
}

// CheckRanges tells what is wrong with allocation pools. Errors: Invalid.
func (s Subnet) CheckRanges() error {
	first, last := s.bounds()
	pools := slices.Clone(s.Pools)
	slices.SortFunc(pools, func(a, b Range) int { return cmp.Or(a.Start.Compare(b.Start), a.End.Compare(b.End)) })
	for i, r := range pools {
		switch {
		case r.Start.Compare(r.End) > 0 || r.Start.Compare(first) < 0 || r.End.Compare(last) > 0:
			return fault("allocation_pools", "the pool %s-%s is not in the subnet %s", r.Start, r.End, s.Prefix)
		case i > 0 && r.Start.Compare(pools[i-1].End) <= 0:
			return fault("allocation_pools", "the pools %s-%s and %s-%s overlap", pools[i-1].Start, pools[i-1].End, r.Start, r.End)
		case s.Gateway.IsValid() && s.Gateway.Compare(r.Start) >= 0 && s.Gateway.Compare(r.End) <= 0:
			return fault("allocation_pools", "Gateway ip %s conflicts with allocation pool %s-%s", s.Gateway, r.Start, r.End)
		}
	}
	return nil
}

func fault(property, format string, args ...any) error {
	return &stoker.Error{Kind: stoker.Invalid, Type: "StackValidationFailed", Path: "properties." + property, Message: fmt.Sprintf(format, args...)}
}

package docker

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"

	"github.com/stoker-project/stoker"
)

// Protocols of the internet that have names here, by their numbers.
const (
	protoICMP   = 1
	protoTCP    = 6
	protoUDP    = 17
	protoDCCP   = 33
	protoICMPv6 = 58
	protoSCTP   = 132
)

// protocolOf gives the number of a rule's protocol; any is true where it has none.
func protocolOf(name string) (number uint8, any bool, err error) {
	switch name {
	case "", "any":
		return 0, true, nil
	case "tcp":
		return protoTCP, false, nil
	case "udp":
		return protoUDP, false, nil
	case "icmp":
		return protoICMP, false, nil
	case "icmpv6", "ipv6-icmp":
		return protoICMPv6, false, nil
	}
	n, err := strconv.ParseUint(name, 10, 8)
	return uint8(n), false, err
}

func hasPorts(proto uint8) bool {
	return slices.Contains([]uint8{protoTCP, protoUDP, protoDCCP, protoSCTP}, proto)
}

// checkFilter says what is wrong with a filter; empty: nothing.
func checkFilter(f *stoker.Filter) string {
	if f == nil {
		return ""
	}
	for _, r := range slices.Concat(f.Ingress, f.Egress) {
		if problem := checkRule(r); problem != "" {
			return problem
		}
	}
	return ""
}

func checkRule(r stoker.FilterRule) string {
	proto, any, err := protocolOf(r.Protocol)
	limited := r.Min != nil || r.Max != nil
	icmp := proto == protoICMP || proto == protoICMPv6
	switch {
	case err != nil:
		return fmt.Sprintf("protocol %q is not tcp, udp, icmp, icmpv6 or a number up to 255", r.Protocol)
	case limited && (any || !icmp && !hasPorts(proto)):
		return fmt.Sprintf("a rule with a range of ports needs a protocol that has ports, not %q", r.Protocol)
	case icmp && r.Max != nil && r.Min == nil:
		return "a rule with a code of ICMP needs the type too"
	case !icmp && limited && low(r) > high(r):
		return fmt.Sprintf("the range of ports %d to %d is empty", low(r), high(r))
	}
	most := 65535
	if icmp {
		most = 255
	}
	for _, n := range []*int{r.Min, r.Max} {
		if n != nil && (*n < 0 || *n > most) {
			return fmt.Sprintf("%d is not between 0 and %d", *n, most)
		}
	}
	for _, p := range r.Remote {
		if !p.IsValid() {
			return "a rule has a remote address that is none"
		}
	}
	return ""
}

func low(r stoker.FilterRule) int {
	if r.Min == nil {
		return 0
	}
	return *r.Min
}

func high(r stoker.FilterRule) int {
	if r.Max == nil {
		return 65535
	}
	return *r.Max
}

// span is a range of addresses of one family, both ends included.
type span struct{ first, last netip.Addr }

// spans gives the addresses of prefixes, in order, without overlaps.
func spans(prefixes []netip.Prefix, v4 bool) (out []span) {
	var all []netip.Prefix
	for _, p := range prefixes {
		if p.Addr().Is4() == v4 {
			all = append(all, p.Masked())
		}
	}
	slices.SortFunc(all, func(a, b netip.Prefix) int {
		if c := a.Addr().Compare(b.Addr()); c != 0 {
			return c
		}
		return a.Bits() - b.Bits()
	})
	for _, p := range all {
		last := lastOf(p)
		if n := len(out); n > 0 {
			switch end := &out[n-1].last; {
			case p.Addr().Compare(*end) <= 0: // of two prefixes, one holds the other
				continue
			case p.Addr() == end.Next():
				*end = last
				continue
			}
		}
		out = append(out, span{p.Addr(), last})
	}
	return out
}

// lastOf is the last address of a prefix.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	last, _ := netip.AddrFromSlice(b)
	return last
}

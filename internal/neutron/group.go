package neutron

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/catalog"
)

type (
	// Group is a security group: what ports with it let pass.
	Group struct {
		Object
		Description string
		Rules       []Rule
	}
	// Rule lets something pass. Those of a group's own list have no object of their own.
	Rule struct {
		Object
		Group    ID // whose it is
		Egress   bool
		IPv6     bool
		Protocol string // a name, or a number; empty: any
		Min, Max *int
		Remote   netip.Prefix // not valid: any
		Members  ID           // instead of Remote: who has this group
	}
)

// AnyEgress are the rules of a group that names none for what leaves.
func AnyEgress() []Rule { return []Rule{{Egress: true}, {Egress: true, IPv6: true}} }

// DefaultID is the ID of a project's group "default".
func DefaultID(p stoker.ProjectID) ID { return catalog.Derived("security group", string(p), "default") }

// defaultGroup is what every project has: members reach each other, and all leave.
func defaultGroup(p stoker.ProjectID) Group {
	id := DefaultID(p)
	return Group{Object: Object{ID: id, Name: "default", Project: p}, Description: "Default security group",
		Rules: append(AnyEgress(), Rule{Members: id}, Rule{Members: id, IPv6: true})}
}

// Group finds a security group that a project sees, by ID or name. Errors: NotFound;
// Conflict where several have the name.
func (c *Cloud) Group(p stoker.ProjectID, ref string) (Group, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := defaultGroup(p)
	if _, ok := c.groups.Rows[d.ID]; !ok {
		c.groups.Rows[d.ID] = d
	}
	return c.groups.Find(p, ref)
}

// PutGroup makes a group, or changes it.
func (c *Cloud) PutGroup(g Group) {
	c.mu.Lock()
	defer c.mu.Unlock()
	put(c, c.groups, g)
}

// RemoveGroup forgets a group. Conflict: ports have it.
func (c *Cloud) RemoveGroup(id ID) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ports := c.ports.Sorted(func(p Port) bool { return slices.Contains(p.Groups, id) }); len(ports) > 0 {
		return stoker.Errorf(stoker.Conflict, "Security Group %s in use by port %s", id, ports[0].ID)
	}
	remove(c, c.groups, id)
	return nil
}

// PutRule adds a rule to a group, or changes it.
func (c *Cloud) PutRule(r Rule) {
	c.mu.Lock()
	defer c.mu.Unlock()
	put(c, c.rules, r)
}

// RemoveRule forgets a rule that was added.
func (c *Cloud) RemoveRule(id ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	remove(c, c.rules, id)
}

// rulesOf gives the rules of some groups, those in their lists first; c.mu is held.
func (c *Cloud) rulesOf(groups []ID) []Rule {
	var out []Rule
	for _, id := range groups {
		g, ok := c.groups.Rows[id]
		if p, isDefault := c.projectOfDefault(id); !ok && isDefault {
			g = defaultGroup(p)
		}
		out = append(out, g.Rules...)
	}
	return append(out, c.rules.Sorted(func(r Rule) bool { return slices.Contains(groups, r.Group) })...)
}

// projectOfDefault tells whose "default" a group is that nobody has asked for yet: of
// a project that has ports with it.
func (c *Cloud) projectOfDefault(id ID) (stoker.ProjectID, bool) {
	for _, p := range c.ports.Rows {
		if DefaultID(p.Project) == id {
			return p.Project, true
		}
	}
	return "", false
}

// Filter says what passes a port; nil: everything.
func (c *Cloud) Filter(port ID) *stoker.Filter {
	c.mu.Lock()
	defer c.mu.Unlock()
	p, ok := c.ports.Rows[port]
	if !ok {
		return nil
	}
	return c.filter(p, c.members())
}

// FilterOf says what would pass a port that is not there yet.
func (c *Cloud) FilterOf(p Port) *stoker.Filter {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.filter(p, c.members())
}

// members gives the addresses of those who have a group; c.mu is held.
func (c *Cloud) members() map[ID][]netip.Prefix {
	out := map[ID][]netip.Prefix{}
	for _, p := range c.ports.Rows {
		if !p.IP.IsValid() {
			continue
		}
		for _, g := range p.Groups {
			out[g] = append(out[g], netip.PrefixFrom(p.IP, p.IP.BitLen()))
		}
	}
	for _, list := range out {
		slices.SortFunc(list, func(a, b netip.Prefix) int { return a.Addr().Compare(b.Addr()) })
	}
	return out
}

func (c *Cloud) filter(p Port, members map[ID][]netip.Prefix) *stoker.Filter {
	if p.Open {
		return nil
	}
	f := &stoker.Filter{}
	for _, r := range c.rulesOf(p.Groups) {
		fr, ok := r.filter(members)
		switch {
		case !ok:
		case r.Egress:
			f.Egress = append(f.Egress, fr)
		default:
			f.Ingress = append(f.Ingress, fr)
		}
	}
	f.Ingress, f.Egress = unique(f.Ingress), unique(f.Egress)
	return f
}

// filter is the rule for a driver; false where it lets nothing pass here: it is about
// IPv6, which no subnet has, or about members that there are none of.
func (r Rule) filter(members map[ID][]netip.Prefix) (stoker.FilterRule, bool) {
	out := stoker.FilterRule{Protocol: protocol(r.Protocol), Min: r.Min, Max: r.Max}
	if out.Min != nil && out.Max == nil && out.Protocol != "icmp" {
		out.Max = out.Min
	}
	switch {
	case r.IPv6 || r.Remote.IsValid() && r.Remote.Addr().Is6():
		return out, false
	case r.Members != "":
		out.Remote = members[r.Members]
		return out, len(out.Remote) > 0
	case r.Remote.IsValid() && r.Remote.Bits() > 0:
		out.Remote = []netip.Prefix{r.Remote.Masked()}
	}
	return out, true
}

// protocol gives a driver's word for a protocol of Neutron's.
func protocol(name string) string {
	name = strings.ToLower(name)
	numbers := map[string]string{
		"": "", "any": "", "-1": "", "6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6", "ipv6-icmp": "icmpv6",
		"ah": "51", "dccp": "33", "egp": "8", "esp": "50", "gre": "47", "igmp": "2", "ipip": "4", "ipv6-encap": "41",
		"ipv6-frag": "44", "ipv6-nonxt": "59", "ipv6-opts": "60", "ipv6-route": "43", "ospf": "89", "pgm": "113",
		"rsvp": "46", "sctp": "132", "udplite": "136", "vrrp": "112",
	}
	if n, ok := numbers[name]; ok {
		return n
	}
	return name
}

// unique sorts rules and leaves out what is there twice, so that equal filters are
// equal.
func unique(rules []stoker.FilterRule) []stoker.FilterRule {
	slices.SortFunc(rules, compare)
	return slices.CompactFunc(rules, func(a, b stoker.FilterRule) bool { return compare(a, b) == 0 })
}

func compare(a, b stoker.FilterRule) int {
	port := func(p *int) int {
		if p == nil {
			return -1
		}
		return *p
	}
	return cmp.Or(strings.Compare(a.Protocol, b.Protocol), cmp.Compare(port(a.Min), port(b.Min)), cmp.Compare(port(a.Max), port(b.Max)),
		slices.CompareFunc(a.Remote, b.Remote, func(x, y netip.Prefix) int {
			return cmp.Or(x.Addr().Compare(y.Addr()), cmp.Compare(x.Bits(), y.Bits()))
		}))
}

// A Seat is a server's port, for those who filter it.
type Seat struct {
	Server stoker.ServerToken
	IP     netip.Addr
}

// Filters gives the filters of all ports that servers have.
func (c *Cloud) Filters() map[Seat]*stoker.Filter {
	c.mu.Lock()
	defer c.mu.Unlock()
	members := c.members()
	out := map[Seat]*stoker.Filter{}
	for _, p := range c.ports.Rows {
		if p.Server != "" && p.IP.IsValid() {
			out[Seat{p.Server, p.IP}] = c.filter(p, members)
		}
	}
	return out
}

package neutron

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/catalog"
)

// External is the net that floating addresses come from.
type External struct {
	Name      string       // default public
	Addresses netip.Prefix // default 127.0.100.0/24
}

func (c *Cloud) addExternal(e External) {
	e.Name = cmp.Or(e.Name, "public")
	if !e.Addresses.IsValid() {
		e.Addresses = netip.MustParsePrefix("127.0.100.0/24")
	}
	n := Net{Object: Object{ID: catalog.Derived("external network", e.Name), Name: e.Name, Everyone: true}, External: true}
	c.external = Subnet{Object: Object{ID: catalog.Derived("external subnet", e.Name), Name: e.Name + "-subnet", Everyone: true},
		Net: n.ID, Prefix: e.Addresses.Masked(), Whole: true}
	c.nets.Rows[n.ID] = n
	c.subnets.Rows[c.external.ID] = c.external
}

// External is the subnet of the external net.
func (c *Cloud) External() Subnet { return c.external }

// Floating is a floating address.
type Floating struct {
	Object
	IP netip.Addr
	// By are those who have given it to a port: itself, an association or a server,
	// the last one last. Only the last counts.
	By []Grant
}

// Grant gives a floating address to a port.
type Grant struct {
	ID   ID // who says so
	Port ID
}

// Port is the port that has it; empty: none.
func (f Floating) Port() ID {
	if len(f.By) == 0 {
		return ""
	}
	return f.By[len(f.By)-1].Port
}

// Floating finds a floating address that a project sees, by ID or by the address.
// Errors: NotFound.
func (c *Cloud) Floating(p stoker.ProjectID, ref string) (Floating, error) {
	return locked(c, func() (Floating, error) { return c.floatings.Find(p, ref) })
}

// PutFloating makes a floating address, with an address of the external net: the one
// it had, the wanted one, or any. What it was given to stays. Errors: as Take's.
func (c *Cloud) PutFloating(f Floating) (Floating, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ip, err := c.take(c.external, f.IP, f.ID)
	if err != nil {
		return f, err
	}
	f.IP, f.Name, f.By = ip, ip.String(), c.floatings.Rows[f.ID].By
	put(c, c.floatings, f)
	return f, nil
}

// RemoveFloating forgets a floating address.
func (c *Cloud) RemoveFloating(id ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	remove(c, c.floatings, id)
	c.give(id)
}

// Grant gives a floating address to a port. One that is not there yet has it as soon as
// it is, so that the order of what is resumed does not matter.
func (c *Cloud) Grant(floating ID, g Grant) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.floatings.Rows[floating]
	f.ID = floating
	f.By = append(without(f.By, g.ID), g)
	put(c, c.floatings, f)
}

// Revoke takes back what one has given, from all floating addresses.
func (c *Cloud) Revoke(by ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, f := range c.floatings.Rows {
		if rest := without(f.By, by); len(rest) != len(f.By) {
			f.By = rest
			put(c, c.floatings, f)
			if !f.IP.IsValid() && len(rest) == 0 {
				remove(c, c.floatings, id)
			}
		}
	}
}

func without(grants []Grant, by ID) []Grant {
	return slices.DeleteFunc(slices.Clone(grants), func(g Grant) bool { return g.ID == by })
}

// OfPort lists the floating addresses that a port has.
func (c *Cloud) OfPort(port ID) []Floating {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.floatings.Sorted(func(f Floating) bool { return f.Port() == port && f.IP.IsValid() })
}

// MostPorts is how many ports one floating address publishes at most.
const MostPorts = 64

// usualPorts are published of a rule that opens more ports than can be.
var usualPorts = []int{22, 80, 443, 3000, 5000, 8000, 8080, 8443}

// Publication is what a floating address publishes.
type Publication struct {
	Floating ID
	IP       netip.Addr
	Port     Port  // that has it
	Ports    []int // of TCP, ascending
	Notes    []string
}

// Publications lists what the floating addresses publish that are given to ports
// of servers: the TCP ports that the security groups let in from anywhere.
func (c *Cloud) Publications() []Publication {
	return c.publications(func(_ Floating, p Port) bool { return p.Server != "" })
}

// PublicationsOf lists what a floating address publishes, or did while its port had a
// server.
func (c *Cloud) PublicationsOf(id ID) []Publication {
	return c.publications(func(f Floating, _ Port) bool { return f.ID == id })
}

func (c *Cloud) publications(keep func(Floating, Port) bool) []Publication {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []Publication
	members := c.members()
	for _, f := range c.floatings.Sorted(func(f Floating) bool { return f.IP.IsValid() }) {
		p, ok := c.ports.Rows[f.Port()]
		if !ok || !p.IP.IsValid() || !keep(f, p) {
			continue
		}
		ports, notes := published(c.filter(p, members))
		out = append(out, Publication{Floating: f.ID, IP: f.IP, Port: p, Ports: ports, Notes: notes})
	}
	return out
}

// published lists the TCP ports that a filter lets in from anywhere, and says what of
// the filter cannot be published.
func published(f *stoker.Filter) (ports []int, notes []string) {
	if f == nil {
		f = &stoker.Filter{Ingress: []stoker.FilterRule{{}}}
	}
	for _, r := range f.Ingress {
		if r.Protocol != "" && r.Protocol != "tcp" {
			if r.Protocol == "udp" && len(r.Remote) == 0 {
				notes = append(notes, "UDP is not published")
			}
			continue
		}
		if len(r.Remote) > 0 {
			continue
		}
		first, last := 1, 65535
		if r.Min != nil {
			first, last = *r.Min, *r.Min
		}
		if r.Max != nil {
			last = *r.Max
		}
		if last-first >= MostPorts {
			notes = append(notes, fmt.Sprintf("the rule for TCP ports %d to %d opens more than the %d that can be published: only the usual ones of them are", first, last, MostPorts))
			ports = append(ports, usual(first, last)...)
			continue
		}
		for n := max(first, 1); n <= last; n++ {
			ports = append(ports, n)
		}
	}
	slices.Sort(ports)
	ports = slices.Compact(ports)
	if len(ports) > MostPorts {
		notes = append(notes, fmt.Sprintf("the rules open %d TCP ports: only the first %d are published", len(ports), MostPorts))
		ports = ports[:MostPorts]
	}
	return ports, notes
}

func usual(first, last int) []int {
	var out []int
	for _, n := range usualPorts {
		if n >= first && n <= last {
			out = append(out, n)
		}
	}
	return out
}

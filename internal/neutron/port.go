package neutron

import (
	"crypto/sha256"
	"fmt"
	"net/netip"

	"github.com/stoker-project/stoker"
)

// PutPort makes a port that has its address already, or changes it, and notes that it
// has the address. Its server is the one that Bind has named. Errors: as Take's.
func (c *Cloud) PutPort(p Port) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s, ok := c.subnets.Rows[p.Subnet]; ok && p.IP.IsValid() {
		if _, err := c.take(s, p.IP, p.ID); err != nil {
			return err
		}
	} else if p.IP.IsValid() {
		c.reserve(p.Subnet, p.IP, p.ID)
	}
	p.Server = c.holders[p.ID].Server
	put(c, c.ports, p)
	return nil
}

// reserve notes an address of a subnet that is not there yet.
func (c *Cloud) reserve(subnet ID, ip netip.Addr, owner ID) {
	if c.taken[subnet] == nil {
		c.taken[subnet] = map[netip.Addr]ID{}
	}
	c.taken[subnet][ip] = owner
}

// Place deals a port its address: of the wanted subnet, or of the first of its net
// that has one left. A port that has its address keeps it. Errors: as Take's; Invalid
// where the subnet is of another net.
func (c *Cloud) Place(p Port, want netip.Addr) (Port, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var err error = stoker.Errorf(stoker.Invalid, "network %s has no subnet: its ports have no addresses", p.Net)
	for _, s := range c.subnets.Sorted(func(s Subnet) bool { return s.Net == p.Net && (p.Subnet == "" || p.Subnet == s.ID) }) {
		if p.Subnet == "" && want.IsValid() && !s.Prefix.Contains(want) {
			err = stoker.Errorf(stoker.Invalid, "IP address %s is not a valid IP for any of the subnets on the network %s", want, p.Net)
			continue
		}
		ip, failed := c.take(s, want, p.ID)
		if failed == nil {
			p.Subnet, p.IP = s.ID, ip
			return p, nil
		}
		err = failed
	}
	return p, err
}

// HasSubnets tells whether ports of a net have addresses.
func (c *Cloud) HasSubnets(net ID) bool { return len(c.Subnets(net)) > 0 }

// RemovePort forgets a port and gives its address back.
func (c *Cloud) RemovePort(id ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	remove(c, c.ports, id)
	c.give(id)
}

// Bind gives a port to a server, also one that is not there yet.
func (c *Cloud) Bind(port ID, h Holder) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.holders[port] = h
	if p, ok := c.ports.Rows[port]; ok && p.Server != h.Server {
		p.Server = h.Server
		put(c, c.ports, p)
	}
}

// Holder is who has a port; its zero value where nobody has.
func (c *Cloud) Holder(port ID) Holder {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.holders[port]
}

// Unbind takes all ports from a server and forgets those that were made for it alone.
func (c *Cloud) Unbind(server stoker.ServerToken) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, h := range c.holders {
		if h.Server != server {
			continue
		}
		delete(c.holders, id)
		p, ok := c.ports.Rows[id]
		switch {
		case !ok:
		case p.Alone:
			remove(c, c.ports, id)
			c.give(id)
		default:
			p.Server = ""
			put(c, c.ports, p)
		}
	}
}

// PortsOf lists the ports of a server.
func (c *Cloud) PortsOf(server stoker.ServerToken) []Port {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ports.Sorted(func(p Port) bool { return p.Server == server })
}

// NameOf is a net's name; empty where there is no such net.
func (c *Cloud) NameOf(net ID) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.nets.Rows[net].Name
}

// SubnetByID finds a subnet for those who may see all; false where there is none.
func (c *Cloud) SubnetByID(id ID) (Subnet, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, ok := c.subnets.Rows[id]
	return s, ok
}

// PortByID is like SubnetByID.
func (c *Cloud) PortByID(id ID) (Port, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p, ok := c.ports.Rows[id]
	return p, ok
}

// Reserve notes that somebody has an address, where it is of a subnet of a project
// and nobody else has it.
func (c *Cloud) Reserve(p stoker.ProjectID, address string, owner ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return
	}
	for _, s := range c.subnets.Rows {
		if _, ok := c.taken[s.ID][ip]; s.Project == p && s.Prefix.Contains(ip) && !ok {
			c.reserve(s.ID, ip, owner)
		}
	}
}

// MAC is the hardware address of what has an ID, with OpenStack's prefix.
func MAC(id ID) string {
	b := sha256.Sum256([]byte(id))
	return fmt.Sprintf("fa:16:3e:%02x:%02x:%02x", b[0], b[1], b[2])
}

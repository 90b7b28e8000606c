package neutron

import (
	"slices"

	"github.com/stoker-project/stoker"
)

// PutRouter makes a router, or changes it.
func (c *Cloud) PutRouter(r Router) {
	c.mu.Lock()
	defer c.mu.Unlock()
	put(c, c.routers, r)
}

// AddGateway gives a router a way out, also one that is not there yet, in somebody's
// name.
func (c *Cloud) AddGateway(by, router ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.version++
	c.gateways[by] = router
}

// RemoveGateway takes back what was given in somebody's name.
func (c *Cloud) RemoveGateway(by ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.version++
	delete(c.gateways, by)
}

// outside tells whether a router has a way out; c.mu is held.
func (c *Cloud) outside(r Router) bool {
	for _, id := range c.gateways {
		if id == r.ID {
			return true
		}
	}
	return r.Outside
}

// RemoveRouter forgets a router; nil where there is none. Conflict: subnets are at it.
func (c *Cloud) RemoveRouter(id ID) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at := c.interfaces.Sorted(func(i Interface) bool { return i.Router == id }); len(at) > 0 {
		return inUse("router", id, "interfaces")
	}
	remove(c, c.routers, id)
	return nil
}

// PutInterface puts a subnet at a router. Errors: Conflict where it is there already
// by another interface; Invalid where the subnet has no gateway.
func (c *Cloud) PutInterface(i Interface) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, o := range c.interfaces.Rows {
		if o.ID != i.ID && o.Router == i.Router && o.Subnet == i.Subnet {
			return stoker.Errorf(stoker.Conflict, "Bad router request: Router already has a port on subnet %s", i.Subnet)
		}
	}
	if s, ok := c.subnets.Rows[i.Subnet]; ok && !s.Gateway.IsValid() {
		return stoker.Errorf(stoker.Invalid, "Bad router request: Subnet for router interface must have a gateway IP")
	}
	put(c, c.interfaces, i)
	return nil
}

// RemoveInterface takes a subnet from its router.
func (c *Cloud) RemoveInterface(id ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	remove(c, c.interfaces, id)
}

// Reaches says whom the servers of each subnet reach: those of the subnets at the
// same routers, and the outside where one of the routers has a gateway.
func (c *Cloud) Reaches() map[ID]stoker.Reach {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := map[ID][]ID{} // subnets by router
	for _, i := range c.interfaces.Rows {
		if _, ok := c.subnets.Rows[i.Subnet]; ok {
			at[i.Router] = append(at[i.Router], i.Subnet)
		}
	}
	out := map[ID]stoker.Reach{}
	for id := range c.subnets.Rows {
		if id != c.external.ID {
			out[id] = stoker.Reach{}
		}
	}
	for router, subnets := range at {
		r, ok := c.routers.Rows[router]
		if !ok {
			continue
		}
		for _, s := range subnets {
			reach := out[s]
			reach.Outside = reach.Outside || c.outside(r)
			for _, other := range subnets {
				if other != s {
					reach.Networks = append(reach.Networks, stoker.NetworkToken(other))
				}
			}
			slices.Sort(reach.Networks)
			reach.Networks = slices.Compact(reach.Networks)
			out[s] = reach
		}
	}
	return out
}

// RouterOf is a router that a subnet is at; empty where there is none.
func (c *Cloud) RouterOf(subnet ID) ID {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, i := range c.interfaces.Sorted(func(i Interface) bool { return i.Subnet == subnet }) {
		return i.Router
	}
	return ""
}

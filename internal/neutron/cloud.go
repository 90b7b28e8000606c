package neutron

import (
	"fmt"
	"net/netip"
	"sync"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/catalog"
)

type (
	// ID names an object.
	ID = catalog.ID
	// Object is what all objects have.
	Object = catalog.Object
)

type (
	// Net is a network: a name for subnets.
	Net struct {
		Object
		// External says that it is the one that floating addresses come from.
		External bool
		// Open is the default of its ports.
		Open bool
	}
	// Subnet is a range of addresses of a net.
	Subnet struct {
		Object
		Net    ID
		Prefix netip.Prefix
		// Gateway is the routers' address in it; not valid: routers cannot join it.
		Gateway netip.Addr
		Pools   []Range // what addresses are dealt from; none: all there are
		// Whole says that the machine needs no address of its own in it.
		Whole bool
	}
	// Range is a range of addresses, both ends included.
	Range struct{ Start, End netip.Addr }
	// Router joins subnets.
	Router struct {
		Object
		Outside bool // it has an external gateway
	}
	// Interface is a subnet's place at a router.
	Interface struct {
		Object
		Router, Subnet ID
	}
	// Port is a place in a subnet.
	Port struct {
		Object
		Net    ID
		Subnet ID         // empty: it has no address
		IP     netip.Addr // not valid: it has no address
		MAC    string
		Groups []ID // security groups
		// Open says that everything passes: the port has no security.
		Open bool
		// Owner is what the port is for, in Neutron's words: compute:nova.
		Owner string
		// Alone says that it was made for its server and goes with it.
		Alone bool
		// Server is who has it; empty: nobody. Bind and Unbind change it.
		Server stoker.ServerToken
	}
	// Holder is a server that has a port, and the resource that it is of.
	Holder struct {
		Server   stoker.ServerToken
		Stack    stoker.StackID
		Resource stoker.ResourceName
	}
)

// Cloud holds all objects of an installation. All methods may be called concurrently.
// What they give is the caller's, but for what slices hold.
type Cloud struct {
	mu         sync.Mutex
	version    uint64 // counts changes
	nets       catalog.Table[Net]
	subnets    catalog.Table[Subnet]
	routers    catalog.Table[Router]
	interfaces catalog.Table[Interface]
	ports      catalog.Table[Port]
	groups     catalog.Table[Group]
	rules      catalog.Table[Rule]
	floatings  catalog.Table[Floating]
	// taken says who has an address, by subnet.
	taken map[ID]map[netip.Addr]ID
	// holders are the servers of ports, which may be known before the ports are.
	holders  map[ID]Holder
	gateways map[ID]ID // routers, by who has given them a way out
	external Subnet
}

// New makes a cloud that has nothing but the net that floating addresses come from.
func New(e External) *Cloud {
	c := &Cloud{
		nets: catalog.New[Net]("network"), subnets: catalog.New[Subnet]("subnet"), routers: catalog.New[Router]("router"),
		interfaces: catalog.New[Interface]("router interface"), ports: catalog.New[Port]("port"),
		groups: catalog.New[Group]("security_group"), rules: catalog.New[Rule]("security_group_rule"),
		floatings: catalog.New[Floating]("floatingip"), taken: map[ID]map[netip.Addr]ID{}, holders: map[ID]Holder{}, gateways: map[ID]ID{},
	}
	c.addExternal(e)
	return c
}

// Version counts the changes: what was read before a change has a lower one.
func (c *Cloud) Version() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.version
}

// put and remove change a table; c.mu is held.
func put[T catalog.Entry](c *Cloud, t catalog.Table[T], row T) {
	c.version++
	t.Rows[row.Head().ID] = row
}

func remove[T catalog.Entry](c *Cloud, t catalog.Table[T], id ID) {
	if _, ok := t.Rows[id]; ok {
		c.version++
		delete(t.Rows, id)
	}
}

// locked gives what a look at the cloud gives.
func locked[T any](c *Cloud, look func() (T, error)) (T, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return look()
}

// Net, Subnet, Router and Port find one that a project sees, by ID or name. Errors:
// NotFound; Conflict where several have the name.
func (c *Cloud) Net(p stoker.ProjectID, ref string) (Net, error) {
	return locked(c, func() (Net, error) { return c.nets.Find(p, ref) })
}

// Subnet is like Net.
func (c *Cloud) Subnet(p stoker.ProjectID, ref string) (Subnet, error) {
	return locked(c, func() (Subnet, error) { return c.subnets.Find(p, ref) })
}

// Router is like Net.
func (c *Cloud) Router(p stoker.ProjectID, ref string) (Router, error) {
	return locked(c, func() (Router, error) { return c.routers.Find(p, ref) })
}

// Port is like Net.
func (c *Cloud) Port(p stoker.ProjectID, ref string) (Port, error) {
	return locked(c, func() (Port, error) { return c.ports.Find(p, ref) })
}

// PutNet makes a net, or changes it.
func (c *Cloud) PutNet(n Net) {
	c.mu.Lock()
	defer c.mu.Unlock()
	put(c, c.nets, n)
}

// RemoveNet forgets a net; nil where there is none. Conflict: subnets or ports are in it.
func (c *Cloud) RemoveNet(id ID) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	subnets := c.subnets.Sorted(func(s Subnet) bool { return s.Net == id })
	ports := c.ports.Sorted(func(p Port) bool { return p.Net == id })
	if len(subnets)+len(ports) > 0 {
		return inUse("network", id, fmt.Sprintf("%d subnets and %d ports", len(subnets), len(ports)))
	}
	remove(c, c.nets, id)
	return nil
}

func inUse(kind string, id ID, by string) error {
	return stoker.Errorf(stoker.Conflict, "Unable to complete operation on %s %s: it is in use by %s", kind, id, by)
}

// Subnets lists those of a net.
func (c *Cloud) Subnets(net ID) []Subnet {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.subnets.Sorted(func(s Subnet) bool { return s.Net == net })
}

// PutSubnet makes a subnet, or changes it. Errors: Conflict where its addresses
// overlap those of another subnet of its net.
func (c *Cloud) PutSubnet(s Subnet) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, o := range c.subnets.Rows {
		if o.ID != s.ID && o.Net == s.Net && o.Prefix.Overlaps(s.Prefix) {
			return stoker.Errorf(stoker.Conflict, "Requested subnet with cidr: %s for network: %s overlaps with another subnet: %s", s.Prefix, s.Net, o.Prefix)
		}
	}
	put(c, c.subnets, s)
	return nil
}

// RemovableSubnet tells whether nothing uses a subnet; Conflict otherwise.
func (c *Cloud) RemovableSubnet(id ID) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	ports := c.ports.Sorted(func(p Port) bool { return p.Subnet == id })
	at := c.interfaces.Sorted(func(i Interface) bool { return i.Subnet == id })
	if len(ports)+len(at) > 0 {
		return inUse("subnet", id, fmt.Sprintf("%d ports and %d router interfaces", len(ports), len(at)))
	}
	return nil
}

// RemoveSubnet forgets a subnet.
func (c *Cloud) RemoveSubnet(id ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	remove(c, c.subnets, id)
	delete(c.taken, id)
}

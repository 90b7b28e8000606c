package openstack

import (
	"cmp"
	"context"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/neutron"
	"github.com/stoker-project/stoker/internal/octavia"
)

// balanced is what balancer and driver know of load balancers.
type balanced struct {
	pools   map[stoker.PoolID]stoker.Pool
	members map[seat]stoker.Member
	hosts   map[netip.Addr]neutron.ID // subnets, by the address that the machine has in them
}

// seat is a member's place in a pool.
type seat struct {
	pool   stoker.PoolID
	member stoker.MemberID
}

func newBalanced() balanced {
	return balanced{map[stoker.PoolID]stoker.Pool{}, map[seat]stoker.Member{}, map[netip.Addr]neutron.ID{}}
}

// drainMember is how long what a member has in flight may take when it leaves, unless
// the load balancer's flavor says otherwise.
const drainMember = 30 * time.Second

// balance brings the balancer's pools to what the load balancers want. Addresses come
// before who listens on them, and go after; so do pools that only policies lead to,
// before and after those whose listeners have the policies.
func (c *cloud) balance(ctx context.Context) {
	if c.balancer == nil {
		return
	}
	want := c.lbs.Wanted(func(l octavia.LoadBalancer) []netip.Addr {
		var out []netip.Addr
		for _, f := range c.OfPort(l.Port) {
			out = append(out, f.IP)
		}
		return out
	})
	hosts := c.vips()
	c.addHosts(ctx, hosts)
	c.removePools(ctx, want, func(p stoker.Pool) bool { return len(p.Listeners) > 0 })
	for _, p := range inTurn(want.Pools) {
		id := p.ID
		if old, ok := c.told.lbs.pools[id]; ok && reflect.DeepEqual(old, p) {
			continue
		}
		if _, err := c.balancer.SetPool(ctx, p); err != nil {
			c.told.failures[subject{"pool", string(id)}] = doing(err, "set up pool %s", p.Name)
			continue
		}
		c.told.lbs.pools[id] = p
	}
	c.removePools(ctx, want, func(stoker.Pool) bool { return true })
	c.setMembers(ctx, want)
	c.removeHosts(ctx, hosts)
}

// inTurn lists pools, those without listeners first.
func inTurn(pools map[stoker.PoolID]stoker.Pool) []stoker.Pool {
	return slices.SortedFunc(maps.Values(pools), func(a, b stoker.Pool) int {
		return cmp.Or(cmp.Compare(min(1, len(a.Listeners)), min(1, len(b.Listeners))), cmp.Compare(a.ID, b.ID))
	})
}

// vips are the addresses of load balancers that the machine needs in subnets.
func (c *cloud) vips() map[netip.Addr]neutron.ID {
	out := map[netip.Addr]neutron.ID{}
	if _, ok := c.driver.(stoker.NetworkHost); !ok {
		return out
	}
	for _, l := range c.lbs.LoadBalancers() {
		if l.Subnet != c.External().ID {
			out[l.VIP] = l.Subnet
		}
	}
	return out
}

func (c *cloud) addHosts(ctx context.Context, want map[netip.Addr]neutron.ID) {
	host, ok := c.driver.(stoker.NetworkHost)
	for ip, subnet := range want {
		if !ok || c.told.lbs.hosts[ip] == subnet {
			continue
		}
		if err := host.AddHostAddress(ctx, stoker.NetworkToken(subnet), ip); err != nil {
			c.told.failures[subject{"vip", ip.String()}] = doing(err, "give the machine the address %s", ip)
			continue
		}
		c.told.lbs.hosts[ip] = subnet
	}
}

func (c *cloud) removeHosts(ctx context.Context, want map[netip.Addr]neutron.ID) {
	host, ok := c.driver.(stoker.NetworkHost)
	for ip, subnet := range c.told.lbs.hosts {
		if !ok || want[ip] == subnet {
			continue
		}
		if err := host.RemoveHostAddress(ctx, stoker.NetworkToken(subnet), ip); err != nil {
			c.told.failures[subject{"vip", ip.String()}] = doing(err, "take the address %s from the machine", ip)
			continue
		}
		delete(c.told.lbs.hosts, ip)
	}
}

// removePools removes those of some kind that are wanted no more.
func (c *cloud) removePools(ctx context.Context, want octavia.Wanted, these func(stoker.Pool) bool) {
	for id, p := range c.told.lbs.pools {
		if _, ok := want.Pools[id]; ok || !these(p) {
			continue
		}
		if err := c.balancer.RemovePool(ctx, id); err != nil {
			c.told.failures[subject{"pool", string(id)}] = doing(err, "remove pool %s", id)
			continue
		}
		delete(c.told.lbs.pools, id)
		for at := range c.told.lbs.members {
			if at.pool == id {
				delete(c.told.lbs.members, at)
			}
		}
	}
}

// setMembers adds and changes members. Those that leave are let go by whoever deletes
// them, with time to end what they do; the others that are wanted no more go at once.
func (c *cloud) setMembers(ctx context.Context, want octavia.Wanted) {
	for id, members := range want.Members {
		if _, ok := c.told.lbs.pools[id]; !ok {
			continue // it could not be set up
		}
		for _, m := range members {
			at := seat{id, m.ID}
			if old, ok := c.told.lbs.members[at]; ok && old == m {
				continue
			}
			if err := c.balancer.SetMember(ctx, id, m); err != nil {
				c.told.failures[subject{"member", string(m.ID)}] = doing(err, "add member %s", m.Address)
				continue
			}
			c.told.lbs.members[at] = m
		}
	}
	for at := range c.told.lbs.members {
		if _, ok := want.Members[at.pool][at.member]; ok || c.isLeaving(at) {
			continue
		}
		if err := c.balancer.RemoveMember(ctx, at.pool, at.member, 0); err == nil {
			delete(c.told.lbs.members, at)
		}
	}
}

func (c *cloud) isLeaving(at seat) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.leaving[at]
}

// leave lets a member go that change makes unwanted: what it has in flight may end.
// Nobody else waits meanwhile.
func (c *cloud) leave(ctx context.Context, at seat, change func()) error {
	c.mu.Lock()
	c.leaving[at] = true
	c.mu.Unlock()
	change()
	drain := drainMember
	if asked := c.lbs.SettingsOf(octavia.ID(at.pool)).DrainTimeout; asked != nil {
		drain = *asked
	}
	err := c.balancer.RemoveMember(ctx, at.pool, at.member, drain)
	if err == nil {
		err = c.gone(ctx, at) // before it may come again
	}
	c.mu.Lock()
	delete(c.leaving, at)
	c.mu.Unlock()
	if err != nil {
		return doing(err, "let member %s go", at.member)
	}
	return c.settle(ctx, nothing)
}

// gone notes that the balancer does not know a member any more. Whoever settled while
// it left had to leave that to us, and has settled the change.
func (c *cloud) gone(ctx context.Context, at seat) error {
	select {
	case c.turn <- struct{}{}:
		delete(c.told.lbs.members, at)
		<-c.turn
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

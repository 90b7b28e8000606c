package openstack

import (
	"cmp"
	"context"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/neutron"
)

// published is one port of a floating address: a pool with one member.
type published struct {
	floating neutron.ID
	listener string // host:port
	ip       string
	port     int
	member   stoker.Member
}

// drainPublished is how long connections through a floating address may go on after
// the address was taken away.
const drainPublished = 5 * time.Second

// publish brings the balancer's pools to what the floating addresses publish.
func (c *cloud) publish(ctx context.Context) {
	if c.balancer == nil {
		return
	}
	want := pools(c.Publications())
	c.retract(ctx, want)
	for id, p := range want {
		if c.told.pools[id] == p {
			continue
		}
		if err := c.open(ctx, id, p); err != nil {
			c.told.failures[subject{"floating", string(p.floating)}] = err
			continue
		}
		c.told.pools[id] = p
	}
}

// pools lists what is wanted of the balancer.
func pools(all []neutron.Publication) map[stoker.PoolID]published {
	out := map[stoker.PoolID]published{}
	for _, f := range all {
		for _, n := range f.Ports {
			text := strconv.Itoa(n)
			out[stoker.PoolID(string(f.Floating)+"-"+text)] = published{
				floating: f.Floating, listener: net.JoinHostPort(f.IP.String(), text), ip: f.IP.String(), port: n,
				member: stoker.Member{ID: stoker.MemberID(f.Port.ID), Address: net.JoinHostPort(f.Port.IP.String(), text)},
			}
		}
	}
	return out
}

// open makes or changes one pool. Its member is up from the start: whoever connects
// learns from the server itself whether it listens.
func (c *cloud) open(ctx context.Context, id stoker.PoolID, p published) error {
	if old, ok := c.told.pools[id]; ok && old.member.ID != p.member.ID {
		if err := c.balancer.RemoveMember(ctx, id, old.member.ID, 0); err != nil {
			return doing(err, "take %s from its server", p.listener)
		}
	}
	_, err := c.balancer.SetPool(ctx, stoker.Pool{
		ID: id, Name: "floating address " + p.listener,
		Listeners: []stoker.Listener{{Protocol: stoker.ProtocolTCP, Address: p.ip, Port: p.port}},
	})
	if err == nil {
		err = c.balancer.SetMember(ctx, id, p.member)
	}
	return doing(err, "publish %s", p.listener)
}

// retract ends the pools that are wanted no more, all at once, since each may wait
// for its connections.
func (c *cloud) retract(ctx context.Context, want map[stoker.PoolID]published) {
	var ids []stoker.PoolID
	for id := range c.told.pools {
		if _, ok := want[id]; !ok {
			ids = append(ids, id)
		}
	}
	errs := make([]error, len(ids))
	var wg sync.WaitGroup
	for i, id := range ids {
		member := c.told.pools[id].member.ID
		wg.Go(func() {
			errs[i] = cmp.Or(c.balancer.RemoveMember(ctx, id, member, drainPublished), c.balancer.RemovePool(ctx, id))
		})
	}
	wg.Wait()
	for i, id := range ids {
		p := c.told.pools[id]
		if errs[i] != nil {
			c.told.failures[subject{"floating", string(p.floating)}] = doing(errs[i], "take %s back", p.listener)
			continue
		}
		delete(c.told.pools, id)
	}
}

// recall notes what a floating address publishes as published: after a crash amid its
// end nobody has been told of it by this process, and the balancer may still have it.
func (c *cloud) recall(ctx context.Context, id neutron.ID) error {
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	for pool, p := range pools(c.PublicationsOf(id)) {
		if _, ok := c.told.pools[pool]; !ok {
			c.told.pools[pool] = p
		}
	}
	return nil
}

// notesOf says what of a floating address's port cannot be published.
func (c *cloud) notesOf(id neutron.ID) []string {
	all := c.Publications()
	i := slices.IndexFunc(all, func(p neutron.Publication) bool { return p.Floating == id })
	if i < 0 {
		return nil
	}
	return all[i].Notes
}

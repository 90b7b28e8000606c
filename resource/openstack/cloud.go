package openstack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"sync"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/neutron"
	"github.com/stoker-project/stoker/internal/octavia"
)

// cloud is what the types of Neutron share: the objects as they should be, and what
// of them the driver and the balancer have been told. The records of the engine are
// the truth; all this comes back from them.
type cloud struct {
	*neutron.Cloud
	lbs      *octavia.Service
	driver   stoker.Driver
	networks stoker.Networker // nil: the driver has none
	balancer stoker.Balancer
	project  func(string) (stoker.ProjectID, error)
	log      *slog.Logger

	turn chan struct{} // holds the right to act, and to touch what follows
	told told

	mu      sync.Mutex
	leaving map[seat]bool // members that are let go by whoever deletes them
}

// told is what the driver and the balancer know.
type told struct {
	version  uint64 // of the objects, up to which all has been told
	reaches  map[neutron.ID]stoker.Reach
	filters  map[neutron.Seat]*stoker.Filter
	pools    map[stoker.PoolID]published
	lbs      balanced
	failures map[subject]error
}

// subject is what something could not be told about.
type subject struct {
	kind string // network, filter, floating, vip, pool
	id   string
}

func newCloud(d Deps) *cloud {
	networks, _ := d.Driver.(stoker.Networker)
	if d.Project == nil {
		d.Project = func(ref string) (stoker.ProjectID, error) { return stoker.ProjectID(ref), nil }
	}
	return &cloud{
		Cloud: neutron.New(d.External), lbs: octavia.New(), leaving: map[seat]bool{}, driver: d.Driver, networks: networks, balancer: d.Balancer, project: d.Project, log: d.Logger,
		turn: make(chan struct{}, 1),
		told: told{reaches: map[neutron.ID]stoker.Reach{}, filters: map[neutron.Seat]*stoker.Filter{}, pools: map[stoker.PoolID]published{}, lbs: newBalanced()},
	}
}

// settle tells the driver and the balancer what has changed, and gives what could not
// be told about the subjects that concern the caller. Those who come while another one
// acts share the next turn, so that a hundred servers that join a group at once cost
// few rounds.
func (c *cloud) settle(ctx context.Context, concerns func(subject) bool) error {
	version := c.Version() + c.lbs.Version()
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if c.told.version < version || len(c.told.failures) > 0 {
		version = c.Version() + c.lbs.Version()
		c.told.failures = map[subject]error{}
		c.route(ctx)
		c.filter(ctx)
		c.publish(ctx)
		c.balance(ctx)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		c.told.version = version
	}
	var errs []error
	for s, err := range c.told.failures {
		if concerns(s) {
			errs = append(errs, err)
			continue
		}
		c.log.Warn("tell the cloud", "kind", s.kind, "id", s.id, "err", err)
	}
	return errors.Join(errs...)
}

// doing says what was being done, also to those who see an Error's message only.
func doing(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return stoker.Errorf(stoker.KindOf(err), "%s: %w", fmt.Sprintf(format, args...), err)
}

// nothing, everything and only choose subjects.
func nothing(subject) bool    { return false }
func everything(subject) bool { return true }
func only(kind string, ids ...neutron.ID) func(subject) bool {
	return func(s subject) bool {
		for _, id := range ids {
			if s == (subject{kind, string(id)}) {
				return true
			}
		}
		return false
	}
}

// route tells the driver whom the networks reach.
func (c *cloud) route(ctx context.Context) {
	if c.networks == nil {
		return
	}
	want := c.Reaches()
	for id, reach := range want {
		if old, ok := c.told.reaches[id]; ok && reflect.DeepEqual(old, reach) {
			continue
		}
		err := c.networks.RouteNetwork(ctx, stoker.NetworkToken(id), reach)
		if err != nil && !stoker.IsKind(err, stoker.NotFound) { // one that is being made or removed
			c.told.failures[subject{"network", string(id)}] = doing(err, "route network %s", id)
		}
		if err == nil {
			c.told.reaches[id] = reach
		}
	}
	for id := range c.told.reaches {
		if _, ok := want[id]; !ok {
			delete(c.told.reaches, id)
		}
	}
}

// filter tells the driver what passes the ports of servers.
func (c *cloud) filter(ctx context.Context) {
	filterer, ok := c.driver.(stoker.PortFilterer)
	if !ok {
		return
	}
	want := c.Filters()
	for seat, f := range want {
		if old, ok := c.told.filters[seat]; ok && reflect.DeepEqual(old, f) {
			continue
		}
		err := filterer.SetFilter(ctx, seat.Server, seat.IP, f)
		if err != nil && !stoker.IsKind(err, stoker.NotFound) { // a server that is being made, or has ended
			c.told.failures[subject{"filter", string(seat.Server)}] = doing(err, "filter port %s of server %s", seat.IP, seat.Server)
		}
		if err == nil {
			c.told.filters[seat] = f
		}
	}
	for seat := range c.told.filters {
		if _, ok := want[seat]; !ok {
			delete(c.told.filters, seat)
		}
	}
}

// filtered notes filters that a server was made with.
func (c *cloud) filtered(ctx context.Context, server stoker.ServerToken, ports []stoker.ServerPort) error {
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	for _, p := range ports {
		c.told.filters[neutron.Seat{Server: server, IP: p.IP}] = p.Filter
	}
	if len(ports) > 0 {
		c.told.version = 0 // it may have changed since
	}
	return nil
}

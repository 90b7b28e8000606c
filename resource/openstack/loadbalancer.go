package openstack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/catalog"
	"github.com/stoker-project/stoker/internal/neutron"
	"github.com/stoker-project/stoker/internal/octavia"
	"github.com/stoker-project/stoker/internal/request"
	"github.com/stoker-project/stoker/internal/schema"
)

// balancing is embedded by the types of Octavia. They need no networks.
type balancing struct {
	schema.Fixed
	*cloud
}

// Refuse says that there is no balancer.
func (b balancing) Refuse(t stoker.TypeName) error {
	if b.balancer != nil {
		return nil
	}
	return &stoker.Error{Kind: stoker.Invalid, Type: "ResourceTypeUnavailable",
		Message: fmt.Sprintf("no driver for this type is configured: %s needs a balancer", t)}
}

// about chooses the failures of a pool and its members.
func about(pool octavia.ID) func(subject) bool {
	return only("pool", neutron.ID(pool))
}

func down(v request.Values) bool { return v.Has("admin_state_up") && !v.Bool("admin_state_up") }

// loadBalancer is OS::Octavia::LoadBalancer: an address for listeners. Where the
// driver can it is one of the subnet, which the machine gets; elsewhere one of the
// external network.
type loadBalancer struct{ balancing }

var (
	_ stoker.Updater    = loadBalancer{}
	_ stoker.Resumer    = loadBalancer{}
	_ stoker.Attributer = loadBalancer{}
	_ stoker.Refuser    = loadBalancer{}
)

func (l loadBalancer) Create(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	flavor, _, err := l.choose(req, false)
	if err != nil {
		return stoker.Result{}, err
	}
	zone, asked, err := l.choose(req, true)
	if err != nil {
		return stoker.Result{}, err
	}
	if err := l.lbs.Admit(octavia.LoadBalancers, object(req)); err != nil {
		return stoker.Result{}, err
	}
	vip, err := l.deal(req)
	if err != nil {
		return stoker.Result{}, err
	}
	if n := asked.VIPNetworks; len(n) > 0 && !slices.Contains(n, string(vip.Net)) {
		l.RemovePort(vip.ID)
		return stoker.Result{}, refused("vip_subnet", "the availability zone has no addresses in network "+string(vip.Net), "It has them in "+strings.Join(n, ", ")+".")
	}
	data := portData(vip)
	data["flavor"], data["zone"] = string(flavor), string(zone)
	made := l.put(req, vip, data)
	return stoker.Result{PhysicalID: physical(made.Object), Data: data}, l.settle(ctx, only("vip", neutron.ID(vip.IP.String())))
}

// choose finds the flavor, or the availability zone, that is named.
func (l loadBalancer) choose(req *stoker.Request, zone bool) (octavia.ID, octavia.Settings, error) {
	property := map[bool]string{false: "flavor", true: "availability_zone"}[zone]
	name := request.Values(req.Properties).String(property)
	if name == "" {
		return "", octavia.Settings{}, nil
	}
	o, s, err := l.lbs.Choose(zone, req.Stack.Project, name)
	return o.ID, s, in(property, err)
}

// deal makes the port of the address.
func (c *cloud) deal(req *stoker.Request) (neutron.Port, error) {
	v := request.Values(req.Properties)
	return c.vip(req, ref(v, "vip_subnet", "subnet"), v)
}

// vip makes the port of an address in a subnet, or in the external network where the
// driver cannot give the machine one. The address is v's vip_address.
func (c *cloud) vip(req *stoker.Request, subnet string, v request.Values) (neutron.Port, error) {
	id := catalog.Derived("vip", string(req.ID))
	out := neutron.Port{
		Object: neutron.Object{ID: id, Name: "octavia-lb-" + string(req.ID), Project: req.Stack.Project},
		MAC:    neutron.MAC(id), Owner: "Octavia", Open: true,
	}
	s := c.External()
	if _, ok := c.driver.(stoker.NetworkHost); ok && c.networks != nil {
		var err error
		if s, err = c.Subnet(req.Stack.Project, subnet); err != nil {
			return out, in("vip_subnet", err)
		}
	}
	out.Net, out.Subnet = s.Net, s.ID
	want, err := address(v, "vip_address")
	if err != nil {
		return out, err
	}
	if out, err = c.Place(out, want); err != nil {
		return out, in("vip_address", err)
	}
	return out, c.PutPort(out)
}

func (l loadBalancer) put(req *stoker.Request, vip neutron.Port, data request.Values) octavia.LoadBalancer {
	made := octavia.LoadBalancer{
		Object: object(req), VIP: vip.IP, Subnet: vip.Subnet, Port: vip.ID, Down: down(req.Properties),
		Flavor: octavia.ID(data.String("flavor")), Zone: octavia.ID(data.String("zone")),
	}
	l.lbs.PutLoadBalancer(made)
	return made
}

func (l loadBalancer) Update(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	l.put(req, portOf(req.Stack.Project, req.Data), req.Data)
	return stoker.Result{}, l.settle(ctx, func(s subject) bool { return s.kind == "pool" })
}

func (l loadBalancer) Resume(_ context.Context, req *stoker.Request) error {
	vip := portOf(req.Stack.Project, req.Data)
	l.put(req, vip, req.Data)
	return l.PutPort(vip)
}

func (l loadBalancer) Delete(ctx context.Context, req *stoker.Request) error {
	vip := portOf(req.Stack.Project, req.Data)
	l.lbs.Remove(idOf(req))
	err := errors.Join(l.settle(ctx, only("vip", neutron.ID(vip.IP.String()))), l.withdraw(ctx, vip))
	l.RemovePort(catalog.Derived("vip", string(req.ID)))
	return err
}

// withdraw takes an address from the machine, also one that only the driver still
// knows, after a crash amid its end.
func (c *cloud) withdraw(ctx context.Context, vip neutron.Port) error {
	host, ok := c.driver.(stoker.NetworkHost)
	if !ok || !vip.IP.IsValid() || vip.Subnet == c.External().ID {
		return nil
	}
	return doing(host.RemoveHostAddress(ctx, stoker.NetworkToken(vip.Subnet), vip.IP), "take the address %s from the machine", vip.IP)
}

func (l loadBalancer) Attribute(_ context.Context, req *stoker.Request, name string, _ []any) (any, int, error) {
	made, err := l.lbs.LoadBalancer(req.Stack.Project, string(req.PhysicalID))
	if err != nil {
		return nil, 0, nil
	}
	return attributes(req, l.showLoadBalancer(made, req), name)
}

func (c *cloud) showLoadBalancer(made octavia.LoadBalancer, req *stoker.Request) map[string]any {
	var pools, listeners []octavia.ID
	for _, p := range c.lbs.PoolsOf(made.ID) {
		pools = append(pools, p.ID)
	}
	for _, l := range c.lbs.ListenersOf(made.ID) {
		listeners = append(listeners, l.ID)
	}
	return common(made.Object, req, state(made.Down, map[string]any{
		"vip_address": made.VIP.String(), "vip_port_id": string(made.Port), "vip_subnet_id": string(made.Subnet),
		"pools": links(pools), "listeners": links(listeners), "flavor_id": orNil(string(made.Flavor)), "availability_zone": orNil(string(made.Zone)), "provider": octavia.Provider,
	}))
}

// links shows objects as Octavia does.
func links(ids []octavia.ID) []any {
	out := []any{}
	for _, id := range ids {
		out = append(out, map[string]any{"id": string(id)})
	}
	return out
}

// state adds what all of Octavia's objects show.
func state(isDown bool, own map[string]any) map[string]any {
	own["admin_state_up"], own["provisioning_status"], own["operating_status"] = !isDown, "ACTIVE", "ONLINE"
	if isDown {
		own["operating_status"] = "OFFLINE"
	}
	return own
}

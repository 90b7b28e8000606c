package openstack

import (
	"context"
	"net/netip"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/neutron"
	"github.com/stoker-project/stoker/internal/request"
)

// floatingIP is OS::Neutron::FloatingIP: an address of the external network, which the
// balancer listens on for the port that has it.
type floatingIP struct{ networked }

var (
	_ stoker.Updater    = floatingIP{}
	_ stoker.Resumer    = floatingIP{}
	_ stoker.Attributer = floatingIP{}
	_ stoker.Refuser    = floatingIP{}
)

func (f floatingIP) Create(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	v := request.Values(req.Properties)
	name, err := required(v, "floating_network", "floating_network_id")
	if err != nil {
		return stoker.Result{}, err
	}
	if err := f.outside(req, name, "floating_network"); err != nil {
		return stoker.Result{}, err
	}
	want, err := address(v, "floating_ip_address")
	if err != nil {
		return stoker.Result{}, err
	}
	made, err := f.PutFloating(neutron.Floating{Object: object(req), IP: want})
	if err != nil {
		return stoker.Result{}, in("floating_ip_address", err)
	}
	res := stoker.Result{PhysicalID: physical(made.Object), Data: map[string]any{"ip": made.IP.String()}}
	return res, f.give(ctx, req, made)
}

// give gives the address to the port that is named.
func (f floatingIP) give(ctx context.Context, req *stoker.Request, made neutron.Floating) error {
	name := request.Values(req.Properties).String("port_id")
	if name == "" {
		f.Revoke(made.ID)
		return f.settle(ctx, nothing)
	}
	p, err := f.publishable(req.Stack.Project, req.Properties)
	if err != nil {
		return err
	}
	f.Grant(made.ID, neutron.Grant{ID: made.ID, Port: p.ID})
	return f.settle(ctx, only("floating", made.ID))
}

// publishable finds the port that is named, which must have an address, and the one
// that is asked for.
func (c *cloud) publishable(project stoker.ProjectID, v request.Values) (neutron.Port, error) {
	p, err := c.Port(project, v.String("port_id"))
	if err != nil {
		return p, in("port_id", err)
	}
	if !p.IP.IsValid() {
		return p, refused("port_id", "port "+string(p.ID)+" has no address", "Put it into a network with a subnet.")
	}
	if want := v.String("fixed_ip_address"); want != "" && want != p.IP.String() {
		return p, refused("fixed_ip_address", "port "+string(p.ID)+" has the address "+p.IP.String()+", not "+want, "")
	}
	return p, nil
}

// Update gives the address to another port.
func (f floatingIP) Update(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	made, err := f.Floating(req.Stack.Project, string(idOf(req)))
	if err != nil {
		return stoker.Result{}, err
	}
	return stoker.Result{}, f.give(ctx, req, made)
}

func (f floatingIP) Resume(_ context.Context, req *stoker.Request) error {
	ip, err := netip.ParseAddr(request.Values(req.Data).String("ip"))
	if err != nil {
		return stoker.Errorf(stoker.Internal, "floating address %s has no address on record", nameOf(req))
	}
	if _, err := f.PutFloating(neutron.Floating{Object: object(req), IP: ip}); err != nil {
		return err
	}
	if port := request.Values(req.Properties).String("port_id"); port != "" {
		f.Grant(idOf(req), neutron.Grant{ID: idOf(req), Port: f.portNamed(req.Stack.Project, port)})
	}
	return nil
}

// portNamed is the ID of a port by its name, or what is an ID already.
func (c *cloud) portNamed(p stoker.ProjectID, name string) neutron.ID {
	if port, err := c.Port(p, name); err == nil {
		return port.ID
	}
	return neutron.ID(name)
}

// Delete ends what is published, and lets connections end.
func (f floatingIP) Delete(ctx context.Context, req *stoker.Request) error {
	if request.Values(req.Data).Has("ip") {
		if err := f.Resume(ctx, req); err != nil {
			return err
		}
		if err := f.recall(ctx, idOf(req)); err != nil {
			return err
		}
	}
	f.Revoke(idOf(req))
	f.RemoveFloating(idOf(req))
	return f.settle(ctx, only("floating", idOf(req)))
}

func (f floatingIP) Attribute(_ context.Context, req *stoker.Request, name string, _ []any) (any, int, error) {
	made, err := f.Floating(req.Stack.Project, string(req.PhysicalID))
	if err != nil {
		return nil, 0, nil
	}
	return attributes(req, f.showFloating(made, req), name)
}

func (c *cloud) showFloating(made neutron.Floating, req *stoker.Request) map[string]any {
	p, has := c.PortByID(made.Port())
	status := "DOWN"
	if has {
		status = "ACTIVE"
	}
	var notes []any
	for _, n := range c.notesOf(made.ID) {
		notes = append(notes, n)
	}
	out := common(made.Object, req, map[string]any{
		"floating_ip_address": text(made.IP), "floating_network_id": string(c.External().Net), "status": status,
		"port_id": orNil(string(p.ID)), "fixed_ip_address": addressText(p.IP), "router_id": orNil(string(c.RouterOf(p.Subnet))),
	})
	if notes != nil {
		out["notes"] = notes // our own: what could not be published
	}
	return out
}

// floatingIPAssociation is OS::Neutron::FloatingIPAssociation: it gives a floating
// address to a port.
type floatingIPAssociation struct{ networked }

var (
	_ stoker.Updater    = floatingIPAssociation{}
	_ stoker.Resumer    = floatingIPAssociation{}
	_ stoker.Attributer = floatingIPAssociation{}
	_ stoker.Refuser    = floatingIPAssociation{}
)

func (a floatingIPAssociation) Create(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	v := request.Values(req.Properties)
	f, err := a.Floating(req.Stack.Project, v.String("floatingip_id"))
	if err != nil {
		return stoker.Result{}, in("floatingip_id", err)
	}
	p, err := a.publishable(req.Stack.Project, v)
	if err != nil {
		return stoker.Result{}, err
	}
	a.Revoke(idOf(req)) // another address, after an update
	a.Grant(f.ID, neutron.Grant{ID: idOf(req), Port: p.ID})
	return stoker.Result{
		PhysicalID: stoker.PhysicalID(req.ID),
		Data:       map[string]any{"floating": string(f.ID), "port": string(p.ID)},
	}, a.settle(ctx, only("floating", f.ID))
}

func (a floatingIPAssociation) Update(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	return a.Create(ctx, req)
}

func (a floatingIPAssociation) Resume(_ context.Context, req *stoker.Request) error {
	data := request.Values(req.Data)
	a.Grant(neutron.ID(data.String("floating")), neutron.Grant{ID: idOf(req), Port: neutron.ID(data.String("port"))})
	return nil
}

func (a floatingIPAssociation) Delete(ctx context.Context, req *stoker.Request) error {
	if data := request.Values(req.Data); data.Has("floating") {
		if err := a.Resume(ctx, req); err != nil {
			return err
		}
		if err := a.recall(ctx, neutron.ID(data.String("floating"))); err != nil {
			return err
		}
	}
	a.Revoke(idOf(req))
	return a.settle(ctx, only("floating", neutron.ID(request.Values(req.Data).String("floating"))))
}

func (a floatingIPAssociation) Attribute(_ context.Context, req *stoker.Request, name string, _ []any) (any, int, error) {
	f, err := a.Floating(req.Stack.Project, request.Values(req.Data).String("floating"))
	if err != nil {
		return nil, 0, nil
	}
	return attributes(req, a.showFloating(f, req), name)
}

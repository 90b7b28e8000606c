package openstack

import (
	"context"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/neutron"
	"github.com/stoker-project/stoker/internal/request"
)

// routerInterface is OS::Neutron::RouterInterface: a subnet's place at a router.
type routerInterface struct{ networked }

var (
	_ stoker.Resumer    = routerInterface{}
	_ stoker.Validator  = routerInterface{}
	_ stoker.Attributer = routerInterface{}
	_ stoker.Completer  = routerInterface{}
	_ stoker.Refuser    = routerInterface{}
)

// Completes says that what is in a subnet comes after the subnet's way out.
func (routerInterface) Completes() []stoker.TypeName { return []stoker.TypeName{"OS::Neutron::Subnet"} }

func (r routerInterface) Create(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	v := request.Values(req.Properties)
	name, err := required(v, "router", "router_id")
	if err != nil {
		return stoker.Result{}, err
	}
	at, err := r.Router(req.Stack.Project, name)
	if err != nil {
		return stoker.Result{}, in("router", err)
	}
	subnet, err := r.subnetOf(req)
	if err != nil {
		return stoker.Result{}, err
	}
	made := neutron.Interface{Object: object(req), Router: at.ID, Subnet: subnet}
	if err := r.PutInterface(made); err != nil {
		return stoker.Result{}, err
	}
	return stoker.Result{
		PhysicalID: stoker.PhysicalID(string(at.ID) + ":subnet_id=" + string(subnet)),
		Data:       map[string]any{"router_id": string(at.ID), "subnet_id": string(subnet)},
	}, r.settle(ctx, networksOf)
}

// subnetOf is the one that is named, or that of the port that is.
func (r routerInterface) subnetOf(req *stoker.Request) (neutron.ID, error) {
	v := request.Values(req.Properties)
	if name := ref(v, "port", "port_id"); name != "" {
		p, err := r.Port(req.Stack.Project, name)
		if err == nil && p.Subnet == "" {
			err = stoker.Errorf(stoker.Invalid, "port %s has no address", name)
		}
		return p.Subnet, in("port", err)
	}
	name, err := required(v, "subnet", "subnet_id")
	if err != nil {
		return "", err
	}
	s, err := r.Subnet(req.Stack.Project, name)
	return s.ID, in("subnet", err)
}

// Validate wants not both a subnet and a port.
func (routerInterface) Validate(req *stoker.Request) error {
	v := request.Values(req.Properties)
	if ref(v, "subnet", "subnet_id") != "" && ref(v, "port", "port_id") != "" {
		return refused("port", "a subnet is named too", "Name either the subnet or a port of it.")
	}
	return nil
}

func (r routerInterface) Resume(_ context.Context, req *stoker.Request) error {
	data := request.Values(req.Data)
	return r.PutInterface(neutron.Interface{Object: object(req), Router: neutron.ID(data.String("router_id")), Subnet: neutron.ID(data.String("subnet_id"))})
}

func (r routerInterface) Delete(ctx context.Context, req *stoker.Request) error {
	r.RemoveInterface(idOf(req))
	return r.settle(ctx, nothing)
}

func (r routerInterface) Attribute(_ context.Context, req *stoker.Request, name string, _ []any) (any, int, error) {
	data := request.Values(req.Data)
	return attributes(req, map[string]any{
		"router_id": data.String("router_id"), "subnet_id": data.String("subnet_id"), "project_id": string(req.Stack.Project),
	}, name)
}

// routerGateway is OS::Neutron::RouterGateway, the older way to give a router a way
// out.
type routerGateway struct{ networked }

var (
	_ stoker.Resumer    = routerGateway{}
	_ stoker.Attributer = routerGateway{}
	_ stoker.Completer  = routerGateway{}
	_ stoker.Refuser    = routerGateway{}
)

// Completes says that what needs a router comes after its way out.
func (routerGateway) Completes() []stoker.TypeName { return []stoker.TypeName{"OS::Neutron::Router"} }

func (r routerGateway) Create(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	v := request.Values(req.Properties)
	name, err := required(v, "network", "network_id")
	if err != nil {
		return stoker.Result{}, err
	}
	if err := r.outside(req, name, "network"); err != nil {
		return stoker.Result{}, err
	}
	at, err := r.Router(req.Stack.Project, v.String("router_id"))
	if err != nil {
		return stoker.Result{}, in("router_id", err)
	}
	r.AddGateway(idOf(req), at.ID)
	return stoker.Result{
		PhysicalID: stoker.PhysicalID(string(at.ID) + ":" + string(r.External().Net)),
		Data:       map[string]any{"router_id": string(at.ID)},
	}, r.settle(ctx, networksOf)
}

func (r routerGateway) Resume(_ context.Context, req *stoker.Request) error {
	r.AddGateway(idOf(req), neutron.ID(request.Values(req.Data).String("router_id")))
	return nil
}

func (r routerGateway) Delete(ctx context.Context, req *stoker.Request) error {
	r.RemoveGateway(idOf(req))
	return r.settle(ctx, nothing)
}

func (r routerGateway) Attribute(_ context.Context, req *stoker.Request, name string, _ []any) (any, int, error) {
	return attributes(req, map[string]any{"router_id": request.Values(req.Data).String("router_id")}, name)
}

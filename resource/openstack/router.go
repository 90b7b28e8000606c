package openstack

import (
	"context"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/neutron"
	"github.com/stoker-project/stoker/internal/request"
)

// router is OS::Neutron::Router: its subnets reach each other, and with a gateway the
// outside.
type router struct{ networked }

var (
	_ stoker.Updater    = router{}
	_ stoker.Resumer    = router{}
	_ stoker.Attributer = router{}
	_ stoker.Refuser    = router{}
)

func (r router) Create(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	made, err := r.put(req)
	if err != nil {
		return stoker.Result{}, err
	}
	return stoker.Result{PhysicalID: physical(made.Object)}, r.settle(ctx, networksOf)
}

// networksOf chooses what concerns routers.
func networksOf(s subject) bool { return s.kind == "network" }

func (r router) put(req *stoker.Request) (neutron.Router, error) {
	made := neutron.Router{Object: object(req)}
	if info := request.Values(req.Properties).Map("external_gateway_info"); info != nil {
		if err := r.outside(req, info.String("network"), "external_gateway_info.network"); err != nil {
			return made, err
		}
		made.Outside = true
	}
	r.PutRouter(made)
	return made, nil
}

// outside checks that a network leads outside.
func (c *cloud) outside(req *stoker.Request, name, property string) error {
	n, err := c.Net(req.Stack.Project, name)
	if err != nil {
		return c.knowsExternal(in(property, err))
	}
	if !n.External {
		return refused(property, "network "+name+" is no external network", "The external network is called "+c.NameOf(c.External().Net)+".")
	}
	return nil
}

// knowsExternal adds the name of the external network to what was not found.
func (c *cloud) knowsExternal(err error) error {
	e, ok := stoker.AsError(err)
	if !ok {
		return err
	}
	out := *e
	out.Hint = "The external network is called " + c.NameOf(c.External().Net) + "; the configuration's key external.name gives it another name."
	return &out
}

func (r router) Update(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	_, err := r.put(req)
	if err != nil {
		return stoker.Result{}, err
	}
	return stoker.Result{}, r.settle(ctx, networksOf)
}

func (r router) Resume(_ context.Context, req *stoker.Request) error {
	_, err := r.put(req)
	return err
}

func (r router) Delete(ctx context.Context, req *stoker.Request) error {
	if err := r.RemoveRouter(idOf(req)); err != nil {
		return err
	}
	return r.settle(ctx, nothing)
}

func (r router) Attribute(_ context.Context, req *stoker.Request, name string, _ []any) (any, int, error) {
	made, err := r.Router(req.Stack.Project, string(req.PhysicalID))
	if err != nil {
		return nil, 0, nil
	}
	var info any
	if made.Outside {
		snat := true
		if v := request.Values(req.Properties).Map("external_gateway_info"); v.Has("enable_snat") {
			snat = v.Bool("enable_snat")
		}
		info = map[string]any{"network_id": string(r.External().Net), "enable_snat": snat, "external_fixed_ips": []any{}}
	}
	return attributes(req, common(made.Object, req, map[string]any{
		"admin_state_up": request.Values(req.Properties).Bool("admin_state_up"), "status": "ACTIVE",
		"external_gateway_info": info, "routes": []any{},
	}), name)
}

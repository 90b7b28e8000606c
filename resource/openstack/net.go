package openstack

import (
	"context"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/neutron"
	"github.com/stoker-project/stoker/internal/request"
)

// network is OS::Neutron::Net: a name for subnets.
type network struct{ networked }

var (
	_ stoker.Updater    = network{}
	_ stoker.Resumer    = network{}
	_ stoker.Settler    = network{}
	_ stoker.Attributer = network{}
	_ stoker.Refuser    = network{}
)

func (n network) Create(_ context.Context, req *stoker.Request) (stoker.Result, error) {
	v := request.Values(req.Properties)
	made := neutron.Net{Object: object(req), Open: v.Has("port_security_enabled") && !v.Bool("port_security_enabled")}
	n.PutNet(made)
	return stoker.Result{PhysicalID: physical(made.Object)}, nil
}

// Update is for names and the default of ports.
func (n network) Update(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	return n.Create(ctx, req)
}

func (n network) Resume(ctx context.Context, req *stoker.Request) error {
	_, err := n.Create(ctx, req)
	return err
}

// Settle tells driver and balancer of the whole, for all types of Neutron.
func (n network) Settle(ctx context.Context) error { return n.settle(ctx, everything) }

func (n network) Delete(_ context.Context, req *stoker.Request) error { return n.RemoveNet(idOf(req)) }

func (n network) Attribute(_ context.Context, req *stoker.Request, name string, _ []any) (any, int, error) {
	made, err := n.Net(req.Stack.Project, string(req.PhysicalID))
	if err != nil {
		return nil, 0, nil
	}
	return attributes(req, n.showNet(made, req), name)
}

func (c *cloud) showNet(made neutron.Net, req *stoker.Request) map[string]any {
	var ids []neutron.ID
	for _, s := range c.Subnets(made.ID) {
		ids = append(ids, s.ID)
	}
	up := true
	if v := request.Values(req.Properties); v.Has("admin_state_up") {
		up = v.Bool("admin_state_up")
	}
	return common(made.Object, req, map[string]any{
		"admin_state_up": up, "status": "ACTIVE", "shared": made.Everyone, "router:external": made.External,
		"port_security_enabled": !made.Open, "subnets": texts(ids), "mtu": int64(1500), "l2_adjacency": true,
		"segments": nil, "qos_policy_id": nil,
	})
}

package openstack

import (
	"context"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/octavia"
	"github.com/stoker-project/stoker/internal/request"
)

// lbPool is OS::Octavia::Pool: members behind listeners. The balancer has it as soon
// as it has a listener.
type lbPool struct{ balancing }

var (
	_ stoker.Updater    = lbPool{}
	_ stoker.Resumer    = lbPool{}
	_ stoker.Validator  = lbPool{}
	_ stoker.Attributer = lbPool{}
	_ stoker.Refuser    = lbPool{}
)

func (p lbPool) Create(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	v := request.Values(req.Properties)
	made, err := poolOf(req)
	if err != nil {
		return stoker.Result{}, err
	}
	if name := v.String("listener"); name != "" {
		l, err := p.lbs.Listener(req.Stack.Project, name)
		if err != nil {
			return stoker.Result{}, in("listener", err)
		}
		made.Listener, made.LoadBalancer = l.ID, l.LoadBalancer
	}
	if name := v.String("loadbalancer"); name != "" {
		b, err := p.lbs.LoadBalancer(req.Stack.Project, name)
		if err != nil {
			return stoker.Result{}, in("loadbalancer", err)
		}
		made.LoadBalancer = b.ID
	}
	if made.LoadBalancer == "" {
		return stoker.Result{}, refused("listener", "at least one of the following properties must be specified: listener, loadbalancer", "")
	}
	if err := p.lbs.Admit(octavia.Pools, made.Object); err != nil {
		return stoker.Result{}, err
	}
	if err := p.lbs.PutPool(made); err != nil {
		return stoker.Result{}, in("listener", err)
	}
	return stoker.Result{
		PhysicalID: physical(made.Object),
		Data:       map[string]any{"listener": string(made.Listener), "loadbalancer": string(made.LoadBalancer)},
	}, p.settle(ctx, about(made.ID))
}

// poolOf reads what names no other object.
func poolOf(req *stoker.Request) (octavia.Pool, error) {
	v := request.Values(req.Properties)
	made := octavia.Pool{Object: object(req), HTTP: v.String("protocol") == "HTTP" || v.String("protocol") == "TERMINATED_HTTPS", Down: down(v)}
	var err error
	if made.Algorithm, err = octavia.Algorithm(ref(v, "lb_algorithm", "lb_method")); err != nil {
		return made, in("lb_algorithm", err)
	}
	made.Cookie, err = cookie(v.Map("session_persistence"), made.HTTP)
	return made, err
}

// cookie is the one that binds clients to members. An application's own is left to it:
// ours has its name with another beginning.
func cookie(v request.Values, http bool) (string, error) {
	switch kind := v.String("type"); {
	case kind == "":
		return "", nil
	case kind == "SOURCE_IP":
		return "", refused("session_persistence.type", "clients are not bound by their address here", "Use HTTP_COOKIE.")
	case !http:
		return "", refused("session_persistence.type", "only pools of HTTP have cookies", "")
	case kind == "APP_COOKIE":
		return "SRV-" + v.String("cookie_name"), nil
	}
	return "SRV", nil
}

func (lbPool) Validate(req *stoker.Request) error {
	v := request.Values(req.Properties)
	switch protocol := v.String("protocol"); protocol {
	case "PROXY", "UDP":
		return refused("protocol", "protocol "+protocol+" is not balanced here", "Use TCP or HTTP.")
	}
	if v.Bool("tls_enabled") {
		return refused("tls_enabled", "members are reached without TLS here", "Leave it out.")
	}
	if !v.Has("lb_algorithm") || !v.Has("protocol") {
		return nil // or not known yet
	}
	_, err := poolOf(req)
	return err
}

func (p lbPool) Update(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	if err := p.Resume(ctx, req); err != nil {
		return stoker.Result{}, err
	}
	return stoker.Result{}, p.settle(ctx, about(idOf(req)))
}

func (p lbPool) Resume(_ context.Context, req *stoker.Request) error {
	made, err := poolOf(req)
	if err != nil {
		return err
	}
	data := request.Values(req.Data)
	made.Listener, made.LoadBalancer = octavia.ID(data.String("listener")), octavia.ID(data.String("loadbalancer"))
	return p.lbs.PutPool(made)
}

func (p lbPool) Delete(ctx context.Context, req *stoker.Request) error {
	p.lbs.Remove(idOf(req))
	return p.forget(ctx, idOf(req))
}

// forget ends a pool that is wanted no more, also one that only the balancer still
// knows, after a crash amid its end.
func (c *cloud) forget(ctx context.Context, pool octavia.ID) error {
	if err := c.settle(ctx, about(pool)); err != nil {
		return err
	}
	return doing(c.balancer.RemovePool(ctx, octavia.PoolID(pool)), "remove pool %s", pool)
}

func (p lbPool) Attribute(_ context.Context, req *stoker.Request, name string, _ []any) (any, int, error) {
	made, err := p.lbs.Pool(req.Stack.Project, string(req.PhysicalID))
	if err != nil {
		return nil, 0, nil
	}
	v := request.Values(req.Properties)
	var listeners, members []octavia.ID
	for _, l := range p.lbs.ListenersOf(made.ID) {
		listeners = append(listeners, l.ID)
	}
	for _, m := range p.lbs.MembersOf(made.ID) {
		members = append(members, m.ID)
	}
	monitor, _ := p.lbs.MonitorOf(made.ID)
	return attributes(req, common(made.Object, req, state(made.Down, map[string]any{
		"healthmonitor_id": orNil(string(monitor.ID)), "listeners": links(listeners), "members": links(members),
		"lb_algorithm": v.String("lb_algorithm"), "protocol": v.String("protocol"), "loadbalancers": links([]octavia.ID{made.LoadBalancer}),
	})), name)
}

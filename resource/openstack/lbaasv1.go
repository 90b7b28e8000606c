package openstack

import (
	"context"
	"errors"
	"maps"
	"net"
	"slices"
	"strconv"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/catalog"
	"github.com/stoker-project/stoker/internal/census"
	"github.com/stoker-project/stoker/internal/octavia"
	"github.com/stoker-project/stoker/internal/request"
)

// oldPool is OS::Neutron::Pool of the first LBaaS: a pool with one address and one
// port to listen on, in one resource.
type oldPool struct{ balancing }

var (
	_ stoker.Updater    = oldPool{}
	_ stoker.Resumer    = oldPool{}
	_ stoker.Validator  = oldPool{}
	_ stoker.Attributer = oldPool{}
	_ stoker.Refuser    = oldPool{}
)

func (o oldPool) Create(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	v := request.Values(req.Properties)
	subnet := ref(v.Map("vip"), "subnet")
	if subnet == "" {
		subnet = ref(v, "subnet", "subnet_id")
	}
	vip, err := o.vip(req, subnet, request.Values{"vip_address": v.Map("vip")["address"]})
	if err != nil {
		return stoker.Result{}, err
	}
	data := portData(vip)
	if data["monitors"], err = o.monitors(req); err != nil {
		return stoker.Result{}, err
	}
	if err := o.put(req, data); err != nil {
		return stoker.Result{}, err
	}
	return stoker.Result{PhysicalID: stoker.PhysicalID(req.ID), Data: data}, o.settle(ctx, o.concerns(req))
}

// concerns chooses what concerns the pool and its address.
func (o oldPool) concerns(req *stoker.Request) func(subject) bool {
	pool := about(idOf(req))
	return func(s subject) bool { return pool(s) || s.kind == "vip" }
}

// monitors are the IDs of those that are named.
func (o oldPool) monitors(req *stoker.Request) ([]any, error) {
	out := []any{}
	for _, name := range request.Values(req.Properties).Strings("monitors") {
		m, err := o.lbs.Monitor(req.Stack.Project, name)
		if err != nil {
			return nil, in("monitors", err)
		}
		out = append(out, string(m.ID))
	}
	return out, nil
}

// put makes the load balancer, the listener and the pool, by what is on record.
func (o oldPool) put(req *stoker.Request, data map[string]any) error {
	v := request.Values(req.Properties)
	vip := portOf(req.Stack.Project, data)
	pool, err := oldPoolOf(req)
	if err != nil {
		return err
	}
	for _, id := range request.Values(data).Strings("monitors") {
		pool.Monitors = append(pool.Monitors, octavia.ID(id))
	}
	of := func(kind string) octavia.Object {
		return octavia.Object{ID: catalog.Derived(kind, string(req.ID)), Name: pool.Name, Project: pool.Project}
	}
	balancer := octavia.LoadBalancer{Object: of("old balancer"), VIP: vip.IP, Subnet: vip.Subnet, Port: vip.ID, Down: pool.Down}
	pool.LoadBalancer = balancer.ID
	protocol, err := octavia.Protocol(v.String("protocol"))
	if err != nil {
		return in("protocol", err)
	}
	o.lbs.PutLoadBalancer(balancer)
	return errors.Join(o.PutPort(vip), o.lbs.PutPool(pool), o.lbs.PutListener(octavia.Listener{
		Object: of("old listener"), LoadBalancer: balancer.ID, Protocol: protocol, Port: v.Map("vip").Int("protocol_port"), Pool: pool.ID,
	}))
}

// oldPoolOf reads the pool, whose cookie is the address's.
func oldPoolOf(req *stoker.Request) (octavia.Pool, error) {
	pool, err := poolOf(req)
	if err != nil {
		return pool, err
	}
	pool.Cookie, err = cookie(request.Values(req.Properties).Map("vip").Map("session_persistence"), pool.HTTP)
	return pool, err
}

func (oldPool) Validate(req *stoker.Request) error {
	v := request.Values(req.Properties)
	if !v.Has("protocol") || !v.Has("lb_method") {
		return nil // not known yet
	}
	_, err := oldPoolOf(req)
	return err
}

func (o oldPool) Update(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	data := maps.Clone(req.Data)
	var err error
	if data["monitors"], err = o.monitors(req); err != nil {
		return stoker.Result{}, err
	}
	if err := o.put(req, data); err != nil {
		return stoker.Result{}, err
	}
	return stoker.Result{Data: data}, o.settle(ctx, o.concerns(req))
}

func (o oldPool) Resume(_ context.Context, req *stoker.Request) error { return o.put(req, req.Data) }

func (o oldPool) Delete(ctx context.Context, req *stoker.Request) error {
	for _, id := range []octavia.ID{idOf(req), catalog.Derived("old listener", string(req.ID)), catalog.Derived("old balancer", string(req.ID))} {
		o.lbs.Remove(id)
	}
	err := errors.Join(o.forget(ctx, idOf(req)), o.withdraw(ctx, portOf(req.Stack.Project, req.Data)))
	o.RemovePort(catalog.Derived("vip", string(req.ID)))
	return err
}

func (o oldPool) Attribute(_ context.Context, req *stoker.Request, name string, _ []any) (any, int, error) {
	made, err := o.lbs.Pool(req.Stack.Project, string(req.PhysicalID))
	if err != nil {
		return nil, 0, nil
	}
	v, vip := request.Values(req.Properties), portOf(req.Stack.Project, req.Data)
	return attributes(req, common(made.Object, req, map[string]any{
		"admin_state_up": !made.Down, "status": "ACTIVE", "protocol": v.String("protocol"), "lb_method": v.String("lb_method"),
		"subnet_id": string(vip.Subnet), "provider": "stoker",
		"vip": map[string]any{"id": string(vip.ID), "address": text(vip.IP), "port_id": string(vip.ID), "subnet_id": string(vip.Subnet),
			"protocol_port": int64(v.Map("vip").Int("protocol_port"))},
	}), name)
}

// oldBalancer is OS::Neutron::LoadBalancer of the first LBaaS: servers as the members of
// a pool.
type oldBalancer struct {
	balancing
	census *census.Census
}

var (
	_ stoker.Updater    = oldBalancer{}
	_ stoker.Resumer    = oldBalancer{}
	_ stoker.Attributer = oldBalancer{}
	_ stoker.Refuser    = oldBalancer{}
)

func (o oldBalancer) Create(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	pool, err := o.lbs.Pool(req.Stack.Project, request.Values(req.Properties).String("pool_id"))
	if err != nil {
		return stoker.Result{}, in("pool_id", err)
	}
	addresses := map[string]any{}
	for _, server := range request.Values(req.Properties).Strings("members") {
		if addresses[server], err = o.addressOf(ctx, req, server); err != nil {
			return stoker.Result{}, in("members", err)
		}
	}
	data := map[string]any{"pool": string(pool.ID), "members": addresses}
	for _, m := range o.members(req, data) {
		o.lbs.PutMember(m)
	}
	return stoker.Result{PhysicalID: stoker.PhysicalID(req.ID), Data: data}, o.settle(ctx, about(pool.ID))
}

// addressOf is where a server of the project is reached.
func (o oldBalancer) addressOf(ctx context.Context, req *stoker.Request, server string) (string, error) {
	s, found, err := o.census.ByID(ctx, stoker.PhysicalID(server))
	if err != nil {
		return "", err
	}
	if !found || s.Project != req.Stack.Project || len(s.Addresses) == 0 {
		return "", stoker.Errorf(stoker.NotFound, "The server (%s) could not be found", server)
	}
	return s.Addresses[0].IP, nil
}

// members lists those on record.
func (o oldBalancer) members(req *stoker.Request, data map[string]any) []octavia.Member {
	v := request.Values(data)
	port := strconv.Itoa(request.Values(req.Properties).Int("protocol_port"))
	var out []octavia.Member
	for _, server := range slices.Sorted(maps.Keys(v.Map("members"))) {
		out = append(out, octavia.Member{
			Object: octavia.Object{ID: catalog.Derived("old member", string(req.ID), server), Project: req.Stack.Project},
			Pool:   octavia.ID(v.String("pool")), Address: net.JoinHostPort(v.Map("members").String(server), port), Weight: 1,
		})
	}
	return out
}

// Update adds members, and lets those go that are named no more.
func (o oldBalancer) Update(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	res, err := o.Create(ctx, req)
	if err != nil {
		return stoker.Result{}, err
	}
	stay := map[octavia.ID]bool{}
	for _, m := range o.members(req, res.Data) {
		stay[m.ID] = true
	}
	for _, m := range o.members(req, req.Data) {
		if !stay[m.ID] {
			err = errors.Join(err, o.leave(ctx, seatOf(m), func() { o.lbs.Remove(m.ID) }))
		}
	}
	return stoker.Result{Data: res.Data}, err
}

func (o oldBalancer) Resume(_ context.Context, req *stoker.Request) error {
	for _, m := range o.members(req, req.Data) {
		o.lbs.PutMember(m)
	}
	return nil
}

func (o oldBalancer) Delete(ctx context.Context, req *stoker.Request) error {
	var err error
	for _, m := range o.members(req, req.Data) {
		err = errors.Join(err, o.leave(ctx, seatOf(m), func() { o.lbs.Remove(m.ID) }))
	}
	return err
}

func (o oldBalancer) Attribute(_ context.Context, req *stoker.Request, name string, _ []any) (any, int, error) {
	return attributes(req, map[string]any{"pool_id": request.Values(req.Data).String("pool")}, name)
}

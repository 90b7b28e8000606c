package openstack

import (
	"context"
	"strings"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/octavia"
	"github.com/stoker-project/stoker/internal/request"
)

// listener is OS::Octavia::Listener: a port of a load balancer.
type listener struct{ balancing }

var (
	_ stoker.Updater    = listener{}
	_ stoker.Resumer    = listener{}
	_ stoker.Validator  = listener{}
	_ stoker.Attributer = listener{}
	_ stoker.Refuser    = listener{}
)

func (l listener) Create(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	v := request.Values(req.Properties)
	b, err := l.balancerOf(req)
	if err != nil {
		return stoker.Result{}, err
	}
	var pool octavia.ID
	if name := v.String("default_pool"); name != "" {
		p, err := l.lbs.Pool(req.Stack.Project, name)
		if err != nil {
			return stoker.Result{}, in("default_pool", err)
		}
		pool = p.ID
	}
	made, err := listenerOf(req)
	if err != nil {
		return stoker.Result{}, err
	}
	made.LoadBalancer, made.Pool = b, pool
	if err := l.lbs.Admit(octavia.Listeners, made.Object); err != nil {
		return stoker.Result{}, err
	}
	if err := l.lbs.PutListener(made); err != nil {
		return stoker.Result{}, in("protocol_port", err)
	}
	pool, _ = l.lbs.DefaultPool(made.ID)
	return stoker.Result{
		PhysicalID: physical(made.Object),
		Data:       map[string]any{"loadbalancer": string(b), "pool": string(made.Pool)},
	}, l.settle(ctx, about(pool))
}

// balancerOf is the load balancer that is named.
func (l listener) balancerOf(req *stoker.Request) (octavia.ID, error) {
	name, err := required(req.Properties, "loadbalancer")
	if err != nil {
		return "", err
	}
	b, err := l.lbs.LoadBalancer(req.Stack.Project, name)
	return b.ID, in("loadbalancer", err)
}

// listenerOf reads what names no other object. The certificate of one that ends TLS is
// the text of default_tls_container_ref, or made by the balancer.
func listenerOf(req *stoker.Request) (octavia.Listener, error) {
	v := request.Values(req.Properties)
	made := octavia.Listener{Object: object(req), Port: v.Int("protocol_port"), Down: down(v)}
	var err error
	if made.Protocol, err = octavia.Protocol(v.String("protocol")); err != nil {
		return made, in("protocol", err)
	}
	if text := v.String("default_tls_container_ref"); text != "" && made.Protocol == stoker.ProtocolHTTPS {
		if !strings.Contains(text, "-----BEGIN") {
			return made, refused("default_tls_container_ref", "there is no Barbican to take a certificate from",
				"Give the certificate, its chain and its key in PEM, or leave it out: then a certificate is made.")
		}
		made.Certificate, made.Key = text, text
	}
	return made, nil
}

func (listener) Validate(req *stoker.Request) error {
	v := request.Values(req.Properties)
	if len(v.List("allowed_cidrs")) > 0 {
		return refused("allowed_cidrs", "listeners are open to all here", "Leave it out.")
	}
	if len(v.List("sni_container_refs")) > 0 {
		return refused("sni_container_refs", "a listener has one certificate here", "Leave it out.")
	}
	if !v.Has("protocol") {
		return nil // or not known yet
	}
	_, err := listenerOf(req)
	return err
}

func (l listener) Update(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	return l.Create(ctx, req)
}

func (l listener) Resume(_ context.Context, req *stoker.Request) error {
	made, err := listenerOf(req)
	if err != nil {
		return err
	}
	data := request.Values(req.Data)
	made.LoadBalancer, made.Pool = octavia.ID(data.String("loadbalancer")), octavia.ID(data.String("pool"))
	return l.lbs.PutListener(made)
}

func (l listener) Delete(ctx context.Context, req *stoker.Request) error {
	pool, _ := l.lbs.DefaultPool(idOf(req))
	l.lbs.Remove(idOf(req))
	return l.settle(ctx, about(pool))
}

func (l listener) Attribute(_ context.Context, req *stoker.Request, name string, _ []any) (any, int, error) {
	made, err := l.lbs.Listener(req.Stack.Project, string(req.PhysicalID))
	if err != nil {
		return nil, 0, nil
	}
	v := request.Values(req.Properties)
	pool, _ := l.lbs.DefaultPool(made.ID)
	return attributes(req, common(made.Object, req, state(made.Down, map[string]any{
		"default_pool_id": orNil(string(pool)), "loadbalancers": links([]octavia.ID{made.LoadBalancer}),
		"protocol": v.String("protocol"), "protocol_port": int64(made.Port), "connection_limit": int64(-1),
	})), name)
}

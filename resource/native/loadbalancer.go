package native

import (
	"context"
	"fmt"
	"net"
	"strconv"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/request"
	"github.com/stoker-project/stoker/internal/schema"
	"github.com/stoker-project/stoker/internal/value"
)

// loadBalancer is Stoker::LoadBalancer: a pool behind listeners. Its PoolID is its
// ResourceID, and that is what get_resource gives.
type loadBalancer struct {
	schema.Fixed
	balancer stoker.Balancer
}

var (
	_ stoker.Updater    = loadBalancer{}
	_ stoker.Resumer    = loadBalancer{}
	_ stoker.Checker    = loadBalancer{}
	_ stoker.Attributer = loadBalancer{}
	_ stoker.Validator  = loadBalancer{}
)

func (l loadBalancer) Create(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	p, err := pool(req)
	if err != nil {
		return stoker.Result{}, err
	}
	status, err := l.balancer.SetPool(ctx, p)
	if err != nil {
		return stoker.Result{}, fmt.Errorf("set up load balancer %s: %w", p.Name, err)
	}
	return stoker.Result{PhysicalID: stoker.PhysicalID(p.ID), Data: remember(p, status)}, nil
}

// Update changes the pool in place; listeners that stay are not disturbed.
func (l loadBalancer) Update(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	return l.Create(ctx, req)
}

// Resume opens the listeners again, on the ports they had.
func (l loadBalancer) Resume(ctx context.Context, req *stoker.Request) error {
	_, err := l.Create(ctx, req)
	return err
}

func (l loadBalancer) Delete(ctx context.Context, req *stoker.Request) error {
	if err := l.balancer.RemovePool(ctx, poolID(req)); err != nil {
		return fmt.Errorf("remove load balancer %s: %w", poolName(req), err)
	}
	return nil
}

// Check asks whether the balancer has the pool.
func (l loadBalancer) Check(ctx context.Context, req *stoker.Request) error {
	if _, err := l.balancer.Stats(ctx, poolID(req)); err != nil {
		return fmt.Errorf("look at load balancer %s: %w", poolName(req), err)
	}
	return nil
}

func (loadBalancer) Validate(req *stoker.Request) error {
	_, err := pool(req)
	return err
}

func (loadBalancer) Attribute(_ context.Context, req *stoker.Request, name string, _ []any) (any, int, error) {
	v, err := attribute(req, name)
	return v, 0, err
}

func attribute(req *stoker.Request, name string) (any, error) {
	data := request.Values(req.Data)
	switch name {
	case "url":
		return first(data.List("urls"), ""), nil
	case "urls", "addresses":
		return value.Clone(data[name]), nil
	case "address", "port":
		address, _ := first(data.List("addresses"), "").(string)
		host, port := split(address)
		if name == "address" {
			return host, nil
		}
		return int64(port), nil
	case "show":
		return nil, nil
	}
	return nil, request.UnknownAttribute(req.Name, name)
}

func first(list []any, otherwise any) any {
	if len(list) == 0 {
		return otherwise
	}
	return list[0]
}

func split(address string) (host string, port int) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0
	}
	port, _ = strconv.Atoi(text)
	return host, port
}

// remember is what outlives a restart: the ports that the balancer chose.
func remember(p stoker.Pool, status stoker.PoolStatus) map[string]any {
	listeners := []any{}
	for i, l := range p.Listeners {
		if i >= len(status.Addresses) {
			break
		}
		_, port := split(status.Addresses[i])
		listeners = append(listeners, map[string]any{
			"protocol": string(l.Protocol), "address": l.Address, "port": int64(port),
		})
	}
	return map[string]any{
		"listeners": listeners,
		"addresses": texts(status.Addresses),
		"urls":      texts(status.URLs),
	}
}

func texts(list []string) []any {
	out := make([]any, 0, len(list))
	for _, s := range list {
		out = append(out, s)
	}
	return out
}

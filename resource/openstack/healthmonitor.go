package openstack

import (
	"context"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/octavia"
	"github.com/stoker-project/stoker/internal/request"
)

// healthMonitor is OS::Octavia::HealthMonitor: how the members of a pool are asked
// whether they can take requests.
type healthMonitor struct{ balancing }

var (
	_ stoker.Updater    = healthMonitor{}
	_ stoker.Resumer    = healthMonitor{}
	_ stoker.Validator  = healthMonitor{}
	_ stoker.Attributer = healthMonitor{}
	_ stoker.Completer  = healthMonitor{}
	_ stoker.Refuser    = healthMonitor{}
)

// Completes says that members come after how they are checked: they get nothing before
// they have passed.
func (healthMonitor) Completes() []stoker.TypeName {
	return []stoker.TypeName{"OS::Octavia::Pool", "OS::Neutron::LBaaS::Pool"}
}

func (h healthMonitor) Create(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	made, err := monitorOf(req)
	if err != nil {
		return stoker.Result{}, err
	}
	if name := request.Values(req.Properties).String("pool"); name != "" {
		p, err := h.lbs.Pool(req.Stack.Project, name)
		if err != nil {
			return stoker.Result{}, in("pool", err)
		}
		made.Pool = p.ID
	}
	if err := h.lbs.Admit(octavia.Monitors, made.Object); err != nil {
		return stoker.Result{}, err
	}
	if err := h.lbs.PutMonitor(made); err != nil {
		return stoker.Result{}, in("pool", err)
	}
	return stoker.Result{PhysicalID: physical(made.Object), Data: map[string]any{"pool": string(made.Pool)}}, h.settle(ctx, about(made.Pool))
}

// monitorOf reads all but the pool.
func monitorOf(req *stoker.Request) (octavia.Monitor, error) {
	v := request.Values(req.Properties)
	made := octavia.Monitor{Object: object(req), Down: down(v), Health: stoker.HealthCheck{
		Protocol: stoker.ProtocolTCP,
		Interval: time.Duration(v.Int("delay")) * time.Second, Timeout: time.Duration(v.Int("timeout")) * time.Second,
		Rise: v.Int("max_retries"),
	}}
	if v.String("type") != "HTTP" {
		return made, nil
	}
	made.Health.Protocol, made.Health.Path = stoker.ProtocolHTTP, v.String("url_path")
	codes := v.String("expected_codes")
	if codes == "" {
		codes = "200"
	}
	var err error
	made.Health.Status, err = octavia.Codes(codes)
	return made, in("expected_codes", err)
}

func (healthMonitor) Validate(req *stoker.Request) error {
	v := request.Values(req.Properties)
	if v.String("type") == "UDP-CONNECT" {
		return refused("type", "UDP is not balanced here", "Use TCP or HTTP.")
	}
	if m := v.String("http_method"); m != "" && m != "GET" {
		return refused("http_method", "members are asked with GET here", "Leave it out.")
	}
	_, err := monitorOf(req)
	return err
}

func (h healthMonitor) Update(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	if err := h.Resume(ctx, req); err != nil {
		return stoker.Result{}, err
	}
	return stoker.Result{}, h.settle(ctx, about(octavia.ID(request.Values(req.Data).String("pool"))))
}

func (h healthMonitor) Resume(_ context.Context, req *stoker.Request) error {
	made, err := monitorOf(req)
	if err != nil {
		return err
	}
	made.Pool = octavia.ID(request.Values(req.Data).String("pool"))
	return h.lbs.PutMonitor(made)
}

func (h healthMonitor) Delete(ctx context.Context, req *stoker.Request) error {
	h.lbs.Remove(idOf(req))
	return h.settle(ctx, nothing)
}

func (h healthMonitor) Attribute(_ context.Context, req *stoker.Request, name string, _ []any) (any, int, error) {
	made, err := h.lbs.Monitor(req.Stack.Project, string(req.PhysicalID))
	if err != nil {
		return nil, 0, nil
	}
	v := request.Values(req.Properties)
	var pools []octavia.ID
	if made.Pool != "" {
		pools = append(pools, made.Pool)
	}
	return attributes(req, common(made.Object, req, state(made.Down, map[string]any{
		"pools": links(pools), "type": v.String("type"), "delay": int64(v.Int("delay")), "timeout": int64(v.Int("timeout")),
		"max_retries": int64(v.Int("max_retries")), "url_path": orNil(v.String("url_path")), "expected_codes": orNil(v.String("expected_codes")),
	})), name)
}

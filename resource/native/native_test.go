package native_test

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/balancer/balancertest"
	"github.com/stoker-project/stoker/driver/drivertest"
	"github.com/stoker-project/stoker/hot"
	"github.com/stoker-project/stoker/resource/native"
	"github.com/stoker-project/stoker/scale"
)

// scalers keeps the policies it is given.
type scalers struct {
	put map[stoker.ScalerID]stoker.Policy
	err error
}

func (s *scalers) Put(_ context.Context, p stoker.Policy) error {
	if s.err != nil {
		return s.err
	}
	if s.put == nil {
		s.put = map[stoker.ScalerID]stoker.Policy{}
	}
	s.put[p.ID] = p
	return nil
}

func (s *scalers) Remove(_ context.Context, id stoker.ScalerID) error {
	delete(s.put, id)
	return nil
}

type house struct {
	balancer *balancertest.Fake
	driver   *drivertest.Fake
	scalers  *scalers
	types    map[stoker.TypeName]stoker.ResourceType
}

func newHouse() *house {
	h := &house{balancer: balancertest.NewFake(), driver: &drivertest.Fake{}, scalers: &scalers{}}
	h.restart()
	return h
}

// restart makes the types anew, as in a new process; call it with a new balancer.
func (h *house) restart() {
	h.types = native.Types(native.Deps{
		Balancer: h.balancer, Driver: h.driver, Scalers: h.scalers, CheckPolicy: scale.Validate,
	})
}

func (h *house) request(t *testing.T, typ stoker.TypeName, id stoker.ResourceID, props map[string]any) *stoker.Request {
	t.Helper()
	req := &stoker.Request{
		Stack: stoker.StackRef{ID: "s", Name: "shop", Project: "p1", Path: []stoker.StackID{"s"}},
		Name:  "it", Type: typ, ID: id,
	}
	h.give(t, req, props)
	return req
}

// give checks properties as an engine does, and fills in defaults.
func (h *house) give(t *testing.T, req *stoker.Request, props map[string]any) {
	t.Helper()
	checked, err := hot.CheckProperties(h.types[req.Type].Schema().Properties, props, nil, "resources.it.properties")
	if err != nil {
		t.Fatal(err)
	}
	req.OldProperties, req.Properties = req.Properties, checked
}

func (h *house) create(t *testing.T, req *stoker.Request) {
	t.Helper()
	res, err := h.types[req.Type].Create(t.Context(), req)
	if err != nil {
		t.Fatalf("create %s: %v", req.Type, err)
	}
	keep(req, res)
}

func (h *house) update(t *testing.T, req *stoker.Request, props map[string]any) {
	t.Helper()
	h.give(t, req, props)
	res, err := h.types[req.Type].(stoker.Updater).Update(t.Context(), req)
	if err != nil {
		t.Fatalf("update %s: %v", req.Type, err)
	}
	keep(req, res)
}

func keep(req *stoker.Request, res stoker.Result) {
	if res.PhysicalID != "" {
		req.PhysicalID = res.PhysicalID
	}
	if res.Data != nil {
		req.Data = res.Data
	}
}

func (h *house) attribute(t *testing.T, req *stoker.Request, name string) any {
	t.Helper()
	v, _, err := h.types[req.Type].(stoker.Attributer).Attribute(t.Context(), req, name, nil)
	if err != nil {
		t.Fatalf("attribute %s: %v", name, err)
	}
	return v
}

const lb = stoker.TypeName("Stoker::LoadBalancer")

func TestLoadBalancerByDefault(t *testing.T) {
	h := newHouse()
	req := h.request(t, lb, "lb", nil)
	h.create(t, req)
	got, _ := h.balancer.Pool("lb")
	want := stoker.Pool{
		ID: "lb", Name: "shop/it", Algorithm: stoker.RoundRobin, Retries: 2,
		Listeners:      []stoker.Listener{{Protocol: stoker.ProtocolHTTP, Address: "127.0.0.1"}},
		Health:         stoker.HealthCheck{Protocol: stoker.ProtocolTCP},
		ConnectTimeout: 2 * time.Second, QueueTimeout: 5 * time.Second,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("set %+v, want %+v", got, want)
	}
	if req.PhysicalID != "lb" {
		t.Errorf("get_resource gives %q, want the pool", req.PhysicalID)
	}
}

func TestLoadBalancerWithAll(t *testing.T) {
	h := newHouse()
	h.create(t, h.request(t, lb, "lb", map[string]any{
		"name": "front", "algorithm": "leastconn", "sticky_cookie": "SERVER", "retries": int64(0),
		"connect_timeout": "500ms", "response_timeout": int64(30), "queue_timeout": 2.5,
		"listeners": []any{
			map[string]any{"protocol": "https", "address": "0.0.0.0", "port": int64(443), "certificate": "C", "key": "K"},
			map[string]any{"protocol": "tcp", "port": int64(5432)},
		},
		"health_check": map[string]any{"path": "/health", "status": []any{int64(200), "204"}, "interval": "1m30s", "timeout": "250ms", "rise": int64(2), "fall": int64(4)},
	}))
	got, _ := h.balancer.Pool("lb")
	want := stoker.Pool{
		ID: "lb", Name: "front", Algorithm: stoker.LeastConn, StickyCookie: "SERVER",
		ConnectTimeout: 500 * time.Millisecond, ResponseTimeout: 30 * time.Second, QueueTimeout: 2500 * time.Millisecond,
		Listeners: []stoker.Listener{
			{Protocol: stoker.ProtocolHTTPS, Address: "0.0.0.0", Port: 443, Certificate: "C", Key: "K"},
			{Protocol: stoker.ProtocolTCP, Address: "127.0.0.1", Port: 5432},
		},
		Health: stoker.HealthCheck{Protocol: stoker.ProtocolHTTP, Path: "/health", Status: []int{200, 204},
			Interval: 90 * time.Second, Timeout: 250 * time.Millisecond, Rise: 2, Fall: 4},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("set %+v, want %+v", got, want)
	}
}

func TestHealthCheckProtocol(t *testing.T) {
	tests := []struct {
		check map[string]any
		want  stoker.Protocol
	}{
		{map[string]any{}, stoker.ProtocolTCP},
		{map[string]any{"interval": int64(5)}, stoker.ProtocolTCP},
		{map[string]any{"path": "/x"}, stoker.ProtocolHTTP},
		{map[string]any{"status": []any{int64(200)}}, stoker.ProtocolHTTP},
		{map[string]any{"protocol": "tcp", "path": "/x"}, stoker.ProtocolTCP},
		{map[string]any{"protocol": "none"}, ""},
	}
	for _, tt := range tests {
		h := newHouse()
		h.create(t, h.request(t, lb, "lb", map[string]any{"health_check": tt.check}))
		if p, _ := h.balancer.Pool("lb"); p.Health.Protocol != tt.want {
			t.Errorf("%v: got %q, want %q", tt.check, p.Health.Protocol, tt.want)
		}
	}
}

func TestLoadBalancerAttributes(t *testing.T) {
	h := newHouse()
	req := h.request(t, lb, "lb", map[string]any{"listeners": []any{
		map[string]any{"protocol": "tcp", "port": int64(5432)}, map[string]any{}, map[string]any{"protocol": "https", "port": int64(8443)},
	}})
	h.create(t, req)
	want := map[string]any{
		"url": "http://127.0.0.1:40001", "urls": []any{"http://127.0.0.1:40001", "https://127.0.0.1:8443"},
		"addresses": []any{"127.0.0.1:5432", "127.0.0.1:40001", "127.0.0.1:8443"},
		"address":   "127.0.0.1", "port": int64(5432), "show": nil,
	}
	for name := range h.types[lb].Schema().Attributes {
		if got := h.attribute(t, req, name); !reflect.DeepEqual(got, want[name]) {
			t.Errorf("%s: got %v, want %v", name, got, want[name])
		}
	}
	only := h.request(t, lb, "tcp only", map[string]any{"listeners": []any{map[string]any{"protocol": "tcp", "port": int64(1)}}})
	h.create(t, only)
	if got := h.attribute(t, only, "url"); got != "" {
		t.Errorf("url without an HTTP listener: %q", got)
	}
}

func TestLoadBalancerKeepsItsPorts(t *testing.T) {
	h := newHouse()
	req := h.request(t, lb, "lb", map[string]any{"listeners": []any{map[string]any{}, map[string]any{"protocol": "tcp"}}})
	h.create(t, req)
	before := h.attribute(t, req, "addresses")

	h.balancer = balancertest.NewFake() // a new process
	h.balancer.SetPool(t.Context(), stoker.Pool{ID: "other", Listeners: []stoker.Listener{{Protocol: stoker.ProtocolHTTP, Port: 40009}}})
	h.restart()
	if err := h.types[lb].(stoker.Resumer).Resume(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	p, _ := h.balancer.Pool("lb")
	if p.Listeners[0].Port != 40001 || p.Listeners[1].Port != 40002 {
		t.Errorf("after a restart: %+v, want the ports of %v", p.Listeners, before)
	}

	h.update(t, req, map[string]any{"listeners": []any{
		map[string]any{"protocol": "http", "port": int64(8080)}, map[string]any{"protocol": "tcp"}, map[string]any{"protocol": "http"},
	}})
	if got, want := h.attribute(t, req, "addresses"), []any{"127.0.0.1:8080", "127.0.0.1:40002", "127.0.0.1:40001"}; !reflect.DeepEqual(got, want) {
		t.Errorf("after an update: %v, want %v", got, want)
	}
}

func TestLoadBalancerAtATakenAddress(t *testing.T) {
	h := newHouse()
	props := map[string]any{"listeners": []any{map[string]any{"port": int64(80)}}}
	h.create(t, h.request(t, lb, "a", props))
	b := h.request(t, lb, "b", props)
	if _, err := h.types[lb].Create(t.Context(), b); !stoker.IsKind(err, stoker.Conflict) {
		t.Errorf("got %v, want a conflict", err)
	}
	if err := h.types[lb].Delete(t.Context(), b); err != nil {
		t.Errorf("delete what was not made: %v", err)
	}
}

func TestLoadBalancerCheckAndDelete(t *testing.T) {
	h := newHouse()
	req := h.request(t, lb, "lb", nil)
	h.create(t, req)
	if err := h.types[lb].(stoker.Checker).Check(t.Context(), req); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := h.types[lb].Delete(t.Context(), req); err != nil {
			t.Error(err)
		}
	}
	if err := h.types[lb].(stoker.Checker).Check(t.Context(), req); !stoker.IsKind(err, stoker.NotFound) {
		t.Errorf("got %v, want not found", err)
	}
}

func TestLoadBalancerNeedsAListener(t *testing.T) {
	h := newHouse()
	err := h.types[lb].(stoker.Validator).Validate(h.request(t, lb, "lb", map[string]any{"listeners": []any{}}))
	if e, ok := stoker.AsError(err); !ok || e.Path != "properties.listeners" {
		t.Errorf("got %v, want a fault at properties.listeners", err)
	}
}

func TestDurationsAreChecked(t *testing.T) {
	h := newHouse()
	for _, bad := range []string{"soon", "-1s", "10 parsecs", "1e3", "-5", "5d", ""} {
		_, err := hot.CheckProperties(h.types[lb].Schema().Properties, map[string]any{"queue_timeout": bad}, nil, "p")
		if !stoker.IsKind(err, stoker.Invalid) {
			t.Errorf("the schema takes %q: %v", bad, err)
		}
	}
	bad := h.request(t, lb, "lb", nil)
	bad.Properties["queue_timeout"] = "soon"
	err := h.types[lb].(stoker.Validator).Validate(bad)
	if e, ok := stoker.AsError(err); !ok || e.Kind != stoker.Invalid || e.Path != "properties.queue_timeout" {
		t.Errorf("got %v, want a fault at properties.queue_timeout", err)
	}
}

func TestUnknownAttributes(t *testing.T) {
	h := newHouse()
	for name, impl := range h.types {
		_, _, err := impl.(stoker.Attributer).Attribute(t.Context(), &stoker.Request{Name: "it"}, "nonsense", nil)
		if e, ok := stoker.AsError(err); !ok || e.Type != "InvalidTemplateAttribute" {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

var errBroken = errors.New("broken")

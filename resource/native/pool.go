package native

import (
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/request"
)

func poolID(req *stoker.Request) stoker.PoolID { return stoker.PoolID(req.ID) }

func poolName(req *stoker.Request) string {
	if name := request.Values(req.Properties).String("name"); name != "" {
		return name
	}
	return req.Stack.Name + "/" + string(req.Name)
}

// pool reads what is wanted of a load balancer.
func pool(req *stoker.Request) (stoker.Pool, error) {
	v := request.Values(req.Properties)
	p := stoker.Pool{
		ID: poolID(req), Name: poolName(req),
		Algorithm:    stoker.Algorithm(v.String("algorithm")),
		StickyCookie: v.String("sticky_cookie"),
		Retries:      v.Int("retries"),
	}
	d := durations{v: v}
	d.read("connect_timeout", &p.ConnectTimeout, 0)
	d.read("response_timeout", &p.ResponseTimeout, 0)
	d.read("queue_timeout", &p.QueueTimeout, 0)
	if d.err != nil {
		return p, d.err
	}
	var err error
	if p.Listeners, err = listeners(v, req.Data); err != nil {
		return p, err
	}
	p.Health, err = health(v.Map("health_check"))
	return p, err
}

// durations reads several durations and keeps the first error.
type durations struct {
	v    request.Values
	path string // of v, below the properties, with a dot at its end
	err  error
}

func (d *durations) read(key string, into *time.Duration, otherwise time.Duration) {
	got, err := d.v.Duration(key, otherwise)
	if err != nil && d.err == nil {
		e, _ := stoker.AsError(err)
		at := *e
		at.Path = "properties." + d.path + key
		at.Type = "StackValidationFailed"
		d.err = &at
	}
	*into = got
}

// listeners reads the listeners; those without a port take the one they had.
func listeners(v request.Values, data map[string]any) ([]stoker.Listener, error) {
	had := request.Values(data).Maps("listeners")
	used := make([]bool, len(had))
	fixed := map[int]bool{} // ports that the template gives
	for _, l := range v.Maps("listeners") {
		fixed[l.Int("port")] = true
	}
	var out []stoker.Listener
	for _, l := range v.Maps("listeners") {
		want := stoker.Listener{
			Protocol:    stoker.Protocol(l.String("protocol")),
			Address:     l.String("address"),
			Port:        l.Int("port"),
			Certificate: l.String("certificate"),
			Key:         l.String("key"),
		}
		for i, h := range had {
			if want.Port != 0 || used[i] || fixed[h.Int("port")] ||
				h.String("protocol") != string(want.Protocol) || h.String("address") != want.Address {
				continue
			}
			used[i], want.Port = true, h.Int("port")
		}
		out = append(out, want)
	}
	if len(out) == 0 && v.Has("listeners") {
		return nil, &stoker.Error{Kind: stoker.Invalid, Type: "StackValidationFailed", Path: "properties.listeners",
			Message: "there is no listener", Hint: "Give at least one, such as {protocol: http, port: 8080}."}
	}
	return out, nil
}

// health reads the health check. Without a protocol it is HTTP where a path or
// statuses are given, and otherwise a connection.
func health(v request.Values) (stoker.HealthCheck, error) {
	h := stoker.HealthCheck{
		Protocol: stoker.Protocol(v.String("protocol")),
		Path:     v.String("path"),
		Rise:     v.Int("rise"),
		Fall:     v.Int("fall"),
	}
	switch {
	case h.Protocol == "none":
		h.Protocol = ""
	case h.Protocol != "":
	case v.Has("path") || len(v.List("status")) > 0:
		h.Protocol = stoker.ProtocolHTTP
	default:
		h.Protocol = stoker.ProtocolTCP
	}
	for _, s := range v.List("status") {
		h.Status = append(h.Status, request.Values{"s": s}.Int("s"))
	}
	d := durations{v: v, path: "health_check."}
	d.read("interval", &h.Interval, 0)
	d.read("timeout", &h.Timeout, 0)
	return h, d.err
}

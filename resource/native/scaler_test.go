package native_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
)

const sc = stoker.TypeName("Stoker::Scaler")

func signal(more map[string]any) map[string]any {
	out := map[string]any{"source": "balancer", "metric": "concurrency", "pool": "pool"}
	for k, v := range more {
		out[k] = v
	}
	return out
}

// least is the least that a scaler needs.
func least() map[string]any {
	return map[string]any{
		"group":   "g",
		"signals": map[string]any{"busy": signal(nil)},
		"rules":   []any{map[string]any{"kind": "target", "signal": "busy", "target": 2.5}},
	}
}

func TestScalerByDefault(t *testing.T) {
	h := newHouse()
	req := h.request(t, sc, "sc", least())
	h.create(t, req)
	want := stoker.Policy{
		ID: "sc", Name: "shop/it", Project: "p1", Group: "g", Interval: time.Second,
		Signals: map[string]stoker.SignalSpec{"busy": {Source: "balancer", Metric: "concurrency", Pool: "pool"}},
		Rules:   []stoker.Rule{{Kind: stoker.RuleTarget, Signal: "busy", Target: 2.5}},
	}
	if got := h.scalers.put["sc"]; !reflect.DeepEqual(got, want) {
		t.Errorf("put %+v, want %+v", got, want)
	}
	if req.PhysicalID != "sc" {
		t.Errorf("physical ID %q", req.PhysicalID)
	}
}

func TestScalerWithAll(t *testing.T) {
	h := newHouse()
	one, nine := 1, 9
	high, low, ten, fifty := 0.8, 0.2, 10.0, 50.0
	h.create(t, h.request(t, sc, "sc", map[string]any{
		"group": "g", "interval": "500ms", "min": int64(1), "max": int64(9), "dry_run": true,
		"up_cooldown": int64(1), "down_cooldown": "2m", "up_stabilization": 0.5, "down_stabilization": "1h",
		"max_step_up": int64(4), "max_step_down": int64(1),
		"signals": map[string]any{
			"queue":  signal(map[string]any{"metric": "queue", "window": "5s", "timeout": "2s", "max_age": int64(9)}),
			"answer": map[string]any{"source": "heartbeat", "url": "http://x/"},
			"cpu":    map[string]any{"source": "cpu"},
		},
		"rules": []any{
			map[string]any{"name": "slow", "kind": "threshold", "signal": "answer", "high": 0.8, "low": 0.2, "up_after": int64(3), "down_after": int64(5), "step": int64(2), "error_is_high": true},
			map[string]any{"kind": "step", "signal": "queue", "steps": []any{
				map[string]any{"from": int64(10), "to": int64(50), "by": int64(1)},
				map[string]any{"from": int64(50), "type": "percent_change_in_capacity", "by": int64(100), "min_step": int64(1)},
			}},
			map[string]any{"kind": "proportional", "signal": "cpu", "divisor": int64(10)},
			map[string]any{"kind": "target", "signal": "cpu", "target": int64(60), "tolerance": 0.05},
		},
	}))
	want := stoker.Policy{
		ID: "sc", Name: "shop/it", Project: "p1", Group: "g", Interval: 500 * time.Millisecond,
		Min: &one, Max: &nine, DryRun: true,
		UpCooldown: time.Second, DownCooldown: 2 * time.Minute, UpStabilization: 500 * time.Millisecond, DownStabilization: time.Hour,
		MaxStepUp: 4, MaxStepDown: 1,
		Signals: map[string]stoker.SignalSpec{
			"queue":  {Source: "balancer", Metric: "queue", Pool: "pool", Window: 5 * time.Second, Timeout: 2 * time.Second, MaxAge: 9 * time.Second},
			"answer": {Source: "heartbeat", URL: "http://x/"},
			"cpu":    {Source: "cpu"},
		},
		Rules: []stoker.Rule{
			{Name: "slow", Kind: stoker.RuleThreshold, Signal: "answer", High: &high, Low: &low, UpAfter: 3, DownAfter: 5, Step: 2, ErrorIsHigh: true},
			{Kind: stoker.RuleStep, Signal: "queue", Steps: []stoker.Step{
				{From: &ten, To: &fifty, Adjustment: stoker.Adjustment{Type: stoker.ChangeInCapacity, By: 1}},
				{From: &fifty, Adjustment: stoker.Adjustment{Type: stoker.PercentChangeInCapacity, By: 100, MinStep: &one}},
			}},
			{Kind: stoker.RuleProportional, Signal: "cpu", Divisor: 10},
			{Kind: stoker.RuleTarget, Signal: "cpu", Target: 60, Tolerance: 0.05},
		},
	}
	if got := h.scalers.put["sc"]; !reflect.DeepEqual(got, want) {
		t.Errorf("put\n%+v, want\n%+v", got, want)
	}
}

// TestScalerCanSayEverything finds fields of the policy that no property reaches.
func TestScalerCanSayEverything(t *testing.T) {
	fields := func(v any, skip string) []string {
		var out []string
		typ := reflect.TypeOf(v)
		for i := range typ.NumField() {
			if f := typ.Field(i); !strings.Contains(skip, f.Name) {
				out = append(out, snake(f.Name))
			}
		}
		return out
	}
	top := newHouse().types[sc].Schema().Properties
	rules := top["rules"].Items.Fields
	for _, tt := range []struct {
		what string
		have map[string]*stoker.Property
		want []string
	}{
		{"policy", top, fields(stoker.Policy{}, "ID Name Project Admin")},
		{"signal", top["signals"].Items.Fields, fields(stoker.SignalSpec{}, "")},
		{"rule", rules, fields(stoker.Rule{}, "")},
		{"step", rules["steps"].Items.Fields, append(fields(stoker.Step{}, "Adjustment"), fields(stoker.Adjustment{}, "")...)},
	} {
		for _, name := range tt.want {
			if tt.have[name] == nil {
				t.Errorf("a %s has no property %s", tt.what, name)
			}
		}
		if len(tt.have) != len(tt.want) {
			t.Errorf("a %s has %d properties, the contract %d fields", tt.what, len(tt.have), len(tt.want))
		}
	}
}

// snake writes UpAfter as up_after, and URL as url.
func snake(s string) string {
	var b strings.Builder
	for i, c := range s {
		if i > 0 && c >= 'A' && c <= 'Z' && s[i-1] >= 'a' {
			b.WriteByte('_')
		}
		b.WriteRune(c)
	}
	return strings.ToLower(b.String())
}

func TestScalerLives(t *testing.T) {
	h := newHouse()
	req := h.request(t, sc, "sc", least())
	h.create(t, req)
	props := least()
	props["dry_run"] = true
	h.update(t, req, props)
	if !h.scalers.put["sc"].DryRun {
		t.Error("the update did not reach the scaler")
	}
	h.scalers.put = nil // a new process
	if err := h.types[sc].(stoker.Resumer).Resume(t.Context(), req); err != nil || len(h.scalers.put) != 1 {
		t.Errorf("resume: %v, %d scalers", err, len(h.scalers.put))
	}
	for range 2 {
		if err := h.types[sc].Delete(t.Context(), req); err != nil || len(h.scalers.put) != 0 {
			t.Errorf("delete: %v, %d scalers", err, len(h.scalers.put))
		}
	}
	h.scalers.err = &stoker.Error{Kind: stoker.Invalid, Path: "rules.0.target", Message: "no"}
	_, err := h.types[sc].Create(t.Context(), req)
	if e, ok := stoker.AsError(err); !ok || e.Path != "properties.rules.0.target" {
		t.Errorf("refused by the scaler: got %v, want the place in the properties", err)
	}
}

func TestScalerValidates(t *testing.T) {
	rule := func(r map[string]any) map[string]any { return map[string]any{"rules": []any{r}} }
	signals := func(s map[string]any) map[string]any { return map[string]any{"signals": map[string]any{"busy": s}} }
	tests := []struct {
		change map[string]any
		path   string // empty: valid
	}{
		{nil, ""},
		{rule(map[string]any{"kind": "target", "signal": "lazy", "target": int64(1)}), "properties.rules.0.signal"},
		{rule(map[string]any{"kind": "target", "signal": "busy"}), "properties.rules.0.target"},
		{rule(map[string]any{"kind": "proportional", "signal": "busy"}), "properties.rules.0.divisor"},
		{rule(map[string]any{"kind": "threshold", "signal": "busy", "high": int64(1), "low": int64(2)}), "properties.rules.0.high"},
		{map[string]any{"rules": []any{}}, "properties.rules"},
		{map[string]any{"min": int64(3), "max": int64(2)}, "properties.min"},
		{map[string]any{"interval": "1ms"}, "properties.interval"},
		{signals(map[string]any{"source": "balancer", "metric": "concurrency"}), "properties.signals.busy.pool"},
		{signals(signal(map[string]any{"metric": "happiness"})), "properties.signals.busy.metric"},
		{signals(map[string]any{"source": "heartbeat"}), "properties.signals.busy.url"},
		{signals(map[string]any{"source": "prometheus"}), "properties.signals.busy.query"},
		{signals(map[string]any{"source": "prometheus", "query": "up"}), ""},
		{signals(map[string]any{"source": "host", "metric": "temperature"}), "properties.signals.busy.metric"},
		{signals(map[string]any{"source": "host", "metric": "cpu"}), ""},
		{signals(map[string]any{"source": "host"}), ""},
		{signals(map[string]any{"source": "value"}), ""},
	}
	h := newHouse()
	for _, tt := range tests {
		props := least()
		for k, v := range tt.change {
			props[k] = v
		}
		err := h.types[sc].(stoker.Validator).Validate(h.request(t, sc, "", props))
		e, ok := stoker.AsError(err)
		if tt.path == "" && err != nil || tt.path != "" && (!ok || e.Path != tt.path || e.Kind != stoker.Invalid) {
			t.Errorf("%v: got %v, want a fault at %q", tt.change, err, tt.path)
		}
	}
	for _, unknown := range []string{"group", "signals", "rules"} {
		req := h.request(t, sc, "", least())
		delete(req.Properties, unknown)
		if err := h.types[sc].(stoker.Validator).Validate(req); err != nil {
			t.Errorf("with %s not known yet: %v", unknown, err)
		}
	}
}

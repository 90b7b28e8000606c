package heat_test

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
)

func TestScalingPolicySignal(t *testing.T) {
	minute, two := time.Minute, 2
	tests := []struct {
		name  string
		props map[string]any
		want  adjustment
	}{
		{"change", map[string]any{"adjustment_type": "change_in_capacity", "scaling_adjustment": int64(-1)},
			adjustment{"g", stoker.Adjustment{Type: stoker.ChangeInCapacity, By: -1}, nil}},
		{"exact with cooldown", map[string]any{"adjustment_type": "exact_capacity", "scaling_adjustment": int64(3), "cooldown": int64(60)},
			adjustment{"g", stoker.Adjustment{Type: stoker.ExactCapacity, By: 3}, &minute}},
		{"percent", map[string]any{"adjustment_type": "percent_change_in_capacity", "scaling_adjustment": 12.5, "min_adjustment_step": int64(2), "cooldown": int64(0)},
			adjustment{"g", stoker.Adjustment{Type: stoker.PercentChangeInCapacity, By: 12.5, MinStep: &two}, new(time.Duration)}},
	}
	for _, tt := range tests {
		e := newEngine()
		impl := e.types()["OS::Heat::ScalingPolicy"]
		tt.props["auto_scaling_group_id"] = "g"
		req := request(t, impl, tt.props)
		create(t, impl, req)
		_, reason, err := impl.(stoker.Signaller).Signal(t.Context(), req, nil)
		if err != nil || reason != "No signal details provided" {
			t.Errorf("%s: reason %q, error %v", tt.name, reason, err)
		}
		if want := []adjustment{tt.want}; !reflect.DeepEqual(e.adjusted, want) {
			t.Errorf("%s: asked for %+v, want %+v", tt.name, e.adjusted, want)
		}
	}
}

func policyRequest(t *testing.T, e *engine) (stoker.ResourceType, *stoker.Request) {
	impl := e.types()["OS::Heat::ScalingPolicy"]
	return impl, request(t, impl, map[string]any{
		"auto_scaling_group_id": "g", "adjustment_type": "change_in_capacity", "scaling_adjustment": int64(1)})
}

func TestScalingPolicyReasons(t *testing.T) {
	impl, req := policyRequest(t, newEngine())
	tests := []struct {
		body map[string]any
		want string
	}{
		{nil, "No signal details provided"},
		{map[string]any{}, "Unknown"},
		{map[string]any{"previous": "ok", "current": "alarm", "reason": "hot"}, "alarm state changed from ok to alarm (hot)"},
		{map[string]any{"previous": "ok", "current": "alarm"}, "Unknown"},
		{map[string]any{"state": "ALARM"}, "alarm state changed to ALARM"},
	}
	for _, tt := range tests {
		if _, got, err := impl.(stoker.Signaller).Signal(t.Context(), req, tt.body); err != nil || got != tt.want {
			t.Errorf("%v: got %q (%v), want %q", tt.body, got, err, tt.want)
		}
	}
}

func TestScalingPolicyWithNothingToDoIsSilent(t *testing.T) {
	e := newEngine()
	impl, req := policyRequest(t, e)
	e.nothing = "cooling down"
	if _, reason, err := impl.(stoker.Signaller).Signal(t.Context(), req, nil); reason != "" || err != nil {
		t.Errorf("got reason %q, error %v, want neither", reason, err)
	}
	e.nothing, e.err = "", errors.New("no such group")
	if _, reason, err := impl.(stoker.Signaller).Signal(t.Context(), req, nil); reason != "" || err == nil {
		t.Errorf("got reason %q, error %v, want the error", reason, err)
	}
}

func TestScalingPolicyURLs(t *testing.T) {
	impl, req := policyRequest(t, newEngine())
	if got := attribute(t, impl, req, "alarm_url"); got != "http://alarm/shop/it" {
		t.Errorf("alarm_url: %v", got)
	}
	if got := attribute(t, impl, req, "signal_url"); got != "http://signal/shop/it" {
		t.Errorf("signal_url: %v", got)
	}
}

func TestMinAdjustmentStepIsForPercentOnly(t *testing.T) {
	impl := newEngine().types()["OS::Heat::ScalingPolicy"]
	for _, kind := range []string{"change_in_capacity", "exact_capacity", "percent_change_in_capacity"} {
		req := request(t, impl, map[string]any{"auto_scaling_group_id": "g", "adjustment_type": kind,
			"scaling_adjustment": int64(1), "min_adjustment_step": int64(2)})
		err := impl.(stoker.Validator).Validate(req)
		if kind == "percent_change_in_capacity" {
			if err != nil {
				t.Error(err)
			}
			continue
		}
		wantType(t, err, "ResourcePropertyValueDependency",
			"min_adjustment_step property should only be specified for adjustment_type with value percent_change_in_capacity.")
	}
}

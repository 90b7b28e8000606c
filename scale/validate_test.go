package scale_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/scale"
)

func TestValidateNamesThePlace(t *testing.T) {
	step := func(from, to *float64) stoker.Step {
		return stoker.Step{From: from, To: to, Adjustment: stoker.Adjustment{Type: stoker.ChangeInCapacity, By: 1}}
	}
	for _, c := range []struct {
		path   string
		change func(*stoker.Policy)
	}{
		{"id", func(p *stoker.Policy) { p.ID = "" }},
		{"group", func(p *stoker.Policy) { p.Group = "" }},
		{"rules", func(p *stoker.Policy) { p.Rules = nil }},
		{"interval", func(p *stoker.Policy) { p.Interval = time.Millisecond }},
		{"interval", func(p *stoker.Policy) { p.Interval = -time.Second }},
		{"down_cooldown", func(p *stoker.Policy) { p.DownCooldown = -1 }},
		{"max_step_up", func(p *stoker.Policy) { p.MaxStepUp = -1 }},
		{"min", func(p *stoker.Policy) { p.Min = ptr(-1) }},
		{"max", func(p *stoker.Policy) { p.Min, p.Max = ptr(0), ptr(-1) }},
		{"min", func(p *stoker.Policy) { p.Min, p.Max = ptr(5), ptr(4) }},
		{"signals.rps.source", func(p *stoker.Policy) { p.Signals["rps"] = stoker.SignalSpec{} }},
		{"signals.rps", func(p *stoker.Policy) { p.Signals["rps"] = stoker.SignalSpec{Source: "x", Window: -1} }},
		{"signals.rps.max_age", func(p *stoker.Policy) { p.Signals["rps"] = stoker.SignalSpec{Source: "x", MaxAge: time.Millisecond} }},
		{"rules.0.signal", func(p *stoker.Policy) { p.Rules[0].Signal = "cpu" }},
		{"rules.0.kind", func(p *stoker.Policy) { p.Rules[0].Kind = "magic" }},
		{"rules.0.target", func(p *stoker.Policy) { p.Rules[0].Target = 0 }},
		{"rules.0.target", func(p *stoker.Policy) { p.Rules[0].Target = math.NaN() }},
		{"rules.0.target", func(p *stoker.Policy) { p.Rules[0].Target = math.Inf(1) }},
		{"rules.0.tolerance", func(p *stoker.Policy) { p.Rules[0].Tolerance = 1 }},
		{"rules.0.divisor", func(p *stoker.Policy) { p.Rules[0].Kind = stoker.RuleProportional }},
		{"rules.0", func(p *stoker.Policy) { p.Rules[0].Kind = stoker.RuleThreshold }},
		{"rules.0.high", func(p *stoker.Policy) {
			p.Rules[0] = stoker.Rule{Kind: stoker.RuleThreshold, Signal: "rps", High: ptr(3.0), Low: ptr(3.0)}
		}},
		{"rules.0.low", func(p *stoker.Policy) {
			p.Rules[0] = stoker.Rule{Kind: stoker.RuleThreshold, Signal: "rps", Low: ptr(math.NaN())}
		}},
		{"rules.0.steps", func(p *stoker.Policy) { p.Rules[0] = stoker.Rule{Kind: stoker.RuleStep, Signal: "rps"} }},
		{"rules.0.steps.0", func(p *stoker.Policy) {
			p.Rules[0] = stoker.Rule{Kind: stoker.RuleStep, Signal: "rps", Steps: []stoker.Step{step(ptr(2.0), ptr(1.0))}}
		}},
		{"rules.0.steps.1", func(p *stoker.Policy) {
			p.Rules[0] = stoker.Rule{Kind: stoker.RuleStep, Signal: "rps", Steps: []stoker.Step{step(ptr(2.0), nil), step(nil, ptr(3.0))}}
		}},
		{"rules.0.steps.0.type", func(p *stoker.Policy) {
			p.Rules[0] = stoker.Rule{Kind: stoker.RuleStep, Signal: "rps", Steps: []stoker.Step{{}}}
		}},
	} {
		p := targetPolicy(c.change)
		err := scale.Validate(p)
		e, ok := stoker.AsError(err)
		if !ok || e.Kind != stoker.Invalid || e.Path != c.path {
			t.Errorf("got %v, want an invalid %s", err, c.path)
		}
	}
	if err := scale.Validate(recommended()); err != nil {
		t.Errorf("the recommended policy: %v", err)
	}
}

func TestWarningsFindWhatSwings(t *testing.T) {
	threshold := func(low float64, change func(*stoker.Policy)) stoker.Policy {
		return targetPolicy(func(p *stoker.Policy) {
			p.Rules[0] = stoker.Rule{Kind: stoker.RuleThreshold, Signal: "rps", High: ptr(1.0), Low: &low, UpAfter: 3}
			change(p)
		})
	}
	none := func(*stoker.Policy) {}
	for name, c := range map[string]struct {
		policy stoker.Policy
		want   string
	}{
		"low inside one step":   {threshold(0.6, none), "will swing"},
		"low below one step":    {threshold(0.5, none), ""},
		"a larger minimum":      {threshold(0.6, func(p *stoker.Policy) { p.Min = ptr(2) }), ""},
		"raising without pause": {threshold(0.5, func(p *stoker.Policy) { p.Rules[0].UpAfter = 1 }), "raises again at every evaluation"},
		"unused signal": {targetPolicy(func(p *stoker.Policy) {
			p.DownStabilization = time.Minute
			p.Signals["cpu"] = stoker.SignalSpec{Source: "cpu"}
		}), "signals.cpu is used by no rule"},
		"no hold":     {targetPolicy(nil), "set down_stabilization"},
		"recommended": {recommended(), ""},
	} {
		got := strings.Join(scale.Warnings(c.policy), "; ")
		if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

package native

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/request"
)

// balancerMetrics are what a balancer measures.
var balancerMetrics = []string{"requests_per_second", "concurrency", "latency", "errors_per_second", "queue"}

// policy reads what is wanted of a scaler.
func policy(req *stoker.Request) (stoker.Policy, error) {
	v := request.Values(req.Properties)
	p := stoker.Policy{
		ID:      stoker.ScalerID(req.ID),
		Name:    req.Stack.Name + "/" + string(req.Name),
		Project: req.Stack.Project, Admin: req.Stack.Admin,
		Group: stoker.StackID(v.String("group")),
		Min:   v.OptionalInt("min"), Max: v.OptionalInt("max"),
		MaxStepUp: v.Int("max_step_up"), MaxStepDown: v.Int("max_step_down"),
		DryRun: v.Bool("dry_run"),
	}
	d := durations{v: v}
	d.read("interval", &p.Interval, 0)
	d.read("up_cooldown", &p.UpCooldown, 0)
	d.read("down_cooldown", &p.DownCooldown, 0)
	d.read("up_stabilization", &p.UpStabilization, 0)
	d.read("down_stabilization", &p.DownStabilization, 0)
	if d.err != nil {
		return p, d.err
	}
	for _, r := range v.Maps("rules") {
		p.Rules = append(p.Rules, rule(r))
	}
	var err error
	p.Signals, err = signals(v.Map("signals"))
	return p, err
}

func signals(v request.Values) (map[string]stoker.SignalSpec, error) {
	out := make(map[string]stoker.SignalSpec, len(v))
	for _, name := range slices.Sorted(maps.Keys(v)) {
		m := v.Map(name)
		s := stoker.SignalSpec{
			Source: m.String("source"), Metric: m.String("metric"),
			Pool: stoker.PoolID(m.String("pool")), Group: stoker.StackID(m.String("group")), URL: m.String("url"), Query: m.String("query"),
		}
		d := durations{v: m, path: "signals." + name + "."}
		d.read("window", &s.Window, 0)
		d.read("timeout", &s.Timeout, 0)
		d.read("max_age", &s.MaxAge, 0)
		if d.err != nil {
			return nil, d.err
		}
		out[name] = s
	}
	return out, nil
}

func rule(v request.Values) stoker.Rule {
	r := stoker.Rule{
		Name: v.String("name"), Kind: stoker.RuleKind(v.String("kind")), Signal: v.String("signal"),
		High: v.OptionalFloat("high"), Low: v.OptionalFloat("low"),
		UpAfter: v.Int("up_after"), DownAfter: v.Int("down_after"), Step: v.Int("step"),
		ErrorIsHigh: v.Bool("error_is_high"),
		Target:      v.Float("target"), Tolerance: v.Float("tolerance"),
		Divisor: v.Float("divisor"),
	}
	for _, s := range v.Maps("steps") {
		r.Steps = append(r.Steps, stoker.Step{
			From: s.OptionalFloat("from"), To: s.OptionalFloat("to"),
			Adjustment: stoker.Adjustment{
				Type: stoker.AdjustmentType(s.String("type")), By: s.Float("by"), MinStep: s.OptionalInt("min_step"),
			},
		})
	}
	return r
}

// checkSignals finds what a signal's source lacks. Sources that this package does
// not know are checked by whoever makes them.
func checkSignals(signals map[string]stoker.SignalSpec) error {
	for _, name := range slices.Sorted(maps.Keys(signals)) {
		s := signals[name]
		switch {
		case s.Source == "balancer" && s.Pool == "":
			return signalFault(name, "pool", "a signal from the balancer needs a pool", "Give get_resource of a Stoker::LoadBalancer.")
		case s.Source == "balancer" && !slices.Contains(balancerMetrics, s.Metric):
			return signalFault(name, "metric", fmt.Sprintf("the balancer does not measure %q", s.Metric), "It measures "+strings.Join(balancerMetrics, ", ")+".")
		case s.Source == "host" && s.Metric != "" && s.Metric != "cpu":
			return signalFault(name, "metric", fmt.Sprintf("the host does not measure %q", s.Metric), "It measures cpu.")
		case s.Source == "heartbeat" && s.URL == "":
			return signalFault(name, "url", "a heartbeat needs a URL", "Give the address that is asked, such as the url of the load balancer.")
		case s.Source == "prometheus" && s.Query == "":
			return signalFault(name, "query", "a signal of Prometheus needs a query", "Give PromQL that gives one number.")
		}
	}
	return nil
}

func signalFault(name, key, message, hint string) error {
	return &stoker.Error{Kind: stoker.Invalid, Type: "StackValidationFailed",
		Path: "signals." + name + "." + key, Message: message, Hint: hint}
}

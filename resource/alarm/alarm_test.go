package alarm_test

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/condition"
	"github.com/stoker-project/stoker/resource/alarm"
	"github.com/stoker-project/stoker/scale"
)

// scalers remembers policies.
type scalers struct {
	put map[stoker.ScalerID]stoker.Policy
}

func (s *scalers) Put(_ context.Context, p stoker.Policy) error {
	s.put[p.ID] = p
	return nil
}

func (s *scalers) Remove(_ context.Context, id stoker.ScalerID) error {
	delete(s.put, id)
	return nil
}

// policyURL is the one address that signals a policy; its group is "group".
const policyURL = "http://stoker/policy"

func target(project stoker.ProjectID, url string) (stoker.StackID, stoker.ResourceName, bool) {
	return "stack", "policy", url == policyURL && project == "p"
}

func deps() (alarm.Deps, *scalers) {
	s := &scalers{map[stoker.ScalerID]stoker.Policy{}}
	return alarm.Deps{
		Board: alarm.NewBoard(nil, nil, target, nil), Scalers: s, Target: target,
		Properties: func(context.Context, stoker.StackID, stoker.ResourceName) (map[string]any, error) {
			return map[string]any{"auto_scaling_group_id": "group"}, nil
		},
		Prometheus: func(p stoker.ProjectID) (time.Duration, error) {
			if p != "p" {
				return 0, stoker.Errorf(stoker.Forbidden, "not yours")
			}
			return 15 * time.Second, nil
		},
		Queue: func(_ stoker.ProjectID, name string) error {
			if name != "mine" {
				return stoker.Errorf(stoker.Invalid, "no queue of Zaqar's")
			}
			return nil
		},
	}, s
}

func request(props map[string]any) *stoker.Request {
	return &stoker.Request{Name: "high", ID: "r1", Stack: stoker.StackRef{Name: "shop", Project: "p"}, Properties: props}
}

func with(props map[string]any, more map[string]any) map[string]any {
	out := map[string]any{}
	for k, v := range props {
		out[k] = v
	}
	for k, v := range more {
		out[k] = v
	}
	return out
}

var (
	aodh = map[string]any{"meter_name": "cpu_util", "statistic": "avg", "comparison_operator": "gt", "threshold": int64(50),
		"period": int64(30), "evaluation_periods": int64(2), "alarm_actions": []any{"trust+" + policyURL}, "enabled": "true", "repeat_actions": "true"}
	gnocchi = map[string]any{"metric": "cpu", "aggregation_method": "rate:mean", "comparison_operator": "lt", "threshold": 60e9,
		"granularity": int64(300), "query": `{"=": {"server_group": "x"}}`, "alarm_actions": []any{policyURL}, "enabled": true}
	prom      = map[string]any{"query": "sum(x)", "threshold": int64(5), "comparison_operator": "le", "alarm_actions": []any{policyURL}}
	metricIDs = map[string]any{"metrics": []any{"lb/latency", "g/cpu_util"}, "aggregation_method": "max", "comparison_operator": "gt", "threshold": int64(5),
		"granularity": int64(30), "alarm_actions": []any{policyURL}}
	watch = map[string]any{"MetricName": "CPUUtilization", "Statistic": "Average", "ComparisonOperator": "GreaterThanOrEqualToThreshold",
		"Threshold": "70", "Period": "60", "EvaluationPeriods": "3", "Dimensions": []any{map[string]any{"AutoScalingGroupName": "mine"}}}
)

func TestPolicies(t *testing.T) {
	pool := []any{map[string]any{"Name": "pool", "Value": "lb"}}
	for _, tt := range []struct {
		name      string
		typ       stoker.TypeName
		props     map[string]any
		spec      stoker.SignalSpec
		above     []float64 // values that raise the size of the board's group
		below     []float64
		periods   int
		intervalS float64
	}{
		{"aodh", "OS::Aodh::Alarm", aodh, stoker.SignalSpec{Source: "cpu", Group: "group"}, []float64{50.001, 90}, []float64{50, 0}, 2, 30},
		{"old name", "OS::Ceilometer::Alarm", aodh, stoker.SignalSpec{Source: "cpu", Group: "group"}, []float64{51}, []float64{50}, 2, 30},
		{"gnocchi", "OS::Aodh::GnocchiAggregationByResourcesAlarm", gnocchi, stoker.SignalSpec{Source: "cpu", Group: "group"}, []float64{20, 90}, []float64{19.999}, 1, 300},
		{"cloudwatch", "AWS::CloudWatch::Alarm", watch, stoker.SignalSpec{Source: "cpu", Group: "mine"}, []float64{70, 71}, []float64{69.999}, 3, 60},
		{"count", "AWS::CloudWatch::Alarm", with(watch, map[string]any{"MetricName": "RequestCount", "Statistic": "Sum", "Threshold": "600", "Dimensions": pool}),
			stoker.SignalSpec{Source: "balancer", Metric: "requests_per_second", Pool: "lb"}, []float64{10}, []float64{9.999}, 3, 60},
		{"pool", "OS::Aodh::Alarm", with(aodh, map[string]any{"meter_name": "latency", "matching_metadata": map[string]any{"pool": "lb"}}),
			stoker.SignalSpec{Source: "balancer", Metric: "latency", Pool: "lb"}, []float64{51}, []float64{50}, 2, 30},
		{"pool in a query", "OS::Aodh::GnocchiAggregationByResourcesAlarm",
			with(gnocchi, map[string]any{"metric": "queue", "aggregation_method": "mean", "threshold": int64(3), "query": `{"and": [{"=": {"pool": "lb"}}]}`}),
			stoker.SignalSpec{Source: "balancer", Metric: "queue", Pool: "lb"}, []float64{3}, []float64{2.999}, 1, 300},
		{"prometheus", "OS::Aodh::PrometheusAlarm", prom, stoker.SignalSpec{Source: "prometheus", Query: "sum(x)"}, []float64{5.001}, []float64{5}, 1, 15},
		{"several", "OS::Aodh::GnocchiAggregationByMetricsAlarm", metricIDs,
			stoker.SignalSpec{Source: "aggregate", Query: `{"Method":"max","Signals":[` +
				`{"Source":"balancer","Metric":"latency","Pool":"lb","Group":"","URL":"","Query":"","Window":30000000000,"Timeout":0,"MaxAge":0},` +
				`{"Source":"cpu","Metric":"","Pool":"","Group":"g","URL":"","Query":"","Window":30000000000,"Timeout":0,"MaxAge":0}]}`}, []float64{5.001}, []float64{5}, 1, 30},
		{"members", "OS::Aodh::LBMemberHealthAlarm", map[string]any{"pool": "lb", "stack": "s", "autoscaling_group_id": "g", "alarm_actions": []any{"trust+heat://"}},
			stoker.SignalSpec{Source: "balancer", Metric: "members_down", Pool: "lb", Group: "g"}, []float64{1}, []float64{0}, 2, 5},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, s := deps()
			impl := alarm.Types(d)[tt.typ]
			if err := impl.(stoker.Validator).Validate(request(tt.props)); err != nil {
				t.Fatal(err)
			}
			if _, err := impl.Create(t.Context(), request(tt.props)); err != nil {
				t.Fatal(err)
			}
			p := s.put["r1"]
			for _, got := range p.Signals {
				if tt.spec.Source != "prometheus" && tt.spec.Source != "aggregate" { // which are read for one moment
					tt.spec.Window = p.Interval
				}
				if got != tt.spec || p.Interval.Seconds() != tt.intervalS {
					t.Errorf("got signal %+v each %v, want %+v", got, p.Interval, tt.spec)
				}
			}
			if err := scale.Validate(p); err != nil {
				t.Error(err)
			}
			up, down := p.Rules[0], p.Rules[1]
			if up.UpAfter != tt.periods || down.DownAfter != tt.periods {
				t.Errorf("after %d and %d periods, want %d", up.UpAfter, down.DownAfter, tt.periods)
			}
			for _, v := range tt.above {
				if !(v > *up.High) || v < *down.Low {
					t.Errorf("%v is not above: %v, %v", v, *up.High, *down.Low)
				}
			}
			for _, v := range tt.below {
				if !(v < *down.Low) || v > *up.High {
					t.Errorf("%v is not below: %v, %v", v, *up.High, *down.Low)
				}
			}
			if err := impl.Delete(t.Context(), request(tt.props)); err != nil || len(s.put) > 0 {
				t.Errorf("after deletion: %v, %v", s.put, err)
			}
		})
	}
}

func compositeOf(rules ...any) map[string]any {
	return map[string]any{"composite_rule": map[string]any{"operator": "or", "rules": rules}, "alarm_actions": []any{policyURL}}
}

// TestComposite makes one signal of all parts, each with its own periods and group.
func TestComposite(t *testing.T) {
	d, s := deps()
	impl := alarm.Types(d)["OS::Aodh::CompositeAlarm"]
	props := compositeOf(with(aodh, map[string]any{"type": "threshold"}), map[string]any{"and": []any{
		with(prom, map[string]any{"type": "prometheus"}), with(gnocchi, map[string]any{"type": "gnocchi_aggregation_by_resources_threshold", "granularity": "300"})}})
	if err := impl.(stoker.Validator).Validate(request(props)); err != nil {
		t.Fatal(err)
	}
	if _, err := impl.Create(t.Context(), request(props)); err != nil {
		t.Fatal(err)
	}
	p := s.put["r1"]
	if err := scale.Validate(p); err != nil || p.Interval != 15*time.Second {
		t.Errorf("asked each %v: %v", p.Interval, err)
	}
	c, err := condition.Parse(p.Signals["composite"].Query)
	if err != nil {
		t.Fatal(err)
	}
	var got []condition.Threshold
	for _, t := range c.Thresholds() {
		got = append(got, *t)
	}
	want := []condition.Threshold{
		{Name: "cpu_util", Signal: stoker.SignalSpec{Source: "cpu", Group: "group", Window: 30 * time.Second}, Bound: 50, Periods: 2, Period: 30 * time.Second},
		{Name: "prometheus", Signal: stoker.SignalSpec{Source: "prometheus", Query: "sum(x)"}, Bound: math.Nextafter(5, 6), Below: true, Periods: 1, Period: 15 * time.Second},
		{Name: "cpu", Signal: stoker.SignalSpec{Source: "cpu", Group: "group", Window: 300 * time.Second}, Bound: 20, Below: true, Periods: 1, Period: 300 * time.Second},
	}
	if !slices.Equal(got, want) || len(c.Or) != 2 || len(c.Or[1].And) != 2 {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

// TestPrometheusOfOthers is refused to a project that may not ask, when the template is checked.
func TestPrometheusOfOthers(t *testing.T) {
	d, _ := deps()
	for name, props := range map[stoker.TypeName]map[string]any{
		"OS::Aodh::PrometheusAlarm": prom, "OS::Aodh::CompositeAlarm": compositeOf(with(prom, map[string]any{"type": "prometheus"})),
	} {
		req := request(props)
		req.Stack.Project = "q"
		err := alarm.Types(d)[name].(stoker.Validator).Validate(req)
		if e, ok := stoker.AsError(err); !ok || e.Kind != stoker.Forbidden || !strings.HasSuffix(e.Path, ".query") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestRefusals(t *testing.T) {
	one := func(k string, v any) map[string]any { return map[string]any{k: v} }
	for _, tt := range []struct {
		typ   stoker.TypeName
		props map[string]any
		path  string
		words string
	}{
		{"OS::Aodh::Alarm", with(aodh, one("meter_name", "memory.usage")), "properties.meter_name", "cpu_util (avg)"},
		{"OS::Aodh::Alarm", with(aodh, one("statistic", "max")), "properties.statistic", "cpu_util (avg)"},
		{"OS::Aodh::Alarm", with(aodh, one("comparison_operator", "eq")), "properties.comparison_operator", "above or below"},
		{"OS::Aodh::Alarm", with(aodh, one("period", int64(0))), "properties.period", "period"},
		{"OS::Aodh::Alarm", with(aodh, one("alarm_queues", []any{"q"})), "properties.alarm_queues", "Zaqar"},
		{"OS::Aodh::Alarm", with(aodh, one("ok_actions", []any{"trust+zaqar://?queue_name=q"})), "properties.ok_queues", "Zaqar"},
		{"OS::Aodh::Alarm", with(aodh, one("alarm_actions", []any{"http://elsewhere/"})), "properties.alarm_actions", "whose servers"},
		{"OS::Aodh::Alarm", with(aodh, one("meter_name", "latency")), "properties.matching_metadata", "pool"},
		{"OS::Aodh::GnocchiResourcesAlarm", with(gnocchi, one("resource_id", "server")), "properties.resource_id", "one server"},
		{"OS::Aodh::PrometheusAlarm", with(prom, one("comparison_operator", nil)), "properties.comparison_operator", "above or below"},
		{"OS::Aodh::CompositeAlarm", compositeOf(), "properties.composite_rule.rules", "no list"},
		{"OS::Aodh::CompositeAlarm", compositeOf(with(prom, one("type", "weather"))), "properties.composite_rule.rules.0.type", "weather"},
		{"OS::Aodh::CompositeAlarm", compositeOf(map[string]any{"or": []any{with(prom, one("type", "prometheus")), with(aodh, map[string]any{"type": "threshold", "statistic": "max"})}}),
			"properties.composite_rule.rules.0.or.1.statistic", "cpu_util (avg)"},
		{"OS::Aodh::CompositeAlarm", compositeOf(map[string]any{"type": "prometheus", "query": "x"}), "properties.composite_rule.rules.0.threshold", "compare"},
		{"OS::Aodh::CompositeAlarm", compositeOf(with(prom, map[string]any{"type": "prometheus", "threshold": "much"})), "properties.composite_rule.rules.0.threshold", "not a number"},
		{"OS::Aodh::CompositeAlarm", compositeOf(with(aodh, map[string]any{"type": "threshold", "period": "1m"})), "properties.composite_rule.rules.0.period", "not a whole number"},
		{"OS::Aodh::CompositeAlarm", compositeOf(make([]any, 101)...), "properties.composite_rule.rules", "more than 100"},
		{"OS::Aodh::Alarm", with(aodh, one("time_constraints", []any{map[string]any{"start": "0 25 * * *", "duration": int64(60)}})), "properties.time_constraints.0.start", "no cron expression"},
		{"OS::Aodh::Alarm", with(aodh, one("time_constraints", []any{map[string]any{"start": "0 2 * * *", "duration": int64(60), "timezone": "Mars"}})), "properties.time_constraints.0.start", "no time zone"},
		{"OS::Aodh::EventAlarm", map[string]any{"event_type": "[a"}, "properties.event_type", "no pattern"},
		{"OS::Aodh::EventAlarm", map[string]any{"query": []any{map[string]any{"field": "traits.n", "type": "integer", "value": "x"}}}, "properties.query.0.value", "not a whole number"},
		{"OS::Aodh::EventAlarm", map[string]any{"query": []any{map[string]any{"field": "", "value": "x"}}}, "properties.query.0.field", "names nothing"},
		{"OS::Aodh::EventAlarm", map[string]any{"alarm_queues": []any{"q"}}, "properties.alarm_queues", "Zaqar"},
		{"OS::Aodh::CompositeAlarm", compositeOf(with(metricIDs, map[string]any{"type": "gnocchi_aggregation_by_metrics_threshold", "metrics": []any{"6f2c"}})), "properties.composite_rule.rules.0.metrics", "no metric"},
		{"OS::Aodh::GnocchiAggregationByMetricsAlarm", with(metricIDs, one("metrics", []any{})), "properties.metrics", "none to measure"},
		{"OS::Aodh::GnocchiAggregationByMetricsAlarm", with(metricIDs, one("metrics", []any{"lb/RequestCount"})), "properties.metrics", "no metric"},
		{"OS::Aodh::GnocchiAggregationByMetricsAlarm", with(metricIDs, one("aggregation_method", "count")), "properties.aggregation_method", "cannot be taken"},
		{"AWS::CloudWatch::Alarm", with(watch, one("Threshold", "much")), "properties.Threshold", "not a number"},
		{"AWS::CloudWatch::Alarm", with(watch, one("MetricName", "MemoryUtilization")), "properties.MetricName", "RequestCount (Sum)"},
	} {
		d, s := deps()
		impl := alarm.Types(d)[tt.typ]
		err := impl.(stoker.Validator).Validate(request(tt.props))
		if err == nil {
			_, err = impl.Create(t.Context(), request(tt.props))
		}
		e, ok := stoker.AsError(err)
		if !ok || e.Kind != stoker.Invalid || e.Path != tt.path || !strings.Contains(err.Error()+e.Hint, tt.words) || len(s.put) > 0 {
			t.Errorf("%s: got %v, want an error at %s with %q", tt.typ, err, tt.path, tt.words)
		}
	}
}

func TestDisabled(t *testing.T) {
	d, s := deps()
	impl := alarm.Types(d)["OS::Aodh::Alarm"]
	if _, err := impl.Create(t.Context(), request(aodh)); err != nil || len(s.put) != 1 {
		t.Fatalf("got %v, %v", s.put, err)
	}
	off := with(aodh, map[string]any{"enabled": false})
	if _, err := impl.(stoker.Updater).Update(t.Context(), request(off)); err != nil || len(s.put) != 0 {
		t.Errorf("an alarm that was switched off is evaluated: %v, %v", s.put, err)
	}
}

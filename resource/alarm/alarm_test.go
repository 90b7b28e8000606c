package alarm_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stoker-project/stoker"
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
				tt.spec.Window = p.Interval
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
		{"OS::Aodh::Alarm", with(aodh, one("insufficient_data_actions", []any{"u"})), "properties.insufficient_data_actions", "missing data"},
		{"OS::Aodh::Alarm", with(aodh, one("alarm_actions", []any{"http://elsewhere/"})), "properties.alarm_actions", "whose servers"},
		{"OS::Aodh::Alarm", with(aodh, one("meter_name", "latency")), "properties.matching_metadata", "pool"},
		{"OS::Aodh::GnocchiResourcesAlarm", with(gnocchi, one("resource_id", "server")), "properties.resource_id", "one server"},
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

package alarm

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/stoker-project/stoker/internal/request"
	"github.com/stoker-project/stoker/internal/timetable"
)

// readAodh reads OS::Aodh::Alarm.
func readAodh(v request.Values) reading {
	r := readCommon(v)
	r.metric, r.statistic = v.String("meter_name"), v.String("statistic")
	r.period = time.Duration(v.IntOr("period", 60)) * time.Second
	r.at.metric, r.at.statistic, r.at.period, r.at.pool = "meter_name", "statistic", "period", "matching_metadata"
	r.pool = v.Map("matching_metadata").String("pool")
	for _, q := range v.Maps("query") {
		if strings.HasSuffix(q.String("field"), "pool") {
			r.pool = q.String("value")
		}
	}
	return r
}

// readGnocchi reads the alarms on Gnocchi's metrics.
func readGnocchi(v request.Values) reading {
	r := readCommon(v)
	r.metric, r.statistic = v.String("metric"), v.String("aggregation_method")
	r.period = time.Duration(v.IntOr("granularity", 60)) * time.Second
	r.at.metric, r.at.statistic, r.at.period, r.at.pool = "metric", "aggregation_method", "granularity", "resource_id"
	if v.Has("query") {
		r.at.pool = "query"
		r.pool = poolIn(v.String("query"))
	}
	if one := v.String("resource_id"); one != "" {
		r.pool = one
		if spec, _, err := r.source(); err == nil && spec.Source == "cpu" {
			r.unsupported["resource_id"] = "the processors of one server cannot be measured alone: those of the policy's group are, by the other types of alarms"
		}
	}
	return r
}

// readByMetrics reads OS::Aodh::GnocchiAggregationByMetricsAlarm.
func readByMetrics(v request.Values) reading {
	r := readGnocchi(v)
	if !v.Has("metrics") {
		return r // not known yet
	}
	r.metric, r.metrics, r.at.metric = "aggregate", v.Strings("metrics"), "metrics"
	switch {
	case len(r.metrics) == 0:
		r.unsupported["metrics"] = "there is none to measure"
	case len(r.metrics) > maxParts:
		r.unsupported["metrics"] = fmt.Sprintf("%d metrics are more than %d", len(r.metrics), maxParts)
	}
	return r
}

// readPrometheus reads OS::Aodh::PrometheusAlarm. How often Prometheus is asked is not the
// template's to say.
func readPrometheus(v request.Values) reading {
	r := readCommon(v)
	r.query, r.metric, r.periods = v.String("query"), v.String("query"), 1
	if r.query != "" {
		r.metric = "prometheus"
	}
	r.at.metric = "query"
	return r
}

// readMemberHealth reads OS::Aodh::LBMemberHealthAlarm: members are down, twice in a row. Aodh
// looks every minute; the balancer's checks have taken their time already.
func readMemberHealth(v request.Values) reading {
	r := readCommon(v)
	r.metric, r.operator, r.threshold = "members_down", "gt", 0
	r.pool, r.group = v.String("pool"), v.String("autoscaling_group_id")
	r.period, r.periods = 5*time.Second, 2
	r.at.metric, r.at.pool = "pool", "pool"
	return r
}

// poolIn finds a condition on the pool in a query of Gnocchi: {"=": {"pool": ...}}.
func poolIn(query string) string {
	var m any
	if json.Unmarshal([]byte(query), &m) != nil {
		return ""
	}
	return find(m, "pool")
}

func find(v any, key string) string {
	switch v := v.(type) {
	case map[string]any:
		if s, ok := v[key].(string); ok {
			return s
		}
		for _, x := range v {
			if s := find(x, key); s != "" {
				return s
			}
		}
	case []any:
		for _, x := range v {
			if s := find(x, key); s != "" {
				return s
			}
		}
	}
	return ""
}

// readCommon reads what all alarms of Aodh have.
func readCommon(v request.Values) reading {
	r := reading{
		threshold: v.Float("threshold"), operator: v.String("comparison_operator"), periods: v.IntOr("evaluation_periods", 1),
		onAlarm: readActions(v, "alarm"), onOK: readActions(v, "ok"), onMissing: readActions(v, "insufficient_data"), severity: cmp.Or(v.String("severity"), "low"),
		repeat: v.String("repeat_actions") != "false", enabled: v.String("enabled") != "false",
		unsupported: map[string]string{}, at: names{operator: "comparison_operator", actions: "alarm_actions"},
	}
	for i, c := range v.Maps("time_constraints") {
		w, err := timetable.Parse(c.String("start"), c.String("timezone"), time.Duration(c.Int("duration"))*time.Second)
		if err != nil && c.Has("start") {
			r.unsupported[fmt.Sprintf("time_constraints.%d.start", i)] = err.Error()
		}
		if err == nil {
			r.times = append(r.times, w)
		}
	}
	return r
}

// untrusted leaves out the mark by which Aodh knows that it is to log in first: signed
// addresses and our own need none.
func untrusted(urls []string) []string {
	for i, url := range urls {
		urls[i] = strings.TrimPrefix(url, "trust+")
	}
	return urls
}

// readCloudWatch reads AWS::CloudWatch::Alarm.
func readCloudWatch(v request.Values) reading {
	r := reading{
		metric: v.String("MetricName"), statistic: v.String("Statistic"),
		operator: map[string]string{
			"GreaterThanThreshold": "gt", "GreaterThanOrEqualToThreshold": "ge", "LessThanThreshold": "lt", "LessThanOrEqualToThreshold": "le",
		}[v.String("ComparisonOperator")],
		onAlarm: untrusted(v.Strings("AlarmActions")), onOK: untrusted(v.Strings("OKActions")), onMissing: untrusted(v.Strings("InsufficientDataActions")), severity: "low", repeat: true, enabled: true,
		unsupported: map[string]string{},
		at:          names{metric: "MetricName", statistic: "Statistic", operator: "ComparisonOperator", period: "Period", actions: "AlarmActions", pool: "Dimensions"},
	}
	r.threshold = number(v, "Threshold", &r)
	r.period = time.Duration(number(v, "Period", &r) * float64(time.Second))
	r.periods = int(number(v, "EvaluationPeriods", &r))
	for _, d := range v.Maps("Dimensions") {
		if d.Has("Name") {
			d = request.Values{d.String("Name"): d["Value"]}
		}
		if d.Has("AutoScalingGroupName") {
			r.group = d.String("AutoScalingGroupName")
		}
		if d.Has("pool") {
			r.pool = d.String("pool")
		}
	}
	return r
}

// number reads a number that comes as a text.
func number(v request.Values, name string, r *reading) float64 {
	if !v.Has(name) {
		return 1 // not known yet
	}
	n, err := strconv.ParseFloat(v.String(name), 64)
	if err != nil || n != n {
		r.unsupported[name] = "it is not a number"
	}
	return n
}

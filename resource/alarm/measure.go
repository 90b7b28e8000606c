package alarm

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/condition"
	"github.com/stoker-project/stoker/internal/timetable"
)

// reading is what a template wants of an alarm, whatever the type is called.
type reading struct {
	metric, statistic string
	threshold         float64
	operator          string // gt, ge, lt, le
	period            time.Duration
	periods           int
	onAlarm, onOK     []string
	onMissing         []string // when nothing is known any more
	severity          string
	repeat, enabled   bool
	times             []timetable.Window // when it is evaluated; nil: at all times
	group             string             // whose servers are measured; empty: the policy's
	pool              string
	query             string            // of Prometheus, instead of a metric
	metrics           []string          // several, by their IDs, instead of one
	parts             *parts            // of a composite alarm, instead of all of these
	unsupported       map[string]string // properties that ask for what there is not, and why
	at                names
}

// names are those of the properties, for messages.
type names struct {
	metric, statistic, operator, period, actions, pool string
	prefix                                             string // of the place of a part of a composite alarm
}

func (r *reading) below() bool { return strings.HasPrefix(r.operator, "l") }

// evaluated tells whether the alarm is looked at now, and if not, when again.
func (r *reading) evaluated(now time.Time) (bool, time.Time) {
	var next time.Time
	for _, w := range r.times {
		if w.Open(now) {
			return true, now
		}
		if n := w.Next(now); !n.IsZero() && (next.IsZero() || n.Before(next)) {
			next = n
		}
	}
	return r.times == nil, next
}

// rule is what the scaler is given: the signal, its bounds, and how often it is read.
type rule struct {
	spec      stoker.SignalSpec
	high, low *float64
	period    time.Duration
	periods   int
	again     time.Duration // the least time between two times of raising it
}

// supported refuses what the alarm asks for and there is not.
func (r *reading) supported() error {
	for _, name := range slices.Sorted(maps.Keys(r.unsupported)) {
		return refused(name, r.unsupported[name], "Leave it out.")
	}
	return nil
}

// rule finds the signal of a metric and brings the threshold into its unit.
func (r *reading) rule() (rule, error) {
	if err := r.supported(); err != nil {
		return rule{}, err
	}
	source, unit, err := r.source()
	if err != nil {
		return rule{}, err
	}
	if r.period <= 0 {
		return rule{}, refused(r.at.period, "a period must be longer than nothing", "")
	}
	if r.operator == "eq" || r.operator == "ne" || r.operator == "" {
		return rule{}, refused(r.at.operator, "an alarm must be above or below its threshold", "Use gt, ge, lt or le.")
	}
	out := rule{spec: source, period: r.period, periods: r.periods}
	t := unit(r.threshold, r.period)
	// The rule's bounds are exclusive: next to each other, they leave no value out.
	above, below := t, math.Nextafter(t, math.Inf(1))
	if r.operator == "ge" || r.operator == "lt" {
		above, below = math.Nextafter(t, math.Inf(-1)), t
	}
	out.high, out.low = &above, &below
	return out, nil
}

// unit brings a threshold from the metric's unit into the signal's.
type unit func(threshold float64, period time.Duration) float64

func same(t float64, _ time.Duration) float64      { return t }
func perPeriod(t float64, p time.Duration) float64 { return t / p.Seconds() }

// cpuTime is from nanoseconds of processor time per period to percent.
func cpuTime(t float64, p time.Duration) float64 { return 100 * t / float64(p.Nanoseconds()) }

// metric is something that can be measured: under which names, with which statistics.
type metric struct {
	names      []string
	statistics []string
	spec       stoker.SignalSpec
	unit       unit
}

func metrics() []metric {
	mean := []string{"avg", "mean", "Average", ""}
	pool := func(name string) stoker.SignalSpec { return stoker.SignalSpec{Source: "balancer", Metric: name} }
	return []metric{
		{[]string{"cpu_util", "CPUUtilization"}, mean, stoker.SignalSpec{Source: "cpu"}, same},
		{[]string{"cpu"}, []string{"rate:mean", "rate:avg"}, stoker.SignalSpec{Source: "cpu"}, cpuTime},
		{[]string{"requests_per_second"}, mean, pool("requests_per_second"), same},
		{[]string{"RequestCount"}, []string{"Sum", "sum"}, pool("requests_per_second"), perPeriod},
		{[]string{"errors_per_second"}, mean, pool("errors_per_second"), same},
		{[]string{"HTTPCode_Backend_5XX"}, []string{"Sum", "sum"}, pool("errors_per_second"), perPeriod},
		{[]string{"concurrency", "network.services.lb.active.connections"}, mean, pool("concurrency"), same},
		{[]string{"latency", "Latency"}, mean, pool("latency"), same},
		{[]string{"queue", "SurgeQueueLength"}, mean, pool("queue"), same},
		{[]string{"members_down", "UnHealthyHostCount"}, mean, pool("members_down"), same},
	}
}

// source finds the signal of the metric.
func (r *reading) source() (stoker.SignalSpec, unit, error) {
	if r.query != "" {
		return stoker.SignalSpec{Source: "prometheus", Query: r.query}, same, nil
	}
	if r.metrics != nil {
		spec, err := r.aggregate()
		return spec, same, err
	}
	for _, m := range metrics() {
		if !slices.Contains(m.names, r.metric) {
			continue
		}
		if !slices.Contains(m.statistics, r.statistic) {
			return stoker.SignalSpec{}, nil, refused(r.at.statistic, fmt.Sprintf("%q of %s cannot be measured here", r.statistic, r.metric), measurable())
		}
		spec := m.spec
		spec.Pool, spec.Window = stoker.PoolID(r.pool), r.period
		return spec, m.unit, nil
	}
	return stoker.SignalSpec{}, nil, refused(r.at.metric, fmt.Sprintf("%q cannot be measured here", r.metric), measurable())
}

// aggregate is the signal of several metrics. Each has the ID of what it is of and its name
// as its own ID: a load balancer's ID/latency, a group's ID/cpu_util.
func (r *reading) aggregate() (stoker.SignalSpec, error) {
	method := map[string]string{"": "mean", "mean": "mean", "avg": "mean", "sum": "sum", "min": "min", "max": "max"}[r.statistic]
	if method == "" {
		return stoker.SignalSpec{}, refused(r.at.statistic, fmt.Sprintf("%q of several metrics cannot be taken here", r.statistic), "Use mean, sum, min or max.")
	}
	a := condition.Aggregate{Method: method}
	for _, id := range r.metrics {
		spec, ok := r.byID(id)
		if !ok {
			return stoker.SignalSpec{}, refused(r.at.metric, fmt.Sprintf("%q is no metric", id),
				"There is no Gnocchi: a metric's ID is that of a load balancer or group, a slash, and the metric's name, as in {list_join: ['/', [{get_resource: pool}, latency]]}. "+measurable())
		}
		a.Signals = append(a.Signals, spec)
	}
	text, err := a.Text()
	return stoker.SignalSpec{Source: "aggregate", Query: text}, err
}

func (r *reading) byID(id string) (stoker.SignalSpec, bool) {
	of, name, ok := strings.Cut(id, "/")
	if !ok || of == "" {
		return stoker.SignalSpec{}, false
	}
	for _, m := range metrics() {
		if !slices.Contains(m.names, name) || !slices.Contains(m.statistics, "mean") {
			continue
		}
		spec := m.spec
		spec.Window = r.period
		if spec.Source == "cpu" {
			spec.Group = stoker.StackID(of)
		} else {
			spec.Pool = stoker.PoolID(of)
		}
		return spec, true
	}
	return stoker.SignalSpec{}, false
}

// measurable lists what can be measured.
func measurable() string {
	var out []string
	for _, m := range metrics() {
		how := m.statistics[0]
		for _, name := range m.names {
			out = append(out, fmt.Sprintf("%s (%s)", name, how))
		}
	}
	return "These can be measured: " + strings.Join(out, ", ") + "."
}

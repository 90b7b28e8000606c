package builtin

import (
	"maps"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/stoker-project/stoker"
)

// Collector gives the traffic of all pools and members to Prometheus, under
// stoker_balancer_*; docs/balancer.md lists the names. It reads the counters
// when it is asked and may be registered as often as wanted.
func (b *Balancer) Collector() prometheus.Collector { return collector{b} }

type collector struct{ b *Balancer }

// metric is one number of pools or members.
type metric[T any] struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*T) float64
}

// traffic gives the metrics that pools and members share.
func traffic[T any](prefix string, labels []string, of func(*T) *stoker.Traffic) []metric[T] {
	m := func(name, help string, kind prometheus.ValueType, value func(*stoker.Traffic) float64) metric[T] {
		return metric[T]{prometheus.NewDesc(prefix+name, help, labels, nil), kind, func(t *T) float64 { return value(of(t)) }}
	}
	return []metric[T]{
		m("requests_total", "Requests (connections for TCP) that have ended.", prometheus.CounterValue,
			func(t *stoker.Traffic) float64 { return float64(t.Requests) }),
		m("errors_total", "Requests that could not connect, broke off or were answered 5xx.", prometheus.CounterValue,
			func(t *stoker.Traffic) float64 { return float64(t.Errors) }),
		m("retries_total", "Requests tried again on another member.", prometheus.CounterValue,
			func(t *stoker.Traffic) float64 { return float64(t.Retries) }),
		m("latency_seconds_total", "Sum of the time that ended requests took.", prometheus.CounterValue,
			func(t *stoker.Traffic) float64 { return t.LatencySeconds }),
		m("busy_seconds_total", "Requests in flight, integrated over time: its rate is the mean concurrency.", prometheus.CounterValue,
			func(t *stoker.Traffic) float64 { return t.BusySeconds }),
		m("in_flight", "Requests in flight.", prometheus.GaugeValue,
			func(t *stoker.Traffic) float64 { return float64(t.InFlight) }),
	}
}

// Labels: pool is the ID, pool_name what people call it.
func poolMetrics() []metric[stoker.PoolStats] {
	labels := []string{"pool", "pool_name"}
	ms := traffic("stoker_balancer_", labels, func(s *stoker.PoolStats) *stoker.Traffic { return &s.Traffic })
	return append(ms, metric[stoker.PoolStats]{
		prometheus.NewDesc("stoker_balancer_queued", "Requests that wait for a member to be up.", labels, nil),
		prometheus.GaugeValue, func(s *stoker.PoolStats) float64 { return float64(s.Queued) },
	})
}

func memberMetrics() []metric[stoker.MemberStats] {
	labels := []string{"pool", "pool_name", "member"}
	const prefix = "stoker_balancer_member_"
	gauge := func(name, help string, value func(*stoker.MemberStats) float64) metric[stoker.MemberStats] {
		return metric[stoker.MemberStats]{prometheus.NewDesc(prefix+name, help, labels, nil), prometheus.GaugeValue, value}
	}
	ms := traffic(prefix, labels, func(s *stoker.MemberStats) *stoker.Traffic { return &s.Traffic })
	return append(ms,
		gauge("up", "1 while the member gets traffic.", func(s *stoker.MemberStats) float64 {
			if s.State == stoker.MemberUp {
				return 1
			}
			return 0
		}),
		gauge("weight", "Weight of the member.", func(s *stoker.MemberStats) float64 { return float64(s.Weight) }))
}

// Describe fulfils prometheus.Collector.
func (collector) Describe(ch chan<- *prometheus.Desc) {
	for _, m := range poolMetrics() {
		ch <- m.desc
	}
	for _, m := range memberMetrics() {
		ch <- m.desc
	}
}

// Collect fulfils prometheus.Collector.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	c.b.mu.Lock()
	pools := slices.Collect(maps.Values(c.b.pools))
	c.b.mu.Unlock()
	forPools, forMembers := poolMetrics(), memberMetrics()
	for _, p := range pools {
		stats := p.stats()
		labels := []string{string(p.id), p.settings.Load().Name}
		for _, m := range forPools {
			ch <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value(&stats), labels...)
		}
		for i := range stats.Members {
			one := &stats.Members[i]
			for _, m := range forMembers {
				ch <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value(one), append(labels, string(one.ID))...)
			}
		}
	}
}

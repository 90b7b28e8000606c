package poolmetrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/stoker-project/stoker"
)

// traffic gives the metrics that pools and members share. Requests of a pool are
// counted once; a member counts those that were tried on it.
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

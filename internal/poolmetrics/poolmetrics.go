// Package poolmetrics gives what balancers know of their pools to Prometheus, so that
// all have the same names: docs/balancer.md lists them. It counts nothing itself and
// starts no goroutine.
package poolmetrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/stoker-project/stoker"
)

// Pool is one pool with what it has done.
type Pool struct {
	ID    stoker.PoolID
	Name  string // what people call it
	Stats stoker.PoolStats
}

// New gives a collector of stoker_balancer_*, which reads the pools whenever
// it is asked: perhaps by several goroutines at once. It may be registered as often as
// wanted. An error of read is told to whoever asked.
func New(read func() ([]Pool, error)) prometheus.Collector {
	return &collector{read: read, pools: poolMetrics(), members: memberMetrics()}
}

type collector struct {
	read    func() ([]Pool, error)
	pools   []metric[stoker.PoolStats]
	members []metric[stoker.MemberStats]
}

// metric is one number of pools or members.
type metric[T any] struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*T) float64
}

func (m metric[T]) of(t *T, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(m.desc, m.kind, m.value(t), labels...)
}

// Describe fulfils prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, m := range c.pools {
		ch <- m.desc
	}
	for _, m := range c.members {
		ch <- m.desc
	}
}

// Collect fulfils prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	pools, err := c.read()
	if err != nil {
		ch <- prometheus.NewInvalidMetric(c.pools[0].desc, err)
		return
	}
	for _, p := range pools {
		for _, m := range c.pools {
			ch <- m.of(&p.Stats, string(p.ID), p.Name)
		}
		for i := range p.Stats.Members {
			one := &p.Stats.Members[i]
			for _, m := range c.members {
				ch <- m.of(one, string(p.ID), p.Name, string(one.ID))
			}
		}
	}
}

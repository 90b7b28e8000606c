package builtin

import (
	"maps"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/stoker-project/stoker/internal/poolmetrics"
)

// Collector gives the traffic of all pools and members to Prometheus, under
// stoker_balancer_*; docs/balancer.md lists the names. It reads the counters
// when it is asked and may be registered as often as wanted.
func (b *Balancer) Collector() prometheus.Collector {
	return poolmetrics.New(func() ([]poolmetrics.Pool, error) {
		b.mu.Lock()
		pools := slices.Collect(maps.Values(b.pools))
		b.mu.Unlock()
		var out []poolmetrics.Pool
		for _, p := range pools {
			out = append(out, poolmetrics.Pool{ID: p.id, Name: p.settings.Load().Name, Stats: p.stats()})
		}
		return out, nil
	})
}

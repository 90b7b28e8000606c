package haproxy

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/stoker-project/stoker/internal/poolmetrics"
)

// collectTime bounds what Prometheus waits for.
const collectTime = 5 * time.Second

// Collector gives the traffic of all pools and members to Prometheus, under
// stoker_balancer_*; docs/balancer.md lists the names. It reads HAProxy when it is
// asked, and may be registered as often as wanted. While HAProxy does not answer there
// are no numbers.
func (b *Balancer) Collector() prometheus.Collector {
	return poolmetrics.New(func() ([]poolmetrics.Pool, error) {
		var pools []poolmetrics.Pool
		var err error
		ctx, cancel := context.WithTimeout(b.ctx, collectTime)
		defer cancel()
		if called := b.call(ctx, nil, func(k *keeper) { pools, err = k.allStats() }); called != nil {
			return nil, called
		}
		return pools, err
	})
}

func (k *keeper) allStats() ([]poolmetrics.Pool, error) {
	var out []poolmetrics.Pool
	for id, p := range k.pools {
		s, err := k.stats(id)
		if err != nil {
			return nil, err
		}
		out = append(out, poolmetrics.Pool{ID: id, Name: p.want.Name, Stats: s})
	}
	return out, nil
}

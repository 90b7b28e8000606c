package app

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/stoker-project/stoker"
)

// metrics is what Prometheus is told beside the balancer's own.
type metrics struct {
	events    *prometheus.CounterVec
	decisions *prometheus.CounterVec
}

func newMetrics() *metrics {
	return &metrics{
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "stoker_engine_events_total", Help: "Changes of state of stacks and resources.",
		}, []string{"type", "action", "status"}),
		decisions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "stoker_scaler_decisions_total", Help: "Decisions of scalers that differ from the one before.",
		}, []string{"direction", "limiter"}),
	}
}

// event is told of each event; it does not block.
func (m *metrics) event(e *stoker.Event) {
	m.events.WithLabelValues(string(e.Type), string(e.Action), string(e.Status)).Inc()
}

// decision is told of each new decision.
func (m *metrics) decision(d *stoker.Decision) {
	direction := "none"
	switch {
	case d.To > d.From:
		direction = "up"
	case d.To < d.From:
		direction = "down"
	}
	m.decisions.WithLabelValues(direction, d.Limiter).Inc()
}

// handler answers Prometheus.
func (m *metrics) handler(a *parts) http.Handler {
	reg := prometheus.NewRegistry()
	reg.MustRegister(m.events, m.decisions, groupCollector{a}, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, c := range []prometheus.Collector{a.driver.collector, a.balancer.collector} {
		if c != nil {
			reg.MustRegister(c)
		}
	}
	return promhttp.HandlerFor(reg, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
}

// groupCollector reads the groups when it is asked.
type groupCollector struct{ a *parts }

var (
	sizeDesc    = prometheus.NewDesc("stoker_group_size", "Wanted number of members.", []string{"group", "project"}, nil)
	servingDesc = prometheus.NewDesc("stoker_group_serving", "Members that are complete.", []string{"group", "project"}, nil)
	minDesc     = prometheus.NewDesc("stoker_group_min", "Lower bound of the size.", []string{"group", "project"}, nil)
	maxDesc     = prometheus.NewDesc("stoker_group_max", "Upper bound of the size.", []string{"group", "project"}, nil)
)

// Describe fulfils prometheus.Collector.
func (g groupCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{sizeDesc, servingDesc, minDesc, maxDesc} {
		ch <- d
	}
}

// Collect fulfils prometheus.Collector.
func (g groupCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(g.a.life.ctx, 5*time.Second)
	defer cancel()
	groups, err := g.a.engine.Groups(ctx, "", true)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(sizeDesc, err)
		return
	}
	for _, grp := range groups {
		serving := 0
		for _, m := range grp.Members {
			if m.Status == stoker.StatusComplete && m.Action != stoker.ActionDelete && m.Action != stoker.ActionInit {
				serving++
			}
		}
		for d, n := range map[*prometheus.Desc]int{sizeDesc: grp.Size, servingDesc: serving, minDesc: grp.Min, maxDesc: grp.Max} {
			ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(n), grp.Name, string(grp.Project))
		}
	}
}

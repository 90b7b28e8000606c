package haproxy_test

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/balancer/haproxy"
)

// numbers are what Prometheus is given, by name and labels.
func numbers(t *testing.T, b *haproxy.Balancer) (map[string]float64, error) {
	t.Helper()
	reg := prometheus.NewPedanticRegistry()
	if err := reg.Register(b.Collector()); err != nil {
		t.Fatal(err)
	}
	families, err := reg.Gather()
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.Metric {
			var labels []string
			for _, l := range m.Label {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			got[f.GetName()+"{"+strings.Join(labels, ",")+"}"] = m.Counter.GetValue() + m.Gauge.GetValue()
		}
	}
	return got, err
}

// The numbers have the names of the built-in balancer's.
func TestCollector(t *testing.T) {
	t.Parallel()
	b := open(t, haproxy.Config{})
	st := setPool(t, b, webPool())
	join(t, b, newApp(t, "one"))
	for range 3 {
		if _, err := get(st.URLs[0]); err != nil {
			t.Fatal(err)
		}
	}
	got, err := numbers(t, b)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]float64{
		"stoker_balancer_requests_total{pool=pool-1,pool_name=web}":                   3,
		"stoker_balancer_errors_total{pool=pool-1,pool_name=web}":                     0,
		"stoker_balancer_queued{pool=pool-1,pool_name=web}":                           0,
		"stoker_balancer_member_requests_total{member=one,pool=pool-1,pool_name=web}": 3,
		"stoker_balancer_member_up{member=one,pool=pool-1,pool_name=web}":             1,
		"stoker_balancer_member_weight{member=one,pool=pool-1,pool_name=web}":         1,
	} {
		if v, ok := got[name]; !ok || v != want {
			t.Errorf("%s: got %v (there: %v), want %v", name, v, ok, want)
		}
	}
}

// An HAProxy of others gives them too; while it is away there are none, which is
// not the same as 0.
func TestCollectorAttached(t *testing.T) {
	t.Parallel()
	f := startForeign(t, newApp(t, "own"))
	b := attach(t, f, "flask_backend")
	setPool(t, b, f.pool())
	join(t, b, newApp(t, "one"))
	const up = "stoker_balancer_member_up{member=one,pool=pool-1,pool_name=web}"
	if got, err := numbers(t, b); err != nil || got[up] != 1 {
		t.Errorf("got %v (%v), want one up", got, err)
	}
	f.stop()
	eventually(t, "it is lost", func() bool {
		_, err := b.Stats(t.Context(), poolID)
		return stoker.IsKind(err, stoker.Unavailable)
	})
	if got, err := numbers(t, b); err == nil || len(got) > 0 {
		t.Errorf("without HAProxy: got %v (%v), want an error", got, err)
	}
}

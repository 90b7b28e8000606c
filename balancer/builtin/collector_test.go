package builtin_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/stoker-project/stoker"
)

func TestCollector(t *testing.T) {
	b := newBalancer(t)
	reg := prometheus.NewPedanticRegistry()
	if err := reg.Register(b.Collector()); err != nil {
		t.Fatal(err)
	}
	p := setUp(t, b, stoker.Pool{Name: "web"})
	srv := p.backend(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	p.join("a", srv.Listener.Addr().String())
	for range 3 {
		p.get("/")
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
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
	for name, want := range map[string]float64{
		"stoker_balancer_requests_total{pool=p,pool_name=web}":                 3,
		"stoker_balancer_errors_total{pool=p,pool_name=web}":                   3,
		"stoker_balancer_queued{pool=p,pool_name=web}":                         0,
		"stoker_balancer_member_requests_total{member=a,pool=p,pool_name=web}": 3,
		"stoker_balancer_member_up{member=a,pool=p,pool_name=web}":             1,
		"stoker_balancer_member_weight{member=a,pool=p,pool_name=web}":         1,
	} {
		if v, ok := got[name]; !ok || v != want {
			t.Errorf("%s: got %v (there: %v), want %v", name, v, ok, want)
		}
	}
}

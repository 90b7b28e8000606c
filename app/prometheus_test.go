package app_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stoker-project/stoker/app"
	"github.com/stoker-project/stoker/client"
	"github.com/stoker-project/stoker/metric/prometheus/prometheustest"
)

const promTemplate = `
heat_template_version: 2018-08-31
resources:
  group:
    type: OS::Heat::AutoScalingGroup
    properties: {min_size: 1, max_size: 3, resource: {type: OS::Heat::RandomString}}
  pool: {type: Stoker::LoadBalancer}
  up:
    type: OS::Heat::ScalingPolicy
    properties: {adjustment_type: change_in_capacity, auto_scaling_group_id: {get_resource: group}, scaling_adjustment: 1}
  down:
    type: OS::Heat::ScalingPolicy
    properties: {adjustment_type: change_in_capacity, auto_scaling_group_id: {get_resource: group}, scaling_adjustment: -1}
  high:
    type: OS::Aodh::PrometheusAlarm
    properties: {query: sum(load), threshold: 50, comparison_operator: gt, alarm_actions: [{get_attr: [up, signal_url]}]}
  low:
    type: OS::Aodh::CompositeAlarm
    properties:
      composite_rule:
        operator: and
        rules:
          - {type: prometheus, query: sum(load), threshold: 10, comparison_operator: lt}
          - or:
            - {type: prometheus, query: there_is_none, threshold: 10, comparison_operator: lt}
            - {type: threshold, meter_name: queue, statistic: avg, period: 1, threshold: 1, comparison_operator: lt, matching_metadata: {pool: {get_resource: pool}}}
      alarm_actions: [{get_attr: [down, alarm_url]}]
outputs:
  size: {value: {get_attr: [group, current_size]}}
`

// TestPrometheusScales has a real Prometheus read a number, and alarms scale a group by it, up by a
// simple one and down by a composite one.
func TestPrometheusScales(t *testing.T) {
	var load atomic.Int64
	load.Store(30)
	exporter := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		fmt.Fprintf(w, "# TYPE load gauge\nload %d\n", load.Load())
	}))
	defer exporter.Close()
	c := config(t)
	c.Prometheus.URL = prometheustest.Start(t, fmt.Sprintf(`
scrape_configs: [{job_name: x, scrape_interval: 200ms, scrape_timeout: 200ms, static_configs: [{targets: [%q]}]}]
`, strings.TrimPrefix(exporter.URL, "http://")))
	c.Prometheus.Interval = time.Second
	c.Prometheus.Projects = map[string]app.PrometheusServer{"*": {}}
	cl := dial(t, start(t, c).Server)
	id, err := cl.Create(t.Context(), client.Request{Name: "a", Template: promTemplate})
	if err != nil {
		t.Fatal(err)
	}
	if st := await(t, cl, id); st.Status != "CREATE_COMPLETE" {
		t.Fatalf("the stack is %s: %s", st.Status, st.StatusReason)
	}
	until := func(want string) {
		t.Helper()
		size := ""
		for end := time.Now().Add(patience); time.Now().Before(end) && size != want; {
			st, err := cl.Stack(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			size = fmt.Sprint(st.Outputs[0].Value)
		}
		if size != want {
			t.Fatalf("the group has %s members, want %s", size, want)
		}
	}
	until("1")
	load.Store(80)
	until("3")
	load.Store(5)
	until("1")
}

// TestPrometheusIsNotEverybodys lets one of two projects ask. What the other one writes is refused,
// and nothing is asked for it.
func TestPrometheusIsNotEverybodys(t *testing.T) {
	var asked atomic.Value
	asked.Store("")
	common := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Store(asked.Load().(string) + r.URL.Path + " " + r.FormValue("query") + "\n")
		http.Error(w, "not now", http.StatusServiceUnavailable)
	}))
	defer common.Close()
	c := config(t)
	c.TokensFile = filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(c.TokensFile, []byte("alice-0123456789abcdef shop\nbob-0123456789abcdef other\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.Prometheus.URL = common.URL
	c.Prometheus.Interval = time.Second
	c.Prometheus.Projects = map[string]app.PrometheusServer{"shop": {URL: common.URL + "/shop"}}
	r := start(t, c)
	base, _, _ := strings.Cut(r.URL, "/v1/")
	alice := dial(t, app.Server{URL: base + "/v1/shop", Token: "alice-0123456789abcdef"})
	bob := dial(t, app.Server{URL: base + "/v1/other", Token: "bob-0123456789abcdef"})
	for name, resource := range map[string]string{
		"alarm":     "{type: OS::Aodh::PrometheusAlarm, properties: {query: bobs, threshold: 1, comparison_operator: gt}}",
		"composite": "{type: OS::Aodh::CompositeAlarm, properties: {composite_rule: {operator: or, rules: [{type: prometheus, query: bobs, threshold: 1, comparison_operator: gt}, {type: prometheus, query: bobs, threshold: 1, comparison_operator: gt}]}}}",
		"scaler":    "{type: Stoker::Scaler, properties: {group: {get_resource: g}, signals: {s: {source: prometheus, query: bobs}}, rules: [{kind: target, signal: s, target: 1}]}}",
	} {
		request := client.Request{Name: name, Template: "heat_template_version: 2018-08-31\nresources:\n" +
			"  g: {type: OS::Heat::AutoScalingGroup, properties: {min_size: 1, max_size: 2, resource: {type: OS::Heat::RandomString}}}\n  r: " + resource}
		said := ""
		if id, err := bob.Create(t.Context(), request); err != nil {
			said = err.Error()
		} else if st := await(t, bob, id); st.Status == "CREATE_FAILED" {
			said = st.StatusReason
		}
		if !strings.Contains(said, "may not ask Prometheus") || strings.Contains(said, common.URL) {
			t.Errorf("%s of bob: %q", name, said)
		}
		request.Template = strings.ReplaceAll(request.Template, "bobs", name)
		id, err := alice.Create(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		if st := await(t, alice, id); st.Status != "CREATE_COMPLETE" {
			t.Errorf("%s of alice is %s: %s", name, st.Status, st.StatusReason)
		}
		want := "/shop/api/v1/query " + name + "\n"
		for end := time.Now().Add(patience); !strings.Contains(asked.Load().(string), want); {
			if time.Now().After(end) {
				t.Fatalf("asked %q, want %q", asked.Load(), want)
			}
		}
	}
	if got := asked.Load().(string); strings.Contains(got, "bobs") {
		t.Errorf("asked for bob: %s", got)
	}
}

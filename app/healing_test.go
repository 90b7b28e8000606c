package app_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stoker-project/stoker/app"
	"github.com/stoker-project/stoker/client"
)

const healthTemplate = `
heat_template_version: 2018-08-31
resources:
%s
  group:
    type: OS::Heat::AutoScalingGroup
    properties:
      min_size: 2
      max_size: 2
      resource: {type: member.yaml, properties: {pool: {get_resource: pool}}}
  health:
    type: OS::Aodh::LBMemberHealthAlarm
    properties:
      pool: {get_resource: pool}
      autoscaling_group_id: {get_resource: group}
      stack: {get_param: "OS::stack_id"}
      alarm_actions: ["trust+heat://"]
outputs:
  members: {value: {get_attr: [group, refs]}}
`

const lostTemplate = `
heat_template_version: 2018-08-31
resources:
  group:
    type: OS::Heat::AutoScalingGroup
    properties: {min_size: 1, max_size: 9, resource: {type: OS::Heat::RandomString}}
  up:
    type: OS::Heat::ScalingPolicy
    properties: {adjustment_type: change_in_capacity, auto_scaling_group_id: {get_resource: group}, scaling_adjustment: 1}
  lost:
    type: OS::Aodh::EventAlarm
    properties:
      event_type: compute.instance.update
      query:
        - {field: traits.instance_id, value: {get_resource: server}}
        - {field: traits.state, value: error}
      repeat_actions: false
      alarm_actions: [{get_attr: [up, signal_url]}]
  server:
    type: OS::Nova::Server
    properties: {image: short, flavor: m1.tiny}
outputs:
  size: {value: {get_attr: [group, current_size]}}
`

// TestServerThatEnds raises an alarm on the event of it.
func TestServerThatEnds(t *testing.T) {
	c := config(t)
	c.Driver = "process"
	c.Drivers.Process.Images = map[string]app.ImageConfig{"short": {Command: "/bin/sh", Args: []string{"-c", "sleep 1"}}}
	c.Drivers.Process.Cgroups = "none"
	cl := dial(t, start(t, c).Server)
	id, err := cl.Create(t.Context(), client.Request{Name: "a", Template: lostTemplate})
	if err != nil {
		t.Fatal(err)
	}
	size := ""
	for end := time.Now().Add(patience); time.Now().Before(end) && size != "2"; {
		st, err := cl.Stack(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if len(st.Outputs) > 0 {
			size = fmt.Sprint(st.Outputs[0].Value)
		}
	}
	if size != "2" {
		t.Errorf("the group has %s members, want 2", size)
	}
	if err := cl.Delete(t.Context(), id); err != nil {
		t.Error(err)
	}
	await(t, cl, id)
}

// TestMembersThatAreDown has both kinds of pools say that members are down while nothing
// else is wrong with them: their group replaces them.
func TestMembersThatAreDown(t *testing.T) {
	for kind, of := range map[string]struct{ pool, member string }{
		"Stoker": {`
  pool:
    type: Stoker::LoadBalancer
    properties: {health_check: {path: /, interval: 100ms, fall: 2}}`,
			`{type: Stoker::PoolMember, properties: {pool: {get_param: pool}, address: 127.0.0.1, port: %d}}`},
		"Octavia": {`
  lb: {type: OS::Octavia::LoadBalancer, properties: {vip_subnet: private}}
  pool: {type: OS::Octavia::Pool, properties: {loadbalancer: {get_resource: lb}, protocol: HTTP, lb_algorithm: ROUND_ROBIN}}
  http: {type: OS::Octavia::Listener, properties: {loadbalancer: {get_resource: lb}, protocol: HTTP, protocol_port: 8080, default_pool: {get_resource: pool}}}
  monitor: {type: OS::Octavia::HealthMonitor, properties: {pool: {get_resource: pool}, type: HTTP, url_path: /, delay: 1, timeout: 1, max_retries: 1}}`,
			`{type: OS::Octavia::PoolMember, properties: {pool: {get_param: pool}, address: 127.0.0.1, protocol_port: %d}}`},
	} {
		t.Run(kind, func(t *testing.T) {
			var sick atomic.Bool
			application := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if sick.Load() {
					w.WriteHeader(http.StatusInternalServerError)
				}
			}))
			defer application.Close()
			cl := dial(t, start(t, config(t)).Server)
			_, port, _ := strings.Cut(strings.TrimPrefix(application.URL, "http://"), ":")
			id, err := cl.Create(t.Context(), client.Request{Name: "a", Template: fmt.Sprintf(healthTemplate, of.pool), Files: map[string]string{
				"member.yaml": "heat_template_version: 2018-08-31\nparameters: {pool: {type: string}}\nresources:\n  member: " +
					strings.Replace(of.member, "%d", port, 1) + "\n",
			}})
			if err != nil {
				t.Fatal(err)
			}
			if st := await(t, cl, id); st.Status != "CREATE_COMPLETE" {
				t.Fatalf("the stack is %s: %s", st.Status, st.StatusReason)
			}
			members := func() string {
				st, err := cl.Stack(t.Context(), id)
				if err != nil {
					t.Fatal(err)
				}
				return fmt.Sprint(st.Outputs[0].Value)
			}
			before := members()
			sick.Store(true)
			now := before
			for end := time.Now().Add(patience); time.Now().Before(end) && now == before; {
				now = members()
				sick.Store(now == before) // what comes in its place is well
			}
			if now == before {
				t.Errorf("the members are still %s", now)
			}
		})
	}
}

package app_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stoker-project/stoker/app"
	"github.com/stoker-project/stoker/client"
)

// alarmTemplate is what templates of Heat look like that scale on alarms.
const alarmTemplate = `
heat_template_version: 2018-08-31
resources:
  group:
    type: OS::Heat::AutoScalingGroup
    properties:
      min_size: 1
      max_size: 2
      resource:
        type: OS::Nova::Server
        properties: {image: burn, flavor: m1.tiny, metadata: {metering.server_group: {get_param: "OS::stack_id"}}}
  up:
    type: OS::Heat::ScalingPolicy
    properties: {adjustment_type: change_in_capacity, auto_scaling_group_id: {get_resource: group}, scaling_adjustment: 1}
  high:
    type: OS::Aodh::GnocchiAggregationByResourcesAlarm
    properties:
      metric: cpu_util
      aggregation_method: mean
      granularity: 1
      evaluation_periods: 1
      threshold: 5
      comparison_operator: gt
      resource_type: instance
      query: {str_replace: {template: '{"=": {"server_group": "S"}}', params: {S: {get_param: "OS::stack_id"}}}}
      alarm_actions: [{list_join: ['', ['trust+', {get_attr: [up, %s]}]]}]
outputs:
  size: {value: {get_attr: [group, current_size]}}
`

// TestAlarm scales real processes on what they really use, through either address of
// the policy, and goes on after a restart.
func TestAlarm(t *testing.T) {
	for _, address := range []string{"signal_url", "alarm_url"} {
		t.Run(address, func(t *testing.T) {
			c := config(t)
			c.Driver = "process"
			c.Drivers.Process.Images = map[string]app.ImageConfig{"burn": {Command: "/bin/sh", Args: []string{"-c", "while :; do :; done"}}}
			c.Drivers.Process.Cgroups = "none"
			r := start(t, c)
			cl := dial(t, r.Server)
			id, err := cl.Create(t.Context(), client.Request{Name: "a", Template: fmt.Sprintf(alarmTemplate, address)})
			if err != nil {
				t.Fatal(err)
			}
			if st := await(t, cl, id); st.Status != "CREATE_COMPLETE" {
				t.Fatalf("the stack is %s: %s", st.Status, st.StatusReason)
			}
			if err := r.stop(); err != nil {
				t.Fatal(err)
			}
			cl = dial(t, start(t, c).Server)
			defer func() {
				if err := cl.Delete(t.Context(), id); err != nil {
					t.Error(err)
				}
				await(t, cl, id)
			}()
			size := any(nil)
			for end := time.Now().Add(patience); time.Now().Before(end) && fmt.Sprint(size) != "2"; {
				st, err := cl.Stack(t.Context(), id)
				if err != nil {
					t.Fatal(err)
				}
				size = st.Outputs[0].Value
			}
			if fmt.Sprint(size) != "2" {
				t.Errorf("the group has %v members, want 2", size)
			}
		})
	}
}

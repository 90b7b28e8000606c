package app_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stoker-project/stoker/app"
	"github.com/stoker-project/stoker/client"
)

// tenants starts a Stoker for two projects.
func tenants(t *testing.T) (alice, bob *client.Client) {
	t.Helper()
	c := config(t)
	c.Driver = "process"
	c.TokensFile = filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(c.TokensFile, []byte("alice-0123456789abcdef shop\nbob-0123456789abcdef other\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := start(t, c)
	base, _, _ := strings.Cut(r.URL, "/v1/")
	return dial(t, app.Server{URL: base + "/v1/shop", Token: "alice-0123456789abcdef"}), dial(t, app.Server{URL: base + "/v1/other", Token: "bob-0123456789abcdef"})
}

const hers = `
heat_template_version: 2018-08-31
resources:
  group:
    type: OS::Heat::AutoScalingGroup
    properties: {min_size: 1, max_size: 5, resource: {type: OS::Heat::RandomString}}
  policy:
    type: OS::Heat::ScalingPolicy
    properties: {adjustment_type: change_in_capacity, auto_scaling_group_id: {get_resource: group}, scaling_adjustment: 1}
  handle: {type: OS::Heat::WaitConditionHandle, properties: {signal_transport: NO_SIGNAL}}
  secret: {type: OS::Heat::SoftwareConfig, properties: {config: visible-to-alice-only}}
  balancer: {type: Stoker::LoadBalancer}
outputs:
  group: {value: {get_resource: group}}
  handle: {value: {get_resource: handle}}
  secret: {value: {get_resource: secret}}
  balancer: {value: {get_resource: balancer}}
  signal_url: {value: {get_attr: [policy, signal_url]}}
  size: {value: {get_attr: [group, current_size]}}
`

// TestReferencesToAnothersThings has bob write templates with the IDs of what is
// alice's. None works, and none shows anything of it.
func TestReferencesToAnothersThings(t *testing.T) {
	alice, bob := tenants(t)
	id, err := alice.Create(t.Context(), client.Request{Name: "hers", Template: hers})
	if err != nil {
		t.Fatal(err)
	}
	out := outputs(t, alice, id)
	for name, resource := range map[string]string{
		"wait":       "{type: OS::Heat::WaitCondition, properties: {handle: " + out["handle"] + ", timeout: 30}}",
		"member":     "{type: Stoker::PoolMember, properties: {pool: " + out["balancer"] + ", address: 127.0.0.1, port: 9, ready_timeout: 1s}}",
		"scaler":     "{type: Stoker::Scaler, properties: {group: x, signals: {s: {source: balancer, metric: queue, pool: " + out["balancer"] + "}}, rules: [{kind: target, signal: s, target: 1}]}}",
		"measure":    "{type: Stoker::Scaler, properties: {group: x, signals: {s: {source: cpu, group: " + out["group"] + "}}, rules: [{kind: target, signal: s, target: 1}]}}",
		"alarm":      "{type: OS::Aodh::Alarm, properties: {meter_name: cpu_util, statistic: avg, threshold: 1, comparison_operator: gt, alarm_actions: ['" + out["signal_url"] + "']}}",
		"alarm pool": "{type: OS::Aodh::Alarm, properties: {meter_name: latency, statistic: avg, threshold: 1, comparison_operator: gt, matching_metadata: {pool: " + out["balancer"] + "}}}",
		"metrics":    "{type: OS::Aodh::GnocchiAggregationByMetricsAlarm, properties: {metrics: [" + out["balancer"] + "/latency], threshold: 1, comparison_operator: gt}}",
		"health":     "{type: OS::Aodh::LBMemberHealthAlarm, properties: {pool: " + out["balancer"] + ", stack: s, autoscaling_group_id: g}}",
		"dimension":  "{type: AWS::CloudWatch::Alarm, properties: {MetricName: CPUUtilization, Statistic: Average, Threshold: '1', Period: '60', EvaluationPeriods: '1', ComparisonOperator: LessThanThreshold, Dimensions: [{AutoScalingGroupName: " + out["group"] + "}]}}",
		"composite":  "{type: OS::Aodh::CompositeAlarm, properties: {composite_rule: {operator: or, rules: [{type: threshold, meter_name: latency, statistic: avg, threshold: 1, comparison_operator: gt, matching_metadata: {pool: " + out["balancer"] + "}}, {type: threshold, meter_name: latency, statistic: avg, threshold: 1, comparison_operator: gt, matching_metadata: {pool: " + out["balancer"] + "}}]}}}",
		"deployment": "{type: OS::Heat::SoftwareDeployment, properties: {config: " + out["secret"] + ", server: s, signal_transport: NO_SIGNAL}}",
	} {
		t.Run(name, func(t *testing.T) {
			stole, err := bob.Create(t.Context(), client.Request{Name: "his-" + strings.ReplaceAll(name, " ", "-"), Template: "heat_template_version: 2018-08-31\nresources:\n  r: " + resource})
			if err != nil {
				t.Fatal(err)
			}
			st := await(t, bob, stole)
			if st.Status != "CREATE_FAILED" || strings.Contains(st.StatusReason, "visible-to-alice-only") {
				t.Errorf("the stack is %s: %s", st.Status, st.StatusReason)
			}
		})
	}
	health := "heat_template_version: 2018-08-31\nresources:\n  lb: {type: Stoker::LoadBalancer}\n  h: {type: OS::Aodh::LBMemberHealthAlarm, properties: {pool: {get_resource: lb}, stack: s, autoscaling_group_id: " + out["group"] + "}}"
	heals, err := bob.Create(t.Context(), client.Request{Name: "heals", Template: health})
	if err != nil {
		t.Fatal(err)
	}
	if st := await(t, bob, heals); st.Status != "CREATE_FAILED" || !strings.Contains(st.StatusReason, "there is no group") {
		t.Errorf("an alarm of bob's that heals a group of alice's: %s: %s", st.Status, st.StatusReason)
	}
	policy := fmt.Sprintf("heat_template_version: 2018-08-31\nresources:\n  p: {type: OS::Heat::ScalingPolicy, properties: {adjustment_type: change_in_capacity, auto_scaling_group_id: %s, scaling_adjustment: 1}}", out["group"])
	his, err := bob.Create(t.Context(), client.Request{Name: "policy", Template: policy})
	if err != nil {
		t.Fatal(err)
	}
	await(t, bob, his)
	if err := bob.Signal(t.Context(), his, "p", nil); err == nil {
		t.Error("a policy of bob's scales a group of alice's")
	}
	if got := outputs(t, alice, id)["size"]; got != "1" {
		t.Errorf("alice's group has %s members, want 1", got)
	}
}

// outputs waits for a stack and gives its outputs as texts.
func outputs(t *testing.T, c *client.Client, id string) map[string]string {
	t.Helper()
	st := await(t, c, id)
	out := map[string]string{}
	for _, o := range st.Outputs {
		out[o.Key] = fmt.Sprint(o.Value)
	}
	return out
}

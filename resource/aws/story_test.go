package aws_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stoker-project/stoker"
)

const groupTemplate = `{
  "AWSTemplateFormatVersion": "2010-09-09",
  "Resources": {
    "config": {"Type": "AWS::AutoScaling::LaunchConfiguration",
      "Properties": {"ImageId": "%s", "InstanceType": "m1.small", "UserData": {"Fn::Base64": "#!/bin/sh"}}},
    "group": {"Type": "AWS::AutoScaling::AutoScalingGroup", %s
      "Properties": {"LaunchConfigurationName": {"Ref": "config"}, "AvailabilityZones": ["nova"],
        "MinSize": "1", "MaxSize": "5", "DesiredCapacity": "%d", "Tags": [{"Key": "Role", "Value": "web"}]}},
    "up": {"Type": "AWS::AutoScaling::ScalingPolicy",
      "Properties": {"AutoScalingGroupName": {"Ref": "group"}, "AdjustmentType": "ChangeInCapacity", "ScalingAdjustment": "2", "Cooldown": "60"}}
  },
  "Outputs": {
    "list": {"Value": {"Fn::GetAtt": ["group", "InstanceList"]}},
    "up": {"Value": {"Ref": "up"}}
  }
}`

func group(image, policy string, size int) string {
	return fmt.Sprintf(groupTemplate, image, policy, size)
}

func (w *world) wantImages(want map[string]int) {
	w.t.Helper()
	if got := w.images(); !maps.Equal(got, want) {
		w.t.Fatalf("servers run %v, want %v", got, want)
	}
}

func TestGroupOfInstances(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.run()
		st := w.create(group("one", "", 2))
		w.want(st, "CREATE_COMPLETE")
		w.wantImages(map[string]int{"one": 2})
		for _, spec := range w.specs() {
			if spec.Flavor.Name != "m1.small" || spec.UserData != "#!/bin/sh" || spec.Metadata["Role"] != "web" {
				t.Errorf("made %+v, want what the launch configuration and the tags say", spec)
			}
		}
		if got := strings.Split(w.output(st, "list"), ","); len(got) != 2 || got[0] == "0.0.0.0" {
			t.Errorf("InstanceList is %q, want 2 addresses", got)
		}
		if got, want := w.output(st, "up"), "http://signal/shop/up?signature=x"; got != want {
			t.Errorf("Ref of the policy is %q, want %q", got, want)
		}
		if err := w.Signal(t.Context(), st.ID, "up", nil); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		w.wantImages(map[string]int{"one": 4})
		if err := w.Signal(t.Context(), st.ID, "up", nil); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		w.wantImages(map[string]int{"one": 4}) // it cools down
		if err := w.Delete(t.Context(), st.ID); err != nil {
			t.Fatal(err)
		}
		w.want(st, "DELETE_COMPLETE")
		w.wantImages(map[string]int{})
	})
}

func TestNewLaunchConfiguration(t *testing.T) {
	const rolling = `"UpdatePolicy": {"AutoScalingRollingUpdate": {"MinInstancesInService": "1", "MaxBatchSize": "1", "PauseTime": "PT1M"}},`
	for _, tt := range []struct {
		name, policy string
		want         map[string]int
		takes        time.Duration
	}{
		{"without a policy old instances stay", "", map[string]int{"one": 2, "two": 1}, 0},
		{"with a policy all are replaced", rolling, map[string]int{"two": 3}, 2 * time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.run()
				st := w.create(group("one", tt.policy, 2))
				w.want(st, "CREATE_COMPLETE")
				began := time.Now()
				w.update(st, group("two", tt.policy, 3))
				w.want(st, "UPDATE_COMPLETE")
				w.wantImages(tt.want)
				if got := time.Since(began).Truncate(time.Minute); got < tt.takes {
					t.Errorf("took %s, want pauses of %s", got, tt.takes)
				}
			})
		})
	}
}

func TestNoSuchLaunchConfiguration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.run()
		st := w.create(strings.Replace(group("one", "", 2), `{"Ref": "config"}`, `"mine"`, 1))
		w.want(st, "CREATE_FAILED")
		got, err := w.Await(t.Context(), st.ID)
		if err != nil || !strings.Contains(got.StatusReason, `there is no launch configuration "mine"`) {
			t.Errorf("got %q (%v)", got.StatusReason, err)
		}
		w.wantImages(map[string]int{})
	})
}

const waitTemplate = `{
  "AWSTemplateFormatVersion": "2010-09-09",
  "Resources": {
    "handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
    "wait": {"Type": "AWS::CloudFormation::WaitCondition", "DependsOn": "server",
      "Properties": {"Handle": {"Ref": "handle"}, "Timeout": "600", "Count": "2"}},
    "server": {"Type": "AWS::EC2::Instance",
      "Properties": {"ImageId": "one", "InstanceType": "m1.small", "UserData": {"Fn::Join": ["", ["curl ", {"Ref": "handle"}]]}}}
  },
  "Outputs": {"data": {"Value": {"Fn::GetAtt": ["wait", "Data"]}}}
}`

func TestWaitCondition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.run()
		st := w.create(waitTemplate)
		synctest.Wait()
		made := w.specs()
		if len(made) != 1 {
			t.Fatalf("%d servers, want 1", len(made))
		}
		if !strings.HasPrefix(made[0].UserData, "curl http://handle/shop/handle?signature=x#") {
			t.Errorf("user data %q, want the address of the handle in it", made[0].UserData)
		}
		for _, id := range []string{"a", "a", "b"} {
			body := map[string]any{"Status": "SUCCESS", "Reason": "up", "UniqueId": id, "Data": "of " + id}
			if err := w.Signal(t.Context(), st.ID, "handle", body); err != nil {
				t.Fatal(err)
			}
		}
		w.want(st, "CREATE_COMPLETE")
		if got, want := w.output(st, "data"), `{"a":"of a","b":"of b"}`; got != want {
			t.Errorf("Data is %s, want %s", got, want)
		}
	})
}

func TestWaitConditionFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.run()
		st := w.create(waitTemplate)
		synctest.Wait()
		body := map[string]any{"Status": "FAILURE", "Reason": "disk full", "UniqueId": "a", "Data": ""}
		if err := w.Signal(t.Context(), st.ID, "handle", body); err != nil {
			t.Fatal(err)
		}
		w.want(st, "CREATE_FAILED")
		got, _ := w.Await(t.Context(), st.ID)
		if !strings.Contains(got.StatusReason, "disk full") {
			t.Errorf("got %q, want the reason of the signal", got.StatusReason)
		}
	})
}

const noticeTemplate = `
heat_template_version: 2018-08-31
resources:
  notice: {type: "OS::Heat::UpdateWaitConditionHandle"}
  server:
    type: OS::Nova::Server
    properties: {image: one, metadata: {servers: %s, notice: {get_resource: notice}}}
  seen:
    type: OS::Heat::WaitCondition
    depends_on: server
    properties: {handle: {get_resource: notice}, timeout: 600}
`

// TestEveryUpdateWaitsAgain: what was signalled before an update does not count for it.
func TestEveryUpdateWaitsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.run()
		told := func() string { return w.specs()[0].Metadata["notice"] }
		signal := func(st *stoker.Stack) {
			t.Helper()
			body := map[string]any{"Status": "SUCCESS", "Reason": "seen", "UniqueId": "a", "Data": ""}
			if err := w.Signal(t.Context(), st.ID, "notice", body); err != nil {
				t.Fatal(err)
			}
		}
		st := w.create(fmt.Sprintf(noticeTemplate, "a"))
		synctest.Wait()
		first := told()
		signal(st)
		w.want(st, "CREATE_COMPLETE")

		w.update(st, fmt.Sprintf(noticeTemplate, "b"))
		synctest.Wait()
		if now := told(); now == first || !strings.HasPrefix(now, "http://handle/shop/notice?signature=x#") {
			t.Errorf("the server is told %q, want another address than %q", now, first)
		}
		if now, err := w.Find(t.Context(), "p", st.Name); err != nil || now.State() != "UPDATE_IN_PROGRESS" {
			t.Fatalf("stack is %v (%v), want it to wait", now, err)
		}
		signal(st)
		w.want(st, "UPDATE_COMPLETE")
	})
}

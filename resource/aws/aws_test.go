package aws_test

import (
	"context"
	"maps"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/resource/aws"
	"github.com/stoker-project/stoker/resource/openstack"
)

// least are the properties that types need.
func least() map[stoker.TypeName]map[string]any {
	machine := map[string]any{"ImageId": "one", "InstanceType": "small"}
	return map[stoker.TypeName]map[string]any{
		"AWS::EC2::Instance": machine, "OS::Heat::ScaledResource": machine, "AWS::AutoScaling::LaunchConfiguration": machine,
		"AWS::AutoScaling::AutoScalingGroup": {"AvailabilityZones": []any{"nova"}, "MinSize": int64(1), "MaxSize": int64(3), "LaunchConfigurationName": "c"},
		"AWS::AutoScaling::ScalingPolicy":    {"AutoScalingGroupName": "g", "AdjustmentType": "ExactCapacity", "ScalingAdjustment": int64(1)},
		"AWS::CloudFormation::Stack":         {"TemplateURL": "http://here/a"},
		"AWS::CloudFormation::WaitCondition": {"Handle": "http://signal#h", "Timeout": int64(1)},
	}
}

func with(props map[string]any, more map[string]any) map[string]any {
	out := maps.Clone(props)
	if out == nil {
		out = map[string]any{}
	}
	maps.Copy(out, more)
	return out
}

func TestEveryAttributeResolves(t *testing.T) {
	for name, impl := range newWorld(t).types {
		a, ok := impl.(stoker.Attributer)
		if !ok {
			continue
		}
		req := request(t, impl, least()[name])
		if name != "OS::Heat::ScaledResource" { // made by groups only
			create(t, impl, req)
		}
		for attr := range impl.Schema().Attributes {
			attribute(t, impl, req, attr)
		}
		if _, _, err := a.Attribute(t.Context(), req, "nonsense", nil); err == nil {
			t.Errorf("%s has an attribute nonsense", name)
		}
	}
}

func TestDeletingTwiceIsHarmless(t *testing.T) {
	for name, impl := range newWorld(t).types {
		if _, ok := impl.(stoker.Grouper); ok {
			if err := impl.Delete(t.Context(), &stoker.Request{}); err == nil {
				t.Errorf("%s: the type has deleted a group", name)
			}
			continue
		}
		for range 2 {
			if err := impl.Delete(t.Context(), &stoker.Request{Name: "it", ID: "never made"}); err != nil {
				t.Errorf("%s: delete: %v", name, err)
			}
		}
	}
}

func TestRefused(t *testing.T) {
	for _, tt := range []struct {
		kind       stoker.TypeName
		props      map[string]any
		path, want string
	}{
		{"AWS::EC2::Instance", map[string]any{"KernelId": "k"}, "KernelId", "not implemented"},
		{"AWS::EC2::Instance", map[string]any{"Volumes": []any{map[string]any{"Device": "vdb", "VolumeId": "v"}}}, "Volumes", "no volumes"},
		{"AWS::AutoScaling::LaunchConfiguration", map[string]any{"InstanceId": "i"}, "InstanceId", "running instance"},
		{"AWS::AutoScaling::LaunchConfiguration", map[string]any{"BlockDeviceMappings": []any{map[string]any{"DeviceName": "vdb"}}}, "BlockDeviceMappings", "no volumes"},
		{"AWS::AutoScaling::AutoScalingGroup", map[string]any{"InstanceId": "i"}, "InstanceId", "running instance"},
		{"AWS::AutoScaling::AutoScalingGroup", map[string]any{"HealthCheckType": "EC2"}, "HealthCheckType", "not implemented"},
		{"AWS::AutoScaling::AutoScalingGroup", map[string]any{"VPCZoneIdentifier": []any{"a", "b"}}, "VPCZoneIdentifier", "Anything other than one"},
		{"AWS::AutoScaling::AutoScalingGroup", map[string]any{"LoadBalancerNames": []any{"lb"}}, "LoadBalancerNames", "Stoker::PoolMember"},
		{"AWS::AutoScaling::AutoScalingGroup", map[string]any{"MinSize": int64(4)}, "MinSize", "MinSize can not be greater than MaxSize"},
		{"AWS::AutoScaling::AutoScalingGroup", map[string]any{"MinSize": int64(-1)}, "MinSize", "can not be less than zero"},
		{"AWS::AutoScaling::AutoScalingGroup", map[string]any{"DesiredCapacity": int64(9)}, "DesiredCapacity", "must be between"},
		{"AWS::AutoScaling::ScalingPolicy", map[string]any{"MinAdjustmentStep": int64(1)}, "MinAdjustmentStep", "PercentChangeInCapacity"},
		{"AWS::CloudFormation::Stack", map[string]any{"TemplateURL": "file:///etc/passwd"}, "TemplateURL", "no address of HTTP"},
		{"AWS::CloudFormation::Stack", map[string]any{"TemplateURL": "a.yaml"}, "TemplateURL", "no address of HTTP"},
		{"AWS::CloudFormation::WaitCondition", map[string]any{"Handle": "http://elsewhere"}, "Handle", "invalid Handle http://elsewhere"},
	} {
		impl := newWorld(t).types[tt.kind]
		if err := impl.(stoker.Validator).Validate(request(t, impl, least()[tt.kind])); err != nil {
			t.Errorf("%s with the least properties: %v", tt.kind, err)
		}
		err := impl.(stoker.Validator).Validate(request(t, impl, with(least()[tt.kind], tt.props)))
		e, ok := stoker.AsError(err)
		if !ok || e.Kind != stoker.Invalid || e.Path != "properties."+tt.path || !strings.Contains(e.Error(), tt.want) {
			t.Errorf("%s %v: got %v, want %q at %s", tt.kind, tt.props, err, tt.want, tt.path)
		}
	}
}

func TestPauseTimeIsChecked(t *testing.T) {
	impl := newWorld(t).types["AWS::AutoScaling::AutoScalingGroup"]
	for pause, want := range map[string]string{"PT1H": "", "PT5M30S": "", "PT2H": "Maximum PauseTime is 1 hour.", "5m": "ISO 8601"} {
		req := request(t, impl, least()["AWS::AutoScaling::AutoScalingGroup"])
		req.UpdatePolicy = map[string]any{"AutoScalingRollingUpdate": map[string]any{"PauseTime": pause}}
		err := impl.(stoker.Validator).Validate(req)
		if want == "" {
			if err != nil {
				t.Errorf("%s: %v", pause, err)
			}
			continue
		}
		e, ok := stoker.AsError(err)
		if !ok || e.Path != "update_policy.AutoScalingRollingUpdate.PauseTime" || !strings.Contains(e.Message, want) {
			t.Errorf("%s: got %v, want %q", pause, err, want)
		}
	}
}

func TestLaunchConfigurationNeedsAnImage(t *testing.T) {
	impl := newWorld(t).types["AWS::AutoScaling::LaunchConfiguration"]
	_, err := impl.Create(t.Context(), request(t, impl, map[string]any{"InstanceType": "small"}))
	if e, ok := stoker.AsError(err); !ok || e.Path != "properties.ImageId" {
		t.Errorf("got %v, want that ImageId is missing", err)
	}
}

// data has the Data of one resource.
type data map[string]any

func (d data) AwaitData(_ context.Context, _ stoker.ResourceID, ok func(map[string]any) bool) error {
	ok(d)
	return nil
}

func TestLaunchConfigurationsOfOthersAreNotFound(t *testing.T) {
	w := newWorld(t)
	config := w.types["AWS::AutoScaling::LaunchConfiguration"]
	theirs := request(t, config, least()["AWS::AutoScaling::LaunchConfiguration"])
	create(t, config, theirs)
	servers := openstack.Types(openstack.Deps{Driver: w.driver})
	impl := aws.Types(aws.Deps{Server: servers["OS::Nova::Server"].(aws.Server), Data: data(theirs.Data)})["OS::Heat::ScaledResource"]
	req := request(t, impl, map[string]any{"LaunchConfigurationName": "c"})
	req.Stack.Project = "other"
	if _, err := impl.Create(t.Context(), req); !stoker.IsKind(err, stoker.Invalid) {
		t.Errorf("got %v, want invalid", err)
	}
	if n := len(w.specs()); n != 0 {
		t.Errorf("%d servers were made", n)
	}
	req.Stack.Project = theirs.Stack.Project
	create(t, impl, req)
	if got := w.specs(); len(got) != 1 || got[0].Image != "one" {
		t.Errorf("made %+v, want one server as configured", got)
	}
}

func TestSignalsHaveAllFields(t *testing.T) {
	w := newWorld(t)
	impl := w.types["AWS::CloudFormation::WaitConditionHandle"]
	req := request(t, impl, nil)
	create(t, impl, req)
	whole := map[string]any{"Status": "SUCCESS", "Reason": "r", "UniqueId": "1", "Data": nil}
	for _, body := range []map[string]any{
		nil, {"Status": "SUCCESS"}, with(whole, map[string]any{"More": 1}), with(whole, map[string]any{"Status": "MAYBE"}),
		{"Status": "SUCCESS", "Reason": "r", "UniqueId": "1", "data": nil},
	} {
		if _, _, err := impl.(stoker.Signaller).Signal(t.Context(), req, body); !stoker.IsKind(err, stoker.Invalid) {
			t.Errorf("%v: got %v, want invalid", body, err)
		}
	}
	_, reason, err := impl.(stoker.Signaller).Signal(t.Context(), req, whole)
	if err != nil || reason != "status:SUCCESS reason:r" {
		t.Errorf("got %q, %v", reason, err)
	}
}

// TestInstanceLives goes through the abilities that an instance has from the
// server it is.
func TestInstanceLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		impl := w.types["AWS::EC2::Instance"].(interface {
			stoker.ResourceType
			stoker.Updater
			stoker.Awaiter
			stoker.Checker
			stoker.Watcher
		})
		props := with(least()["AWS::EC2::Instance"], map[string]any{"Tags": []any{map[string]any{"Key": "A", "Value": "1"}}})
		req := request(t, impl, props)
		create(t, impl, req)
		if _, err := impl.Await(t.Context(), req); err != nil {
			t.Error(err)
		}
		if err := impl.Check(t.Context(), req); err != nil {
			t.Error(err)
		}
		if got := attribute(t, impl, req, "PublicIp"); got == "0.0.0.0" || got == "" {
			t.Errorf("PublicIp is %v, want an address", got)
		}
		update(t, impl, req, map[string]any{"Tags": []any{map[string]any{"Key": "A", "Value": "2"}}}, nil)
		update(t, impl, req, map[string]any{"SubnetId": "s"}, nil)
		update(t, impl, req, map[string]any{"ImageId": "two"}, stoker.ErrReplace)
		if spec, _ := w.driver.Spec(stoker.ServerToken(req.ID)); spec.Metadata["A"] != "2" {
			t.Errorf("metadata is %v, want A=2", spec.Metadata)
		}
		ended := make(chan error, 1)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() { ended <- impl.Watch(ctx, req) }()
		synctest.Wait()
		w.driver.Die(stoker.ServerToken(req.ID), "out of memory")
		if err := <-ended; err == nil || !strings.Contains(err.Error(), "out of memory") {
			t.Errorf("watch: got %v, want the server's last words", err)
		}
	})
}

func update(t *testing.T, impl interface {
	stoker.ResourceType
	stoker.Updater
}, req *stoker.Request, change map[string]any, want error) {
	t.Helper()
	next := request(t, impl, with(req.Properties, change))
	next.OldProperties, next.PhysicalID, next.Data = req.Properties, req.PhysicalID, req.Data
	if _, err := impl.Update(t.Context(), next); err != want {
		t.Errorf("update of %v: got %v, want %v", change, err, want)
	}
}

func TestWithoutAnAddress(t *testing.T) {
	impl := newWorld(t).types["AWS::EC2::Instance"]
	req := request(t, impl, least()["AWS::EC2::Instance"])
	if got := attribute(t, impl, req, "PrivateIp"); got != "0.0.0.0" {
		t.Errorf("PrivateIp without an address is %v, want 0.0.0.0", got)
	}
}

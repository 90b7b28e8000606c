package heat_test

import (
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
)

func TestInstanceGroupSpec(t *testing.T) {
	impl := newEngine().types()["OS::Heat::InstanceGroup"]
	three := 3
	least := stoker.GroupSpec{
		Member:  map[string]any{"type": "OS::Heat::ScaledResource", "properties": map[string]any{"LaunchConfigurationName": "c"}},
		Version: "2015-04-30", Max: math.MaxInt32, Desired: &three, Names: stoker.ByRandom, KeepOld: true,
	}
	tagged := least
	tag := []any{map[string]any{"Key": "a", "Value": "b"}}
	tagged.Member = map[string]any{"type": "OS::Heat::ScaledResource", "properties": map[string]any{"LaunchConfigurationName": "c", "Tags": tag}}
	rolling := least
	rolling.KeepOld = false
	rolling.Rolling = &stoker.RollingUpdate{MinInService: 1, MaxBatch: 2, Pause: 90 * time.Second}
	for _, tt := range []struct {
		name   string
		props  map[string]any
		policy map[string]any
		want   stoker.GroupSpec
	}{
		{"least", nil, nil, least},
		{"tags", map[string]any{"Tags": tag}, nil, tagged},
		{"rolling", nil, map[string]any{"MinInstancesInService": int64(1), "MaxBatchSize": int64(2), "PauseTime": "PT1M30S"}, rolling},
	} {
		props := map[string]any{"Size": int64(3), "LaunchConfigurationName": "c", "AvailabilityZones": []any{"nova"}}
		for k, v := range tt.props {
			props[k] = v
		}
		req := request(t, impl, props)
		if tt.policy != nil {
			req.UpdatePolicy = map[string]any{"RollingUpdate": tt.policy}
		}
		if err := impl.(stoker.Validator).Validate(req); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		got, err := impl.(stoker.Grouper).Group(req)
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: got %+v (%v), want %+v", tt.name, got, err, tt.want)
		}
	}
}

func TestInstanceGroupRefuses(t *testing.T) {
	impl := newEngine().types()["OS::Heat::InstanceGroup"]
	req := func(more map[string]any) *stoker.Request {
		props := map[string]any{"Size": int64(3), "LaunchConfigurationName": "c", "AvailabilityZones": []any{"nova"}}
		for k, v := range more {
			props[k] = v
		}
		return request(t, impl, props)
	}
	balanced := req(map[string]any{"LoadBalancerNames": []any{"lb"}})
	wantType(t, impl.(stoker.Validator).Validate(balanced), "StackValidationFailed", "there are no load balancers of AWS here")
	long := req(nil)
	long.UpdatePolicy = map[string]any{"RollingUpdate": map[string]any{"PauseTime": "PT61M"}}
	wantType(t, impl.(stoker.Validator).Validate(long), "StackValidationFailed", "Maximum PauseTime is 1 hour.")
	odd := req(nil)
	odd.UpdatePolicy = map[string]any{"RollingUpdate": map[string]any{"PauseTime": "1M"}}
	if _, err := impl.(stoker.Grouper).Group(odd); !stoker.IsKind(err, stoker.Invalid) {
		t.Errorf("PauseTime 1M: got %v, want invalid", err)
	}
}

// addresses is a group whose members have public addresses.
type addresses struct{ group stoker.Group }

func (a *addresses) Group() *stoker.Group { return &a.group }

func (a *addresses) MemberAttribute(name stoker.ResourceName, path []any) (any, error) {
	return path[0].(string) + " of " + string(name), nil
}

func TestInstanceList(t *testing.T) {
	v := &addresses{stoker.Group{Members: []stoker.GroupMember{
		member("a", stoker.StatusComplete), member("b", stoker.StatusFailed), member("c", stoker.StatusComplete),
	}}}
	got, err := groupAttribute(t, "OS::Heat::InstanceGroup", v, "InstanceList")
	if err != nil || got != "PublicIp of a,PublicIp of c" {
		t.Errorf("got %v (%v)", got, err)
	}
	if _, err := groupAttribute(t, "OS::Heat::InstanceGroup", v, "refs"); err == nil {
		t.Error("it has an attribute refs")
	}
}

package heat_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/hot"
)

// view is a group whose members have one attribute, ip, and a map, nets.
type view struct{ group stoker.Group }

func (v *view) Group() *stoker.Group { return &v.group }

func (v *view) MemberAttribute(name stoker.ResourceName, path []any) (any, error) {
	if path[0] != "ip" {
		return nil, hot.UnknownAttribute(string(name), path[0].(string))
	}
	out := "ip of " + string(name)
	for _, p := range path[1:] {
		out += "/" + p.(string)
	}
	return out, nil
}

func member(name string, status stoker.Status) stoker.GroupMember {
	return stoker.GroupMember{Name: stoker.ResourceName(name), Reference: "ref-" + name, Action: stoker.ActionCreate, Status: status}
}

func groupAttribute(t *testing.T, typ stoker.TypeName, v stoker.GroupView, name string, path ...any) (any, error) {
	t.Helper()
	g := newEngine().types()[typ].(stoker.Grouper)
	x, used, err := g.GroupAttribute(&stoker.Request{Name: "grp"}, v, name, path)
	if used > len(path) {
		t.Errorf("%s consumed %d of %d", name, used, len(path))
	}
	return x, err
}

func TestAutoScalingGroupSpec(t *testing.T) {
	impl := newEngine().types()["OS::Heat::AutoScalingGroup"]
	def := map[string]any{"type": "web.yaml", "properties": map[string]any{"a": int64(1)}}
	three := 3
	tests := []struct {
		name  string
		props map[string]any
		want  stoker.GroupSpec
	}{
		{"least", map[string]any{"min_size": int64(1), "max_size": int64(5)},
			stoker.GroupSpec{Min: 1, Max: 5, Rolling: &stoker.RollingUpdate{MaxBatch: 1}}},
		{"desired 0 is not given", map[string]any{"min_size": int64(1), "max_size": int64(5), "desired_capacity": int64(0)},
			stoker.GroupSpec{Min: 1, Max: 5, Rolling: &stoker.RollingUpdate{MaxBatch: 1}}},
		{"all", map[string]any{"min_size": int64(1), "max_size": int64(5), "desired_capacity": int64(3), "cooldown": int64(60),
			"rolling_updates": map[string]any{"min_in_service": int64(2), "pause_time": 0.5}},
			stoker.GroupSpec{Min: 1, Max: 5, Desired: &three, Cooldown: time.Minute,
				Rolling: &stoker.RollingUpdate{MinInService: 2, MaxBatch: 1, Pause: 500 * time.Millisecond}}},
	}
	for _, tt := range tests {
		tt.props["resource"] = def
		tt.want.Member, tt.want.Names, tt.want.Version = def, stoker.ByRandom, "2015-04-30"
		got, err := impl.(stoker.Grouper).Group(request(t, impl, tt.props))
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: got %+v (%v), want %+v", tt.name, got, err, tt.want)
		}
	}
}

func TestAutoScalingGroupBounds(t *testing.T) {
	impl := newEngine().types()["OS::Heat::AutoScalingGroup"]
	tests := []struct {
		lowest, highest, desired int64
		want                     string
	}{
		{1, 3, 2, ""},
		{1, 3, 0, ""},
		{3, 3, 3, ""},
		{4, 3, 0, "MinSize can not be greater than MaxSize"},
		{1, 3, 4, "DesiredCapacity must be between MinSize and MaxSize"},
	}
	for _, tt := range tests {
		req := request(t, impl, map[string]any{"resource": map[string]any{"type": "x"},
			"min_size": tt.lowest, "max_size": tt.highest, "desired_capacity": tt.desired})
		err := impl.(stoker.Validator).Validate(req)
		if tt.want == "" {
			if err != nil {
				t.Errorf("%+v: %v", tt, err)
			}
			continue
		}
		wantType(t, err, "StackValidationFailed", tt.want)
	}
	if err := impl.(stoker.Validator).Validate(&stoker.Request{Properties: map[string]any{"min_size": int64(3)}}); err != nil {
		t.Errorf("with max_size not known yet: %v", err)
	}
}

func TestAutoScalingGroupAttributes(t *testing.T) {
	v := &view{stoker.Group{Members: []stoker.GroupMember{
		member("old", stoker.StatusComplete), member("bad", stoker.StatusFailed), member("new", stoker.StatusInProgress),
	}}}
	tests := []struct {
		name string
		path []any
		want any
	}{
		{"current_size", nil, int64(2)},
		{"refs", nil, []any{"ref-old", "ref-new"}},
		{"refs_map", nil, map[string]any{"old": "ref-old", "new": "ref-new"}},
		{"outputs_list", []any{"ip"}, []any{"ip of old", "ip of new"}},
		{"outputs_list", []any{"ip", "net", "x"}, []any{"ip of old/net/x", "ip of new/net/x"}},
		{"outputs", []any{"ip"}, map[string]any{"old": "ip of old", "new": "ip of new"}},
		{"resource.0", nil, "ref-old"},
		{"resource.1.ip", nil, "ip of new"},
		{"resource.1.ip", []any{"net"}, "ip of new/net"},
		{"resource.1", []any{"ip"}, "ip of new"},
		{"show", nil, nil},
	}
	for _, tt := range tests {
		got, err := groupAttribute(t, "OS::Heat::AutoScalingGroup", v, tt.name, tt.path...)
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s %v: got %v (%v), want %v", tt.name, tt.path, got, err, tt.want)
		}
	}
	for _, name := range []string{"ip", "outputs", "outputs_list"} {
		_, err := groupAttribute(t, "OS::Heat::AutoScalingGroup", v, name)
		wantType(t, err, "InvalidTemplateAttribute", "The Referenced Attribute (grp "+name+") is incorrect.")
	}
	for _, name := range []string{"resource.2", "resource.-1.ip", "resource.old.ip"} {
		if _, err := groupAttribute(t, "OS::Heat::AutoScalingGroup", v, name); !stoker.IsKind(err, stoker.NotFound) {
			t.Errorf("%s: got %v, want not found", name, err)
		}
	}
	if _, err := groupAttribute(t, "OS::Heat::AutoScalingGroup", v, "outputs", "nonsense"); err == nil {
		t.Error("an attribute that members lack was given")
	}
}

func TestResourceGroupSpec(t *testing.T) {
	impl := newEngine().types()["OS::Heat::ResourceGroup"]
	req := request(t, impl, map[string]any{
		"count": int64(0), "index_var": "@@@",
		"resource_def": map[string]any{"type": "OS::Heat::Value", "properties": map[string]any{"value": "@@@"}, "metadata": nil},
		"removal_policies": []any{
			map[string]any{"resource_list": []any{"1", int64(2)}},
			map[string]any{"resource_list": []any{"ref-3"}},
		},
		"removal_policies_mode": "update",
	})
	req.UpdatePolicy = map[string]any{
		"rolling_update": map[string]any{"min_in_service": int64(1), "max_batch_size": int64(2), "pause_time": int64(3)},
		"batch_create":   map[string]any{"max_batch_size": int64(4)},
	}
	got, err := impl.(stoker.Grouper).Group(req)
	if err != nil {
		t.Fatal(err)
	}
	zero := 0
	want := stoker.GroupSpec{
		Member:  map[string]any{"type": "OS::Heat::Value", "properties": map[string]any{"value": "@@@"}},
		Version: "2015-04-30", Max: got.Max, Desired: &zero, Names: stoker.ByIndex, IndexVar: "@@@",
		Remove: []string{"1", "2", "ref-3"}, RemoveMode: "update",
		Rolling:       &stoker.RollingUpdate{MinInService: 1, MaxBatch: 2, Pause: 3 * time.Second},
		RollingCreate: &stoker.RollingUpdate{MaxBatch: 4},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got.Max < 10_000 {
		t.Errorf("max is %d, want no bound", got.Max)
	}
	req.UpdatePolicy = nil
	if got, _ = impl.(stoker.Grouper).Group(req); got.Rolling != nil || got.RollingCreate != nil {
		t.Errorf("without an update policy: %+v, want all at once", got)
	}
}

func TestResourceGroupAttributes(t *testing.T) {
	v := &view{stoker.Group{
		Members: []stoker.GroupMember{member("0", stoker.StatusComplete), member("4", stoker.StatusFailed)},
		Skip:    []stoker.ResourceName{"1", "2", "3"},
	}}
	tests := []struct {
		name string
		path []any
		want any
	}{
		{"refs", nil, []any{"ref-0", "ref-4"}},
		{"refs_map", nil, map[string]any{"0": "ref-0", "4": "ref-4"}},
		{"attributes", []any{"ip", "a"}, map[string]any{"0": "ip of 0/a", "4": "ip of 4/a"}},
		{"ip", nil, []any{"ip of 0", "ip of 4"}},
		{"ip", []any{"a"}, []any{"ip of 0/a", "ip of 4/a"}},
		{"resource.4", nil, "ref-4"},
		{"resource.4.ip", nil, "ip of 4"},
		{"removed_rsrc_list", nil, []any{"1", "2", "3"}},
	}
	for _, tt := range tests {
		got, err := groupAttribute(t, "OS::Heat::ResourceGroup", v, tt.name, tt.path...)
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s %v: got %v (%v), want %v", tt.name, tt.path, got, err, tt.want)
		}
	}
	if _, err := groupAttribute(t, "OS::Heat::ResourceGroup", v, "attributes"); err == nil {
		t.Error("attributes without a name of one was given")
	}
	if _, err := groupAttribute(t, "OS::Heat::ResourceGroup", v, "resource.1.ip"); !stoker.IsKind(err, stoker.NotFound) {
		t.Errorf("a removed member: got %v, want not found", err)
	}
}

package openstack_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/driver/drivertest"
	"github.com/stoker-project/stoker/hot"
	"github.com/stoker-project/stoker/internal/softwareconfig"
	"github.com/stoker-project/stoker/resource/openstack"
)

// plain is a driver without any optional ability.
type plain struct{ stoker.Driver }

func flavors(name string) (stoker.Flavor, error) {
	if name == "none" {
		return stoker.Flavor{}, &stoker.Error{Kind: stoker.NotFound, Message: "there is no flavor none", Hint: "Flavors are: small."}
	}
	return stoker.Flavor{Name: name, CPUs: 1}, nil
}

func server(d stoker.Driver) stoker.ResourceType {
	return openstack.Types(openstack.Deps{Driver: d, Flavors: flavors, Grace: time.Second})["OS::Nova::Server"]
}

func properties(t *testing.T, props map[string]any) map[string]any {
	t.Helper()
	s := openstack.Types(openstack.Deps{})["OS::Nova::Server"].Schema()
	checked, err := hot.CheckProperties(s.Properties, props, nil, "resources.web.properties")
	if err != nil {
		t.Fatal(err)
	}
	return checked
}

func request(t *testing.T, props map[string]any) *stoker.Request {
	t.Helper()
	return &stoker.Request{
		Stack: stoker.StackRef{ID: "s", Name: "shop", Project: "p1", Path: []stoker.StackID{"s", "root"}},
		Name:  "web", ID: "0f0e0d0c-0b0a-0908-0706-050403020100", Properties: properties(t, props),
	}
}

const token = stoker.ServerToken("0f0e0d0c-0b0a-0908-0706-050403020100")

func create(t *testing.T, impl stoker.ResourceType, req *stoker.Request) {
	t.Helper()
	res, err := impl.Create(t.Context(), req)
	if err != nil {
		t.Fatalf("create: %v", err)
	}
	keep(req, res)
}

func keep(req *stoker.Request, res stoker.Result) {
	if res.PhysicalID != "" {
		req.PhysicalID = res.PhysicalID
	}
	if res.Data != nil {
		req.Data = res.Data
	}
}

func await(ctx context.Context, impl stoker.ResourceType, req *stoker.Request) error {
	res, err := impl.(stoker.Awaiter).Await(ctx, req)
	keep(req, res)
	return err
}

func attribute(t *testing.T, impl stoker.ResourceType, req *stoker.Request, name string) any {
	t.Helper()
	v, _, err := impl.(stoker.Attributer).Attribute(t.Context(), req, name, nil)
	if err != nil {
		t.Fatalf("attribute %s: %v", name, err)
	}
	return v
}

func TestCreateAsksTheDriver(t *testing.T) {
	d := &drivertest.Fake{}
	impl := server(d)
	req := request(t, map[string]any{
		"image": "hello", "flavor": "small", "user_data": "#!/bin/sh",
		"metadata": map[string]any{"A": "text", "B": []any{int64(1), "x"}, "C": int64(2)},
		"key_name": "mine", "security_groups": []any{"web"}, "availability_zone": "z",
	})
	create(t, impl, req)
	create(t, impl, req) // as after a crash
	spec, ok := d.Spec(token)
	want := stoker.ServerSpec{
		Token: token, Name: spec.Name, Project: "p1", Path: []stoker.StackID{"s", "root"}, Image: "hello",
		Flavor: stoker.Flavor{Name: "small", CPUs: 1}, UserData: "#!/bin/sh",
		Metadata: map[string]string{"A": "text", "B": `[1,"x"]`, "C": "2"},
	}
	if !ok || !reflect.DeepEqual(spec, want) {
		t.Errorf("made %+v, want %+v", spec, want)
	}
	if len(spec.Name) != len("shop-web-")+12 || spec.Name[:9] != "shop-web-" {
		t.Errorf("name %q, want shop-web- and 12 characters", spec.Name)
	}
	if n := len(d.Servers()); n != 1 {
		t.Errorf("%d servers, want 1", n)
	}
	if err := await(t.Context(), impl, req); err != nil {
		t.Error(err)
	}
	if n := len(d.CallsOf("list")); n != 0 {
		t.Errorf("the driver was asked %d times about a server that was ACTIVE at once", n)
	}
}

// TestWaitsForUserData: the server fails with its user data, if the template says so.
func TestWaitsForUserData(t *testing.T) {
	d := &drivertest.Fake{}
	impl := server(d)
	for hint, fails := range map[string]bool{"user_data": true, "": false} {
		props := map[string]any{"image": "hello", "user_data": drivertest.UserDataFails, "scheduler_hints": map[string]any{"group": "x"}}
		if hint != "" {
			props["scheduler_hints"] = map[string]any{"stoker_wait": hint}
		}
		req := request(t, props)
		create(t, impl, req)
		err := await(t.Context(), impl, req)
		if (err != nil) != fails || fails && !strings.Contains(err.Error(), "user data failed") {
			t.Errorf("hint %q: got %v, want a failure: %t", hint, err, fails)
		}
		if err := impl.Delete(t.Context(), req); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNameOfTheTemplate(t *testing.T) {
	d := &drivertest.Fake{}
	create(t, server(d), request(t, map[string]any{"image": "hello", "name": "db"}))
	if spec, _ := d.Spec(token); spec.Name != "db" {
		t.Errorf("name %q, want db", spec.Name)
	}
}

func TestCreateFails(t *testing.T) {
	tests := []struct {
		props map[string]any
		path  string
	}{
		{map[string]any{"image": drivertest.ImageBad}, ""},
		{map[string]any{}, "properties.image"},
		{map[string]any{"image": "hello", "flavor": "none"}, "properties.flavor"},
	}
	for _, tt := range tests {
		d := &drivertest.Fake{}
		_, err := server(d).Create(t.Context(), request(t, tt.props))
		e, _ := stoker.AsError(err)
		if !stoker.IsKind(err, stoker.Invalid) || e.Path != tt.path {
			t.Errorf("%v: got %v, want invalid at %q", tt.props, err, tt.path)
		}
		if n := len(d.Servers()); n != 0 {
			t.Errorf("%v: %d servers were made", tt.props, n)
		}
	}
}

func TestCreateWhoseAnswerWasLost(t *testing.T) {
	d := &drivertest.Fake{}
	d.LoseNextCreate()
	impl, req := server(d), request(t, map[string]any{"image": "hello"})
	if _, err := impl.Create(t.Context(), req); !stoker.IsKind(err, stoker.Unavailable) {
		t.Fatalf("got %v, want unavailable", err)
	}
	create(t, impl, req)
	if err := impl.Delete(t.Context(), req); err != nil {
		t.Error(err)
	}
	if n := len(d.Servers()); n != 0 {
		t.Errorf("%d servers are left", n)
	}
	if err := impl.Delete(t.Context(), req); err != nil {
		t.Errorf("delete again: %v", err)
	}
}

func TestUpdate(t *testing.T) {
	old := map[string]any{"image": "hello", "flavor": "small", "metadata": map[string]any{"A": "1"}, "user_data": "x"}
	with := func(changes map[string]any) map[string]any {
		out := map[string]any{}
		for k, v := range old {
			out[k] = v
		}
		for k, v := range changes {
			out[k] = v
		}
		return out
	}
	tests := []struct {
		name     string
		changes  map[string]any
		inPlace  bool // with a driver of all abilities
		anywhere bool // with every driver
	}{
		{"metadata", map[string]any{"metadata": map[string]any{"A": "2"}}, true, false},
		{"flavor", map[string]any{"flavor": "large"}, true, false},
		{"flavor to be replaced", map[string]any{"flavor": "large", "flavor_update_policy": "REPLACE"}, false, false},
		{"image", map[string]any{"image": "other"}, false, false},
		{"image and metadata", map[string]any{"image": "other", "metadata": map[string]any{"A": "2"}}, false, false},
		{"name", map[string]any{"name": "other"}, false, false},
		{"user data", map[string]any{"user_data": "y"}, false, false},
		{"user data to be ignored", map[string]any{"user_data": "y", "user_data_update_policy": "IGNORE"}, true, true},
		{"tags", map[string]any{"tags": []any{"a"}}, true, true},
		{"networks", map[string]any{"networks": []any{map[string]any{"network": "n"}}}, true, true},
		{"nothing", nil, true, true},
	}
	for _, tt := range tests {
		for _, abilities := range []bool{true, false} {
			d := &drivertest.Fake{}
			impl := server(d)
			if !abilities {
				impl = server(plain{d})
			}
			req := request(t, old)
			create(t, impl, req)
			before, _ := d.Spec(token)
			req.OldProperties, req.Properties = req.Properties, properties(t, with(tt.changes))
			_, err := impl.(stoker.Updater).Update(t.Context(), req)
			inPlace := tt.anywhere || tt.inPlace && abilities
			if inPlace && err != nil || !inPlace && !errors.Is(err, stoker.ErrReplace) {
				t.Errorf("%s, abilities %v: got %v, want in place %v", tt.name, abilities, err, inPlace)
			}
			after, _ := d.Spec(token)
			want := before
			if inPlace && !tt.anywhere {
				if m, ok := tt.changes["metadata"]; ok {
					want.Metadata = map[string]string{"A": m.(map[string]any)["A"].(string)}
				}
				if f, ok := tt.changes["flavor"]; ok {
					want.Flavor = stoker.Flavor{Name: f.(string), CPUs: 1}
				}
			}
			if !reflect.DeepEqual(after, want) {
				t.Errorf("%s, abilities %v: the server is %+v, want %+v", tt.name, abilities, after, want)
			}
		}
	}
}

func TestUpdateOfAServerThatIsGone(t *testing.T) {
	d := &drivertest.Fake{}
	impl, req := server(d), request(t, map[string]any{"image": "hello"})
	create(t, impl, req)
	d.Vanish(token)
	req.OldProperties = req.Properties
	req.Properties = properties(t, map[string]any{"image": "hello", "metadata": map[string]any{"A": "2"}})
	if _, err := impl.(stoker.Updater).Update(t.Context(), req); !errors.Is(err, stoker.ErrReplace) {
		t.Errorf("got %v, want a replacement", err)
	}
}

func TestAttributes(t *testing.T) {
	d := &drivertest.Fake{}
	impl := server(d)
	req := request(t, map[string]any{
		"image": "hello", "name": "n", "tags": []any{"a", "b"},
		"networks": []any{map[string]any{"network": "private"}, map[string]any{"network": "fake"}},
	})
	create(t, impl, req)
	made := d.Servers()[token]
	ip := made.Addresses[0].IP
	address := map[string]any{"addr": ip, "version": int64(4), "OS-EXT-IPS:type": "fixed", "OS-EXT-IPS-MAC:mac_addr": "", "port": nil, "subnets": nil, "network": nil}
	want := map[string]any{
		"name": "n", "instance_name": string(made.ID), "port": int64(8080),
		"first_address": ip, "accessIPv4": ip, "accessIPv6": "",
		"networks":  map[string]any{"fake": []any{ip}, "private": []any{ip}},
		"addresses": map[string]any{"fake": []any{address}, "private": []any{address}},
		"tags":      []any{"a", "b"}, "console_urls": nil, "os_collect_config": nil,
	}
	for name := range impl.Schema().Attributes {
		got := attribute(t, impl, req, name)
		if name == "show" {
			if m := got.(map[string]any); m["id"] != string(made.ID) || m["status"] != "ACTIVE" {
				t.Errorf("show: %v", got)
			}
			continue
		}
		if !reflect.DeepEqual(got, want[name]) {
			t.Errorf("%s: got %v, want %v", name, got, want[name])
		}
	}
	if _, _, err := impl.(stoker.Attributer).Attribute(t.Context(), req, "nonsense", nil); !stoker.IsKind(err, stoker.Invalid) {
		t.Errorf("nonsense: got %v, want invalid", err)
	}
}

func TestValidate(t *testing.T) {
	impl := server(&drivertest.Fake{}).(stoker.Validator)
	volume := []any{map[string]any{"device_name": "vda", "volume_id": "v"}}
	tests := []struct {
		props map[string]any
		path  string // empty: valid
	}{
		{map[string]any{"image": "hello", "flavor": "small", "block_device_mapping": []any{}}, ""},
		{map[string]any{"image": "hello", "flavor": "none"}, "properties.flavor"},
		{map[string]any{"image": "hello", "block_device_mapping": volume}, ""},
		{map[string]any{"image": "hello", "block_device_mapping_v2": []any{map[string]any{"image": "i", "volume_size": int64(1)}}}, "properties.block_device_mapping_v2.0.image"},
		{map[string]any{"image": "hello", "block_device_mapping_v2": []any{map[string]any{"swap_size": int64(1)}}}, "properties.block_device_mapping_v2.0.swap_size"},
		{map[string]any{"image": "hello", "block_device_mapping_v2": []any{map[string]any{"volume_id": "v", "boot_index": int64(0)}}}, "properties.block_device_mapping_v2.0.boot_index"},
		{map[string]any{"image": "hello", "personality": map[string]any{"/etc/motd": "hi"}}, "properties.personality"},
		{map[string]any{"image": "hello", "user_data_format": "SOFTWARE_CONFIG"}, "properties.user_data_format"},
		{map[string]any{"image": "hello", "scheduler_hints": map[string]any{"stoker_wait": "user_data", "group": "x"}}, ""},
		{map[string]any{"image": "hello", "scheduler_hints": map[string]any{"stoker_wait": "boot"}}, "properties.scheduler_hints.stoker_wait"},
	}
	for _, tt := range tests {
		err := impl.Validate(request(t, tt.props))
		e, ok := stoker.AsError(err)
		switch {
		case tt.path == "" && err != nil, tt.path != "" && (!ok || e.Path != tt.path || e.Hint == ""):
			t.Errorf("%v: got %v, want a fault at %q with a hint", tt.props, err, tt.path)
		}
	}
	for _, name := range []string{"block_device_mapping", "block_device_mapping_v2"} {
		err := server(plain{&drivertest.Fake{}}).(stoker.Validator).Validate(request(t, map[string]any{"image": "hello", name: volume}))
		if e, ok := stoker.AsError(err); !ok || e.Path != "properties."+name+".0.volume_id" || e.Hint == "" {
			t.Errorf("%s with a driver without volumes: got %v", name, err)
		}
	}
	if err := impl.Validate(&stoker.Request{}); err != nil {
		t.Errorf("with nothing known yet: %v", err)
	}
}

// data has what resource types have recorded.
type data map[stoker.ResourceID]map[string]any

func (d data) AwaitData(_ context.Context, id stoker.ResourceID, ok func(map[string]any) bool) error {
	row, there := d[id]
	if !there {
		return stoker.Errorf(stoker.NotFound, "there is no resource %s", id)
	}
	ok(row)
	return nil
}

func TestUserDataByReference(t *testing.T) {
	const id = "11111111-2222-3333-4444-555555555555"
	record := func(project stoker.ProjectID, config any) map[string]any {
		return softwareconfig.Record(&stoker.Request{Stack: stoker.StackRef{Project: project}}, config)
	}
	for _, tt := range []struct {
		name string
		data data
		want string
	}{
		{"a configuration", data{id: record("p1", "#!/bin/sh")}, "#!/bin/sh"},
		{"another project's", data{id: record("p2", "#!/bin/sh")}, id},
		{"nobody's", data{}, id},
		{"no configuration", data{id: {"config": "x"}}, id},
	} {
		d := &drivertest.Fake{}
		impl := openstack.Types(openstack.Deps{Driver: d, Data: tt.data})["OS::Nova::Server"]
		create(t, impl, request(t, map[string]any{"image": "hello", "user_data": id}))
		if spec, _ := d.Spec(token); spec.UserData != tt.want {
			t.Errorf("%s: user data %q, want %q", tt.name, spec.UserData, tt.want)
		}
	}
	d := &drivertest.Fake{}
	impl := openstack.Types(openstack.Deps{Driver: d, Data: data{id: record("p1", map[string]any{"a": "b"})}})["OS::Nova::Server"]
	if _, err := impl.Create(t.Context(), request(t, map[string]any{"image": "hello", "user_data": id})); !stoker.IsKind(err, stoker.Invalid) {
		t.Errorf("a map: got %v, want invalid", err)
	}
}

package heat_test

import (
	"maps"
	"reflect"
	"testing"
	"testing/synctest"

	"github.com/stoker-project/stoker"
)

const configID = "11111111-2222-3333-4444-555555555555"

// configured makes an engine that has a configuration.
func configured(t *testing.T, kind stoker.TypeName, props map[string]any) *engine {
	t.Helper()
	e := newEngine()
	impl := e.types()[kind]
	req := request(t, impl, props)
	create(t, impl, req)
	e.record(configID, req.Data)
	return e
}

func script(t *testing.T) *engine {
	return configured(t, "OS::Heat::SoftwareConfig", map[string]any{
		"config": "#!/bin/sh", "group": "script",
		"inputs":  []any{map[string]any{"name": "port", "default": int64(80), "type": "Number"}, map[string]any{"name": "host"}},
		"outputs": []any{map[string]any{"name": "result"}, map[string]any{"name": "fault", "error_output": true}},
	})
}

// deployed makes a deployment whose data its engine records.
func deployed(t *testing.T, e *engine, props map[string]any) (*stoker.Request, stoker.ResourceType) {
	t.Helper()
	impl := e.types()["OS::Heat::SoftwareDeployment"]
	all := map[string]any{"config": configID, "server": "server-1"}
	maps.Copy(all, props)
	req := request(t, impl, all)
	create(t, impl, req)
	e.record(req.ID, req.Data)
	return req, impl
}

func send(t *testing.T, e *engine, impl stoker.ResourceType, req *stoker.Request, body map[string]any) string {
	t.Helper()
	res, reason, err := impl.(stoker.Signaller).Signal(t.Context(), req, body)
	if err != nil {
		t.Fatal(err)
	}
	keep(req, res)
	e.record(req.ID, req.Data)
	return reason
}

// config is the derived configuration, its inputs by name.
func derived(t *testing.T, impl stoker.ResourceType, req *stoker.Request) (map[string]any, map[string]any) {
	t.Helper()
	show := attribute(t, impl, req, "show").(map[string]any)
	config := show["config"].(map[string]any)
	inputs := map[string]any{}
	for _, i := range config["inputs"].([]any) {
		i := i.(map[string]any)
		inputs[i["name"].(string)] = i["value"]
	}
	return config, inputs
}

func TestDeploymentWaitsForItsSignal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := script(t)
		req, impl := deployed(t, e, map[string]any{"input_values": map[string]any{"host": "db", "extra": "x"}})
		config, inputs := derived(t, impl, req)
		wantInputs := map[string]any{
			"port": int64(80), "host": "db", "extra": "x",
			"deploy_server_id": "server-1", "deploy_action": "CREATE", "deploy_stack_id": "shop/stack-id", "deploy_resource_name": "it",
			"deploy_signal_transport": "CFN_SIGNAL", "deploy_signal_id": "http://alarm/shop/it", "deploy_signal_verb": "POST",
		}
		if config["config"] != "#!/bin/sh" || config["group"] != "script" || !reflect.DeepEqual(inputs, wantInputs) {
			t.Errorf("derived %v with inputs %v, want %v", config, inputs, wantInputs)
		}
		done := make(chan error, 1)
		go func() { _, err := impl.(stoker.Awaiter).Await(t.Context(), req); done <- err }()
		synctest.Wait()
		select {
		case err := <-done:
			t.Fatalf("complete without a signal: %v", err)
		default:
		}
		event := send(t, e, impl, req, map[string]any{
			"deploy_stdout": "hello", "deploy_stderr": "", "deploy_status_code": int64(0), "result": "42", "unknown": "x"})
		if want := "deployment " + string(req.ID) + " succeeded"; event != want {
			t.Errorf("event %q, want %q", event, want)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]any{"deploy_stdout": "hello", "deploy_status_code": int64(0), "result": "42", "fault": nil} {
			if got := attribute(t, impl, req, name); got != want {
				t.Errorf("%s: got %v, want %v", name, got, want)
			}
		}
		if _, _, err := impl.(stoker.Attributer).Attribute(t.Context(), req, "unknown", nil); err == nil {
			t.Error("an output that is not declared was kept")
		}
		if event := send(t, e, impl, req, map[string]any{"deploy_status_code": int64(1)}); event != "" {
			t.Errorf("a second signal counted: %q", event)
		}
	})
}

// TestDeploymentWaitsForItsOwnSignal begins to wait before its data is recorded.
func TestDeploymentWaitsForItsOwnSignal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := script(t)
		req, impl := deployed(t, e, nil)
		old := req.Data
		send(t, e, impl, req, nil)
		recorded := req.Data
		for _, before := range []map[string]any{nil, recorded} {
			e.record(req.ID, before)
			next := *req
			next.Data = map[string]any{"status": "IN_PROGRESS", "derived": map[string]any{"config": "another"}}
			done := make(chan error, 1)
			go func() { _, err := impl.(stoker.Awaiter).Await(t.Context(), &next); done <- err }()
			synctest.Wait()
			select {
			case err := <-done:
				t.Fatalf("with %v recorded: complete without a signal: %v", before, err)
			default:
			}
			e.record(req.ID, map[string]any{"status": "COMPLETE", "derived": next.Data["derived"]})
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if old["status"] != "IN_PROGRESS" {
			t.Error("a signal has changed its request")
		}
	})
}

func TestDeploymentFails(t *testing.T) {
	for _, tt := range []struct {
		body map[string]any
		want string
	}{
		{map[string]any{"deploy_status_code": int64(3)}, "Deployment to server failed: deploy_status_code : Deployment exited with non-zero status code: 3"},
		{map[string]any{"deploy_status_code": "1"}, "Deployment to server failed: deploy_status_code : Deployment exited with non-zero status code: 1"},
		{map[string]any{"deploy_status_code": int64(0), "fault": "no disk"}, "Deployment to server failed: fault : no disk"},
	} {
		e := script(t)
		req, impl := deployed(t, e, nil)
		send(t, e, impl, req, tt.body)
		_, err := impl.(stoker.Awaiter).Await(t.Context(), req)
		wantType(t, err, "Error", tt.want)
	}
}

func TestDeploymentWithoutSignal(t *testing.T) {
	for _, props := range []map[string]any{{"signal_transport": "NO_SIGNAL"}, {"actions": []any{"UPDATE"}}} {
		req, impl := deployed(t, script(t), props)
		if _, err := impl.(stoker.Awaiter).Await(t.Context(), req); err != nil {
			t.Errorf("%v: %v, want no wait", props, err)
		}
	}
}

func TestDeploymentIsRepeatedAtUpdates(t *testing.T) {
	e := script(t)
	req, impl := deployed(t, e, nil)
	again, _ := deployed(t, e, nil)
	send(t, e, impl, req, map[string]any{"deploy_stdout": "first"})
	again.Data = req.Data
	create(t, impl, again) // as after a crash
	if got := attribute(t, impl, again, "deploy_stdout"); got != "first" {
		t.Errorf("creating it again has forgotten its signal: %v", got)
	}
	next := request(t, impl, map[string]any{"config": configID, "server": "server-1", "input_values": map[string]any{"host": "new"}})
	next.OldProperties, next.Data, next.PhysicalID = req.Properties, req.Data, req.PhysicalID
	res, err := impl.(stoker.Updater).Update(t.Context(), next)
	if err != nil {
		t.Fatal(err)
	}
	keep(next, res)
	if _, inputs := derived(t, impl, next); inputs["host"] != "new" || inputs["deploy_action"] != "UPDATE" {
		t.Errorf("inputs after the update: %v", inputs)
	}
	if show := attribute(t, impl, next, "show").(map[string]any); show["status"] != "IN_PROGRESS" {
		t.Errorf("status after the update is %v, want that it waits again", show["status"])
	}
	next.Properties["actions"] = []any{"CREATE"}
	if res, err := impl.(stoker.Updater).Update(t.Context(), next); err != nil || res.Data != nil {
		t.Errorf("an update of a deployment for creation only: %v, %v", res.Data, err)
	}
}

func TestStructuredDeployment(t *testing.T) {
	e := configured(t, "OS::Heat::StructuredConfig", map[string]any{
		"config": map[string]any{"host": map[string]any{"get_input": "host"}, "ports": []any{int64(1), map[string]any{"get_input": "port"}},
			"both": map[string]any{"get_input": "host", "x": int64(1)}, "none": map[string]any{"get_input": "none"}},
		"inputs": []any{map[string]any{"name": "host"}, map[string]any{"name": "port", "default": int64(80)}},
	})
	impl := e.types()["OS::Heat::StructuredDeployment"]
	req := request(t, impl, map[string]any{"config": configID, "server": "s", "input_values": map[string]any{"host": "db"}})
	create(t, impl, req)
	config, _ := derived(t, impl, req)
	want := map[string]any{"host": "db", "ports": []any{int64(1), int64(80)}, "both": map[string]any{"get_input": "host", "x": int64(1)}, "none": nil}
	if !reflect.DeepEqual(config["config"], want) {
		t.Errorf("got %v, want %v", config["config"], want)
	}
	strict := request(t, impl, map[string]any{"config": configID, "server": "s", "input_values_validate": "STRICT"})
	_, err := impl.Create(t.Context(), strict)
	wantType(t, err, "UserParameterMissing", "The Parameter (host) was not provided.")
}

func TestDeploymentRefuses(t *testing.T) {
	e := script(t)
	impl := e.types()["OS::Heat::SoftwareDeployment"]
	for _, props := range []map[string]any{{"signal_transport": "ZAQAR_SIGNAL"}, {"actions": []any{"CREATE", "DELETE"}}} {
		props["server"] = "s"
		if err := impl.(stoker.Validator).Validate(request(t, impl, props)); !stoker.IsKind(err, stoker.Invalid) {
			t.Errorf("%v: got %v, want invalid", props, err)
		}
	}
	for _, id := range []string{"no-config", "99999999-2222-3333-4444-555555555555"} {
		_, err := impl.Create(t.Context(), request(t, impl, map[string]any{"server": "s", "config": id}))
		wantType(t, err, "StackValidationFailed", `there is no software configuration "`+id+`"`)
	}
	bare := request(t, impl, map[string]any{"server": "s"})
	if create(t, impl, bare); bare.Data["status"] != "IN_PROGRESS" {
		t.Errorf("a deployment without a configuration: %v, want that it waits", bare.Data)
	}
}

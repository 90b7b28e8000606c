package heat_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	heatapi "github.com/stoker-project/stoker/api/heat"
)

const softwareTemplate = `
heat_template_version: 2018-08-31
resources:
  script: {type: OS::Heat::SoftwareConfig, properties: {config: "#!/bin/sh", group: script, inputs: [{name: n, default: 1}], outputs: [{name: result}]}}
  second: {type: OS::Heat::SoftwareDeployment, properties: {config: {get_resource: script}, server: srv, name: b-second, input_values: {n: 7}}}
  first: {type: OS::Heat::SoftwareDeployment, properties: {config: {get_resource: script}, server: srv, name: a-first}}
  other: {type: OS::Heat::SoftwareDeployment, properties: {config: {get_resource: script}, server: other, signal_transport: NO_SIGNAL}}
outputs:
  result: {value: {get_attr: [second, result]}}
`

// TestSoftwareOfATemplate plays a server's agent: it asks what is to be applied, and
// tells how it went.
func TestSoftwareOfATemplate(t *testing.T) {
	w := newWorld(t)
	st := w.do("POST", "/stacks", map[string]any{"stack_name": "s", "template": softwareTemplate}).want(t, 201).value(t, "stack.id").(string)
	var meta answer
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		if meta = w.do("GET", "/software_deployments/metadata/srv", nil).want(t, 200); len(meta.value(t, "metadata").([]any)) == 2 {
			break
		}
	}
	for path, want := range map[string]any{
		"metadata.0.name": "a-first", "metadata.1.name": "b-second", "metadata.1.group": "script", "metadata.1.config": "#!/bin/sh", "metadata.1.inputs.0.value": 7.0,
	} {
		if got := meta.value(t, path); got != want {
			t.Errorf("%s: got %v, want %v", path, got, want)
		}
	}
	if got := len(w.do("GET", "/software_deployments", nil).want(t, 200).value(t, "software_deployments").([]any)); got != 3 {
		t.Errorf("%d deployments are listed, want 3", got)
	}
	list := w.do("GET", "/software_deployments?server_id=srv", nil).want(t, 200)
	for i := range 2 {
		id := list.value(t, fmt.Sprintf("software_deployments.%d.id", i)).(string)
		if got := w.do("GET", "/software_deployments/"+id, nil).want(t, 200).value(t, "software_deployment.status"); got != "IN_PROGRESS" {
			t.Errorf("got status %v", got)
		}
		put := w.do("PUT", "/software_deployments/"+id, `{"status": "COMPLETE", "output_values": {"result": "fine", "deploy_status_code": 0}}`).want(t, 200)
		if got := put.value(t, "software_deployment.status"); got != "COMPLETE" {
			t.Errorf("after PUT: got status %v", got)
		}
		config := w.do("GET", "/software_configs/"+id, nil).want(t, 200)
		if got := config.value(t, "software_config.group"); got != "script" {
			t.Errorf("the derived configuration is of group %v", got)
		}
		w.do("DELETE", "/software_deployments/"+id, nil).wantFault(t, 400, "NotSupported", "stack s")
	}
	if got := w.settle(st).State(); got != "CREATE_COMPLETE" {
		t.Errorf("the stack is %s", got)
	}
	if got := w.do("GET", "/stacks/s/"+st+"/outputs/result", nil).value(t, "output.output_value"); got != "fine" {
		t.Errorf("got %v", got)
	}
	configs := w.do("GET", "/software_configs", nil).want(t, 200)
	if got := configs.value(t, "software_configs.0.name"); got != "script" || strings.Contains(configs.text, "#!/bin/sh") {
		t.Errorf("got %s", configs.text)
	}
}

// TestSoftwareByItself makes configurations and deployments without a template, the
// content of which looks like one.
func TestSoftwareByItself(t *testing.T) {
	w := newWorld(t)
	made := w.do("POST", "/software_configs", `{"name": "mine", "group": "script", "config": "{get_param: x} #!/bin/sh", "inputs": [{"name": "n"}], "options": {"a": 1}}`).want(t, 200)
	id := made.value(t, "software_config.id").(string)
	shown := w.do("GET", "/software_configs/"+id, nil).want(t, 200)
	for path, want := range map[string]any{"name": "mine", "group": "script", "config": "{get_param: x} #!/bin/sh", "inputs.0.name": "n", "options.a": 1.0} {
		if got := shown.value(t, "software_config."+path); got != want {
			t.Errorf("%s: got %v, want %v", path, got, want)
		}
	}
	structured := w.do("POST", "/software_configs", `{"config": {"get_param": "x"}}`).want(t, 200)
	if got := fmt.Sprint(structured.value(t, "software_config.config")); got != "map[get_param:x]" {
		t.Errorf("got %v", got)
	}
	dep := w.do("POST", "/software_deployments", map[string]any{"config_id": id, "server_id": "srv", "input_values": map[string]any{"n": 3}}).want(t, 200)
	depID := dep.value(t, "software_deployment.id").(string)
	put := w.do("PUT", "/software_deployments/"+depID, `{"status": "FAILED", "output_values": {"deploy_stderr": "no"}}`).want(t, 200)
	if got := put.value(t, "software_deployment.status"); got != "FAILED" {
		t.Errorf("got %v", got)
	}
	for _, path := range []string{"/software_deployments/" + depID, "/software_configs/" + id} {
		w.as(bobToken, "GET", "/v1/other"+path, nil).wantFault(t, 404, "NotFound", "not found")
		w.as(bobToken, "DELETE", "/v1/other"+path, nil).wantFault(t, 404, "NotFound", "not found")
		w.do("DELETE", path, nil).want(t, 204)
		for end := time.Now().Add(10 * time.Second); w.do("GET", path, nil).status != 404; {
			if time.Now().After(end) {
				t.Fatalf("%s is still there", path)
			}
		}
	}
	w.do("POST", "/software_deployments", `{"server_id": "srv"}`).wantFault(t, 400, "HTTPBadRequest", "config_id")
	w.do("POST", "/software_deployments", `{"server_id": "srv", "config_id": "none"}`).wantFault(t, 400, "StackValidationFailed", "none")
	w.do("POST", "/software_configs", `{"inputs": 7}`).want(t, 400)
	w.do("PUT", "/software_deployments/"+id, `{"status": "COMPLETE"}`).wantFault(t, 404, "NotFound", "not found")
}

// A project has at most so many configurations and deployments, those of its templates
// too; the stacks that carry them do not count as stacks.
func TestSoftwareLimits(t *testing.T) {
	w := newWorld(t, func(w *world) { w.limits = heatapi.Limits{SoftwareConfigs: 3, SoftwareDeployments: 1} })
	w.settled(w.create("a", map[string]any{"template": "heat_template_version: 2021-04-16\nresources: {c: {type: OS::Heat::SoftwareConfig}}"}).ID, "CREATE_COMPLETE")
	var id string
	for range 2 {
		id = w.do("POST", "/software_configs", map[string]any{"name": "x", "config": "echo"}).want(t, 200).value(t, "software_config.id").(string)
	}
	more := w.do("POST", "/software_configs", map[string]any{"name": "x", "config": "echo"})
	more.wantFault(t, 400, "RequestLimitExceeded", "You have reached the maximum software configs per tenant, 3. Please delete some configs.")
	deployment := map[string]any{"config_id": id, "server_id": "s", "status": "COMPLETE"}
	w.do("POST", "/software_deployments", deployment).want(t, 200)
	w.do("POST", "/software_deployments", deployment).
		wantFault(t, 400, "RequestLimitExceeded", "You have reached the maximum software deployments per tenant, 1. Please delete some deployments.")
	w.do("DELETE", "/software_configs/"+id, nil).want(t, 204)
	gone := func() bool { return w.do("GET", "/software_configs/"+id, nil).status == 404 }
	for deadline := time.Now().Add(10 * time.Second); !gone(); {
		if time.Now().After(deadline) {
			t.Fatal("a configuration is not deleted")
		}
	}
	w.do("POST", "/software_configs", map[string]any{"name": "x", "config": "echo"}).want(t, 200)
	w.do("POST", "/stacks", map[string]any{"stack_name": "b", "template": valueTemplate, "tags": heatapi.CarrierTag}).
		wantFault(t, 400, "StackValidationFailed", "is Stoker's own")
}

package app_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stoker-project/stoker/client"
)

const deployedTemplate = `
heat_template_version: 2018-08-31
parameters: {word: {type: string, default: hello}}
resources:
  box: {type: OS::Heat::DeployedServer, properties: {software_config_transport: POLL_TEMP_URL}}
  script:
    type: OS::Heat::SoftwareConfig
    properties:
      group: script
      inputs: [{name: word}]
      outputs: [{name: loud}]
      config: |
        #!/bin/sh
        echo "$word" | tr a-z A-Z > "$heat_outputs_path.loud"
        echo said "$word"
  cfn:
    type: OS::Heat::SoftwareDeployment
    properties: {config: {get_resource: script}, server: {get_resource: box}, input_values: {word: {get_param: word}}}
  temp:
    type: OS::Heat::SoftwareDeployment
    depends_on: cfn
    properties: {config: {get_resource: script}, server: {get_resource: box}, input_values: {word: later}, signal_transport: TEMP_URL_SIGNAL}
outputs:
  address: {value: {get_attr: [box, os_collect_config, request, metadata_url]}}
  loud: {value: {get_attr: [cfn, loud]}}
  said: {value: {get_attr: [cfn, deploy_stdout]}}
  later: {value: {get_attr: [temp, loud]}}
`

// agent is what runs in a server: it asks for what is to be applied, runs it with a shell
// and signals how that went.
type agent struct {
	t    *testing.T
	dir  string
	done map[string]string // deployments by their IDs, and what they were
}

type task struct {
	ID, Config string
	Inputs     []struct {
		Name  string
		Value any
	}
}

func (a *agent) do(verb, address string, body []byte) []byte {
	a.t.Helper()
	req, err := http.NewRequestWithContext(a.t.Context(), verb, address, bytes.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		a.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		a.t.Fatalf("%s %s: %s: %s (%v)", verb, address, res.Status, text, err)
	}
	return text
}

// poll asks once, and applies what is new.
func (a *agent) poll(address string) {
	a.t.Helper()
	var meta struct{ Deployments []task }
	if err := json.Unmarshal(a.do(http.MethodGet, address, nil), &meta); err != nil {
		a.t.Fatal(err)
	}
	for _, d := range meta.Deployments {
		mark, err := json.Marshal(d)
		if err != nil {
			a.t.Fatal(err)
		}
		if a.done[d.ID] != string(mark) {
			a.done[d.ID] = string(mark)
			a.apply(d)
		}
	}
}

func (a *agent) apply(d task) {
	a.t.Helper()
	out := a.dir + "/" + d.ID
	cmd := exec.CommandContext(a.t.Context(), "/bin/sh", "-c", d.Config)
	cmd.Env = []string{"PATH=/usr/bin:/bin", "heat_outputs_path=" + out}
	in := map[string]string{}
	for _, i := range d.Inputs {
		if s, ok := i.Value.(string); ok {
			in[i.Name] = s
			cmd.Env = append(cmd.Env, i.Name+"="+s)
		}
	}
	said, err := cmd.Output()
	if err != nil {
		a.t.Fatal(err)
	}
	loud, err := exec.CommandContext(a.t.Context(), "cat", out+".loud").Output()
	if err != nil {
		a.t.Fatal(err)
	}
	body, err := json.Marshal(map[string]any{"deploy_stdout": string(said), "deploy_status_code": 0, "loud": strings.TrimSpace(string(loud))})
	if err != nil {
		a.t.Fatal(err)
	}
	a.do(in["deploy_signal_verb"], in["deploy_signal_id"], body)
}

// TestDeployedServer has an agent apply what a template says to a server that Stoker has
// not made, at first and after an update.
func TestDeployedServer(t *testing.T) {
	cl := dial(t, start(t, config(t)).Server)
	id, err := cl.Create(t.Context(), client.Request{Name: "d", Template: deployedTemplate})
	if err != nil {
		t.Fatal(err)
	}
	a := &agent{t: t, dir: t.TempDir(), done: map[string]string{}}
	var address string
	for end := time.Now().Add(patience); address == ""; {
		st, err := cl.Stack(t.Context(), id)
		if err != nil || time.Now().After(end) {
			t.Fatalf("no address: %v", err)
		}
		for _, o := range st.Outputs {
			if text, ok := o.Value.(string); ok && o.Key == "address" {
				address = text
			}
		}
	}
	follow := func(want string) map[string]string {
		t.Helper()
		for end := time.Now().Add(patience); ; {
			a.poll(address)
			st, err := cl.Stack(t.Context(), id)
			if err != nil || time.Now().After(end) {
				t.Fatalf("got %+v (%v)", st, err)
			}
			if st.Status == want {
				return outputs(t, cl, id)
			}
		}
	}
	if out := follow("CREATE_COMPLETE"); out["loud"] != "HELLO" || out["said"] != "said hello\n" || out["later"] != "LATER" {
		t.Errorf("got %v", out)
	}
	if err := cl.Update(t.Context(), id, client.Request{Template: deployedTemplate, Parameters: map[string]any{"word": "bye"}}); err != nil {
		t.Fatal(err)
	}
	if out := follow("UPDATE_COMPLETE"); out["loud"] != "BYE" || len(a.done) != 2 {
		t.Errorf("after the update: got %v, %d deployments", out, len(a.done))
	}
}

package app_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stoker-project/stoker/app"
	"github.com/stoker-project/stoker/balancer/haproxy"
	"github.com/stoker-project/stoker/client"
	"github.com/stoker-project/stoker/driver/process"
	"github.com/stoker-project/stoker/internal/selfsigned"
)

// Secrets of TestSecretsAreToldNowhere; none is part of another.
const (
	hiddenWord   = "Kx7-hidden-parameter-q1"
	nestedWord   = "Kx7-nested-default-q2"
	userDataWord = "Kx7-password-in-user-data-q3"
	inputWord    = "Kx7-deployment-input-q4"
	brokenWord   = "Kx7-wrong-value-q5"
)

const secretTemplate = `
heat_template_version: 2021-04-16
parameters:
  word: {type: string, hidden: true}
  password: {type: string, hidden: true}
  input: {type: string, hidden: true}
  cert: {type: string}
  key: {type: string, hidden: true}
resources:
  kept: {type: OS::Heat::Value, properties: {value: {get_param: word}}}
  random: {type: OS::Heat::RandomString, properties: {length: 40}}
  inside: {type: inside.yaml, properties: {handed: {get_param: word}}}
  server:
    type: OS::Nova::Server
    properties: {image: sleep, flavor: m1.tiny, user_data: {str_replace: {template: "#!/bin/sh\npassword=P\n", params: {P: {get_param: password}}}}}
  script: {type: OS::Heat::SoftwareConfig, properties: {group: script, inputs: [{name: word}], config: "true"}}
  deployed:
    type: OS::Heat::SoftwareDeployment
    properties: {config: {get_resource: script}, server: {get_resource: server}, input_values: {word: {get_param: input}}, signal_transport: NO_SIGNAL}
  handle: {type: OS::Heat::WaitConditionHandle}
  group: {type: OS::Heat::AutoScalingGroup, properties: {min_size: 1, max_size: 2, resource: {type: OS::Heat::Value, properties: {value: {get_param: word}}}}}
  up: {type: OS::Heat::ScalingPolicy, properties: {adjustment_type: change_in_capacity, auto_scaling_group_id: {get_resource: group}, scaling_adjustment: 1}}
  balancer:
    type: Stoker::LoadBalancer
    properties: {name: shop, listeners: [{protocol: https, certificate: {get_param: cert}, key: {get_param: key}}]}
outputs:
  word: {value: {get_attr: [kept, value]}}
  random: {value: {get_attr: [random, value]}}
  token: {value: {get_attr: [handle, token]}}
  signal: {value: {get_attr: [up, signal_url]}}
  group: {value: {get_resource: group}}
`

const insideTemplate = `
heat_template_version: 2021-04-16
parameters: {handed: {type: string}, pin: {type: string, hidden: true}}
resources: {both: {type: OS::Heat::Value, properties: {value: {list_join: [' ', [{get_param: handed}, {get_param: pin}]]}}}}
`

// wrongUses has a hidden value where it cannot be: the value, and what is said of the
// parameter p and the resources.
func wrongUses() map[string][3]any {
	resource := func(s string) string { return "resources: {r: {" + s + "}}" }
	value := func(f string) string { return resource("type: OS::Heat::Value, properties: {value: " + f + "}") }
	return map[string][3]any{
		"length":          {brokenWord, "type: string, constraints: [{length: {max: 3}}]", ""},
		"allowed values":  {brokenWord, "type: string, constraints: [{allowed_values: [a]}]", ""},
		"allowed pattern": {brokenWord, "type: string, constraints: [{allowed_pattern: '[0-9]+'}]", ""},
		"custom":          {brokenWord, "type: string, constraints: [{custom_constraint: ip_addr}]", ""},
		"number":          {brokenWord, "type: number", ""},
		"range":           {"718281828459", "type: number, constraints: [{range: {max: 9}}]", ""},
		"boolean":         {brokenWord, "type: boolean", ""},
		"list":            {[]any{brokenWord}, "type: comma_delimited_list, constraints: [{allowed_values: [a]}]", ""},
		"JSON":            {`{"a": ` + brokenWord, "type: json", ""},
		"quotes":          {`"` + brokenWord + `'`, "type: string, constraints: [{allowed_values: [a]}]", ""},
		"property":        {brokenWord, "type: string", resource("type: OS::Heat::RandomString, properties: {length: {get_param: p}}")},
		"property's enum": {brokenWord, "type: string", resource("type: OS::Nova::Server, properties: {image: sleep, flavor: m1.tiny, user_data_format: {get_param: p}}")},
		"property's map":  {map[string]any{brokenWord: "x"}, "type: json", resource("type: OS::Heat::WaitConditionHandle, properties: {get_param: p}")},
		"image":           {brokenWord, "type: string", resource("type: OS::Nova::Server, properties: {image: {get_param: p}, flavor: m1.tiny}")},
		"flavor":          {brokenWord, "type: string", resource("type: OS::Nova::Server, properties: {image: sleep, flavor: {get_param: p}}")},
		"failing driver":  {"/bin/false " + brokenWord, "type: string", resource("type: OS::Nova::Server, properties: {image: {get_param: p}, flavor: m1.tiny}")},
		"nested":          {brokenWord, "type: string", resource("type: strict.yaml, properties: {few: {get_param: p}}")},
		"nested server":   {brokenWord, "type: string", resource("type: server.yaml, properties: {image: {get_param: p}}")},
		"group":           {brokenWord, "type: string", resource("type: OS::Heat::ResourceGroup, properties: {count: 1, resource_def: {type: OS::Nova::Server, properties: {image: {get_param: p}, flavor: m1.tiny}}}")},
		"function":        {brokenWord, "type: string", value("{str_split: [{get_param: p}, 7]}")},
		"digest":          {brokenWord, "type: string", value("{digest: [{get_param: p}, x]}")},
		"strict":          {brokenWord, "type: string", value("{str_replace_strict: {template: a, params: {{get_param: p}: b}}}")},
		"yaql":            {brokenWord, "type: string", value("{yaql: {expression: 'int($.data)', data: {get_param: p}}}")},
		"deferred":        {brokenWord, "type: string", "resources: {v: {type: OS::Heat::Value, properties: {value: {get_param: p}}}, r: {type: OS::Heat::RandomString, properties: {length: {get_attr: [v, value]}}}}"},
		"delayed image":   {brokenWord, "type: string", "resources: {v: {type: OS::Heat::Value, properties: {value: {get_param: p}}}, r: {type: OS::Nova::Server, properties: {image: {get_attr: [v, value]}, flavor: m1.tiny}}}"},
		"key":             {"-----BEGIN " + brokenWord, "type: string", resource("type: Stoker::LoadBalancer, properties: {listeners: [{protocol: https, certificate: x, key: {get_param: p}}]}")},
	}
}

// TestSecretsAreToldNowhere makes a stack of all that holds secrets, has secrets stand where they are wrong, and
// then looks for them in whatever is written and told. They may be in what the user is there to read: outputs, the
// template, and the files of the server that is given them.
func TestSecretsAreToldNowhere(t *testing.T) {
	var log syncBuffer
	c := config(t)
	c.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	c.Driver, c.EnableStackAbandon = "process", true
	c.Drivers.Process.Cgroups = "none"
	c.Drivers.Process.Images = map[string]app.ImageConfig{"sleep": {Command: "/bin/sleep", Args: []string{"1000"}}}
	if _, err := exec.LookPath("haproxy"); err == nil {
		c.Balancer = "haproxy"
		t.Cleanup(func() { stopHAProxy(t, filepath.Join(c.Data, "haproxy")) })
	}
	t.Cleanup(func() { destroyAll(t, filepath.Join(c.Data, "process")) })
	r := start(t, c)
	cl := dial(t, r.Server)
	pair, err := selfsigned.Make(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	cert, key, _ := strings.Cut(string(pair), "-----BEGIN PRIVATE KEY-----")
	if key == "" {
		t.Fatalf("the pair has another form:\n%s", cert)
	}
	keyLine := strings.Split(key, "\n")[1]
	id, err := cl.Create(t.Context(), client.Request{Name: "a", Template: secretTemplate, Files: map[string]string{"inside.yaml": insideTemplate},
		Parameters:  map[string]any{"word": hiddenWord, "password": userDataWord, "input": inputWord, "cert": cert, "key": "-----BEGIN PRIVATE KEY-----" + key},
		Environment: map[string]any{"parameter_defaults": map[string]any{"pin": nestedWord}}})
	if err != nil {
		t.Fatal(err)
	}
	if st := await(t, cl, id); st.Status != "CREATE_COMPLETE" {
		t.Fatalf("the stack is %s: %s", st.Status, st.StatusReason)
	}
	out := outputs(t, cl, id)
	if out["word"] != hiddenWord || len(out["random"]) != 40 {
		t.Fatalf("outputs are to be read: %v", out)
	}
	if err := cl.Signal(t.Context(), id, "up", nil); err != nil {
		t.Fatal(err)
	}
	a := &audit{t: t, words: map[string]string{
		"hidden parameter": hiddenWord, "nested default": nestedWord, "user data": userDataWord, "deployment input": inputWord, "wrong value": brokenWord, "wrong number": "718281828459",
		"random string": out["random"], "token": out["token"], "signature": out["signal"][strings.LastIndex(out["signal"], "=")+1:], "key of TLS": keyLine, "API token": r.Token,
	}}
	for name, w := range a.words {
		if len(w) < 10 {
			t.Fatalf("%s: %q is nothing to look for", name, w)
		}
	}
	for name, use := range wrongUses() {
		a.wrong(cl, name, use)
	}
	a.told(r, cl, out["group"])
	a.files(c.Data)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	a.none("the log", log.String())
	// HAProxy needs the key of TLS in a file: what holds it is for its owner alone.
	for _, pattern := range []string{"haproxy/pools.json", "haproxy/*/*.pem"} {
		files, err := filepath.Glob(filepath.Join(c.Data, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if info, err := os.Stat(f); err != nil || info.Mode().Perm()&0o077 != 0 {
				t.Errorf("%s: others may read it: %v, %v", f, info.Mode(), err)
			}
		}
	}
	a.files(c.Data)
}

// stopHAProxy ends the HAProxy that a Stoker has left at work for the next one.
func stopHAProxy(t *testing.T, dir string) {
	b, err := haproxy.New(haproxy.Config{Dir: dir})
	if err != nil {
		t.Error(err)
		return
	}
	defer b.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := b.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}

// destroyAll ends the servers that a Stoker has left at work for the next one.
func destroyAll(t *testing.T, dir string) {
	d, err := process.New(process.Config{Dir: dir, Cgroups: "none"})
	if err != nil {
		t.Error(err)
		return
	}
	defer d.Close()
	servers, err := d.List(context.Background())
	if err != nil {
		t.Error(err)
	}
	for _, s := range servers {
		if err := d.Destroy(context.Background(), s.Token, time.Second); err != nil {
			t.Error(err)
		}
	}
}

// files looks into what is written; the database's log is there while Stoker runs.
func (a *audit) files(dir string) {
	a.t.Helper()
	written := 0
	for _, pattern := range []string{"stoker.db*", "haproxy/*.cfg"} {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			a.t.Fatal(err)
		}
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				a.t.Fatal(err)
			}
			written += len(text)
			a.none(filepath.Base(f), string(text))
		}
	}
	if written == 0 {
		a.t.Error("no file was looked into")
	}
}

// audit looks for secrets.
type audit struct {
	t     *testing.T
	words map[string]string
}

func (a *audit) none(where, text string) {
	a.t.Helper()
	for name, w := range a.words {
		if i := strings.Index(text, w); i >= 0 {
			a.t.Errorf("%s: the %s is there: %q", where, name, text[max(0, i-120):min(len(text), i+len(w)+60)])
		}
	}
}

// wrong makes a stack that cannot be, and looks at what is told of it.
func (a *audit) wrong(cl *client.Client, name string, use [3]any) {
	a.t.Helper()
	body := fmt.Sprintf("heat_template_version: 2021-04-16\nparameters: {p: {%s, hidden: true}}\n%s\n", use[1], use[2])
	id, err := cl.Create(a.t.Context(), client.Request{Name: "wrong-" + strings.NewReplacer(" ", "-", "'", "").Replace(name), Template: body,
		Parameters: map[string]any{"p": use[0]}, Files: map[string]string{
			"strict.yaml": "heat_template_version: 2021-04-16\nparameters: {few: {type: string, constraints: [{length: {max: 3}}, {allowed_values: [a]}]}}",
			"server.yaml": "heat_template_version: 2021-04-16\nparameters: {image: {type: string}}\nresources: {s: {type: OS::Nova::Server, properties: {image: {get_param: image}, flavor: m1.tiny}}}",
		}})
	if err != nil {
		a.none("refused, "+name, err.Error())
		return
	}
	st := await(a.t, cl, id)
	if st.Status != "CREATE_FAILED" {
		a.t.Errorf("%s: the stack is %s, it was to fail", name, st.Status)
	}
	a.none("reason, "+name, st.StatusReason)
	events, err := cl.Events(a.t.Context(), id, client.Events{Depth: 5})
	if err != nil {
		a.t.Fatal(err)
	}
	for _, e := range events {
		a.none("event, "+name, e.Reason)
	}
}

// told looks at what anybody with a token is told.
func (a *audit) told(r *running, cl *client.Client, group string) {
	a.t.Helper()
	decisions, err := cl.Decisions(a.t.Context(), group, client.Decisions{})
	if err != nil {
		a.t.Fatal(err)
	}
	a.none("why", fmt.Sprint(decisions))
	for _, path := range []string{"/stacks/a/environment", "/stacks?show_nested=true", "/stacks/a/resources?nested_depth=5", "/stacks/a/events?nested_depth=5"} {
		a.none(path, get(a.t, r, path))
	}
	base, _, _ := strings.Cut(r.URL, "/v1")
	req, err := http.NewRequestWithContext(a.t.Context(), http.MethodGet, base+"/metrics", nil)
	if err != nil {
		a.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.Token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		a.t.Fatal(err)
	}
	defer res.Body.Close()
	var text strings.Builder
	if err := res.Write(&text); err != nil {
		a.t.Fatal(err)
	}
	a.none("metrics", text.String())
}

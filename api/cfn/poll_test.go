package cfn_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stoker-project/stoker/internal/awssign"
)

const polledTemplate = `
heat_template_version: 2018-08-31
resources:
  a: {type: OS::Heat::DeployedServer, properties: {software_config_transport: POLL_TEMP_URL}, metadata: {role: db}}
  b: {type: OS::Heat::DeployedServer}
  script: {type: OS::Heat::SoftwareConfig, properties: {config: "#!/bin/sh", group: script}}
  first: {type: OS::Heat::SoftwareDeployment, properties: {config: {get_resource: script}, server: {get_resource: a}, signal_transport: NO_SIGNAL}}
  second: {type: OS::Heat::SoftwareDeployment, properties: {config: {get_resource: script}, server: {get_resource: b}, signal_transport: NO_SIGNAL}}
outputs:
  a: {value: {get_attr: [a, os_collect_config]}}
  b: {value: {get_attr: [b, os_collect_config]}}
`

// agents gives what the agents of the two servers are configured with.
func agents(t *testing.T, w *world) (address string, key map[string]any) {
	t.Helper()
	w.do("Action", "CreateStack", "StackName", "s", "TemplateBody", polledTemplate).want(t, 200)
	st := w.settle("s")
	v, err := w.engine.Show(t.Context(), st.ID)
	if err != nil || st.State() != "CREATE_COMPLETE" {
		t.Fatalf("the stack is %s: %s (%v)", st.State(), st.StatusReason, err)
	}
	outs := map[string]map[string]any{}
	for _, o := range v.Outputs {
		outs[o.Name] = o.Value.(map[string]any)
	}
	return outs["a"]["request"].(map[string]any)["metadata_url"].(string), outs["b"]["cfn"].(map[string]any)
}

// TestPolledAddress is read by who knows it, and by nobody who changes it.
func TestPolledAddress(t *testing.T) {
	w := newWorld(t)
	address, _ := agents(t, w)
	var meta struct {
		Role        string
		Deployments []struct{ Name, Config, Group string }
	}
	text := w.send(w.request("GET", address, "")).want(t, 200).text
	if err := json.Unmarshal([]byte(text), &meta); err != nil || meta.Role != "db" || len(meta.Deployments) != 1 ||
		meta.Deployments[0].Name != "first" || meta.Deployments[0].Config != "#!/bin/sh" {
		t.Errorf("got %s (%v)", text, err)
	}
	w.send(w.request("HEAD", address, "")).want(t, 200)
	w.send(w.request("POST", address, "{}")).want(t, 405)
	for _, other := range []string{
		strings.Replace(address, "%2Fa?", "%2Fb?", 1), strings.Replace(address, "resources%2Fa", "resources%2Fnone", 1),
		strings.Replace(address, "/v1/metadata/", "/v1/signal/", 1), address[:strings.Index(address, "?")],
	} {
		if other == address {
			t.Fatal("the test changes nothing")
		}
		verb := "GET"
		if strings.Contains(other, "/v1/signal/") {
			verb = "POST"
		}
		w.send(w.request(verb, other, "")).want(t, 403)
	}
}

// TestPolledKey opens one resource for reading, and nothing else.
func TestPolledKey(t *testing.T) {
	w := newWorld(t)
	_, key := agents(t, w)
	word := func(name string) string { return key[name].(string) }
	ask := func(secret string, pairs ...string) answer {
		p := form(pairs...)
		p.Set("Timestamp", time.Now().UTC().Format("2006-01-02T15:04:05Z"))
		host, path, _ := strings.Cut(strings.TrimPrefix(word("metadata_url"), "http://"), "/")
		p = awssign.Sign2(&awssign.Request{Verb: http.MethodGet, Host: host, Path: "/" + path, Params: p}, word("access_key_id"), secret)
		return w.send(w.request("GET", word("metadata_url")+"?"+p.Encode(), ""))
	}
	if word("path") != "b.Metadata" {
		t.Errorf("got path %s", word("path"))
	}
	secret, arn := word("secret_access_key"), word("stack_name")
	ask(secret, "Action", "DescribeStackResource", "StackName", arn, "LogicalResourceId", "b").want(t, 200, "deployments", "second")
	for name, pairs := range map[string][]string{
		"another resource": {"Action", "DescribeStackResource", "StackName", arn, "LogicalResourceId", "a"},
		"another action":   {"Action", "DescribeStackResources", "StackName", arn, "LogicalResourceId", "b"},
		"the whole stack":  {"Action", "DescribeStacks", "StackName", arn, "LogicalResourceId", "b"},
		"no ARN":           {"Action", "DescribeStackResource", "StackName", "s", "LogicalResourceId", "b"},
		"two names":        {"Action", "DescribeStackResource", "StackName", arn + "/resources/b", "LogicalResourceId", "a"},
		"a deletion":       {"Action", "DeleteStack", "StackName", arn, "LogicalResourceId", "b"},
	} {
		t.Run(name, func(t *testing.T) { ask(secret, pairs...).want(t, 403, "InvalidClientTokenId") })
	}
	ask("guessed", "Action", "DescribeStackResource", "StackName", arn, "LogicalResourceId", "b").want(t, 403)
}

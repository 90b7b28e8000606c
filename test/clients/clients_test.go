package clients_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

const (
	openstack = "/usr/bin/openstack"
	heat      = "/usr/bin/heat"
	python    = "/usr/bin/python3"
	template  = "testdata/app.yaml"
)

// asAlice is the environment of a user of the identity API.
func asAlice(authURL string) []string {
	return []string{"OS_AUTH_URL=" + authURL, "OS_USERNAME=alice", "OS_PASSWORD=password", "OS_PROJECT_NAME=shop", "OS_TENANT_NAME=shop",
		"OS_USER_DOMAIN_NAME=Default", "OS_PROJECT_DOMAIN_NAME=Default"}
}

func TestClients(t *testing.T) {
	need(t, openstack, "")
	program := binary(t)
	at := serve(t, program, people+abandoning)
	t.Run("parallel", func(t *testing.T) { // ends before the server does
		t.Run("openstack stack", func(t *testing.T) { t.Parallel(); stackCommands(t, at) })
		t.Run("openstack orchestration", func(t *testing.T) { t.Parallel(); orchestration(t, at) })
		t.Run("identity", func(t *testing.T) { t.Parallel(); identity(t, at) })
		t.Run("ways in", func(t *testing.T) { t.Parallel(); waysIn(t, program, at) })
		t.Run("heat", func(t *testing.T) { t.Parallel(); heatCommands(t, at) })
		t.Run("gophercloud", func(t *testing.T) { t.Parallel(); gopher(t, at) })
		t.Run("openstacksdk", func(t *testing.T) { t.Parallel(); sdk(t, at) })
		t.Run("boto3", func(t *testing.T) { t.Parallel(); boto(t, at) })
	})
}

func stackCommands(t *testing.T, at string) {
	s := &shell{t: t, env: asAlice(at + "/v3")}
	stack := func(args ...string) string {
		t.Helper()
		return s.run(openstack, append([]string{"stack"}, args...)...)
	}
	wants := func(text string, words ...string) {
		t.Helper()
		for _, w := range words {
			if !strings.Contains(text, w) {
				t.Errorf("got %s\nwant something with %q", text, w)
			}
		}
	}
	wants(stack("create", "-t", template, "--parameter", "text=one", "--tags", "x,y", "--wait", "--poll", "1", "a"), "CREATE_COMPLETE", "Stack CREATE completed successfully")
	wants(s.session(openstack,
		"stack list -f value",
		"stack show a",
		"stack update --existing --parameter text=three --dry-run a",
		"stack update --existing --parameter text=two --wait a",
	), " a CREATE_COMPLETE ", "text: one", "output_value: one", "/v1/shop/stacks/a/", `"resource_name": "value"`, "UPDATE_COMPLETE")
	wants(s.session(openstack,
		"stack output show a said",
		"stack output show --all a",
		"stack event list a --nested-depth 2",
		"stack event list a --resource value -f json",
		"stack resource list -n 3 a",
		"stack resource show a web",
		"stack resource metadata a value",
		"stack template show a",
		"stack environment show a",
		"stack file list a",
		"stack failures list a",
		"stack create -t "+template+" --dry-run b",
	), "| output_value | two", `"output_key": "alarm"`, "Stack CREATE started", "[a-web-", "Stack UPDATE completed successfully", `"resource_status": "UPDATE_COMPLETE"`,
		"OS::Heat::RandomString", "current_size", `"role": "a"`, "OS::Heat::ScalingPolicy", "parameters:\n  text: two", "| stack_name            | b ")
	size := func() string {
		t.Helper()
		return strings.TrimSpace(stack("output", "show", "a", "size", "-f", "value", "-c", "output_value"))
	}
	stack("resource", "signal", "a", "up")
	if got := size(); got != "2" {
		t.Errorf("after a signal: got size %s, want 2", got)
	}
	alarm := strings.TrimSpace(stack("output", "show", "a", "alarm", "-f", "value", "-c", "output_value"))
	if res, err := http.Post(alarm, "", nil); err != nil || res.Body.Close() != nil || res.StatusCode != 200 {
		t.Errorf("POST to the alarm_url %s: %v, %v", alarm, res, err)
	}
	if got := size(); got != "3" {
		t.Errorf("after a POST to the alarm_url: got size %s, want 3", got)
	}
	if out, errs, err := s.try(openstack, "stack", "create", "-t", template, "a"); err == nil {
		t.Errorf("a second stack of a name is made: %s", out)
	} else {
		wants(errs, "The Stack (a) already exists.")
	}
	stack("delete", "-y", "--wait", "a")
	if _, errs, err := s.try(openstack, "stack", "show", "a"); err == nil || !strings.Contains(errs, "Stack not found: a") {
		t.Errorf("a deleted stack is shown, or the message is another: %v %s", err, errs)
	}
}

func orchestration(t *testing.T, at string) {
	s := &shell{t: t, env: asAlice(at)} // the address without /v3
	out := s.session(openstack,
		"orchestration build info",
		"orchestration template version list",
		"orchestration template validate -t "+template,
		"orchestration resource type list --filter name=Random",
		"orchestration resource type show OS::Heat::RandomString",
		"orchestration resource type show OS::Heat::RandomString --template-type hot",
	)
	for _, want := range []string{`"revision"`, "heat_template_version.2018-08-31", "Default: hi", "| OS::Heat::RandomString |", "character_classes", "heat_template_version: '2016-10-14'"} {
		if !strings.Contains(out, want) {
			t.Errorf("got %s\nwant something with %q", out, want)
		}
	}
}

func identity(t *testing.T, at string) {
	s := &shell{t: t, env: asAlice(at + "/v3")}
	out := s.session(openstack, "token issue", "catalog list", "project list", "user show alice", "ec2 credentials list", "application credential list")
	for _, want := range []string{"project_id", at + "/v1/shop", "| shop | shop |", "default_project_id", "AKIDALICE", "| ci "} {
		if !strings.Contains(out, want) {
			t.Errorf("got %s\nwant something with %q", out, want)
		}
	}
	token := strings.TrimSpace(s.run(openstack, "token", "issue", "-f", "value", "-c", "id"))
	s.run(openstack, "token", "revoke", token)
	again := &shell{t: t, env: []string{"OS_AUTH_TYPE=token", "OS_TOKEN=" + token, "OS_AUTH_URL=" + at + "/v3", "OS_PROJECT_NAME=shop", "OS_PROJECT_DOMAIN_NAME=Default"}}
	if out, _, err := again.try(openstack, "stack", "list"); err == nil {
		t.Errorf("a revoked token works: %s", out)
	}
}

// waysIn lists stacks with each kind of authentication.
func waysIn(t *testing.T, program, at string) {
	endpoint := at + "/v1/shop"
	open := serve(t, program, "no_auth: true\n") + "/v1/shop"
	for name, env := range map[string][]string{
		"v3password":               append(asAlice(at+"/v3"), "OS_AUTH_TYPE=v3password"),
		"application credentials":  {"OS_AUTH_TYPE=v3applicationcredential", "OS_AUTH_URL=" + at + "/v3", "OS_APPLICATION_CREDENTIAL_ID=ci", "OS_APPLICATION_CREDENTIAL_SECRET=password"},
		"static token":             {"OS_AUTH_TYPE=admin_token", "OS_ENDPOINT=" + endpoint, "OS_TOKEN=" + staticToken},
		"static token, no project": {"OS_AUTH_TYPE=admin_token", "OS_ENDPOINT=" + at + "/v1", "OS_TOKEN=" + staticToken},
		"basic":                    {"OS_AUTH_TYPE=http_basic", "OS_ENDPOINT=" + endpoint, "OS_USERNAME=alice", "OS_PASSWORD=password"},
		"none":                     {"OS_AUTH_TYPE=none", "OS_ENDPOINT=" + open},
	} {
		s := &shell{t: t, env: env}
		if out := s.run(openstack, "stack", "list", "-f", "json"); !json.Valid([]byte(out)) {
			t.Errorf("%s: got %s", name, out)
		}
	}
	for name, env := range map[string][]string{
		"a wrong password":     append(asAlice(at+"/v3"), "OS_PASSWORD=wrong"),
		"another's project":    append(asAlice(at+"/v3"), "OS_PROJECT_NAME=other"),
		"a wrong token":        {"OS_AUTH_TYPE=admin_token", "OS_ENDPOINT=" + endpoint, "OS_TOKEN=wrong"},
		"none, where one must": {"OS_AUTH_TYPE=none", "OS_ENDPOINT=" + endpoint},
		"basic, wrong":         {"OS_AUTH_TYPE=http_basic", "OS_ENDPOINT=" + endpoint, "OS_USERNAME=alice", "OS_PASSWORD=wrong"},
	} {
		s := &shell{t: t, env: env}
		if out, _, err := s.try(openstack, "stack", "list"); err == nil {
			t.Errorf("%s: it lists %s", name, out)
		}
	}
}

// heatCommands are those of the old command line.
func heatCommands(t *testing.T, at string) {
	need(t, heat, "")
	s := &shell{t: t, env: asAlice(at + "/v3")}
	s.run(heat, "stack-create", "-f", template, "-P", "text=one", "--poll", "1", "old")
	if out := s.run(heat, "output-show", "old", "said"); strings.Trim(out, "\"\n") != "one" {
		t.Errorf("output-show: got %s", out)
	}
	if out := s.run(heat, "resource-list", "-n", "3", "old"); !strings.Contains(out, "OS::Heat::RandomString") {
		t.Errorf("resource-list: got %s", out)
	}
	bare := &shell{t: t}
	for _, way := range [][]string{
		{"--os-auth-token", staticToken},
		{"--os-username", "alice", "--os-password", "password"},
	} {
		out := bare.run(heat, append([]string{"--os-no-client-auth", "--heat-url", at + "/v1/shop"}, append(way, "stack-list")...)...)
		if !strings.Contains(out, "old") {
			t.Errorf("%v: got %s", way, out)
		}
	}
	s.run(heat, "stack-delete", "-y", "old")
}

func sdk(t *testing.T, at string) {
	need(t, python, "openstack")
	s := &shell{t: t, env: []string{"AUTH_URL=" + at + "/v3", "TEMPLATE=" + template}}
	out := s.run(python, "testdata/sdk.py")
	for _, want := range []string{"status CREATE_COMPLETE", "'sdk'", "output ['hi']", "deleted True"} {
		if !strings.Contains(out, want) {
			t.Errorf("got %s\nwant something with %q", out, want)
		}
	}
}

func boto(t *testing.T, at string) {
	need(t, python, "boto3")
	s := &shell{t: t, env: []string{"CFN_URL=" + at + "/v1/", "TEMPLATE=" + template}}
	want := `validated ['text']
status CREATE_COMPLETE
output ['ü & <b>']
listed ['aws']
resources ['up', 'value', 'web']
template A group
events True
error InvalidParameterValue
`
	if got := s.run(python, "testdata/aws.py"); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

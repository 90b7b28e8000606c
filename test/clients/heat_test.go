package clients_test

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const heatAll = "/usr/bin/heat-all"

// heatAt runs a real Heat on loopback, its API and its engine in one process, until the test ends.
// It is the service orchestration of a real Keystone, where alice is a member of the project
// shop, which is told more.
func heatAt(t *testing.T, told ...string) (auth, url string) {
	t.Helper()
	need(t, heatAll, "")
	need(t, openstack, "")
	auth, _ = keystoneAt(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	url = "http://" + ln.Addr().String()
	dir := t.TempDir()
	admin := &shell{t: t, env: asOf(auth, "admin", "admin")}
	admin.session(openstack, append([]string{
		"service create --name heat orchestration",
		"endpoint create --region RegionOne orchestration public " + url + "/v1/%(project_id)s",
		"project create service", "user create --password password heat", "role add --project service --user heat admin",
		"user create --password password heat_domain_admin", "role add --domain default --user heat_domain_admin admin", "role create heat_stack_user",
		"project create shop", "user create --password password alice", "role add --project shop --user alice member",
	}, told...)...)
	config := writeFile(t, "heat.conf", strings.NewReplacer("DIR", dir, "PORT", port, "AUTH", auth).Replace(`
[DEFAULT]
transport_url = fake://
use_stderr = true
convergence_engine = false
num_engine_workers = 1
stack_user_domain_id = default
stack_domain_admin = heat_domain_admin
stack_domain_admin_password = password
[heat_all]
enabled_services = api,engine
[heat_api]
bind_host = 127.0.0.1
bind_port = PORT
workers = 1
[database]
connection = sqlite:///DIR/heat.db?timeout=30
[paste_deploy]
api_paste_config = /etc/heat/api-paste.ini
`+asHeat+`[trustee]
auth_url = AUTH
auth_type = password
username = heat
password = password
user_domain_name = Default
[clients_keystone]
auth_uri = AUTH
[oslo_messaging_notifications]
driver = noop
`))
	(&shell{t: t}).run("/usr/bin/heat-manage", "--config-file", config, "db_sync")
	cmd := exec.Command(heatAll, "--config-file", config)
	cmd.Dir, cmd.Env = dir, []string{"PATH=/usr/bin:/bin", "HOME=" + dir, "LC_ALL=C.UTF-8"}
	ln.Close()
	daemon(t, cmd, url)
	return auth, url
}

const wordTemplate = `heat_template_version: 2018-08-31
parameters: {length: {type: number, default: 6}}
resources:
  word: {type: OS::Heat::RandomString, properties: {length: {get_param: length}}}
outputs: {word: {value: {get_attr: [word, value]}}}
`

// Our command line drives a real Heat; a Stoker makes stacks in its region, and answers bad
// requests as it does.
func TestRealHeat(t *testing.T) {
	zaqar, swift := "http://"+freeAddress(t), "http://"+freeAddress(t)
	auth, url := heatAt(t,
		"service create --name zaqar messaging", "endpoint create --region RegionOne messaging public "+zaqar,
		"service create --name swift object-store", "endpoint create --region RegionOne object-store public "+swift+"/v1/AUTH_%(project_id)s")
	program := binary(t)
	alice := &shell{t: t, env: append(asOf(auth, "alice", "shop"), "HOME="+t.TempDir())}
	file := writeFile(t, "word.yaml", wordTemplate)

	t.Run("command line", func(t *testing.T) {
		alice := *alice
		alice.t = t
		for _, step := range []struct {
			args string
			want []string
		}{
			{"stack create cli -t FILE --tags a,b --wait", []string{"CREATE_COMPLETE", "a, b"}},
			{"stack list", []string{"cli"}},
			{"stack resources cli", []string{"OS::Heat::RandomString"}},
			{"stack events cli", []string{"Stack CREATE completed successfully"}},
			{"stack update cli -t FILE -P length=9 --wait", []string{"UPDATE_COMPLETE"}},
			{"stack check cli --wait", []string{"CHECK_COMPLETE"}},
			{"stack suspend cli --wait", []string{"SUSPEND_COMPLETE"}},
			{"stack resume cli --wait", []string{"RESUME_COMPLETE"}},
			{"stack snapshot create cli", []string{"COMPLETE"}},
			{"resource-type list", []string{"OS::Heat::RandomString"}},
			{"stack delete cli --wait", nil},
		} {
			out := alice.run(program, strings.Fields(strings.ReplaceAll(step.args, "FILE", file))...)
			for _, want := range step.want {
				if !strings.Contains(out, want) {
					t.Errorf("%s: got %s\nwant %q in it", step.args, out, want)
				}
			}
		}
		if out, errs, err := alice.try(program, "stack", "show", "cli"); err == nil || !strings.Contains(errs, "could not be found") {
			t.Errorf("after its deletion: %s%s, %v", out, errs, err)
		}
	})

	at := serve(t, program, `regions:
  RegionTwo: {auth_url: "`+auth+`", username: alice, password: password, project_name: shop, region_name: RegionOne, projects: {"*": {}}}
`)
	ours := &shell{t: t, env: []string{"STOKER_URL=" + at, "STOKER_TOKEN=" + staticToken, "HOME=" + t.TempDir()}}
	t.Run("region", func(t *testing.T) {
		alice, ours := *alice, *ours
		alice.t, ours.t = t, t
		outer := writeFile(t, "outer.yaml", `heat_template_version: 2018-08-31
parameters: {length: {type: number, default: 6}}
resources:
  far:
    type: OS::Heat::Stack
    properties: {context: {region_name: RegionTwo}, template: {get_file: word.yaml}, parameters: {length: {get_param: length}}}
outputs: {word: {value: {get_attr: [far, outputs, word]}}, name: {value: {get_attr: [far, stack_name]}}}
`)
		if err := os.WriteFile(filepath.Join(filepath.Dir(outer), "word.yaml"), []byte(wordTemplate), 0o600); err != nil {
			t.Fatal(err)
		}
		output := func(key string) string {
			return strings.TrimSpace(ours.run(program, "stack", "outputs", "far", key))
		}
		ours.run(program, "stack", "create", "far", "-t", outer, "--wait")
		name, word := output("name"), output("word")
		if len(word) != 6 || !strings.Contains(alice.run(program, "stack", "list"), name) {
			t.Errorf("got the word %q, the stack %q", word, name)
		}
		ours.run(program, "stack", "update", "far", "-t", outer, "-P", "length=9", "--wait")
		if word := output("word"); len(word) != 9 {
			t.Errorf("after the update: %q", word)
		}
		for _, action := range []string{"check", "suspend", "resume"} {
			ours.run(program, "stack", action, "far", "--wait")
			if out := alice.run(program, "stack", "show", name); !strings.Contains(out, strings.ToUpper(action)+"_COMPLETE") {
				t.Errorf("%s: there it is %s", action, out)
			}
		}
		ours.run(program, "stack", "delete", "far", "--wait")
		if out := alice.run(program, "stack", "list"); strings.Contains(out, name) {
			t.Errorf("it is left there: %s", out)
		}
	})

	t.Run("errors", func(t *testing.T) {
		alice := *alice
		alice.t = t
		words := strings.Fields(alice.session(openstack, "token issue -c id -f value", "token issue -c project_id -f value"))
		likeHeat(t, url+"/v1/"+words[1], words[0], at+"/v1/shop", staticToken)
	})

	t.Run("event sinks", func(t *testing.T) { sinks(t, program, auth, zaqar) })
	t.Run("files in a container", func(t *testing.T) { contained(t, program, auth, swift) })
}

// likeHeat compares the status and the class of errors.
func likeHeat(t *testing.T, heat, heatToken, ours, token string) {
	const begin = "heat_template_version: 2018-08-31\n"
	requests := [][3]string{
		{"GET", "/stacks/nope", ""}, {"GET", "/stacks?limit=x", ""}, {"GET", "/resource_types/OS::No::Such", ""}, {"GET", "/template_versions/nope/functions", ""},
		{"GET", "/stacks/nope/8babca7c-778e-4272-b457-f35cae9939c2", ""}, {"GET", "/software_configs/nope", ""},
		{"POST", "/validate", `{}`}, {"POST", "/validate", `{"template": `}, {"POST", "/stacks", `{"template": {}}`},
		{"POST", "/stacks", `{"stack_name": "1x", "template": "heat_template_version: 2018-08-31"}`}, {"POST", "/stacks", `{"stack_name": "x", "template": "heat_template_version: 2018-08-31", "timeout_mins": "abc"}`},
		{"POST", "/validate", `{"template": "heat_template_version: 2018-08-31", "environment": "foo: [bar"}`}, {"POST", "/validate", `{"template": "heat_template_version: 2018-08-31", "environment": {"foo": 1, "parameters": {}}}`},
	}
	for _, rest := range []string{
		"resources: {a: {}}", "resources: {a: {type: OS::No::Such}}", "resources: {a: {type: OS::Heat::RandomString, properties: {nope: 1}}}",
		"resources: {a: {type: OS::Heat::RandomString, depends_on: b}}", "resources: {a: {type: OS::Heat::Value, properties: {value: {get_attr: [b, c]}}}}",
		"resources: {a: {type: OS::Heat::RandomString}}\noutputs: {o: {value: {get_attr: [a, nope]}}}", "outputs: {o: {}}", "outputs: {o: 3}", "parameters: {p: {}}",
		"parameters: {p: {type: strin}}", "parameters: {p: {type: string, foo: 1}}", "parameters: {p: {type: string, default: abc, constraints: [{length: {max: 2}}]}}",
		"parameters: {p: {type: string, constraints: [{foo: 1}]}}", "parameter_groups: [{parameters: [x]}]", "parameter_groups: x", "conditions: {c: {equals: [1]}}",
		"resources: {a: {type: OS::Heat::None, condition: nope}}", "foo: {}", "resources: {a: {type: OS::Heat::Value, properties: {value: {str_replace: {template: a}}}}}",
		"resources: {a: {type: OS::Heat::Value, properties: {value: {if: [x]}}}}", "resources: {a: {type: OS::Heat::None, deletion_policy: Foo}}",
		"resources: {a: {type: OS::Heat::None, metadata: x}}", "resources: {a: {type: 3}}", "resources: {a: x}", "a: b: c", "resources: []",
	} {
		text, err := json.Marshal(map[string]any{"template": begin + rest, "stack_name": "x"})
		if err != nil {
			t.Fatal(err)
		}
		requests = append(requests, [3]string{"POST", "/validate", string(text)})
		if rest != "resources: []" { // it makes a stack
			requests = append(requests, [3]string{"POST", "/stacks", string(text)})
		}
	}
	for _, r := range requests {
		theirs, mine := errorOf(t, r, heat, heatToken), errorOf(t, r, ours, token)
		if theirs != mine {
			t.Errorf("%s %s %s: Heat says %s, we say %s", r[0], r[1], r[2], theirs, mine)
		}
	}
}

// errorOf gives status and class of an answer.
func errorOf(t *testing.T, r [3]string, base, token string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), r[0], base+r[1], strings.NewReader(r[2]))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Auth-Token", token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer struct{ Error struct{ Type string } }
	if resp.StatusCode >= 400 && json.Unmarshal(text, &answer) != nil {
		t.Fatalf("%s %s: %s: %s", r[0], r[1], resp.Status, text)
	}
	return resp.Status + " " + answer.Error.Type
}

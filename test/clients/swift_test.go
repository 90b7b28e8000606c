package clients_test

import (
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// swiftAt runs a real Swift at an address until the test ends. It knows people by a Keystone.
func swiftAt(t *testing.T, auth, url string) {
	t.Helper()
	need(t, "/usr/bin/python3", "swift.proxy, swift.obj, swift.container, swift.account")
	dir := t.TempDir()
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(url, "http://"))
	cmd := exec.Command("/usr/bin/python3", filepath.Join("testdata", "swift_server.py"), filepath.Join(dir, "swift"), port, auth)
	cmd.Env = []string{"PATH=/usr/bin:/bin", "HOME=" + dir, "LC_ALL=C.UTF-8"}
	daemon(t, cmd, url)
}

// contained makes a stack of what a user has put into a container of a real Swift, by a real
// Heat and by a Stoker.
func contained(t *testing.T, program, auth, swift string) {
	swiftAt(t, auth, swift)
	alice := &shell{t: t, env: append(asOf(auth, "alice", "shop"), "HOME="+t.TempDir())}
	const outer = `heat_template_version: 2018-08-31
parameters: {word: {type: string}}
resources:
  nested: {type: dir/inner.yaml, properties: {word: {get_param: word}}}
outputs: {said: {value: {get_attr: [nested, said]}}}
`
	inner := writeFile(t, "inner.yaml", `heat_template_version: 2018-08-31
parameters: {word: {type: string}}
resources: {value: {type: OS::Heat::Value, properties: {value: {get_param: word}}}}
outputs: {said: {value: {get_attr: [value, value]}}}
`)
	text := writeFile(t, "text.txt", "from a container")
	env := writeFile(t, "env.yaml", "parameters: {word: read}\n")
	file := writeFile(t, "outer.yaml", outer)
	alice.session(openstack, "container create files", "object create files "+inner+" --name dir/inner.yaml",
		"object create files "+text+" --name text.txt", "object create files "+env+" --name env.yaml")
	if out := alice.run(openstack, "object", "list", "files", "-f", "value"); len(strings.Fields(out)) != 3 {
		t.Fatalf("in the container are %q", out)
	}
	at := serve(t, program, `swift: {auth_url: "`+auth+`", username: alice, password: password, project_name: shop, projects: {shop: {}}}
`)
	ours := &shell{t: t, env: []string{"OS_AUTH_TYPE=admin_token", "OS_ENDPOINT=" + at + "/v1/shop", "OS_TOKEN=" + staticToken}}
	for name, s := range map[string]*shell{"Heat": alice, "Stoker": ours} {
		s.run(openstack, "stack", "create", "-t", file, "-e", "env.yaml", "--files-container", "files", "--wait", "--poll", "1", "contained")
		if out := s.run(openstack, "stack", "output", "show", "contained", "said", "-c", "output_value", "-f", "value"); strings.TrimSpace(out) != "read" {
			t.Errorf("%s: got %q", name, out)
		}
		if _, errs, err := s.try(openstack, "stack", "create", "-t", file, "-e", "env.yaml", "--files-container", "none", "other"); err == nil || !strings.Contains(errs, "Could not fetch files from container none") {
			t.Errorf("%s, of no container: %v, %s", name, err, errs)
		}
	}
	// Heat hands bytes on here, and fails.
	file = writeFile(t, "text.yaml", "heat_template_version: 2018-08-31\noutputs: {said: {value: {get_file: text.txt}}}\n")
	ours.run(openstack, "stack", "create", "-t", file, "--files-container", "files", "--wait", "--poll", "1", "text")
	if out := ours.run(openstack, "stack", "output", "show", "text", "said", "-c", "output_value", "-f", "value"); strings.TrimSpace(out) != "from a container" {
		t.Errorf("Stoker, of a file: got %q", out)
	}
}

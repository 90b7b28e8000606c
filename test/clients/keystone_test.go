package clients_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const keystone = "/usr/bin/keystone-wsgi-public"

// keystoneAt runs a real Keystone on loopback until the test ends, or stop is called,
// and gives its address. It has the user admin in the project admin, who administers it.
func keystoneAt(t *testing.T) (url string, stop func()) {
	t.Helper()
	need(t, keystone, "")
	dir := t.TempDir()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	url = "http://" + ln.Addr().String() + "/v3"
	config := writeFile(t, "keystone.conf", strings.ReplaceAll(`
[DEFAULT]
use_stderr = true
[database]
connection = sqlite:///DIR/keystone.db?timeout=1
[fernet_tokens]
key_repository = DIR/keys
[fernet_receipts]
key_repository = DIR/keys
[credential]
key_repository = DIR/credentials
[identity]
password_hash_rounds = 4
`, "DIR", dir))
	s := &shell{t: t}
	for _, args := range [][]string{
		{"db_sync"},
		{"fernet_setup", "--keystone-user", "root", "--keystone-group", "root"},
		{"bootstrap", "--bootstrap-password", "password", "--bootstrap-public-url", url, "--bootstrap-region-id", "RegionOne"},
	} {
		s.run("/usr/bin/keystone-manage", append([]string{"--config-file", config}, args...)...)
	}
	// Its readers keep its writers waiting otherwise.
	s.run("/usr/bin/python3", "-c", "import sqlite3; sqlite3.connect('"+filepath.Join(dir, "keystone.db")+"').execute('PRAGMA journal_mode=WAL')")
	cmd := exec.Command(keystone, "-b", "127.0.0.1", "-p", port)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=/usr/bin:/bin", "HOME=" + dir, "LC_ALL=C.UTF-8", "OS_KEYSTONE_CONFIG_FILES=" + config, "OS_KEYSTONE_CONFIG_DIR=" + filepath.Dir(config)}
	ln.Close()
	return url, daemon(t, cmd, url)
}

// asHeat is how services ask a Keystone about tokens.
const asHeat = `[keystone_authtoken]
interface = public
www_authenticate_uri = AUTH
auth_url = AUTH
auth_type = password
username = heat
password = password
project_name = service
user_domain_name = Default
project_domain_name = Default
`

// daemon starts a server and waits until it answers at an address. It runs until the test ends, or
// stop is called.
func daemon(t *testing.T, cmd *exec.Cmd, url string) (stop func()) {
	t.Helper()
	name := filepath.Base(cmd.Path)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	stop = func() {
		_ = cmd.Process.Signal(syscall.SIGKILL)
		<-ended
	}
	t.Cleanup(func() {
		stop()
		if t.Failed() {
			t.Logf("%s:\n%.20000s", name, log.String())
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		if resp, err := get(ctx, url, ""); err == nil {
			resp.Body.Close()
			return stop
		}
		select {
		case <-ended:
			t.Fatalf("%s does not start:\n%s", name, log.String())
		case <-ctx.Done():
			t.Fatalf("%s does not answer", name)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func get(ctx context.Context, url, token string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("X-Auth-Token", token)
	return http.DefaultClient.Do(req)
}

// asOf is the environment of a user of Keystone.
func asOf(authURL, user, project string) []string {
	return []string{"OS_AUTH_URL=" + authURL, "OS_USERNAME=" + user, "OS_PASSWORD=password", "OS_PROJECT_NAME=" + project,
		"OS_USER_DOMAIN_NAME=Default", "OS_PROJECT_DOMAIN_NAME=Default", "OS_IDENTITY_API_VERSION=3", "OS_REGION_NAME=RegionOne"}
}

// Behind a real Keystone clients log in there, find Stoker in its catalogue, and their
// roles and projects count.
func TestRealKeystone(t *testing.T) {
	need(t, openstack, "")
	auth, stop := keystoneAt(t)
	at := serve(t, binary(t), "keystone: {auth_url: "+strings.TrimSuffix(auth, "/v3")+", cache: 1s}\n")
	admin := &shell{t: t, env: asOf(auth, "admin", "admin")}
	admin.session(openstack,
		"service create --name stoker orchestration",
		"endpoint create --region RegionOne orchestration public "+at+"/v1/%(project_id)s",
		"project create shop", "project create other",
		"user create --password password alice", "user create --password password bob", "user create --password password rita",
		"role add --project shop --user alice member", "role add --project other --user bob member", "role add --project shop --user rita reader",
	)
	alice := &shell{t: t, env: asOf(auth, "alice", "shop")}
	out := alice.session(openstack,
		"stack create -t "+template+" --parameter text=one --wait --poll 1 a",
		"stack output show a said",
		"stack show a -c stack_owner -f value",
		"token issue -c id -f value",
		"token issue -c project_id -f value",
	)
	for _, want := range []string{"CREATE_COMPLETE", "| output_value | one", "alice"} {
		if !strings.Contains(out, want) {
			t.Errorf("alice: got %s\nwant something with %q", out, want)
		}
	}
	lines := strings.Fields(out)
	token, project := lines[len(lines)-2], lines[len(lines)-1]

	status := func(project, token string) int {
		t.Helper()
		resp, err := get(t.Context(), at+"/v1/"+project+"/stacks", token)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	if got := status(project, token); got != http.StatusOK {
		t.Errorf("alice's token: got %d", got)
	}
	if got := status(project, "gAAAAABnonsense"); got != http.StatusUnauthorized {
		t.Errorf("nobody's token: got %d, want 401", got)
	}
	bob := &shell{t: t, env: asOf(auth, "bob", "other")}
	out = bob.session(openstack, "stack list", "token issue -c id -f value")
	lines = strings.Fields(out)
	theirs := lines[len(lines)-1]
	if strings.Contains(out, " a ") {
		t.Errorf("bob sees alice's stack: %s", out)
	}
	if got := status(project, theirs); got != http.StatusForbidden {
		t.Errorf("bob's token in alice's project: got %d, want 403", got)
	}
	rita := &shell{t: t, env: asOf(auth, "rita", "shop")}
	if out := rita.run(openstack, "stack", "list", "-f", "value", "-c", "Stack Name"); strings.TrimSpace(out) != "a" {
		t.Errorf("a reader sees %q, want a", out)
	}
	if _, _, err := rita.try(openstack, "stack", "delete", "-y", "a"); err == nil {
		t.Error("a reader deletes")
	}
	if out := admin.run(openstack, "stack", "list", "--all-projects", "-f", "value", "-c", "Stack Name"); strings.TrimSpace(out) != "a" {
		t.Errorf("an administrator sees %q, want a", out)
	}
	// A password without a token, which the old clients send, is asked of Keystone too.
	basic := func(user, password string) *shell {
		return &shell{t: t, env: []string{"OS_AUTH_TYPE=http_basic", "OS_ENDPOINT=" + at + "/v1/" + project, "OS_USERNAME=" + user, "OS_PASSWORD=" + password}}
	}
	if out := basic("alice", "password").run(openstack, "stack", "list", "-f", "value", "-c", "Stack Name"); strings.TrimSpace(out) != "a" {
		t.Errorf("alice with a password sees %q, want a", out)
	}
	for user, password := range map[string]string{"alice": "wrong", "bob": "password"} {
		if out, _, err := basic(user, password).try(openstack, "stack", "list"); err == nil {
			t.Errorf("%s with the password %s is let in: %s", user, password, out)
		}
	}

	alice.run(openstack, "token", "revoke", token)
	until(t, "a revoked token counts no more", func() bool { return status(project, token) == http.StatusUnauthorized })
	stop()
	until(t, "nobody is let in without Keystone", func() bool {
		return status(project, theirs+fmt.Sprint(time.Now().UnixNano())) == http.StatusServiceUnavailable
	})
	if got := status("shop", staticToken); got != http.StatusOK {
		t.Errorf("a static token without Keystone: got %d", got)
	}
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("never: %s", what)
		}
	}
}

package clients_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

const redis = "/usr/bin/redis-server"

// freeAddress is one on loopback.
func freeAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// zaqarAt runs a real Zaqar at an address until the test ends. It knows people by a Keystone,
// as whose user heat it asks.
func zaqarAt(t *testing.T, auth, url string) {
	t.Helper()
	need(t, redis, "")
	need(t, "/usr/bin/python3", "zaqar")
	dir := t.TempDir()
	_, own, _ := net.SplitHostPort(strings.TrimPrefix(url, "http://"))
	_, store, _ := net.SplitHostPort(freeAddress(t))
	queues := exec.Command(redis, "--bind", "127.0.0.1", "--port", store, "--save", "", "--dir", dir)
	if err := queues.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = queues.Process.Kill()
		_ = queues.Wait()
	})
	until(t, "Redis answers", func() bool {
		c, err := net.Dial("tcp", "127.0.0.1:"+store)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	config := writeFile(t, "zaqar.conf", strings.NewReplacer("STORE", store, "PORT", own, "AUTH", auth).Replace(`
[DEFAULT]
auth_strategy = keystone
unreliable = true
use_stderr = true
[drivers]
transport = wsgi
message_store = redis
management_store = redis
[drivers:message_store:redis]
uri = redis://127.0.0.1:STORE
[drivers:management_store:redis]
uri = redis://127.0.0.1:STORE
[drivers:transport:wsgi]
bind = 127.0.0.1
port = PORT
`+asHeat+`[signed_url]
secret_key = c2lnbmVk
`))
	cmd := exec.Command("/usr/bin/python3", filepath.Join("testdata", "zaqar_server.py"), config)
	cmd.Env = []string{"PATH=/usr/bin:/bin", "HOME=" + dir, "LC_ALL=C.UTF-8"}
	daemon(t, cmd, url)
}

// messages reads a queue of a project, from its beginning.
func messages(t *testing.T, zaqar, token, queue string) []map[string]any {
	t.Helper()
	var out []map[string]any
	at := "/v2/queues/" + queue + "/messages?echo=true&limit=20"
	for at != "" {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, zaqar+at, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Auth-Token", token)
		req.Header.Set("Client-ID", "3381af92-2b9e-11e3-b191-71861300734c")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("read %s: %s, %s (%v)", at, res.Status, text, err)
		}
		var page struct {
			Messages []struct {
				TTL  int            `json:"ttl"`
				Body map[string]any `json:"body"`
			} `json:"messages"`
			Links []struct{ Href string } `json:"links"`
		}
		if err := json.Unmarshal(text, &page); err != nil {
			t.Fatal(err)
		}
		at = ""
		for _, m := range page.Messages {
			if m.TTL != 600 {
				t.Errorf("a message has ttl %d, want 600", m.TTL)
			}
			out = append(out, m.Body)
			at = page.Links[0].Href
		}
	}
	return out
}

const sinkTemplate = `heat_template_version: 2018-08-31
parameters: {word: {type: string, default: fixed}}
resources:
  value: {type: OS::Heat::Value, properties: {value: {get_param: word}, type: string}}
  nested: {type: inner.yaml, depends_on: value}
  broken: {type: OS::Heat::TestResource, depends_on: nested, properties: {value: x, fail: true}}
`

const innerTemplate = `heat_template_version: 2018-08-31
resources: {none: {type: OS::Heat::None}}
`

// sinks has a real Zaqar take the events of a Heat and of a Stoker, and compares them.
func sinks(t *testing.T, program, auth, zaqar string) {
	zaqarAt(t, auth, zaqar)
	alice := &shell{t: t, env: append(asOf(auth, "alice", "shop"), "HOME="+t.TempDir())}
	token := strings.TrimSpace(alice.run(openstack, "token", "issue", "-c", "id", "-f", "value"))
	at := serve(t, program, `zaqar: {auth_url: "`+auth+`", username: alice, password: password, project_name: shop, projects: {shop: {}}}
`)
	ours := &shell{t: t, env: []string{"STOKER_URL=" + at, "STOKER_TOKEN=" + staticToken, "HOME=" + t.TempDir()}}
	file := writeFile(t, "sinks.yaml", sinkTemplate)
	inner := filepath.Join(filepath.Dir(file), "inner.yaml")
	if err := os.WriteFile(inner, []byte(innerTemplate), 0o600); err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	for queue, s := range map[string]*shell{"heat": alice, "stoker": ours} {
		env := writeFile(t, queue+".yaml", "event_sinks: [{type: zaqar-queue, target: "+queue+", ttl: 600}]\n")
		_, _, _ = s.try(program, "stack", "create", "sunk", "-t", file, "-e", env, "--wait") // it fails, as it is to
		s.run(program, "stack", "delete", "sunk", "--wait")
		until(t, "the last event is in the queue "+queue, func() bool {
			got[queue] = nil
			for _, m := range messages(t, zaqar, token, queue) {
				got[queue] = append(got[queue], summary(t, m))
			}
			return slices.ContainsFunc(got[queue], func(s string) bool { return strings.HasPrefix(s, "sunk OS::Heat::Stack DELETE COMPLETE") })
		})
	}
	t.Logf("of Stoker:\n%s", strings.Join(got["stoker"], "\n"))
	for queue := range got {
		slices.Sort(got[queue]) // Heat posts each by itself, in any order
	}
	if heat, stoker := strings.Join(got["heat"], "\n"), strings.Join(got["stoker"], "\n"); heat != stoker {
		t.Errorf("of Heat:\n%s\nof Stoker:\n%s", heat, stoker)
	}
}

// summary is what must be the same of an event, whoever sends it. Of the properties those
// count that the template names: Heat leaves out defaults.
func summary(t *testing.T, m map[string]any) string {
	t.Helper()
	p, _ := m["payload"].(map[string]any)
	props, ok := p["resource_properties"].(map[string]any)
	_, err := time.Parse("2006-01-02T15:04:05", fmt.Sprint(m["timestamp"]))
	physical, isText := p["physical_resource_id"].(string)
	if err != nil || !ok || !isText || len(m) != 5 || len(p) != 9 || m["version"] != "0.1" || p["version"] != "0.1" || m["type"] != "os.heat.event" {
		t.Errorf("unexpected event %v (%v)", m, err)
	}
	name := regexp.MustCompile("^(sunk-nested)-.*").ReplaceAllString(fmt.Sprint(p["resource_name"]), "$1")
	reason, _, _ := strings.Cut(fmt.Sprint(p["resource_status_reason"]), " at 20") // Heat says when a deletion began
	return fmt.Sprintf("%s %s %s %s (%s) value %v, fail %v, made %t",
		name, p["resource_type"], p["resource_action"], p["resource_status"], reason, props["value"], props["fail"], physical != "")
}

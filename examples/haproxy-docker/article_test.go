package haproxydocker_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	moby "github.com/moby/moby/client"

	"github.com/stoker-project/stoker/app"
	"github.com/stoker-project/stoker/client"
	"github.com/stoker-project/stoker/examples/story"
)

// TestArticle is the README's story: one command builds the image, starts HAProxy
// and scales by the article's rule; sizes and policies change under load and no
// request fails; Ctrl-C leaves nothing.
func TestArticle(t *testing.T) {
	r := newRig(t)
	output := r.Up("examples/haproxy-docker/app.yaml")
	r.Until("the stack is there", func() bool { _, err := r.API.Stack(t.Context(), "app"); return err == nil })
	r.Settled("app", "CREATE_COMPLETE")
	r.wantAnswer()
	// By hand: what the rule wants depends on what else this machine does.
	r.CLI("group", "freeze", "app/web", "--for", "10m")
	r.wantRule()
	l := r.Load(url, 4)
	for _, size := range []int{1, 4, 2} {
		r.CLI("group", "resize", "app/web", fmt.Sprint(size))
		r.size(size)
		r.wantSections(size)
		l.None(fmt.Sprintf("%d servers", size))
	}
	r.policies(l)
	l.Stop()
	r.wantMetrics()
	r.Interrupt()
	r.wantNothing()
	if text, err := os.ReadFile(output); err != nil || !strings.Contains(string(text), "With the configuration examples/haproxy-docker/stoker.yaml") {
		t.Errorf("stoker up does not name its configuration (%v):\n%s", err, text)
	}
}

// wantAnswer wants the article's answer, from a container.
func (r rig) wantAnswer() {
	r.Helper()
	resp, err := http.Get(url)
	if err != nil {
		r.Fatal(err)
	}
	defer resp.Body.Close()
	var got map[string]string
	if err := json.NewDecoder(resp.Body).Decode(&got); err != nil || len(got) != 2 || got["message"] != "Hello" {
		r.Errorf("got %v (%v), want a host and the message Hello", got, err)
	}
	for _, id := range r.Containers() {
		c, err := r.Docker.ContainerInspect(r.Context(), id, moby.ContainerInspectOptions{})
		if err == nil && c.Container.Config.Hostname == got["host"] {
			return
		}
	}
	r.Errorf("no container has the host name %q", got["host"])
}

// wantSections wants the article's sections in HAProxy's file, with the members.
func (r rig) wantSections(members int) {
	r.Helper()
	text := r.config()
	_, backend, ok := strings.Cut(text, "\nbackend flask_backend\n")
	if !ok || !strings.Contains(text, "\nfrontend flask_frontend\n  mode http\n  bind 127.0.0.1:8080\n") {
		r.Errorf("haproxy.cfg lacks flask_frontend or flask_backend:\n%s", text)
	}
	if got := strings.Count(backend, "\n  server "); got != members || strings.Count(backend, ":5000 weight ") != members {
		r.Errorf("haproxy.cfg has %d servers, want %d at port 5000:\n%s", got, members, backend)
	}
}

// wantRule wants a decision by the article's rule.
func (r rig) wantRule() {
	r.Helper()
	d := r.decision("machine")
	cpu := d.Signals["machine"]
	if want := max(1, int(cpu/10)); cpu < 0 || cpu > 100 || d.Wish != want {
		r.Errorf("wish at %v %%: got %d, want %d", cpu, d.Wish, want)
	}
	r.Logf("why: %s", d.Why)
}

// wantMetrics wants HAProxy's traffic in Stoker's own metrics.
func (r rig) wantMetrics() {
	r.Helper()
	found, err := app.Find(r.Data)
	if err != nil {
		r.Fatal(err)
	}
	host, _, _ := strings.Cut(found.URL, "/v1/")
	req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, host+"/metrics", nil)
	if err != nil {
		r.Fatal(err)
	}
	req.Header.Set("X-Auth-Token", found.Token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || !regexp.MustCompile(`(?m)^stoker_balancer_requests_total{pool="[^"]+",pool_name="flask"} [1-9]`).Match(text) {
		r.Errorf("metrics lack HAProxy's requests (%v):\n%s", err, text)
	}
}

// decision waits for one that has a reading of the signal.
func (r rig) decision(signal string) (found client.Decision) {
	r.Helper()
	r.Until("a decision by "+signal, func() bool {
		all, err := r.API.Decisions(r.Context(), "app/web", client.Decisions{Limit: 5})
		if err != nil {
			r.Fatal(err)
		}
		for _, d := range all {
			if _, ok := d.Signals[signal]; ok {
				found = d
				return true
			}
		}
		return false
	})
	return found
}

// policies changes to each of the others, without a failed request; the one by
// concurrency is let loose, and makes the group larger.
func (r rig) policies(l *story.Load) {
	r.Helper()
	for _, p := range []struct{ name, signal string }{{"requests", "rps"}, {"cpu-target", "cpu"}, {"concurrency", "busy"}} {
		r.CLI("stack", "update", "app", "--existing", "-t", "examples/haproxy-docker/app.yaml", "-P", "policy="+p.name, "--wait")
		r.Logf("%s: %s", p.name, r.decision(p.signal).Why)
		l.None("policy " + p.name)
	}
	r.CLI("group", "thaw", "app/web")
	more := r.Load(url, 12)
	r.Until("concurrency raises the size", func() bool {
		g, err := r.API.Group(r.Context(), "app/web")
		return err == nil && g.Size > 2 && up() > 2
	})
	more.None("concurrency")
	l.None("concurrency")
	more.Stop()
}

// wantNothing wants no container, network or HAProxy.
func (r rig) wantNothing() {
	r.Helper()
	if left := r.Containers(); len(left) > 0 {
		r.Errorf("containers are left: %v", left)
	}
	if left := haproxies(); len(left) > 0 {
		r.Errorf("processes of HAProxy are left: %v", left)
	}
	networks, err := r.Docker.NetworkList(r.Context(), moby.NetworkListOptions{})
	if err != nil {
		r.Fatal(err)
	}
	for _, n := range networks.Items {
		if strings.HasPrefix(n.Name, "stoker") {
			r.Errorf("the network %s is left", n.Name)
		}
	}
}

package haproxydocker_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	moby "github.com/moby/moby/client"

	"github.com/stoker-project/stoker/client"
)

// TestArticle is the README's story: one command builds the image, starts HAProxy
// and scales by the article's rule; sizes and policies change under load and no
// request fails; Ctrl-C leaves nothing.
func TestArticle(t *testing.T) {
	r := newRig(t)
	r.start("up", "examples/haproxy-docker/app.yaml")
	r.settled("CREATE_COMPLETE")
	a, err := ask(t.Context(), http.DefaultClient)
	if err != nil || a.Message != "Hello" || !r.isHost(a.Host) {
		t.Fatalf("got %+v (%v), want Hello from a container", a, err)
	}
	// By hand: what the rule wants depends on what else this machine does.
	r.run("group", "freeze", "app/web", "--for", "10m")
	r.wantRule()
	l := r.load(6)
	for _, size := range []int{1, 4, 2} {
		r.run("group", "resize", "app/web", fmt.Sprint(size))
		r.size(size)
		r.wantSections(size)
		r.wantClean(l, fmt.Sprintf("%d servers", size))
	}
	r.policies(l)
	l.stop()
	r.interrupt()
}

// isHost tells whether a container has this host name.
func (r *rig) isHost(name string) bool {
	for _, id := range r.containers() {
		c, err := r.docker.ContainerInspect(r.Context(), id, moby.ContainerInspectOptions{})
		if err == nil && c.Container.Config.Hostname == name {
			return true
		}
	}
	return false
}

// wantSections wants the article's sections in HAProxy's file, with the members, and
// the page of statistics.
func (r *rig) wantSections(members int) {
	r.Helper()
	text, err := os.ReadFile(r.data("haproxy/haproxy.cfg"))
	if err != nil {
		r.Fatal(err)
	}
	_, backend, ok := strings.Cut(string(text), "\nbackend flask_backend\n")
	if !ok || !strings.Contains(string(text), "\nfrontend flask_frontend\n  mode http\n  bind 127.0.0.1:8080\n") {
		r.Errorf("haproxy.cfg lacks flask_frontend or flask_backend:\n%s", text)
	}
	if got := strings.Count(backend, "\n  server "); got != members || strings.Count(backend, ":5000 weight ") != members {
		r.Errorf("haproxy.cfg has %d servers, want %d at port 5000:\n%s", got, members, backend)
	}
}

// wantRule wants a decision by the article's rule.
func (r *rig) wantRule() {
	r.Helper()
	d := r.decision("machine")
	cpu := d.Signals["machine"]
	if want := max(1, int(cpu/10)); cpu < 0 || cpu > 100 || d.Wish != want {
		r.Errorf("wish at %v %%: got %d, want %d", cpu, d.Wish, want)
	}
	r.Logf("why: %s", d.Why)
}

// decision waits for one that has a reading of the signal.
func (r *rig) decision(signal string) (found client.Decision) {
	r.Helper()
	r.until("a decision by "+signal, func() bool {
		all, err := r.api.Decisions(r.Context(), "app/web", client.Decisions{Limit: 5})
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
func (r *rig) policies(l *load) {
	r.Helper()
	for _, p := range []struct{ name, signal string }{{"requests", "rps"}, {"cpu-target", "cpu"}, {"concurrency", "busy"}} {
		r.run("stack", "update", "app", "--existing", "-t", "examples/haproxy-docker/app.yaml", "-P", "policy="+p.name, "--wait")
		r.Logf("%s: %s", p.name, r.decision(p.signal).Why)
		r.wantClean(l, "policy "+p.name)
	}
	r.run("group", "thaw", "app/web")
	more := r.load(12)
	r.until("concurrency raises the size", func() bool {
		g, err := r.api.Group(r.Context(), "app/web")
		return err == nil && g.Size > 2 && r.up() > 2
	})
	r.wantClean(more, "concurrency")
	r.wantClean(l, "concurrency")
	more.stop()
}

// interrupt is Ctrl-C: everything goes.
func (r *rig) interrupt() {
	r.Helper()
	if err := r.cmd.Process.Signal(syscall.SIGINT); err != nil {
		r.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- r.cmd.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			r.Errorf("stoker up: %v", err)
		}
	case <-time.After(patience):
		r.Fatal("stoker up does not end")
	}
	r.cmd = nil
	text, err := os.ReadFile(r.output)
	if err != nil || !strings.Contains(string(text), "With the configuration examples/haproxy-docker/stoker.yaml") {
		r.Errorf("stoker up does not name its configuration (%v):\n%s", err, text)
	}
	if left := r.containers(); len(left) > 0 {
		r.Errorf("containers are left: %v", left)
	}
	if left := haproxies(); len(left) > 0 {
		r.Errorf("processes of HAProxy are left: %v", left)
	}
	networks, err := r.docker.NetworkList(r.Context(), moby.NetworkListOptions{})
	if err != nil {
		r.Fatal(err)
	}
	for _, n := range networks.Items {
		if strings.HasPrefix(n.Name, "stoker") {
			r.Errorf("the network %s is left", n.Name)
		}
	}
}

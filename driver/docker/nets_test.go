package docker_test

import (
	"context"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/moby/moby/client"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/driver/docker"
	"github.com/stoker-project/stoker/driver/docker/dockerdtest"
)

// lanSpec is a network of a test.
func lanSpec(token stoker.NetworkToken, subnet string) stoker.NetworkSpec {
	p := netip.MustParsePrefix(subnet)
	return stoker.NetworkSpec{Token: token, Name: string(token), Project: "p", Prefix: p, Gateway: p.Addr().Next()}
}

func (w *world) network(token stoker.NetworkToken, subnet string) {
	w.Helper()
	if err := w.driver.CreateNetwork(w.ctx, lanSpec(token, subnet)); err != nil {
		w.Fatal(err)
	}
}

func (w *world) route(token stoker.NetworkToken, r stoker.Reach) {
	w.Helper()
	if err := w.driver.RouteNetwork(w.ctx, token, r); err != nil {
		w.Fatal(err)
	}
}

// in is a server with one port.
func in(token stoker.NetworkToken, ip string, f *stoker.Filter) stoker.ServerSpec {
	s := spec("serve")
	s.Ports = []stoker.ServerPort{{Network: token, Name: "lan", IP: netip.MustParseAddr(ip), MAC: "fa:16:3e:00:00:" + ip[len(ip)-2:], Filter: f}}
	return s
}

// talks checks whether one server reaches another, or an address.
func (w *world) talks(from stoker.ServerToken, network, address string, want bool) {
	w.Helper()
	if !want {
		if dial(w.T, w.driver, from, network, address) != nil {
			w.Errorf("%q reaches %s by %s", from, address, network)
		}
		return
	}
	w.until(string(from)+" reaches "+address, func() bool { return dial(w.T, w.driver, from, network, address) != nil })
}

func (w *world) removeNetworks(ctx context.Context) {
	all, err := w.docker.NetworkList(ctx, client.NetworkListOptions{Filters: w.label().Add("label", "stoker.network")})
	if err != nil {
		w.Error(err)
	}
	for _, n := range all.Items {
		if err := w.driver.DestroyNetwork(ctx, stoker.NetworkToken(n.Labels["stoker.network"])); err != nil {
			w.Error(err)
		}
	}
	id, err := os.ReadFile(filepath.Join(w.cfg.Dir, "installation"))
	if err != nil {
		w.Error(err)
	}
	rules := w.sh("iptables-save")
	if _, err := exec.LookPath("nft"); err == nil {
		rules += w.sh("nft", "list", "tables")
	} else {
		w.Log("nft is not installed (make deps): tables that iptables does not list are not looked at")
	}
	if installation := strings.TrimSpace(string(id)); strings.Contains(rules, "STOKER-"+installation) || strings.Contains(rules, "stoker-"+installation) {
		w.Errorf("packet filters are left:\n%s", rules)
	}
	for _, dir := range []string{"networks", "ports"} {
		if files, err := os.ReadDir(filepath.Join(w.cfg.Dir, dir)); err != nil || len(files) > 0 {
			w.Errorf("files are left in %s: %v, error %v", dir, files, err)
		}
	}
}

// sh runs a program of the machine and gives its output.
func (w *world) sh(program string, args ...string) string {
	w.Helper()
	out, err := exec.Command(program, args...).CombinedOutput()
	if err != nil {
		w.Errorf("%s %v: %v: %s", program, args, err, out)
	}
	return string(out)
}

func named(token stoker.ServerToken, s stoker.ServerSpec) stoker.ServerSpec {
	s.Token, s.Name = token, string(token)
	return s
}

// filtered wants web to be there, and only the machine to reach it.
func filtered(w *world) {
	w.Helper()
	if got := w.find("web").Addresses[0]; got != (stoker.Address{Network: "lan", IP: "192.168.211.20", MAC: "fa:16:3e:00:00:20"}) {
		w.Errorf("got address %v", got)
	}
	w.talks("", "tcp", "192.168.211.20:8080", true)
	w.talks("peer", "tcp", "192.168.211.20:8080", false)
}

// startedByOthers restarts a container behind Stoker's back: Docker knows neither the
// filters nor, in old versions, the MAC address.
func startedByOthers(t *testing.T, daemon *dockerdtest.Daemon) {
	w := newWorld(t, daemon)
	w.network("a", "192.168.211.0/24")
	w.network("b", "192.168.212.0/24")
	two := in("a", "192.168.211.20", &stoker.Filter{})
	two.Ports = append(two.Ports, in("b", "192.168.212.20", nil).Ports...)
	web := w.create("web", two)
	w.create("peer", in("a", "192.168.211.10", nil))
	filtered(w)
	seen := func() string { // Docker gives interfaces in any order
		return strings.Join(slices.Sorted(strings.Lines(get(t, web, "/links"))), "")
	}
	links := seen()
	for _, p := range two.Ports {
		if !strings.Contains(links, p.MAC+" "+p.IP.String()) {
			t.Errorf("got interfaces\n%s, want %s with %s", links, p.MAC, p.IP)
		}
	}
	if got := get(t, web, "/resolve?name="+strings.TrimPrefix(w.containers(w.ctx)[0], "/")); !strings.Contains(got, "192.168.211.10") {
		t.Errorf("behind a filter that lets nothing pass, Docker's names: got %s, want the peer's address", got)
	}
	if !strings.Contains(links, "out by 192.168.211.1") {
		t.Errorf("got %s, want the first port as the way out", links)
	}
	if _, err := w.docker.ContainerRestart(w.ctx, string(web.ID), client.ContainerRestartOptions{}); err != nil {
		t.Fatal(err)
	}
	w.until("the ports are made again", func() bool { return seen() == links })
	filtered(w)
}

// noRawPackets has a server try to send packets past its filters, as root in its container.
func noRawPackets(t *testing.T, daemon *dockerdtest.Daemon) {
	w := newWorld(t, daemon)
	root := w.cfg.Images["serve"]
	root.User = "0"
	w.cfg.Images["root"] = root
	w.reopen()
	w.network("a", "192.168.211.0/24")
	plain := w.create("plain", spec("root"))
	s := in("a", "192.168.211.20", &stoker.Filter{})
	s.Image = "root"
	filtered := w.create("filtered", s)
	if got := get(t, plain, "/raw"); got != "permitted" {
		t.Errorf("without ports: got %q, want Docker's default rights", got)
	}
	if got := get(t, filtered, "/raw"); got != "operation not permitted" {
		t.Errorf("with ports: got %q, want a refusal", got)
	}
}

// heldAtStart looks at a server in the moment between its start and its filters.
func heldAtStart(t *testing.T, daemon *dockerdtest.Daemon) {
	w := newWorld(t, daemon)
	w.network("a", "192.168.211.0/24")
	w.create("peer", in("a", "192.168.211.10", nil))
	w.talks("", "tcp", "192.168.211.10:8080", true)
	looked := false
	w.crashing("joined", func(d *docker.Driver) { d.Create(w.ctx, named("gone", in("a", "192.168.211.30", &stoker.Filter{}))) })
	w.destroy("gone", 0)
	if err := w.driver.Close(); err != nil {
		t.Fatal(err)
	}
	d, err := docker.Open(w.ctx, w.cfg, func(point string) {
		if point != "started" {
			return
		}
		looked = true
		w.until("web serves", func() bool { return strings.Contains(w.log("web"), "serving") })
		w.talks("peer", "tcp", "192.168.211.20:8080", false)
		w.talks("", "tcp", "192.168.211.20:8080", false)
	})
	if err != nil {
		t.Fatal(err)
	}
	w.driver = d
	w.create("web", in("a", "192.168.211.20", &stoker.Filter{Egress: []stoker.FilterRule{{}}}))
	if !looked {
		t.Error("nobody has looked")
	}
	filtered(w)
}

func (w *world) log(token stoker.ServerToken) string {
	w.Helper()
	r, err := w.driver.Logs(w.ctx, token, -1, false)
	if err != nil {
		return ""
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		w.Fatal(err)
	}
	return string(text)
}

// rulesFlushed lets others flush the machine's filters, as some do when they load
// their own.
func rulesFlushed(t *testing.T, daemon *dockerdtest.Daemon) {
	w := newWorld(t, daemon)
	w.network("a", "192.168.211.0/24")
	w.network("b", "192.168.212.0/24")
	w.route("a", stoker.Reach{Networks: []stoker.NetworkToken{"b"}})
	w.route("b", stoker.Reach{Networks: []stoker.NetworkToken{"a"}})
	w.create("web", in("a", "192.168.211.20", nil))
	w.create("peer", in("b", "192.168.212.10", nil))
	w.talks("peer", "tcp", "192.168.211.20:8080", true)
	before := w.sh("iptables", "-S", "DOCKER-USER")
	w.sh("iptables", "-F", "DOCKER-USER")
	w.talks("peer", "tcp", "192.168.211.20:8080", false)
	if err := w.driver.Sweep(); err != nil {
		t.Fatal(err)
	}
	w.talks("peer", "tcp", "192.168.211.20:8080", true)
	w.sh("iptables", "-I", "DOCKER-USER", "1", "-j", "RETURN")
	if err := w.driver.Sweep(); err != nil {
		t.Fatal(err)
	}
	w.sh("iptables", "-D", "DOCKER-USER", "-j", "RETURN")
	if after := w.sh("iptables", "-S", "DOCKER-USER"); !strings.HasPrefix(before, after) {
		t.Errorf("got\n%s, want\n%s", after, before)
	}
}

// notRoot is what is left of networks where they may not be changed.
func notRoot(t *testing.T, daemon *dockerdtest.Daemon) {
	w := newWorld(t, daemon)
	w.driver.Weaken()
	w.network("a", "192.168.211.0/24")
	web := w.create("web", in("a", "192.168.211.20", &stoker.Filter{}))
	w.create("peer", in("a", "192.168.211.10", nil))
	w.talks("peer", "tcp", "192.168.211.20:8080", true)
	if !strings.Contains(strings.Join(web.Notes, "; "), "filter") {
		t.Errorf("got notes %q, want one about the filter", web.Notes)
	}
	if got := w.find("peer").Notes; len(got) > 0 {
		t.Errorf("got notes %q of a server without filters", got)
	}
	w.route("a", stoker.Reach{Outside: true})
	if err := w.driver.RouteNetwork(w.ctx, "a", stoker.Reach{Networks: []stoker.NetworkToken{"b"}}); !stoker.IsKind(err, stoker.Unavailable) {
		t.Errorf("route to another network: got %v, want Unavailable", err)
	}
	if err := w.driver.AddHostAddress(w.ctx, "a", netip.MustParseAddr("192.168.211.200")); !stoker.IsKind(err, stoker.Unavailable) {
		t.Errorf("add an address: got %v, want Unavailable", err)
	}
	if err := w.driver.SetFilter(w.ctx, "web", web1, nil); err != nil {
		t.Error(err)
	}
	if got := w.find("web").Notes; len(got) > 0 {
		t.Errorf("got notes %q after the filter was taken away", got)
	}
	w.reopen() // as root again
	w.talks("peer", "tcp", "192.168.211.20:8080", true)
}

var web1 = netip.MustParseAddr("192.168.211.20")

// networksRefuse is what is in the way of others.
func networksRefuse(t *testing.T, daemon *dockerdtest.Daemon) {
	w, other := newWorld(t, daemon), newWorld(t, daemon)
	w.network("a", "192.168.211.0/24")
	if err := other.driver.CreateNetwork(w.ctx, lanSpec("a", "192.168.211.0/25")); !stoker.IsKind(err, stoker.Conflict) {
		t.Errorf("overlap with another installation's: got %v, want Conflict", err)
	}
	if err := w.driver.CreateNetwork(w.ctx, lanSpec("b", "127.0.0.0/8")); !stoker.IsKind(err, stoker.Conflict) {
		t.Errorf("overlap with the machine's: got %v, want Conflict", err)
	}
	if err := w.driver.CreateNetwork(w.ctx, lanSpec("a", "192.168.213.0/24")); !stoker.IsKind(err, stoker.Conflict) {
		t.Errorf("another subnet: got %v, want Conflict", err)
	}
	w.create("web", in("a", "192.168.211.20", nil))
	if _, err := w.driver.Create(w.ctx, named("twin", in("a", "192.168.211.20", nil))); !stoker.IsKind(err, stoker.Conflict) {
		t.Errorf("an address that is in use: got %v, want Conflict", err)
	}
	twice := in("a", "192.168.211.21", nil)
	twice.Ports = append(twice.Ports, in("a", "192.168.211.22", nil).Ports...)
	if _, err := w.driver.Create(w.ctx, named("twice", twice)); !stoker.IsKind(err, stoker.Invalid) {
		t.Errorf("two ports in one network: got %v, want Invalid", err)
	}
	if names := w.containers(w.ctx); len(names) != 1 {
		t.Errorf("got containers %v, want web only", names)
	}
	image := imageOf(w, w.find("web").ID)
	network := "stoker-" + strings.Split(w.containers(w.ctx)[0], "-")[1] + "-a"
	squat(w, stoker.Address{Network: network, IP: "192.168.211.30"}, image)
	w.destroy("web", 0)
	if err := w.driver.DestroyNetwork(w.ctx, "a"); !stoker.IsKind(err, stoker.Conflict) {
		t.Errorf("a container of others is in it: got %v, want Conflict", err)
	}
	if _, err := w.docker.ContainerRemove(w.ctx, "squatter", client.ContainerRemoveOptions{Force: true}); err != nil {
		t.Error(err)
	}
}

func TestSpans(t *testing.T) {
	for _, c := range []struct {
		prefixes string
		v4       bool
		want     string
	}{
		{"10.0.0.7/32", true, "10.0.0.7-10.0.0.7"},
		{"10.0.0.7/24", true, "10.0.0.0-10.0.0.255"},
		{"10.0.1.0/24 10.0.0.0/24 10.0.0.9/32", true, "10.0.0.0-10.0.1.255"},
		{"10.0.2.0/24 10.0.0.0/24", true, "10.0.0.0-10.0.0.255 10.0.2.0-10.0.2.255"},
		{"10.0.0.0/8 10.0.0.0/24 10.255.255.255/32 11.0.0.0/32", true, "10.0.0.0-11.0.0.0"},
		{"0.0.0.0/0 255.255.255.255/32", true, "0.0.0.0-255.255.255.255"},
		{"10.0.0.0/8", false, ""},
		{"::/0 10.0.0.0/8", false, "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
	} {
		var in []netip.Prefix
		for p := range strings.FieldsSeq(c.prefixes) {
			in = append(in, netip.MustParsePrefix(p))
		}
		if got := strings.Join(docker.Spans(in, c.v4), " "); got != c.want {
			t.Errorf("%s: got %s, want %s", c.prefixes, got, c.want)
		}
	}
}

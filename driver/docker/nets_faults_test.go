package docker_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/driver/docker"
	"github.com/stoker-project/stoker/driver/docker/dockerdtest"
)

// networksCrash kills Stoker at the worst moments of networks and ports.
func networksCrash(t *testing.T, daemon *dockerdtest.Daemon) {
	vip := netip.MustParseAddr("192.168.211.200")
	shut := &stoker.Filter{}
	for _, c := range []struct {
		at    string
		do    func(*world, *docker.Driver)
		again func(*world) // what the caller does when it finds that it had not ended
		check func(*world)
	}{
		{"network made",
			func(w *world, d *docker.Driver) { d.CreateNetwork(w.ctx, lanSpec("b", "192.168.212.0/24")) },
			func(w *world) { w.network("b", "192.168.212.0/24") },
			func(w *world) { w.create("new", in("b", "192.168.212.10", nil)) }},
		{"network removed",
			func(w *world, d *docker.Driver) {
				d.CreateNetwork(w.ctx, lanSpec("b", "192.168.212.0/24"))
				d.RouteNetwork(w.ctx, "b", stoker.Reach{Outside: true})
				d.DestroyNetwork(w.ctx, "b")
			},
			func(w *world) {
				if err := w.driver.DestroyNetwork(w.ctx, "b"); err != nil {
					w.Error(err)
				}
			},
			func(w *world) {
				if err := w.driver.RouteNetwork(w.ctx, "b", stoker.Reach{}); !stoker.IsKind(err, stoker.NotFound) {
					w.Errorf("route the destroyed one: got %v, want NotFound", err)
				}
			}},
		{"reach recorded",
			func(w *world, d *docker.Driver) { d.RouteNetwork(w.ctx, "a", stoker.Reach{Outside: true}) },
			func(w *world) {},
			func(w *world) {
				if rules := w.sh("iptables-save"); !strings.Contains(rules, "-s 192.168.211.0/24 ! -o") {
					w.Errorf("the network has no way out:\n%s", rules)
				}
			}},
		{"host address recorded",
			func(w *world, d *docker.Driver) { d.AddHostAddress(w.ctx, "a", vip) },
			func(w *world) {},
			func(w *world) { w.talks("peer", "icmp", vip.String(), true) }},
		{"host address removed",
			func(w *world, d *docker.Driver) {
				d.AddHostAddress(w.ctx, "a", vip)
				d.RemoveHostAddress(w.ctx, "a", vip)
			},
			func(w *world) {
				if err := w.driver.RemoveHostAddress(w.ctx, "a", vip); err != nil {
					w.Error(err)
				}
			},
			func(w *world) { w.talks("peer", "icmp", vip.String(), false) }},
		{"filter recorded",
			func(w *world, d *docker.Driver) {
				d.SetFilter(w.ctx, "peer", netip.MustParseAddr("192.168.211.10"), shut)
			},
			func(w *world) {},
			func(w *world) {
				w.create("other", in("a", "192.168.211.11", nil))
				w.talks("", "tcp", "192.168.211.10:8080", true)
				w.talks("other", "tcp", "192.168.211.10:8080", false)
			}},
		{"made",
			func(w *world, d *docker.Driver) { d.Create(w.ctx, named("web", in("a", "192.168.211.20", shut))) },
			func(w *world) { w.create("web", in("a", "192.168.211.20", shut)) },
			filtered},
		{"started",
			func(w *world, d *docker.Driver) { d.Create(w.ctx, named("web", in("a", "192.168.211.20", shut))) },
			func(w *world) {},
			filtered},
	} {
		t.Run(c.at, func(t *testing.T) {
			w := newWorld(t, daemon)
			w.network("a", "192.168.211.0/24")
			w.create("peer", in("a", "192.168.211.10", nil))
			w.crashing(c.at, func(d *docker.Driver) { c.do(w, d) })
			c.again(w)
			c.check(w)
		})
	}
}

// TestNetworksDaemonLost kills the daemon under networks: all goes on, and what is
// asked for meanwhile is done when it is back.
func TestNetworksDaemonLost(t *testing.T) {
	w := newWorld(t, dockerdtest.New(t, "--live-restore"))
	vip := netip.MustParseAddr("192.168.211.200")
	check := networksUnderLoss(w, vip)
	w.daemon.Kill()
	w.untilLost()
	done := make(chan error, 4)
	go func() { done <- w.driver.CreateNetwork(w.ctx, lanSpec("c", "192.168.213.0/24")) }()
	go func() { done <- w.driver.RouteNetwork(w.ctx, "c", stoker.Reach{}) }() // may come first
	go func() { done <- w.driver.SetFilter(w.ctx, "web", web1, &stoker.Filter{}) }()
	go func() { done <- w.driver.AddHostAddress(w.ctx, "a", vip.Next()) }()
	select {
	case err := <-done:
		t.Fatalf("without a daemon: got %v, want patience", err)
	case <-time.After(200 * time.Millisecond): // long enough to be wrong
	}
	w.daemon.Start()
	for range 4 {
		if err := within(w, done, "what was asked for"); err != nil && !stoker.IsKind(err, stoker.NotFound) {
			t.Error(err)
		}
	}
	check()
	w.talks("other", "icmp", vip.Next().String(), true)
	w.create("new", in("c", "192.168.213.10", nil))
}

// networksUnderLoss makes networks with all that can be lost; check wants it to be
// there.
func networksUnderLoss(w *world, vip netip.Addr) (check func()) {
	w.network("a", "192.168.211.0/24")
	w.network("b", "192.168.212.0/24")
	w.route("a", stoker.Reach{Networks: []stoker.NetworkToken{"b"}})
	w.route("b", stoker.Reach{Networks: []stoker.NetworkToken{"a"}})
	if err := w.driver.AddHostAddress(w.ctx, "a", vip); err != nil {
		w.Fatal(err)
	}
	servers := map[stoker.ServerToken]stoker.ServerSpec{
		"web":   in("a", "192.168.211.20", &stoker.Filter{}),
		"other": in("a", "192.168.211.11", nil),
		"peer":  in("b", "192.168.212.10", nil),
	}
	check = func() {
		w.Helper()
		for token, s := range servers {
			w.create(token, s)
		}
		w.talks("", "tcp", "192.168.211.20:8080", true)
		w.talks("peer", "tcp", "192.168.211.11:8080", true)
		w.talks("peer", "tcp", "192.168.211.20:8080", false)
		w.talks("other", "tcp", "192.168.211.20:8080", false)
		w.talks("other", "icmp", vip.String(), true)
	}
	check()
	return check
}

// TestNetworksDaemonRestarts loses containers and bridges, as Docker does without
// live-restore.
func TestNetworksDaemonRestarts(t *testing.T) {
	w := newWorld(t, dockerdtest.New(t))
	check := networksUnderLoss(w, netip.MustParseAddr("192.168.211.200"))
	w.daemon.Stop()
	w.untilLost()
	w.daemon.Start()
	w.until("the servers are seen to have ended", func() bool {
		servers, err := w.driver.List(w.ctx)
		return err == nil && len(servers) == 3 && !slices.ContainsFunc(servers, func(s stoker.Server) bool { return s.State != stoker.ServerStopped })
	})
	for _, token := range []stoker.ServerToken{"web", "other", "peer"} {
		w.destroy(token, 0)
	}
	check()
}

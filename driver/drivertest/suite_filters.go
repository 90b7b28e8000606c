package drivertest

import (
	"net/netip"

	"github.com/stoker-project/stoker"
)

// filterer skips the test where filters cannot be changed or seen.
func (s *suite) filterer() stoker.PortFilterer {
	s.Helper()
	f, ok := s.driver.(stoker.PortFilterer)
	if !ok {
		s.Skip("the driver does not filter")
	}
	s.needDial()
	return f
}

func (s *suite) setFilter(token stoker.ServerToken, ip netip.Addr, f *stoker.Filter) {
	s.Helper()
	if err := s.driver.(stoker.PortFilterer).SetFilter(s.ctx, token, ip, f); err != nil {
		s.Fatalf("filter %s of %q: %v", ip, token, err)
	}
}

// passing is what a filter lets pass between servers peer and web, which has the
// filter, and to peer from web. The machine reaches web always.
type passing struct {
	name         string
	filter       *stoker.Filter
	tcp, udp     bool // from peer to web's port
	icmp         bool // from peer to web
	out, outICMP bool // from web to peer, by tcp and icmp
}

func cases(port int) []passing {
	one := func(r stoker.FilterRule) []stoker.FilterRule { return []stoker.FilterRule{r} }
	in := func(r stoker.FilterRule) *stoker.Filter { return &stoker.Filter{Ingress: one(r)} }
	out := func(r stoker.FilterRule) *stoker.Filter { return &stoker.Filter{Egress: one(r)} }
	remote := func(texts ...string) (list []netip.Prefix) {
		for _, t := range texts {
			list = append(list, netip.MustParsePrefix(t))
		}
		return list
	}
	return []passing{
		{"none", nil, true, true, true, true, true},
		{"empty", &stoker.Filter{}, false, false, false, false, false},
		{"all in", in(stoker.FilterRule{}), true, true, true, false, false},
		{"all out", out(stoker.FilterRule{}), false, false, false, true, true},
		{"tcp in", in(stoker.FilterRule{Protocol: "tcp"}), true, false, false, false, false},
		{"udp in", in(stoker.FilterRule{Protocol: "udp"}), false, true, false, false, false},
		{"by number", in(stoker.FilterRule{Protocol: "tcp", Min: new(port), Max: new(port)}), true, false, false, false, false},
		{"in a range", in(stoker.FilterRule{Protocol: "tcp", Min: new(port - 1), Max: new(port + 1)}), true, false, false, false, false},
		{"below a range", in(stoker.FilterRule{Protocol: "tcp", Min: new(port + 1), Max: new(port + 9)}), false, false, false, false, false},
		{"above a range", in(stoker.FilterRule{Protocol: "udp", Min: new(port - 9), Max: new(port - 1)}), false, false, false, false, false},
		{"icmp in", in(stoker.FilterRule{Protocol: "icmp"}), false, false, true, false, false},
		{"questions of icmp", in(stoker.FilterRule{Protocol: "icmp", Min: new(8), Max: new(0)}), false, false, true, false, false},
		{"another type of icmp", in(stoker.FilterRule{Protocol: "icmp", Min: new(13)}), false, false, false, false, false},
		{"from the peer", in(stoker.FilterRule{Remote: remote("192.168.201.11/32")}), true, true, true, false, false},
		{"from others", in(stoker.FilterRule{Remote: remote("192.168.201.12/32", "2001:db8::/32")}), false, false, false, false, false},
		{"from several", in(stoker.FilterRule{Protocol: "tcp", Remote: remote("10.0.0.0/8", "192.168.201.8/30", "192.168.201.0/28", "0.0.0.0/32")}), true, false, false, false, false},
		{"to the peer by tcp", out(stoker.FilterRule{Protocol: "tcp", Remote: remote("192.168.201.0/24")}), false, false, false, true, false},
		{"to others", out(stoker.FilterRule{Remote: remote("192.168.201.128/25", "255.255.255.255/32")}), false, false, false, false, false},
		{"both ways", &stoker.Filter{Ingress: one(stoker.FilterRule{Protocol: "udp"}), Egress: one(stoker.FilterRule{Protocol: "icmp"})}, false, true, false, false, true},
	}
}

func (s *suite) filters() {
	s.filterer()
	s.net(1)
	shut := &stoker.Filter{}
	web := s.on(s.makeWith("web", port(1, 10, shut)), 0)
	peer := s.makeWith("peer", port(1, 11, nil))
	s.reaches("", "tcp", web, true)
	s.reaches("", "udp", web, true)
	s.reaches("", "tcp", s.on(peer, 0), true)
	s.reaches("peer", "tcp", web, false) // as it was made
	for _, c := range cases(peer.Port) {
		s.Log(c.name)
		s.setFilter("web", at(1, 10), c.filter)
		s.reaches("", "tcp", web, true)
		s.reaches("peer", "tcp", web, c.tcp)
		s.reaches("peer", "udp", web, c.udp)
		s.reaches("peer", "icmp", at(1, 10).String(), c.icmp)
		s.reaches("web", "tcp", s.on(peer, 0), c.out)
		s.reaches("web", "icmp", at(1, 11).String(), c.outICMP)
		if s.Failed() {
			s.Fatalf("with filter %q", c.name)
		}
	}
}

func (s *suite) filterSpares() {
	s.filterer()
	s.net(1)
	web := s.on(s.makeWith("web", port(1, 10, nil)), 0)
	s.makeWith("peer", port(1, 11, nil))
	s.reaches("peer", "tcp", web, true)
	answers := s.Dial(s.T, s.driver, "peer", "tcp", web)
	if answers == nil || !answers() {
		s.Fatal("peer does not reach web")
	}
	s.setFilter("web", at(1, 10), &stoker.Filter{})
	s.reaches("peer", "tcp", web, false)
	if !answers() {
		s.Error("the connection that had passed does not go on")
	}
}

func (s *suite) filterNothing() {
	f := s.filterer()
	s.net(1)
	s.makeWith("web", port(1, 10, nil))
	s.make(s.Runs, "plain")
	if err := f.SetFilter(s.ctx, "never was", at(1, 10), nil); !stoker.IsKind(err, stoker.NotFound) {
		s.Errorf("a server that never was: got %v, want NotFound", err)
	}
	if err := f.SetFilter(s.ctx, "web", at(1, 11), nil); !stoker.IsKind(err, stoker.NotFound) {
		s.Errorf("a port that is not there: got %v, want NotFound", err)
	}
	if err := f.SetFilter(s.ctx, "plain", at(1, 10), nil); !stoker.IsKind(err, stoker.NotFound) {
		s.Errorf("a server without ports: got %v, want NotFound", err)
	}
	bad := &stoker.Filter{Ingress: []stoker.FilterRule{{Protocol: "telepathy"}}}
	if err := f.SetFilter(s.ctx, "web", at(1, 10), bad); !stoker.IsKind(err, stoker.Invalid) {
		s.Errorf("a bad filter: got %v, want Invalid", err)
	}
}

func (s *suite) networksRestart() {
	if s.needDial(); s.Reopen == nil {
		s.Skip("the driver has no restart to test")
	}
	s.net(1)
	s.net(2)
	s.net(3)
	s.route(1, false, 2)
	s.route(2, false, 1)
	web := s.makeWith("web", port(1, 10, &stoker.Filter{Ingress: []stoker.FilterRule{{Protocol: "tcp"}}}))
	peer := s.makeWith("peer", port(2, 10, nil), port(3, 10, nil))
	stranger := s.makeWith("stranger", port(3, 11, nil))
	check := func() {
		s.Helper()
		s.reaches("peer", "tcp", s.on(web, 0), true)
		s.reaches("peer", "udp", s.on(web, 0), false)
		s.reaches("web", "tcp", s.on(peer, 0), false)
		s.reaches("stranger", "tcp", s.on(web, 0), false)
		s.reaches("peer", "tcp", s.on(stranger, 0), true)
	}
	s.reaches("", "tcp", s.on(web, 0), true)
	check()
	s.driver = s.Reopen(s.T, s.driver)
	check()
	if got, want := s.list()["peer"].Addresses, peer.Addresses; len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		s.Errorf("got addresses %v, want %v", got, want)
	}
	again := s.makeWith("web", port(1, 10, nil))
	if again.ID != web.ID {
		s.Errorf("create after the restart: got %q, want the old server", again.ID)
	}
	s.net(1)
	check()
	s.setFilter("web", at(1, 10), nil)
	s.reaches("peer", "udp", s.on(web, 0), true)
}

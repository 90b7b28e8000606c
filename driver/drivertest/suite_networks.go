package drivertest

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/stoker-project/stoker"
)

// The networks of the suite: one for each number.
func prefixOf(n int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 168, byte(200 + n), 0}), 24)
}

// at is an address in a network of the suite.
func at(n int, host byte) netip.Addr {
	return netip.AddrFrom4([4]byte{192, 168, byte(200 + n), host})
}

func netSpec(n int) stoker.NetworkSpec {
	return stoker.NetworkSpec{Token: netToken(n), Name: fmt.Sprintf("net %d", n), Project: "a project", Prefix: prefixOf(n), Gateway: at(n, 1)}
}

func netToken(n int) stoker.NetworkToken { return stoker.NetworkToken(fmt.Sprintf("net-%d", n)) }

// networker skips the test where there is none.
func (s *suite) networker() stoker.Networker {
	s.Helper()
	n, ok := s.driver.(stoker.Networker)
	if !ok {
		s.Skip("the driver makes no networks")
	}
	return n
}

// net makes a network of the suite.
func (s *suite) net(n int) {
	s.Helper()
	if err := s.networker().CreateNetwork(s.ctx, netSpec(n)); err != nil {
		s.Fatalf("create network %d: %v", n, err)
	}
	if !slices.Contains(s.tokens, netToken(n)) {
		s.tokens = append(s.tokens, netToken(n))
	}
}

// port is a place in a network of the suite.
func port(n int, host byte, f *stoker.Filter) stoker.ServerPort {
	return stoker.ServerPort{Network: netToken(n), Name: fmt.Sprintf("name %d", n), IP: at(n, host), Filter: f}
}

func (s *suite) makeWith(token stoker.ServerToken, ports ...stoker.ServerPort) stoker.Server {
	s.Helper()
	spec := s.Runs
	spec.Ports = ports
	return s.make(spec, token)
}

func (s *suite) networks() {
	n := s.networker()
	for range 2 {
		s.net(1)
	}
	s.net(2)
	for range 2 {
		if err := n.DestroyNetwork(s.ctx, netToken(1)); err != nil {
			s.Errorf("destroy: %v", err)
		}
	}
	if err := n.DestroyNetwork(s.ctx, "never was"); err != nil {
		s.Errorf("a network that never was: got %v, want nil", err)
	}
	if err := n.RouteNetwork(s.ctx, netToken(1), stoker.Reach{}); !stoker.IsKind(err, stoker.NotFound) {
		s.Errorf("route a destroyed network: got %v, want NotFound", err)
	}
	if err := n.RouteNetwork(s.ctx, netToken(2), stoker.Reach{Networks: []stoker.NetworkToken{"never was"}}); err != nil {
		s.Errorf("route to a network that is not there yet: %v", err)
	}
	s.net(1)
}

func (s *suite) badNetworks() {
	n := s.networker()
	for what, change := range map[string]func(*stoker.NetworkSpec){
		"no token":                func(n *stoker.NetworkSpec) { n.Token = "" },
		"no subnet":               func(n *stoker.NetworkSpec) { n.Prefix = netip.Prefix{} },
		"no gateway":              func(n *stoker.NetworkSpec) { n.Gateway = netip.Addr{} },
		"a gateway elsewhere":     func(n *stoker.NetworkSpec) { n.Gateway = at(2, 1) },
		"an address for a subnet": func(n *stoker.NetworkSpec) { n.Prefix = netip.PrefixFrom(at(1, 7), 24) },
	} {
		spec := netSpec(1)
		change(&spec)
		if err := n.CreateNetwork(s.ctx, spec); !stoker.IsKind(err, stoker.Invalid) {
			s.Errorf("%s: got %v, want Invalid", what, err)
		}
	}
}

func (s *suite) overlap() {
	n := s.networker()
	s.net(1)
	spec := netSpec(2)
	spec.Prefix, spec.Gateway = netip.PrefixFrom(at(1, 128), 25), at(1, 129)
	if err := n.CreateNetwork(s.ctx, spec); !stoker.IsKind(err, stoker.Conflict) {
		s.Errorf("got %v, want Conflict", err)
	}
	if err := n.RouteNetwork(s.ctx, netToken(2), stoker.Reach{}); !stoker.IsKind(err, stoker.NotFound) {
		s.Errorf("route the one that was refused: got %v, want NotFound", err)
	}
}

func (s *suite) networkInUse() {
	n := s.networker()
	s.net(1)
	s.makeWith("runs", port(1, 10, nil))
	ends := s.Ends
	ends.Ports = []stoker.ServerPort{port(1, 11, nil)}
	s.make(ends, "ends")
	s.await("ends", hasEnded)
	for _, token := range []stoker.ServerToken{"runs", "ends"} {
		if err := n.DestroyNetwork(s.ctx, netToken(1)); !stoker.IsKind(err, stoker.Conflict) {
			s.Errorf("%s is in it: got %v, want Conflict", token, err)
		}
		if err := s.driver.Destroy(s.ctx, token, s.Grace); err != nil {
			s.Fatal(err)
		}
	}
	if err := n.DestroyNetwork(s.ctx, netToken(1)); err != nil {
		s.Errorf("nobody is in it: %v", err)
	}
}

func (s *suite) ports() {
	s.networker()
	s.net(1)
	s.net(2)
	two, one := port(2, 20, nil), port(1, 10, nil)
	two.MAC = "fa:16:3e:01:02:03"
	one.MAC = "fa:16:3e:01:02:04"
	s.makeWith("both", two, one)
	s.makeWith("chosen", port(1, 12, nil))
	want := []stoker.Address{
		{Network: "name 2", IP: two.IP.String(), MAC: two.MAC},
		{Network: "name 1", IP: one.IP.String(), MAC: one.MAC},
	}
	both := s.await("both", func(v stoker.Server) bool { return v.State == stoker.ServerActive })
	if !slices.Equal(both.Addresses, want) {
		s.Errorf("got addresses %v, want %v", both.Addresses, want)
	}
	if got := s.list()["chosen"].Addresses; len(got) != 1 || got[0].IP != at(1, 12).String() || got[0].MAC == "" {
		s.Errorf("got addresses %v, want %s with a MAC address", got, at(1, 12))
	}
	s.reaches("", "tcp", s.on(both, 0), true)
	s.reaches("", "tcp", s.on(both, 1), true)
	s.reaches("chosen", "tcp", s.on(both, 1), true)
}

func (s *suite) badPorts() {
	s.networker()
	s.net(1)
	change := func(do func(*stoker.ServerPort)) []stoker.ServerPort {
		p := port(1, 10, nil)
		do(&p)
		return []stoker.ServerPort{p}
	}
	filter := func(r stoker.FilterRule) []stoker.ServerPort {
		return []stoker.ServerPort{port(1, 10, &stoker.Filter{Egress: []stoker.FilterRule{r}})}
	}
	for what, ports := range map[string][]stoker.ServerPort{
		"no such network":      change(func(p *stoker.ServerPort) { p.Network = "never was" }),
		"an address elsewhere": change(func(p *stoker.ServerPort) { p.IP = at(2, 10) }),
		"the gateway's":        change(func(p *stoker.ServerPort) { p.IP = at(1, 1) }),
		"no address":           change(func(p *stoker.ServerPort) { p.IP = netip.Addr{} }),
		"no MAC address":       change(func(p *stoker.ServerPort) { p.MAC = "what?" }),
		"a second one bad":     {port(1, 10, nil), port(3, 10, nil)},
		"a protocol":           filter(stoker.FilterRule{Protocol: "telepathy"}),
		"ports of nothing":     filter(stoker.FilterRule{Min: new(1), Max: new(2)}),
		"an empty range":       filter(stoker.FilterRule{Protocol: "tcp", Min: new(2), Max: new(1)}),
	} {
		spec := s.spec(s.Runs, "bad")
		spec.Ports = ports
		if server, err := s.driver.Create(s.ctx, spec); !stoker.IsKind(err, stoker.Invalid) {
			s.Errorf("%s: got server %v, error %v, want Invalid", what, server.ID, err)
		}
		if servers := s.list(); len(servers) != 0 {
			s.Errorf("%s: got %v left over, want nothing", what, servers)
		}
	}
}

// on is where a server listens at one of its addresses.
func (s *suite) on(v stoker.Server, i int) string {
	s.Helper()
	if len(v.Addresses) <= i {
		s.Fatalf("server %q has addresses %v only", v.Token, v.Addresses)
	}
	return fmt.Sprintf("%s:%d", v.Addresses[i].IP, v.Port)
}

// reaches checks whether one gets an answer at an address. A silence is believed at
// once, where it is wanted.
func (s *suite) reaches(from stoker.ServerToken, network, address string, want bool) {
	s.Helper()
	if s.Dial == nil {
		return
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		got := s.Dial(s.T, s.driver, from, network, address) != nil
		if got == want {
			return
		}
		if got {
			s.Errorf("%q reaches %s by %s", from, address, network)
			return
		}
		select {
		case <-s.ctx.Done():
			s.Fatalf("%q does not reach %s by %s", from, address, network)
		case <-tick.C:
		}
	}
}

// needDial skips the test where it cannot be seen what reaches what.
func (s *suite) needDial() {
	s.Helper()
	if s.networker(); s.Dial == nil {
		s.Skip("what reaches what cannot be seen")
	}
}

func (s *suite) route(n int, outside bool, peers ...int) {
	s.Helper()
	r := stoker.Reach{Outside: outside}
	for _, p := range peers {
		r.Networks = append(r.Networks, netToken(p))
	}
	if err := s.networker().RouteNetwork(s.ctx, netToken(n), r); err != nil {
		s.Fatalf("route network %d: %v", n, err)
	}
}

func (s *suite) reach() {
	s.needDial()
	s.net(1)
	s.net(2)
	a := s.on(s.makeWith("a", port(1, 10, nil)), 0)
	b := s.on(s.makeWith("b", port(2, 10, nil)), 0)
	s.makeWith("c", port(1, 11, nil))
	s.reaches("", "tcp", a, true)
	s.reaches("", "tcp", b, true)
	s.reaches("c", "tcp", a, true)
	s.reaches("c", "icmp", at(1, 10).String(), true)
	both := func(want bool) {
		s.Helper()
		s.reaches("a", "tcp", b, want)
		s.reaches("b", "udp", a, want)
	}
	both(false)
	s.route(1, false, 2)
	both(false) // one side only
	s.route(2, false, 1)
	both(true)
	s.net(3) // whatever another one does to the machine
	both(true)
	s.route(1, true)
	both(false)
	s.reaches("c", "tcp", a, true)
}

func (s *suite) outside() {
	s.needDial()
	if s.Outside == "" {
		s.Skip("nothing is beyond the machine")
	}
	s.net(1)
	s.net(2)
	a := s.on(s.makeWith("a", port(1, 10, nil)), 0)
	s.makeWith("b", port(2, 10, nil))
	s.reaches("", "tcp", a, true)
	s.reaches("a", "tcp", s.Outside, false)
	s.route(1, true)
	s.reaches("a", "tcp", s.Outside, true)
	s.reaches("b", "tcp", s.Outside, false)
	s.route(1, true, 2)
	s.route(2, false, 1)
	s.reaches("a", "tcp", s.Outside, true)
	s.reaches("b", "tcp", a, true)
	s.reaches("b", "tcp", s.Outside, false)
	s.route(1, false)
	s.reaches("a", "tcp", s.Outside, false)
}

func (s *suite) hostAddresses() {
	h, ok := s.driver.(stoker.NetworkHost)
	if !ok {
		s.Skip("the driver gives the machine no addresses")
	}
	s.net(1)
	s.makeWith("a", port(1, 10, nil))
	virtual := at(1, 200)
	s.reaches("a", "icmp", virtual.String(), false)
	for range 2 {
		if err := h.AddHostAddress(s.ctx, netToken(1), virtual); err != nil {
			s.Fatal(err)
		}
	}
	s.reaches("a", "icmp", virtual.String(), true)
	if s.Reopen != nil {
		s.driver = s.Reopen(s.T, s.driver)
		h = s.driver.(stoker.NetworkHost)
		s.reaches("a", "icmp", virtual.String(), true)
	}
	for range 2 {
		if err := h.RemoveHostAddress(s.ctx, netToken(1), virtual); err != nil {
			s.Fatal(err)
		}
	}
	s.reaches("a", "icmp", virtual.String(), false)
	if err := h.AddHostAddress(s.ctx, "never was", virtual); !stoker.IsKind(err, stoker.NotFound) {
		s.Errorf("add to a network that never was: got %v, want NotFound", err)
	}
	if err := h.RemoveHostAddress(s.ctx, "never was", virtual); err != nil {
		s.Errorf("remove from a network that never was: got %v, want nil", err)
	}
}

package neutron_test

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/catalog"
	"github.com/stoker-project/stoker/internal/neutron"
)

func ip(s string) netip.Addr       { return netip.MustParseAddr(s) }
func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }
func port(n int) *int              { return &n }
func object(id, name string) neutron.Object {
	return neutron.Object{ID: neutron.ID(id), Name: name, Project: "p"}
}

func subnet(id, net, cidr, gateway string) neutron.Subnet {
	s := neutron.Subnet{Object: object(id, id), Net: neutron.ID(net), Prefix: prefix(cidr)}
	if gateway != "" {
		s.Gateway = ip(gateway)
	}
	return s
}

func put(t *testing.T, c *neutron.Cloud, s neutron.Subnet) neutron.Subnet {
	t.Helper()
	if err := c.PutSubnet(s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestFindByIDOrName(t *testing.T) {
	c := neutron.New(neutron.External{})
	c.PutNet(neutron.Net{Object: object("1", "a")})
	c.PutNet(neutron.Net{Object: object("2", "twice")})
	c.PutNet(neutron.Net{Object: object("3", "twice")})
	for _, tt := range []struct {
		project   stoker.ProjectID
		ref, want string
	}{
		{"p", "1", "1"}, {"p", "a", "1"},
		{"p", "twice", "2, 3"}, {"p", "3", "3"},
		{"q", "1", "could not be found"}, {"q", "a", "could not be found"}, {"p", "", "could not be found"},
		{"q", "public", string(catalog.Derived("external network", "public"))},
	} {
		got, err := c.Net(tt.project, tt.ref)
		text := string(got.ID)
		if err != nil {
			text = err.Error()
		}
		if !strings.Contains(text, tt.want) {
			t.Errorf("%s looks for %q: got %s, want %s", tt.project, tt.ref, text, tt.want)
		}
	}
}

func TestAddressesInTurn(t *testing.T) {
	c := neutron.New(neutron.External{})
	put(t, c, subnet("s", "n", "10.0.0.0/29", "10.0.0.1"))
	take := func(want netip.Addr, owner string) string {
		got, err := c.Take("s", want, neutron.ID(owner))
		if err != nil {
			return string(stoker.KindOf(err))
		}
		return got.String()
	}
	var none netip.Addr
	for i, tt := range []struct {
		want  netip.Addr
		owner string
		got   string
	}{
		{none, "a", "10.0.0.2"}, {none, "a", "10.0.0.2"}, {none, "b", "10.0.0.3"},
		{ip("10.0.0.5"), "c", "10.0.0.5"}, {ip("10.0.0.5"), "d", "conflict"},
		{ip("10.0.0.1"), "d", "invalid"}, {ip("10.0.0.0"), "d", "invalid"}, {ip("10.0.0.7"), "d", "invalid"},
		{ip("10.1.0.1"), "d", "invalid"}, {none, "d", "10.0.0.4"}, {none, "e", "10.0.0.6"}, {none, "f", "no capacity"},
	} {
		if got := take(tt.want, tt.owner); got != tt.got {
			t.Errorf("%d: %s gets %s, want %s", i, tt.owner, got, tt.got)
		}
	}
	c.Give("b")
	if got := take(none, "f"); got != "10.0.0.3" {
		t.Errorf("got %s, want the one that was given back", got)
	}
}

func TestPoolsAreKept(t *testing.T) {
	c := neutron.New(neutron.External{})
	s := subnet("s", "n", "10.0.0.0/24", "10.0.0.1")
	s.Pools = []neutron.Range{{Start: ip("10.0.0.30"), End: ip("10.0.0.30")}, {Start: ip("10.0.0.10"), End: ip("10.0.0.11")}}
	put(t, c, s)
	var got []string
	for i := range 4 {
		a, err := c.Take("s", netip.Addr{}, neutron.ID(fmt.Sprint(i)))
		got = append(got, fmt.Sprint(a, err == nil))
	}
	if want := []string{"10.0.0.10 true", "10.0.0.11 true", "10.0.0.30 true", "invalid IP false"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for pools, want := range map[string]bool{
		"10.0.0.2-10.0.0.9": true, "10.0.0.9-10.0.0.2": false, "10.0.0.1-10.0.0.9": false, "10.0.1.2-10.0.1.9": false,
		"10.0.0.2-10.0.0.9 10.0.0.9-10.0.0.12": false,
	} {
		s.Pools = nil
		for _, p := range strings.Fields(pools) {
			start, end, _ := strings.Cut(p, "-")
			s.Pools = append(s.Pools, neutron.Range{Start: ip(start), End: ip(end)})
		}
		if err := s.CheckRanges(); (err == nil) != want {
			t.Errorf("%s: got %v", pools, err)
		}
	}
}

// TestNoAddressTwice deals, gives back and asks again at random.
func TestNoAddressTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := neutron.New(neutron.External{})
		s := subnet("s", "n", "10.0.0.0/28", "10.0.0.1")
		if rapid.Bool().Draw(t, "pools") {
			s.Pools = []neutron.Range{{Start: ip("10.0.0.4"), End: ip("10.0.0.9")}}
		}
		if err := c.PutSubnet(s); err != nil {
			t.Fatal(err)
		}
		has := map[netip.Addr]string{}
		steps := rapid.SliceOfN(rapid.IntRange(0, 3*32-1), 1, 60).Draw(t, "steps")
		for _, step := range steps {
			owner := fmt.Sprint(step % 32 % 16)
			var want netip.Addr
			switch step / 32 {
			case 0:
				c.Give(neutron.ID(owner))
				for a, o := range has {
					if o == owner {
						delete(has, a)
					}
				}
				continue
			case 1:
				want = netip.AddrFrom4([4]byte{10, 0, 0, byte(step % 16)})
			}
			got, err := c.Take("s", want, neutron.ID(owner))
			if err != nil {
				continue
			}
			if by, ok := has[got]; ok && by != owner {
				t.Fatalf("%s was dealt to %s, who has it, and to %s", got, by, owner)
			}
			if got == s.Gateway || !s.Prefix.Contains(got) || want.IsValid() && got != want {
				t.Fatalf("dealt %s, wanted %s", got, want)
			}
			if !want.IsValid() && s.Pools != nil && has[got] == "" && (got.Less(s.Pools[0].Start) || s.Pools[0].End.Less(got)) {
				t.Fatalf("dealt %s, which is in no pool", got)
			}
			has[got] = owner
		}
	})
}

func TestReaches(t *testing.T) {
	c := neutron.New(neutron.External{})
	for i, id := range []string{"a", "b", "c"} {
		put(t, c, subnet(id, id, fmt.Sprintf("10.0.%d.0/24", i), fmt.Sprintf("10.0.%d.1", i)))
	}
	c.AddGateway("gateway", "r") // resumed before its router
	c.PutRouter(neutron.Router{Object: object("r", "r")})
	c.PutRouter(neutron.Router{Object: object("q", "q")})
	for _, i := range []neutron.Interface{
		{Object: object("1", ""), Router: "r", Subnet: "a"}, {Object: object("2", ""), Router: "r", Subnet: "b"},
		{Object: object("3", ""), Router: "q", Subnet: "b"}, {Object: object("4", ""), Router: "q", Subnet: "c"},
	} {
		if err := c.PutInterface(i); err != nil {
			t.Fatal(err)
		}
	}
	want := map[neutron.ID]stoker.Reach{
		"a": {Networks: []stoker.NetworkToken{"b"}, Outside: true},
		"b": {Networks: []stoker.NetworkToken{"a", "c"}, Outside: true},
		"c": {Networks: []stoker.NetworkToken{"b"}},
	}
	if got := c.Reaches(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	c.RemoveGateway("gateway")
	c.RemoveInterface("4")
	want = map[neutron.ID]stoker.Reach{"a": {Networks: []stoker.NetworkToken{"b"}}, "b": {Networks: []stoker.NetworkToken{"a"}}, "c": {}}
	if got := c.Reaches(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if err := c.RemoveRouter("r"); !stoker.IsKind(err, stoker.Conflict) {
		t.Errorf("a router with subnets: got %v, want a conflict", err)
	}
	if err := c.PutInterface(neutron.Interface{Object: object("5", ""), Router: "r", Subnet: "a"}); !stoker.IsKind(err, stoker.Conflict) {
		t.Errorf("a subnet twice at a router: got %v, want a conflict", err)
	}
}

// seat makes a port of a server.
func seat(t *testing.T, c *neutron.Cloud, id, addr string, groups ...neutron.ID) {
	t.Helper()
	if err := c.PutPort(neutron.Port{Object: object(id, id), Net: "n", Subnet: "s", IP: ip(addr), Groups: groups}); err != nil {
		t.Fatal(err)
	}
	c.Bind(neutron.ID(id), neutron.Holder{Server: stoker.ServerToken("server " + id)})
}

func TestFilters(t *testing.T) {
	c := neutron.New(neutron.External{})
	put(t, c, subnet("s", "n", "10.0.0.0/24", "10.0.0.1"))
	c.PutGroup(neutron.Group{Object: object("web", "web"), Rules: append(neutron.AnyEgress(),
		neutron.Rule{Protocol: "tcp", Min: port(80), Max: port(80)},
		neutron.Rule{Protocol: "TCP", Min: port(80), Max: port(80), Remote: prefix("0.0.0.0/0")},
		neutron.Rule{Protocol: "tcp", Min: port(80), Max: port(80), IPv6: true},
		neutron.Rule{Protocol: "132", Remote: prefix("10.9.8.7/16")})})
	c.PutGroup(neutron.Group{Object: object("db", "db"), Rules: []neutron.Rule{{Protocol: "tcp", Min: port(5432), Max: port(5432), Members: "web"}}})
	seat(t, c, "db1", "10.0.0.9", "db")
	filter := func(id string) *stoker.Filter {
		return c.Filters()[neutron.Seat{Server: stoker.ServerToken("server " + id), IP: c1(c, id)}]
	}
	if got := filter("db1"); !reflect.DeepEqual(got, &stoker.Filter{}) {
		t.Errorf("nobody is in the group yet: got %+v, want that nothing passes", got)
	}
	seat(t, c, "web2", "10.0.0.6", "web")
	seat(t, c, "web1", "10.0.0.5", "web")
	want := &stoker.Filter{Ingress: []stoker.FilterRule{{Protocol: "tcp", Min: port(5432), Max: port(5432),
		Remote: []netip.Prefix{prefix("10.0.0.5/32"), prefix("10.0.0.6/32")}}}}
	if got := filter("db1"); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	want = &stoker.Filter{Egress: []stoker.FilterRule{{}}, Ingress: []stoker.FilterRule{
		{Protocol: "132", Remote: []netip.Prefix{prefix("10.9.0.0/16")}}, {Protocol: "tcp", Min: port(80), Max: port(80)},
	}}
	if got := filter("web1"); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	c.PutRule(neutron.Rule{Object: object("r", ""), Group: "db", Egress: true, Protocol: "udp", Min: port(53), Max: port(53)})
	if got := filter("db1"); len(got.Egress) != 1 || got.Egress[0].Protocol != "udp" {
		t.Errorf("a rule of its own: got %+v", got)
	}
	if err := c.RemoveGroup("web"); !stoker.IsKind(err, stoker.Conflict) {
		t.Errorf("a group in use: got %v, want a conflict", err)
	}
	c.Unbind("server web1")
	if _, ok := c.Filters()[neutron.Seat{Server: "server web1", IP: ip("10.0.0.5")}]; ok {
		t.Error("a port without a server is filtered")
	}
}

func c1(c *neutron.Cloud, id string) netip.Addr {
	p, _ := c.PortByID(neutron.ID(id))
	return p.IP
}

func TestDefaultGroup(t *testing.T) {
	c := neutron.New(neutron.External{})
	put(t, c, subnet("s", "n", "10.0.0.0/24", "10.0.0.1"))
	seat(t, c, "one", "10.0.0.5", neutron.DefaultID("p"))
	want := &stoker.Filter{Egress: []stoker.FilterRule{{}}, Ingress: []stoker.FilterRule{{Remote: []netip.Prefix{prefix("10.0.0.5/32")}}}}
	if got := c.Filter("one"); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	g, err := c.Group("p", "default")
	if err != nil || g.ID != neutron.DefaultID("p") {
		t.Errorf("got %v, %v", g, err)
	}
	if other, _ := c.Group("q", "default"); other.ID == g.ID {
		t.Error("two projects share a group")
	}
}

func TestPublications(t *testing.T) {
	for _, tt := range []struct {
		name  string
		rules []neutron.Rule
		want  string
		note  string
	}{
		{"one", []neutron.Rule{{Protocol: "tcp", Min: port(80), Max: port(80)}}, "[80]", ""},
		{"range", []neutron.Rule{{Protocol: "tcp", Min: port(8000), Max: port(8003)}}, "[8000 8001 8002 8003]", ""},
		{"not tcp", []neutron.Rule{{Protocol: "icmp"}, {Protocol: "udp", Min: port(53), Max: port(53)}}, "[]", "UDP"},
		{"not all", []neutron.Rule{{Protocol: "tcp", Min: port(22), Max: port(22), Remote: prefix("192.0.2.0/24")}}, "[]", ""},
		{"not in", []neutron.Rule{{Egress: true, Protocol: "tcp", Min: port(22), Max: port(22)}}, "[]", ""},
		{"too many", []neutron.Rule{{Protocol: "tcp", Min: port(1), Max: port(9000)}}, "[22 80 443 3000 5000 8000 8080 8443]", "1 to 9000"},
		{"any", []neutron.Rule{{}}, "[22 80 443 3000 5000 8000 8080 8443]", "1 to 65535"},
	} {
		c := neutron.New(neutron.External{})
		put(t, c, subnet("s", "n", "10.0.0.0/24", "10.0.0.1"))
		c.PutGroup(neutron.Group{Object: object("g", "g"), Rules: tt.rules})
		c.Grant("f", neutron.Grant{ID: "association", Port: "one"}) // resumed before the rest
		seat(t, c, "one", "10.0.0.5", "g")
		f, err := c.PutFloating(neutron.Floating{Object: object("f", "")})
		if err != nil || f.IP != ip("127.0.100.1") {
			t.Fatalf("%v, %v", f, err)
		}
		got := c.Publications()
		if len(got) != 1 || fmt.Sprint(got[0].Ports) != tt.want || got[0].IP != f.IP || !strings.Contains(fmt.Sprint(got[0].Notes), tt.note) {
			t.Errorf("%s: got %+v, want %s and a note of %q", tt.name, got, tt.want, tt.note)
		}
		c.Revoke("association")
		if got := c.Publications(); got != nil {
			t.Errorf("%s: got %+v, want nothing", tt.name, got)
		}
	}
}

func TestFloatingMoves(t *testing.T) {
	c := neutron.New(neutron.External{Name: "outside", Addresses: prefix("127.0.9.0/30")})
	f, err := c.PutFloating(neutron.Floating{Object: object("f", ""), IP: ip("127.0.9.2")})
	if err != nil {
		t.Fatal(err)
	}
	c.Grant("f", neutron.Grant{ID: "f", Port: "one"})
	c.Grant("f", neutron.Grant{ID: "association", Port: "two"})
	if got := c.OfPort("two"); len(got) != 1 || got[0].IP != f.IP {
		t.Errorf("got %v, want %v", got, f.IP)
	}
	c.Revoke("association")
	if got := c.OfPort("one"); len(got) != 1 {
		t.Errorf("got %v, want that the first has it again", got)
	}
	if _, err := c.PutFloating(neutron.Floating{Object: object("g", ""), IP: ip("127.0.9.2")}); !stoker.IsKind(err, stoker.Conflict) {
		t.Errorf("got %v, want a conflict", err)
	}
	c.RemoveFloating("f")
	if g, err := c.PutFloating(neutron.Floating{Object: object("g", ""), IP: ip("127.0.9.2")}); err != nil || g.Port() != "" {
		t.Errorf("got %v, %v", g, err)
	}
}

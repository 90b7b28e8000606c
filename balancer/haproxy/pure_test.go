package haproxy

import (
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/haproxysock"
)

var update = flag.Bool("update", false, "write the golden files anew")

// example is a configuration with a bit of everything.
func example(t *testing.T) (settings, map[stoker.PoolID]*pool) {
	t.Helper()
	web, err := rules.Pool(stoker.Pool{
		ID: "1", Name: "shop/web", StickyCookie: "srv", Retries: 2, QueueTimeout: 5 * time.Second, ResponseTimeout: time.Minute,
		Listeners: []stoker.Listener{{Protocol: stoker.ProtocolHTTP, Port: 8080, Policies: examplePolicies()}, {Protocol: stoker.ProtocolHTTPS, Address: "::1", Port: 8443}},
		Health:    stoker.HealthCheck{Protocol: stoker.ProtocolHTTP, Path: "/health", Status: []int{200, 204}},
	})
	if err != nil {
		t.Fatal(err)
	}
	db, err := rules.Pool(stoker.Pool{
		ID: "2", Name: "db", Algorithm: stoker.LeastConn, QueueTimeout: time.Second,
		Listeners: []stoker.Listener{{Protocol: stoker.ProtocolTCP, Port: 5432}},
		Health:    stoker.HealthCheck{Protocol: stoker.ProtocolTCP, Interval: 100 * time.Microsecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	put := func(p *pool, id string, ph phase, s stoker.MemberState) {
		m := newMember(stoker.Member{ID: stoker.MemberID(id), Address: "10.0.0.1:80", Weight: 3})
		m.phase, m.state, m.address, m.wasUp = ph, s, "10.0.0.1:80", s == stoker.MemberUp || s == stoker.MemberDown
		p.members[m.want.ID] = m
	}
	one := &pool{want: web, backend: backendName(web, nil), certs: []string{"", "certs/x.pem"}, members: map[stoker.MemberID]*member{}}
	put(one, "up", serving, stoker.MemberUp)
	put(one, "down", serving, stoker.MemberDown)
	put(one, "new", checking, stoker.MemberChecking)
	put(one, "leaving", leaving, stoker.MemberDraining)
	two := &pool{want: db, backend: backendName(db, nil), members: map[stoker.MemberID]*member{}}
	put(two, "primary", serving, stoker.MemberUp)
	s := settings{
		Config: Config{Stats: "127.0.0.1:8404", Ramp: 10 * time.Second, Global: []string{"maxconn 5000"}, Defaults: []string{"log global"}}.withDefaults(),
		build:  build{lua: true, metrics: true}, secret: "SECRET",
	}
	return s, map[stoker.PoolID]*pool{"1": one, "2": two}
}

// examplePolicies are of every action, with pools that are there and that are not.
func examplePolicies() []stoker.L7Policy {
	return []stoker.L7Policy{
		{Action: stoker.L7Reject, Rules: []stoker.L7Rule{
			{Type: stoker.L7Host, Compare: stoker.L7Equal, Value: "Admin.example"},
			{Type: stoker.L7Header, Key: "X-Token", Compare: stoker.L7Equal, Value: "it's", Invert: true},
		}},
		{Action: stoker.L7ToPool, Pool: "1", Rules: []stoker.L7Rule{{Type: stoker.L7Path, Compare: stoker.L7Regex, Value: `^/api/v\d`}}},
		{Action: stoker.L7ToPool, Pool: "none", Rules: []stoker.L7Rule{{Type: stoker.L7FileType, Compare: stoker.L7Equal, Value: "png"}}},
		{Action: stoker.L7ToPool, Pool: "2", Rules: []stoker.L7Rule{{Type: stoker.L7Path, Compare: stoker.L7Equal, Value: "/db"}}},
		{Action: stoker.L7Redirect, URL: "https://example.com/50%25", Rules: []stoker.L7Rule{{Type: stoker.L7Cookie, Key: "beta", Compare: stoker.L7Start, Value: "y"}}},
	}
}

func TestRender(t *testing.T) {
	s, pools := example(t)
	text, layout := render(s, pools)
	const golden = "testdata/haproxy.cfg"
	if *update {
		if err := os.WriteFile(golden, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if text != string(want) {
		t.Errorf("configuration is not that of %s (-update writes it anew):\n%s", golden, text)
	}
	delete(pools["1"].members, "up")
	pools["2"].members["primary"].want.Weight = 7
	if _, again := render(s, pools); again != layout {
		t.Error("a change of members changes the layout: HAProxy would be loaded anew")
	}
	pools["1"].want.Retries++
	if _, again := render(s, pools); again == layout {
		t.Error("a change of settings leaves the layout: HAProxy would not hear of it")
	}
}

func TestPlan(t *testing.T) {
	m := newMember(stoker.Member{ID: "a", Address: "10.0.0.1:80", Weight: 2})
	m.address = m.want.Address
	p := &pool{backend: "web", members: map[stoker.MemberID]*member{"a": m}}
	p.want.Health.Protocol = stoker.ProtocolTCP
	key := serverKey{"web", m.server()}
	for _, c := range []struct {
		name   string
		phase  phase
		cut    bool
		server string // status in HAProxy; empty: there is none
		busy   int64
		want   string // the steps
	}{
		{"checked, not there", serving, false, "", 0, "add"},
		{"there", serving, false, "UP 1/3", 0, ""},
		{"down by its checks", serving, false, "DOWN", 0, ""},
		{"taken back", serving, false, "MAINT", 0, "enter"},
		{"in checking, not there", checking, false, "", 0, ""},
		{"in checking, in maintenance", checking, false, "MAINT", 0, ""},
		{"in checking, but open", checking, false, "UP", 0, "leave"},
		{"leaves", leaving, false, "UP", 3, "leave"},
		{"has left", leaving, false, "MAINT", 3, ""},
		{"is cut", leaving, true, "MAINT", 3, "cut"},
		{"nothing to cut", leaving, true, "MAINT", 0, ""},
		{"leaves and was never there", leaving, false, "", 0, ""},
	} {
		m.phase, m.cut = c.phase, c.cut
		seen := sight{servers: map[serverKey]haproxysock.Row{}}
		if c.server != "" {
			seen.servers[key] = haproxysock.Row{Status: c.server, Current: c.busy, Weight: 2}
		}
		var got []string
		for _, s := range plan(Config{}, "", map[stoker.PoolID]*pool{"1": p}, seen) {
			got = append(got, s.what)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: got %v, want %q", c.name, got, c.want)
		}
	}
}

func TestPark(t *testing.T) {
	key := serverKey{"web", "a"}
	start := time.Now()
	maint := haproxysock.Row{Status: "MAINT"}
	busy := haproxysock.Row{Status: "MAINT", Current: 1}
	p := &parked{since: start}
	for _, c := range []struct {
		after time.Duration
		row   haproxysock.Row
		want  string
	}{
		{0, haproxysock.Row{Status: "UP"}, "leave"},
		{time.Second, busy, ""},
		{2 * time.Second, maint, ""},
		{4 * time.Second, maint, ""},
		{5 * time.Second, busy, ""}, // it was not idle after all
		{6 * time.Second, maint, ""},
		{10 * time.Second, maint, ""},
		{12 * time.Second, maint, "remove"},
		{13 * time.Second, maint, ""}, // refused: later once more
		{18 * time.Second, maint, "remove"},
		{31 * time.Second, busy, "cut"},
	} {
		var got string
		for _, s := range p.park(key, c.row, c.row.Current, start.Add(c.after)) {
			got += s.what
		}
		if got != c.want {
			t.Errorf("after %v: got %q, want %q", c.after, got, c.want)
		}
	}
}

func TestMatch(t *testing.T) {
	http := func(port int) stoker.Listener {
		return stoker.Listener{Protocol: stoker.ProtocolHTTP, Address: "127.0.0.1", Port: port}
	}
	for _, c := range []struct {
		name       string
		has        []stoker.Listener
		asked      []int
		want, gets []stoker.Listener
	}{
		{"first time", nil, nil, []stoker.Listener{http(0)}, []stoker.Listener{http(0)}},
		{"chosen port stays", []stoker.Listener{http(1000)}, []int{0}, []stoker.Listener{http(0)}, []stoker.Listener{http(1000)}},
		{"given port is none of choice", []stoker.Listener{http(80)}, []int{80}, []stoker.Listener{http(0)}, []stoker.Listener{http(0)}},
		{"chosen port that is asked for", []stoker.Listener{http(1000), http(2000)}, []int{0, 0}, []stoker.Listener{http(0), http(1000)}, []stoker.Listener{http(2000), http(1000)}},
		{"other protocol", []stoker.Listener{{Protocol: stoker.ProtocolTCP, Address: "127.0.0.1", Port: 1}}, []int{0}, []stoker.Listener{http(0)}, []stoker.Listener{http(0)}},
	} {
		if got := match(c.has, c.asked, c.want); !reflect.DeepEqual(got, c.gets) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.gets)
		}
	}
}

func TestLedger(t *testing.T) {
	var l ledger
	row := func(begun, now, retries int64) haproxysock.Row {
		return haproxysock.Row{Sessions: begun, Current: now, Retries: retries, TotalTime: 20, Type: haproxysock.Backend}
	}
	was := l.add(row(10, 2, 1), reading{})
	was = l.add(row(14, 2, 1), was)
	l.add(row(3, 1, 0), was) // another server of that name
	if got, want := l.traffic.Requests, int64(8+4+2); got != want {
		t.Errorf("requests: got %d, want %d", got, want)
	}
	if l.traffic.Retries != 1 || l.traffic.LatencySeconds < 0.279 || l.traffic.LatencySeconds > 0.281 {
		t.Errorf("retries and latency: got %d and %v, want 1 and 0.28", l.traffic.Retries, l.traffic.LatencySeconds)
	}
	start := time.Now()
	l.inFlight(2, start)
	l.inFlight(4, start.Add(time.Second))
	if l.traffic.BusySeconds != 3 || l.traffic.InFlight != 4 {
		t.Errorf("busy seconds and in flight: got %v and %d, want 3 and 4", l.traffic.BusySeconds, l.traffic.InFlight)
	}
}

// Whatever a value is, it is one word of one line.
func FuzzQuote(f *testing.F) {
	f.Add("a'b")
	f.Add("\\' # x")
	f.Fuzz(func(t *testing.T, text string) {
		var got strings.Builder
		quoted, in := false, quote(text)
		for i := 0; i < len(in); i++ { // as HAProxy reads words
			switch c := in[i]; {
			case c == '\'':
				quoted = !quoted
			case quoted:
				got.WriteByte(c)
			case c == '\\' && i+1 < len(in) && in[i+1] == '\'':
				i++
				got.WriteByte('\'')
			default:
				t.Fatalf("%q: %q stands outside of quotes in %s", text, c, in)
			}
		}
		if quoted || got.String() != text {
			t.Errorf("%q: HAProxy reads %q of %s", text, got.String(), in)
		}
	})
}

func FuzzServerName(f *testing.F) {
	f.Add("web-1", "127.0.0.1:80")
	f.Add("a:b;c d/é", "[::1]:80")
	f.Fuzz(func(t *testing.T, id, address string) {
		name := serverName(stoker.MemberID(id), address)
		if strings.ContainsFunc(name, func(r rune) bool { return r >= 0x80 || !nameByte(byte(r)) && r != ':' }) {
			t.Errorf("name of %q: got %q, which HAProxy does not take", id, name)
		}
		got, ok := memberOf(name, address)
		if id != "" && (!ok || string(got) != id) {
			t.Errorf("member of %q: got %q (%v), want %q", name, got, ok, id)
		}
		if _, ok := memberOf(name, address+"x"); ok {
			t.Errorf("member of %q at another address: got one, want none", name)
		}
		memberOf(id, address) // any name must do no harm
	})
}

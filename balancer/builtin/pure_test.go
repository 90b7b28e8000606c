package builtin

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stoker-project/stoker"
)

func TestHealth(t *testing.T) {
	const checking, up, down = stoker.MemberChecking, stoker.MemberUp, stoker.MemberDown
	for _, c := range []struct {
		name    string
		from    stoker.MemberState
		results string // + ok, - failed, ? suspected by requests
		want    stoker.MemberState
	}{
		{"first success counts at once", checking, "--+", up},
		{"never up stays in checking", checking, "-----?", checking},
		{"two failures are not enough", up, "--", up},
		{"a success between forgives", up, "--+--", up},
		{"three failures in a row", up, "---", down},
		{"down needs two successes", down, "+", down},
		{"a failure between starts anew", down, "+-+", down},
		{"two successes in a row", down, "++", up},
		{"suspicion is enough", up, "?", down},
		{"suspicion is overcome by checks", up, "?++", up},
	} {
		h := health{state: c.from}
		for _, r := range c.results {
			if r == '?' {
				h.suspected()
			} else {
				h.checked(r == '+', 2, 3)
			}
		}
		if h.state != c.want {
			t.Errorf("%s: got %s, want %s", c.name, h.state, c.want)
		}
	}
}

func TestHealthWait(t *testing.T) {
	h := health{state: stoker.MemberChecking}
	var got []time.Duration
	for n := range 6 {
		got = append(got, h.wait(n, time.Second))
	}
	ms := time.Millisecond
	if want := []time.Duration{5 * ms, 10 * ms, 20 * ms, 40 * ms, 50 * ms, 50 * ms}; !slices.Equal(got, want) {
		t.Errorf("waits while checking: got %v, want %v", got, want)
	}
	h.state = stoker.MemberDown
	if got := h.wait(0, time.Second); got != time.Second {
		t.Errorf("wait while down: got %v, want the interval", got)
	}
}

func TestInterleave(t *testing.T) {
	for _, c := range []struct {
		weights []int
		want    []int32
	}{
		{nil, []int32{}},
		{[]int{1, 1, 1}, []int32{0, 1, 2}},
		{[]int{5, 5}, []int32{0, 1}},
		{[]int{3, 1}, []int32{0, 0, 1, 0}},
		{[]int{2, 4, 2}, []int32{1, 0, 2, 1}},
	} {
		if got := interleave(c.weights); !slices.Equal(got, c.want) {
			t.Errorf("%v: got %v, want %v", c.weights, got, c.want)
		}
	}
}

func TestInterleaveBoundsTheRound(t *testing.T) {
	weights := []int{1, 1_000_000, 999_983}
	seen := map[int32]int{}
	round := interleave(weights)
	for _, i := range round {
		seen[i]++
	}
	if len(round) > maxRound+len(weights) {
		t.Errorf("length: got %d, want about %d at most", len(round), maxRound)
	}
	if seen[0] != 1 || seen[1] < 2000 || seen[2] < 2000 {
		t.Errorf("shares: got %v, want nearly half each for the heavy ones, and the light one once", seen)
	}
}

func up(ids string) []*member {
	var ms []*member
	for _, id := range strings.Fields(ids) {
		ms = append(ms, &member{id: stoker.MemberID(id), weight: 1, cookie: "c-" + id, traffic: &meter{}})
	}
	return ms
}

func TestPickAvoidsTheTried(t *testing.T) {
	ms := up("a b c")
	for _, a := range []stoker.Algorithm{stoker.RoundRobin, stoker.LeastConn} {
		r := newRoster(a, false, ms)
		for turn := range uint64(6) {
			if got := r.pick(turn, ms[:2]); got != ms[2] {
				t.Errorf("%s, turn %d: got %v, want c", a, turn, got)
			}
		}
		if got := r.pick(0, ms); got != nil {
			t.Errorf("%s, all tried: got %s, want nobody", a, got.id)
		}
		if got := newRoster(a, false, nil).pick(0, nil); got != nil {
			t.Errorf("%s, nobody up: got %s, want nobody", a, got.id)
		}
	}
}

func TestLeastConnWeighs(t *testing.T) {
	ms := up("light heavy")
	ms[1].weight = 4
	r := newRoster(stoker.LeastConn, false, ms)
	count := map[stoker.MemberID]int{}
	for turn := range uint64(50) {
		m := r.pick(turn, nil)
		m.traffic.begin(0)
		count[m.id]++
	}
	if count["light"] != 10 || count["heavy"] != 40 {
		t.Errorf("50 long requests: got %v, want 10 and 40", count)
	}
}

func TestMeterIntegrates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		epoch := time.Now()
		now := func() time.Duration { return time.Since(epoch) }
		var m meter
		m.begin(now()) // 1 for 10s
		time.Sleep(2 * time.Second)
		second := now()
		m.begin(second) // 1 more for 3s
		time.Sleep(3 * time.Second)
		m.end(second, now(), outcome{failed: true, retries: 2})
		time.Sleep(5 * time.Second)
		var got stoker.Traffic
		m.addTo(&got, now())
		want := stoker.Traffic{Requests: 1, Errors: 1, Retries: 2, LatencySeconds: 3, BusySeconds: 13, InFlight: 1}
		if got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}

func TestMatchListeners(t *testing.T) {
	p := newPool(New(Config{}), stoker.Pool{ID: "p"})
	http0 := stoker.Listener{Protocol: stoker.ProtocolHTTP, Address: "127.0.0.1"}
	if err := p.listen([]stoker.Listener{http0, http0}); err != nil {
		t.Fatal(err)
	}
	defer p.end(t.Context())
	defer p.stop()
	first, second := p.listeners[0], p.listeners[1]
	filled := func(l *listener) stoker.Listener {
		w := http0
		w.Port = l.port()
		return w
	}
	tcp := http0
	tcp.Protocol = stoker.ProtocolTCP
	for _, c := range []struct {
		name  string
		want  []stoker.Listener
		next  []*listener
		spare []*listener
	}{
		{"the same", []stoker.Listener{http0, http0}, []*listener{first, second}, nil},
		{"ports filled in", []stoker.Listener{filled(first), filled(second)}, []*listener{first, second}, nil},
		{"in another order", []stoker.Listener{filled(second), filled(first)}, []*listener{second, first}, nil},
		{"one filled in after one that is not", []stoker.Listener{http0, filled(first)}, []*listener{second, first}, nil},
		{"one less", []stoker.Listener{http0}, []*listener{first}, []*listener{second}},
		{"another protocol", []stoker.Listener{tcp}, []*listener{nil}, []*listener{first, second}},
	} {
		next, spare := match(p.listeners, c.want)
		if !slices.Equal(next, c.next) || !slices.Equal(spare, c.spare) {
			t.Errorf("%s: got %v and spare %v, want %v and %v", c.name, next, spare, c.next, c.spare)
		}
	}
}

func TestForwardedFor(t *testing.T) {
	for _, c := range []struct {
		remote string
		prior  []string
		want   string
	}{
		{"192.0.2.1:99", nil, "192.0.2.1"},
		{"[2001:db8::1]:99", nil, "2001:db8::1"},
		{"192.0.2.1:99", []string{"198.51.100.1, 198.51.100.2", "198.51.100.3"}, "198.51.100.1, 198.51.100.2, 198.51.100.3, 192.0.2.1"},
	} {
		in := &http.Request{RemoteAddr: c.remote, Header: http.Header{"X-Forwarded-For": c.prior}}
		if got := forwardedFor(in); got != c.want {
			t.Errorf("%s after %q: got %q, want %q", c.remote, c.prior, got, c.want)
		}
	}
}

func TestTakeCookie(t *testing.T) {
	for _, c := range []struct {
		lines []string
		value string
		rest  []string
	}{
		{nil, "", nil},
		{[]string{"srv=abc"}, "abc", nil},
		{[]string{`a=1; srv="abc"; b=2`}, "abc", []string{"a=1; b=2"}},
		{[]string{"a=1", "srv=abc; srv=def", "xsrv=1"}, "abc", []string{"a=1", "xsrv=1"}},
		{[]string{"srv", ";; ="}, "", []string{"="}},
	} {
		value, rest := takeCookie(c.lines, "srv")
		if value != c.value || !slices.Equal(rest, c.rest) {
			t.Errorf("%q: got %q and %q, want %q and %q", c.lines, value, rest, c.value, c.rest)
		}
	}
}

func FuzzTakeCookie(f *testing.F) {
	f.Add("a=1; srv=abc; b=2", "srv")
	f.Add(";;=;srv=", "srv")
	f.Add(`srv="`, "srv")
	f.Fuzz(func(t *testing.T, line, name string) {
		if _, err := rules.Pool(stoker.Pool{ID: "p", StickyCookie: name}); name == "" || err != nil {
			t.Skip("not a name for a cookie")
		}
		_, rest := takeCookie([]string{line}, name)
		if again, same := takeCookie(rest, name); again != "" || !slices.Equal(same, rest) {
			t.Errorf("%q leaves %q: a second time gives %q and %q", line, rest, again, same)
		}
		for _, c := range (&http.Request{Header: http.Header{"Cookie": rest}}).Cookies() {
			if c.Name == name {
				t.Errorf("%q leaves %q, which still has %s", line, rest, name)
			}
		}
	})
}

func FuzzForwardHeader(f *testing.F) {
	f.Add("close, X-Secret", "X-Secret", "1")
	f.Add("upgrade", "Upgrade", "websocket")
	f.Add(",,", "Forwarded", "for=1")
	f.Fuzz(func(t *testing.T, connection, name, value string) {
		in := &http.Request{RemoteAddr: "192.0.2.1:1", Host: "h", ProtoMajor: 1, Header: http.Header{}}
		in.Header.Set("Connection", connection)
		in.Header.Set(name, value)
		before := in.Header.Clone()
		h := forwardHeader(in, true)
		for _, k := range []string{"Keep-Alive", "Transfer-Encoding", "Trailer", "Proxy-Authorization", "Forwarded"} {
			if _, ok := h[k]; ok {
				t.Errorf("%s was passed on", k)
			}
		}
		if c := h["Connection"]; c != nil && (len(c) != 1 || c[0] != "Upgrade" || h.Get("Upgrade") == "") {
			t.Errorf("Connection: got %q with Upgrade %q", c, h["Upgrade"])
		}
		if !strings.HasSuffix(h.Get("X-Forwarded-For"), "192.0.2.1") || h.Get("X-Forwarded-Proto") != "https" {
			t.Errorf("forwarded: got %q, %q", h["X-Forwarded-For"], h["X-Forwarded-Proto"])
		}
		for k, v := range before {
			if !slices.Equal(in.Header[k], v) {
				t.Errorf("the client's header was changed: %s is %q, was %q", k, in.Header[k], v)
			}
		}
	})
}

func BenchmarkPick(b *testing.B) {
	for _, a := range []stoker.Algorithm{stoker.RoundRobin, stoker.LeastConn} {
		b.Run(string(a)+"-1000", func(b *testing.B) {
			ms := make([]*member, 1000)
			for i := range ms {
				ms[i] = &member{weight: 1, traffic: &meter{}}
			}
			r := newRoster(a, false, ms)
			for turn := uint64(0); b.Loop(); turn++ {
				r.pick(turn, nil)
			}
		})
	}
}

func TestPoliciesCostNoMemory(t *testing.T) {
	var rules []stoker.L7Rule
	for _, kind := range []stoker.L7Type{stoker.L7Host, stoker.L7Path, stoker.L7FileType, stoker.L7Header, stoker.L7Cookie} {
		for _, c := range []stoker.L7Compare{stoker.L7Equal, stoker.L7Start, stoker.L7End, stoker.L7Contains} { // a regex keeps a pool of its own
			rules = append(rules, stoker.L7Rule{Type: kind, Key: "X-A", Compare: c, Value: "none", Invert: true})
		}
	}
	all := compile([]stoker.L7Policy{{Action: stoker.L7Reject, Rules: rules}})
	in, err := http.NewRequest(http.MethodGet, "http://app.example/some/file.png", nil)
	if err != nil {
		t.Fatal(err)
	}
	in.Header = http.Header{"X-A": {"one", "two"}, "Cookie": {"a=1; X-A=2"}}
	if choose(*all, in) == nil {
		t.Error("no policy is chosen, want one all of whose rules are looked at")
	}
	if n := testing.AllocsPerRun(100, func() { choose(*all, in) }); n != 0 {
		t.Errorf("a request held against 20 rules: %v allocations, want none", n)
	}
}

package balancertest

import (
	"net/http"
	"net/http/cookiejar"
	"strings"
	"time"

	"github.com/stoker-project/stoker"
)

var spreadCases = []testCase{
	{"round robin spreads evenly", []Ability{Traffic}, spreadEvenly},
	{"round robin follows weights", []Ability{Traffic}, spreadWeights},
	{"leastconn avoids the busy one", []Ability{Traffic}, spreadLeastConn},
	{"sticky clients come back", []Ability{Traffic, Sticky}, spreadSticky},
	{"sticky clients survive their member", []Ability{Traffic, Sticky}, spreadStickyGone},
	{"requests that cannot connect are tried elsewhere", []Ability{Traffic, Retry}, spreadRetry},
	{"traffic is counted", []Ability{Traffic}, spreadCounts},
}

func spreadEvenly(s *suite) {
	st := s.setPool(s.pool())
	s.join(s.backend("a"), s.backend("b"), s.backend("c"))
	for who, n := range s.count(st.URLs[0], 30) {
		if n < 9 || n > 11 {
			s.Errorf("answers of %s: got %d, want about 10 of 30", who, n)
		}
	}
}

func spreadWeights(s *suite) {
	st := s.setPool(s.pool())
	a, b := s.backend("a"), s.backend("b")
	heavy := a.member()
	heavy.Weight = 3
	s.setMember(heavy)
	s.join(b)
	s.await("a")
	if got := s.count(st.URLs[0], 40); got["a"] < 28 || got["a"] > 32 {
		s.Errorf("answers: got %v, want about 30 from a and 10 from b", got)
	}
	s.setMember(a.member())
	if got := s.count(st.URLs[0], 40); got["a"] < 18 || got["a"] > 22 {
		s.Errorf("answers after the weight changed: got %v, want about 20 each", got)
	}
}

func spreadLeastConn(s *suite) {
	p := s.pool()
	p.Algorithm = stoker.LeastConn
	st := s.setPool(p)
	a, b := s.backend("a"), s.backend("b")
	s.join(a)
	var held []<-chan map[string]int
	for range 3 { // a balancer may still count one of b whose answer has just arrived
		held = append(held, async(func() map[string]int { return s.count(st.URLs[0]+"/hold", 1) }))
		a.awaitStart()
	}
	s.join(b)
	if got := s.count(st.URLs[0], 10); got["b"] != 10 {
		s.Errorf("answers while a is busy: got %v, want 10 from b", got)
	}
	for _, h := range held {
		a.letGo()
		result(s, "held request", h)
	}
}

func stickyPool(s *suite) stoker.Pool {
	p := s.pool()
	p.StickyCookie = "srv"
	return p
}

func (s *suite) visitor() func(url string) string {
	s.Helper()
	c := s.client(true)
	c.Jar, _ = cookiejar.New(nil)
	return func(url string) string {
		s.Helper()
		resp, err := c.Get(url)
		if err != nil {
			s.Fatalf("GET %s: %v", url, err)
		}
		body := s.read(resp)
		if resp.StatusCode != http.StatusOK {
			s.Fatalf("GET %s: got %s %q, want 200", url, resp.Status, body)
		}
		return body
	}
}

func spreadSticky(s *suite) {
	st := s.setPool(stickyPool(s))
	s.join(s.backend("a"), s.backend("b"), s.backend("c"))
	for range 3 {
		visit := s.visitor()
		first := visit(st.URLs[0])
		for range 6 {
			if got := visit(st.URLs[0]); got != first {
				s.Fatalf("visitor of %s: got %s", first, got)
			}
		}
	}
	resp, err := s.client(true).Get(st.URLs[0])
	if err != nil {
		s.Fatal(err)
	}
	who := s.read(resp)
	for _, c := range resp.Cookies() {
		if c.Name == "srv" && (c.Value == "" || strings.Contains(c.Value, "127.0.0.1")) {
			s.Errorf("cookie for %s: got %q, want an opaque value", who, c.Value)
		}
	}
	if len(resp.Cookies()) != 1 {
		s.Errorf("cookies of a new visitor: got %v, want one", resp.Cookies())
	}
}

func spreadStickyGone(s *suite) {
	st := s.setPool(stickyPool(s))
	bs := map[string]*backend{"a": s.backend("a"), "b": s.backend("b"), "c": s.backend("c")}
	s.join(bs["a"], bs["b"], bs["c"])
	visit := s.visitor()
	first := visit(st.URLs[0])
	bs[first].healthy.Store(false)
	s.eventually("it is down", func() bool { return s.member(bs[first].member().ID).State == stoker.MemberDown })
	second := visit(st.URLs[0])
	if second == first {
		s.Errorf("answer after %s went down: got it again", first)
	}
	if err := s.b.RemoveMember(s.Context(), poolID, bs[second].member().ID, time.Second); err != nil {
		s.Fatalf("RemoveMember: %v", err)
	}
	third := visit(st.URLs[0])
	if third == second || third == first {
		s.Errorf("answer after %s left: got %s", second, third)
	}
	if again := visit(st.URLs[0]); again != third {
		s.Errorf("visitor is not bound anew: got %s after %s", again, third)
	}
}

func spreadRetry(s *suite) {
	p := s.pool()
	p.Retries = 2
	p.Health.Interval = time.Minute // must not be what saves us
	st := s.setPool(p)
	a, b := s.backend("a"), s.backend("b")
	s.join(a, b)
	b.stop()
	if got := s.count(st.URLs[0], 10); got["a"] != 10 {
		s.Errorf("answers: got %v, want 10 from a", got)
	}
	if got := s.stats().Retries; got == 0 {
		s.Error("retries of the pool: got 0, want some")
	}
}

func spreadCounts(s *suite) {
	st := s.setPool(s.pool())
	a := s.backend("a")
	s.join(a)
	s.count(st.URLs[0], 5)
	if status, _ := s.get(st.URLs[0] + "/fail"); status != http.StatusInternalServerError {
		s.Fatalf("status: got %d, want the 500 of the member", status)
	}
	s.eventually("the requests are counted", func() bool { return s.stats().Requests == 6 })
	held := async(func() map[string]int { return s.count(st.URLs[0]+"/hold", 1) })
	a.awaitStart()
	s.eventually("one is in flight", func() bool { return s.stats().InFlight == 1 && s.member("a").InFlight == 1 })
	busy := s.stats().BusySeconds
	s.eventually("busy seconds grow meanwhile", func() bool { return s.stats().BusySeconds > busy })
	a.letGo()
	result(s, "held request", held)
	s.eventually("none is in flight", func() bool { return s.stats().InFlight == 0 })

	got, m := s.stats(), s.member("a")
	if got.Requests != 7 || m.Requests != 7 {
		s.Errorf("requests: got %d and %d for the member, want 7", got.Requests, m.Requests)
	}
	if got.Errors != 1 || m.Errors != 1 {
		s.Errorf("errors: got %d and %d for the member, want 1", got.Errors, m.Errors)
	}
	if got.LatencySeconds <= 0 || got.Time.IsZero() {
		s.Errorf("latency and time: got %v and %v, want both", got.LatencySeconds, got.Time)
	}
	if err := s.b.RemoveMember(s.Context(), poolID, "a", time.Second); err != nil {
		s.Fatalf("RemoveMember: %v", err)
	}
	if after := s.stats(); after.Requests != 7 || len(after.Members) != 0 {
		s.Errorf("after removal: got %d requests of %d members, want 7 of 0", after.Requests, len(after.Members))
	}
}

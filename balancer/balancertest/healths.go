package balancertest

import (
	"context"
	"net/http"
	"time"

	"github.com/stoker-project/stoker"
)

var healthCases = []testCase{
	{"member gets nothing before its first success", []Ability{Traffic}, healthFirst},
	{"await tells the last health error", []Ability{Traffic}, healthAwaitTells},
	{"ready member is noticed at once", []Ability{Traffic}, healthQuick},
	{"member down is avoided and comes back", []Ability{Traffic}, healthDownAndBack},
	{"accepted statuses can be named", []Ability{Traffic}, healthStatus},
	{"health by TCP", []Ability{Traffic}, healthTCP},
	{"without checks members are up", nil, healthNone},
	{"nobody up is 503", []Ability{Traffic}, healthNobody},
	{"requests wait for the first member", []Ability{Traffic, Queue}, healthQueue},
}

func healthFirst(s *suite) {
	st := s.setPool(s.pool())
	a, sick := s.backend("a"), s.backend("sick")
	sick.healthy.Store(false)
	s.setMember(sick.member())
	s.join(a)
	s.eventually("a check of sick has ended", func() bool { return s.member("sick").LastError != "" })
	s.count(st.URLs[0], 20)
	if n := sick.hits.Load(); n != 0 {
		s.Errorf("requests to the member in checking: got %d, want 0", n)
	}
	if got := s.member("sick").State; got != stoker.MemberChecking {
		s.Errorf("state: got %s, want checking", got)
	}
	sick.healthy.Store(true)
	s.await("sick")
	if got := s.count(st.URLs[0], 20); got["sick"] == 0 {
		s.Errorf("answers after the first success: got %v, want some from it", got)
	}
}

func healthAwaitTells(s *suite) {
	s.setPool(s.pool())
	sick := s.backend("sick")
	sick.healthy.Store(false)
	s.setMember(sick.member())
	s.eventually("a check has ended", func() bool { return s.member("sick").LastError != "" })
	ctx, cancel := context.WithTimeout(s.Context(), 100*time.Millisecond)
	defer cancel()
	err := s.b.AwaitMember(ctx, poolID, "sick")
	s.wantKind("AwaitMember", err, stoker.Unavailable)
	if err != nil {
		s.wantText("error", err.Error(), s.member("sick").LastError)
		s.wantText("error", err.Error(), "503")
	}
}

func healthQuick(s *suite) {
	p := s.pool()
	p.Health.Interval = time.Minute // must not matter before the first success
	s.setPool(p)
	a := s.backend("a")
	a.healthy.Store(false)
	s.setMember(a.member())
	s.eventually("a check has ended", func() bool { return s.member("a").LastError != "" })
	a.healthy.Store(true)
	s.await("a")
}

func healthDownAndBack(s *suite) {
	st := s.setPool(s.pool())
	a, b := s.backend("a"), s.backend("b")
	s.join(a, b)
	b.healthy.Store(false)
	s.eventually("b is down", func() bool { return s.member("b").State == stoker.MemberDown })
	if got := s.member("b").LastError; got == "" {
		s.Error("last error of a member that is down: got none")
	}
	if got := s.count(st.URLs[0], 10); got["a"] != 10 {
		s.Errorf("answers while b is down: got %v, want 10 from a", got)
	}
	b.healthy.Store(true)
	s.await("b")
	if got := s.count(st.URLs[0], 10); got["b"] == 0 {
		s.Errorf("answers after b is back: got %v, want some from b", got)
	}
}

func healthStatus(s *suite) {
	p := s.pool()
	p.Health.Status = []int{http.StatusServiceUnavailable}
	s.setPool(p)
	a := s.backend("a")
	a.healthy.Store(false) // answers 503
	s.join(a)
}

func healthTCP(s *suite) {
	p := s.pool()
	p.Health.Protocol = stoker.ProtocolTCP
	s.setPool(p)
	a := s.backend("a")
	a.healthy.Store(false) // nobody asks
	s.join(a)
	a.stop()
	s.eventually("a is down", func() bool { return s.member("a").State == stoker.MemberDown })
}

func healthNone(s *suite) {
	p := s.pool()
	p.Health = stoker.HealthCheck{}
	s.setPool(p)
	s.setMember(stoker.Member{ID: "a", Address: "127.0.0.1:1"})
	if got := s.member("a").State; got != stoker.MemberUp {
		s.Errorf("state: got %s, want up", got)
	}
	s.await("a")
}

func healthNobody(s *suite) {
	st := s.setPool(s.pool())
	if status, _ := s.get(st.URLs[0]); status != http.StatusServiceUnavailable {
		s.Errorf("status: got %d, want 503", status)
	}
	if got := s.stats(); got.Errors == 0 {
		s.Error("errors of the pool: got 0, want the 503 counted")
	}
}

func healthQueue(s *suite) {
	p := s.pool()
	p.QueueTimeout = patience
	st := s.setPool(p)
	got := async(func() map[string]int { return s.count(st.URLs[0], 1) })
	s.eventually("the request is queued", func() bool { return s.stats().Queued == 1 })
	s.join(s.backend("a"))
	if seen := result(s, "queued request", got); seen["a"] != 1 {
		s.Errorf("answers: got %v, want one from a", seen)
	}
	s.eventually("the queue is empty", func() bool { return s.stats().Queued == 0 })
}

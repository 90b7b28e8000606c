package balancertest

import (
	"context"
	"sync"
	"time"

	"github.com/stoker-project/stoker"
)

var memberCases = []testCase{
	{"member set, awaited, read, removed", nil, memberStory},
	{"member set twice stays as it is", nil, memberTwice},
	{"member that is not there", nil, memberNotThere},
	{"members change concurrently", nil, memberConcurrently},
	{"address of a member changes", []Ability{Traffic}, memberMoves},
}

func memberStory(s *suite) {
	s.setPool(s.pool())
	a := s.backend("a")
	m := a.member()
	m.Weight = 3
	s.setMember(m)
	s.await("a")
	got := s.member("a")
	if got.State != stoker.MemberUp || got.Address != a.addr || got.Weight != 3 {
		s.Errorf("member: got %+v, want it up at %s with weight 3", got, a.addr)
	}
	if err := s.b.RemoveMember(s.Context(), poolID, "a", time.Second); err != nil {
		s.Fatalf("RemoveMember: %v", err)
	}
	if ms := s.stats().Members; len(ms) != 0 {
		s.Errorf("members after removal: got %v, want none", ms)
	}
}

func memberTwice(s *suite) {
	s.setPool(s.pool())
	a := s.backend("a")
	s.join(a)
	s.setMember(a.member())
	if got := s.member("a").State; got != stoker.MemberUp {
		s.Errorf("state after the second time: got %s, want up", got)
	}
	m := a.member()
	m.Weight = 5
	s.setMember(m)
	if got := s.member("a"); got.State != stoker.MemberUp || got.Weight != 5 {
		s.Errorf("after a change of weight: got %s with %d, want up with 5", got.State, got.Weight)
	}
}

func memberNotThere(s *suite) {
	s.setPool(s.pool())
	s.wantKind("AwaitMember", s.b.AwaitMember(s.Context(), poolID, "nobody"), stoker.NotFound)
	if err := s.b.RemoveMember(s.Context(), poolID, "nobody", time.Second); err != nil {
		s.Errorf("RemoveMember: got %v, want nil", err)
	}
	ctx, cancel := context.WithCancel(s.Context())
	cancel()
	if err := s.b.RemoveMember(ctx, poolID, "nobody", time.Second); err != nil {
		s.Errorf("RemoveMember with an ended context: got %v, want nil", err)
	}
}

func memberConcurrently(s *suite) {
	s.setPool(s.pool())
	a := s.backend("a")
	var wg sync.WaitGroup
	for i := range 8 {
		id := stoker.MemberID(rune('a' + i))
		wg.Go(func() {
			for range 5 {
				if err := s.b.SetMember(s.Context(), poolID, stoker.Member{ID: id, Address: a.addr}); err != nil {
					s.Errorf("SetMember %s: %v", id, err)
				}
				if err := s.b.AwaitMember(s.Context(), poolID, id); err != nil {
					s.Errorf("AwaitMember %s: %v", id, err)
				}
				if err := s.b.RemoveMember(s.Context(), poolID, id, time.Second); err != nil {
					s.Errorf("RemoveMember %s: %v", id, err)
				}
			}
		})
	}
	wg.Wait()
	if ms := s.stats().Members; len(ms) != 0 {
		s.Errorf("members at the end: got %v, want none", ms)
	}
}

func memberMoves(s *suite) {
	st := s.setPool(s.pool())
	a, b := s.backend("a"), s.backend("b")
	s.join(a)
	s.count(st.URLs[0], 3)
	moved := b.member()
	moved.ID = "a"
	s.setMember(moved)
	s.await("a")
	if got := s.count(st.URLs[0], 5); got["b"] != 5 {
		s.Errorf("answers after the move: got %v, want 5 from b", got)
	}
	if got := s.member("a").Address; got != b.addr {
		s.Errorf("address: got %s, want %s", got, b.addr)
	}
}

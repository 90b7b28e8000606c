package balancertest

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
)

var drainCases = []testCase{
	{"drain waits for what is in flight", []Ability{Traffic}, drainWaits},
	{"drain ends at its deadline", []Ability{Traffic}, drainCuts},
	{"drain waits for streams", []Ability{Traffic}, drainStream},
	{"drain stops when its context ends", []Ability{Traffic}, drainContext},
	{"drain of a sick member", []Ability{Traffic}, drainSick},
}

// drain removes a member beside the case and waits until it is draining.
func (s *suite) drain(ctx context.Context, id stoker.MemberID, d time.Duration) <-chan error {
	s.Helper()
	done := async(func() error { return s.b.RemoveMember(ctx, poolID, id, d) })
	s.eventually("it is draining or gone", func() bool {
		st := s.member(id).State
		return st == stoker.MemberDraining || st == ""
	})
	return done
}

func drainWaits(s *suite) {
	st := s.setPool(s.pool())
	a, b := s.backend("a"), s.backend("b")
	s.join(a)
	held := async(func() map[string]int { return s.count(st.URLs[0]+"/hold", 1) })
	a.awaitStart()
	s.join(b)
	removed := s.drain(s.Context(), "a", patience)
	if got := s.count(st.URLs[0], 10); got["b"] != 10 {
		s.Errorf("answers while a drains: got %v, want 10 from b", got)
	}
	select {
	case err := <-removed:
		s.Fatalf("RemoveMember returned %v with a request in flight", err)
	default:
	}
	a.letGo()
	if got := result(s, "held request", held); got["a"] != 1 {
		s.Errorf("the request in flight: got %v, want its answer from a", got)
	}
	if err := result(s, "RemoveMember", removed); err != nil {
		s.Errorf("RemoveMember: %v", err)
	}
	if got := s.member("a").State; got != "" {
		s.Errorf("state after removal: got %s, want it gone", got)
	}
}

func drainCuts(s *suite) {
	st := s.setPool(s.pool())
	a := s.backend("a")
	s.join(a)
	held := async(func() error {
		resp, err := s.client(true).Get(st.URLs[0] + "/hold")
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode < 500 {
				s.Errorf("status of a request that was cut: got %s", resp.Status)
			}
		}
		return err
	})
	r := a.awaitStart()
	start := time.Now()
	removed := s.drain(s.Context(), "a", 200*time.Millisecond)
	if err := result(s, "RemoveMember", removed); err != nil {
		s.Errorf("RemoveMember: %v", err)
	}
	if d := time.Since(start); d < 190*time.Millisecond {
		s.Errorf("RemoveMember: returned after %v, want the drain of 200ms", d)
	}
	result(s, "held request", held)
	select {
	case <-r.Context().Done():
	case <-time.After(patience):
		s.Error("the member's connection is still open")
	}
}

func drainStream(s *suite) {
	st := s.setPool(s.pool())
	a := s.backend("a")
	s.join(a)
	resp, err := s.client(true).Get(st.URLs[0] + "/stream")
	if err != nil {
		s.Fatal(err)
	}
	a.awaitStart()
	removed := s.drain(s.Context(), "a", patience)
	a.letGo()
	if got := s.read(resp); got != "data: one\n\ndata: two\n\n" {
		s.Errorf("stream through a drain: got %q, want all of it", got)
	}
	if err := result(s, "RemoveMember", removed); err != nil {
		s.Errorf("RemoveMember: %v", err)
	}
}

func drainContext(s *suite) {
	st := s.setPool(s.pool())
	a := s.backend("a")
	s.join(a)
	held := async(func() map[string]int { return s.count(st.URLs[0]+"/hold", 1) })
	a.awaitStart()
	ctx, cancel := context.WithCancel(s.Context())
	removed := s.drain(ctx, "a", time.Hour)
	cancel()
	if err := result(s, "RemoveMember", removed); err == nil {
		s.Error("RemoveMember: got nil with a request in flight, want an error")
	}
	if got := s.member("a").State; got != stoker.MemberDraining {
		s.Errorf("state: got %q, want draining", got)
	}
	again := s.drain(s.Context(), "a", patience)
	a.letGo()
	result(s, "held request", held)
	if err := result(s, "RemoveMember again", again); err != nil {
		s.Errorf("RemoveMember again: %v", err)
	}
}

func drainSick(s *suite) {
	s.setPool(s.pool())
	a := s.backend("a")
	a.healthy.Store(false)
	s.setMember(a.member())
	removed := s.drain(s.Context(), "a", patience)
	if err := result(s, "RemoveMember", removed); err != nil {
		s.Errorf("RemoveMember: %v", err)
	}
}

// readPiece reads what is there of a stream.
func readPiece(t *testing.T, r io.Reader) string {
	t.Helper()
	buf := make([]byte, 1024)
	n, err := r.Read(buf)
	if n == 0 {
		t.Fatalf("read a piece: %v", err)
	}
	return string(buf[:n])
}

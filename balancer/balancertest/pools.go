package balancertest

import (
	"net"
	"slices"
	"time"

	"github.com/stoker-project/stoker"
)

var poolCases = []testCase{
	{"pool set twice stays as it is", nil, poolTwice},
	{"pool keeps the port it chose", []Ability{AutoPort}, poolKeepsPort},
	{"pool of bad settings is invalid", nil, poolInvalid},
	{"address of another pool is a conflict", nil, poolConflict},
	{"address in use is a conflict", []Ability{Traffic}, poolConflictForeign},
	{"conflict changes nothing", []Ability{Traffic, AutoPort}, poolConflictChangesNothing},
	{"pool removed frees its address", []Ability{Traffic}, poolRemoved},
	{"pool that is not there", nil, poolNotThere},
	{"listeners come and go without disturbing others", []Ability{Traffic}, poolListeners},
}

func poolTwice(s *suite) {
	p := s.pool()
	one := s.setPool(p)
	two := s.setPool(p)
	if !slices.Equal(one.Addresses, two.Addresses) || !slices.Equal(one.URLs, two.URLs) {
		s.Errorf("status: got %v the second time, want %v", two, one)
	}
	if len(one.Addresses) != 1 || len(one.URLs) != 1 {
		s.Errorf("status: got %v, want one address and one URL", one)
	}
}

func poolKeepsPort(s *suite) {
	p := s.pool()
	one := s.setPool(p)
	_, port, err := net.SplitHostPort(one.Addresses[0])
	if err != nil || port == "0" {
		s.Fatalf("address: got %q (%v), want a chosen port", one.Addresses[0], err)
	}
	p.Algorithm, p.Retries = stoker.LeastConn, 2
	if two := s.setPool(p); !slices.Equal(one.Addresses, two.Addresses) {
		s.Errorf("addresses after a change: got %v, want %v", two.Addresses, one.Addresses)
	}
}

func poolInvalid(s *suite) {
	p := s.pool()
	p.Listeners[0].Protocol = "gopher"
	_, err := s.b.SetPool(s.Context(), p)
	s.wantKind("unknown protocol", err, stoker.Invalid)
	_, err = s.b.SetPool(s.Context(), stoker.Pool{})
	s.wantKind("no ID", err, stoker.Invalid)
}

func poolConflict(s *suite) {
	st := s.setPool(s.pool())
	p := s.pool()
	p.ID = "pool-2"
	p.Listeners = []stoker.Listener{listenerAt(s, stoker.ProtocolHTTP, st.Addresses[0])}
	_, err := s.b.SetPool(s.Context(), p)
	s.wantKind("SetPool", err, stoker.Conflict)
	if err != nil {
		s.wantText("error", err.Error(), st.Addresses[0])
	}
}

func poolConflictForeign(s *suite) {
	at := s.socket().Addr().String()
	p := s.pool()
	p.Listeners = []stoker.Listener{listenerAt(s, stoker.ProtocolHTTP, at)}
	_, err := s.b.SetPool(s.Context(), p)
	s.wantKind("SetPool", err, stoker.Conflict)
	if err != nil {
		s.wantText("error", err.Error(), at)
	}
}

func poolConflictChangesNothing(s *suite) {
	p := s.pool()
	st := s.setPool(p)
	a := s.backend("a")
	s.join(a)
	taken := listenerAt(s, stoker.ProtocolHTTP, s.socket().Addr().String())
	p.Listeners = []stoker.Listener{{Protocol: stoker.ProtocolHTTP}, taken}
	_, err := s.b.SetPool(s.Context(), p)
	s.wantKind("SetPool", err, stoker.Conflict)
	if status, body := s.get(st.URLs[0]); status != 200 || body != "a" {
		s.Errorf("after the conflict: got %d %q, want 200 from a", status, body)
	}
}

func poolRemoved(s *suite) {
	st := s.setPool(s.pool())
	s.join(s.backend("a"))
	if err := s.b.RemovePool(s.Context(), poolID); err != nil {
		s.Fatalf("RemovePool: %v", err)
	}
	s.eventually("the address is free", func() bool {
		ln, err := net.Listen("tcp", st.Addresses[0])
		if err != nil {
			return false
		}
		return ln.Close() == nil
	})
	if err := s.b.RemovePool(s.Context(), poolID); err != nil {
		s.Errorf("RemovePool again: got %v, want nil", err)
	}
}

func poolNotThere(s *suite) {
	_, err := s.b.Stats(s.Context(), poolID)
	s.wantKind("Stats", err, stoker.NotFound)
	err = s.b.SetMember(s.Context(), poolID, stoker.Member{ID: "a", Address: "127.0.0.1:1"})
	s.wantKind("SetMember", err, stoker.NotFound)
	err = s.b.AwaitMember(s.Context(), poolID, "a")
	s.wantKind("AwaitMember", err, stoker.NotFound)
	if err := s.b.RemovePool(s.Context(), poolID); err != nil {
		s.Errorf("RemovePool: got %v, want nil", err)
	}
	if err := s.b.RemoveMember(s.Context(), poolID, "a", time.Second); err != nil {
		s.Errorf("RemoveMember: got %v, want nil", err)
	}
}

func poolListeners(s *suite) {
	p := s.pool()
	first := s.setPool(p)
	a := s.backend("a")
	s.join(a)
	type answer struct {
		status int
		body   string
	}
	held := async(func() answer {
		status, body := s.get(first.URLs[0] + "/hold")
		return answer{status, body}
	})
	a.awaitStart()

	p.Listeners = []stoker.Listener{listenerAt(s, stoker.ProtocolHTTP, first.Addresses[0]), s.listener(stoker.ProtocolHTTP)}
	both := s.setPool(p)
	if both.Addresses[0] != first.Addresses[0] || len(both.Addresses) != 2 {
		s.Fatalf("addresses: got %v, want %v and another", both.Addresses, first.Addresses)
	}
	for _, url := range both.URLs {
		s.count(url, 1)
	}
	p.Listeners = []stoker.Listener{listenerAt(s, stoker.ProtocolHTTP, both.Addresses[1])}
	s.setPool(p)
	s.eventually("the first listener is closed", func() bool {
		c, err := net.Dial("tcp", first.Addresses[0])
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	s.count(both.URLs[1], 1)
	a.letGo()
	if got := result(s, "held request", held); got != (answer{200, "a"}) {
		s.Errorf("request in flight on a listener that left: got %v, want 200 from a", got)
	}
}

// listenerAt is one at exactly that address.
func listenerAt(s *suite, p stoker.Protocol, at string) stoker.Listener {
	s.Helper()
	a, err := net.ResolveTCPAddr("tcp", at)
	if err != nil {
		s.Fatal(err)
	}
	return stoker.Listener{Protocol: p, Address: a.IP.String(), Port: a.Port}
}

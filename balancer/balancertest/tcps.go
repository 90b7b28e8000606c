package balancertest

import (
	"bufio"
	"io"
	"net"
	"time"

	"github.com/stoker-project/stoker"
)

var tcpCases = []testCase{
	{"tcp spreads connections", []Ability{Traffic, TCP}, tcpSpreads},
	{"tcp drain waits and cuts", []Ability{Traffic, TCP}, tcpDrain},
	{"tcp tries another member", []Ability{Traffic, TCP, Retry}, tcpRetry},
}

// lineServer says its name, then echoes until its client has said all.
func (s *suite) lineServer(name string) stoker.Member {
	s.Helper()
	ln := s.socket()
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				io.WriteString(c, name+"\n")
				io.Copy(c, c)
			}()
		}
	}()
	return stoker.Member{ID: stoker.MemberID(name), Address: ln.Addr().String()}
}

func (s *suite) tcpPool() stoker.Pool {
	p := s.pool()
	p.Listeners = []stoker.Listener{s.listener(stoker.ProtocolTCP)}
	p.Health.Protocol = stoker.ProtocolTCP
	return p
}

// talk opens a connection and reads who answers.
func (s *suite) talk(at string) (net.Conn, *bufio.Reader, string) {
	s.Helper()
	c := s.dial(at)
	r := bufio.NewReader(c)
	name, err := r.ReadString('\n')
	if err != nil {
		s.Fatalf("read the greeting: %v", err)
	}
	return c, r, name[:len(name)-1]
}

func tcpSpreads(s *suite) {
	st := s.setPool(s.tcpPool())
	if len(st.URLs) != 0 {
		s.Errorf("URLs of a TCP listener: got %v, want none", st.URLs)
	}
	for _, m := range []stoker.Member{s.lineServer("a"), s.lineServer("b")} {
		s.setMember(m)
		s.await(m.ID)
	}
	seen := map[string]int{}
	for range 10 {
		c, r, name := s.talk(st.Addresses[0])
		seen[name]++
		io.WriteString(c, "ping")
		c.(*net.TCPConn).CloseWrite()
		if echo, err := io.ReadAll(r); string(echo) != "ping" {
			s.Errorf("echo after a half close: got %q (%v), want ping", echo, err)
		}
	}
	if seen["a"] < 4 || seen["b"] < 4 {
		s.Errorf("connections: got %v, want about 5 each", seen)
	}
	s.eventually("connections are counted", func() bool { return s.stats().Requests == 10 })
}

func tcpDrain(s *suite) {
	st := s.setPool(s.tcpPool())
	s.setMember(s.lineServer("a"))
	s.await("a")
	c, r, _ := s.talk(st.Addresses[0])
	s.eventually("one is in flight", func() bool { return s.member("a").InFlight == 1 })
	start := time.Now()
	removed := s.drain(s.Context(), "a", 200*time.Millisecond)
	io.WriteString(c, "still\n")
	if line, err := r.ReadString('\n'); line != "still\n" {
		s.Errorf("echo while draining: got %q (%v)", line, err)
	}
	if err := result(s, "RemoveMember", removed); err != nil {
		s.Errorf("RemoveMember: %v", err)
	}
	if d := time.Since(start); d < 190*time.Millisecond {
		s.Errorf("RemoveMember: returned after %v, want the drain of 200ms", d)
	}
	if line, err := r.ReadString('\n'); err == nil {
		s.Errorf("read after the cut: got %q, want an error", line)
	}
}

func tcpRetry(s *suite) {
	p := s.tcpPool()
	p.Retries = 2
	p.Health = stoker.HealthCheck{} // everybody is up
	st := s.setPool(p)
	dead := s.socket()
	dead.Close()
	s.setMember(stoker.Member{ID: "dead", Address: dead.Addr().String()})
	s.setMember(s.lineServer("a"))
	for range 4 {
		if _, _, name := s.talk(st.Addresses[0]); name != "a" {
			s.Errorf("answer: got %s, want a", name)
		}
	}
}

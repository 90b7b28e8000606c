package drivertest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/stoker-project/stoker"
)

func (s *suite) create() {
	before := time.Now().Add(-time.Minute)
	made := s.make(s.Runs, "one")
	listed := s.list()["one"]
	for how, server := range map[string]stoker.Server{"create": made, "list": listed} {
		if err := sameSpec(server, s.spec(s.Runs, "one")); err != nil {
			s.Errorf("%s: %v", how, err)
		}
		if server.ID == "" {
			s.Errorf("%s: the server has no ID", how)
		}
		if server.State != stoker.ServerBuild && server.State != stoker.ServerActive {
			s.Errorf("%s: got state %s (%s), want BUILD or ACTIVE", how, server.State, server.Reason)
		}
		if server.Created.Before(before) || server.Created.After(time.Now().Add(time.Minute)) {
			s.Errorf("%s: created at %v, want about now", how, server.Created)
		}
	}
	ready := s.await("one", func(v stoker.Server) bool { return v.State == stoker.ServerActive })
	if len(ready.Addresses) == 0 || ready.Addresses[0].IP == "" || ready.Port == 0 {
		s.Errorf("an active server must be reachable: got addresses %v, port %d", ready.Addresses, ready.Port)
	}
}

func (s *suite) createTwice() {
	first := s.make(s.Runs, "one")
	second := s.make(s.Runs, "one")
	if first.ID != second.ID || !first.Created.Equal(second.Created) {
		s.Errorf("got another server: %q created %v, want %q created %v", second.ID, second.Created, first.ID, first.Created)
	}
	if n := len(s.list()); n != 1 {
		s.Errorf("got %d servers, want 1", n)
	}
}

func (s *suite) createConcurrently() {
	var wg sync.WaitGroup
	errs := make([]error, s.Concurrent)
	for i := range s.Concurrent {
		wg.Go(func() {
			_, errs[i] = s.driver.Create(s.ctx, s.spec(s.Runs, stoker.ServerToken(fmt.Sprintf("many-%d", i))))
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			s.Errorf("create: %v", err)
		}
	}
	servers := s.list()
	if len(servers) != s.Concurrent {
		s.Errorf("got %d servers, want %d", len(servers), s.Concurrent)
	}
	reach := map[string]stoker.ServerToken{}
	for token, server := range servers {
		if len(server.Addresses) == 0 {
			continue // still in BUILD
		}
		at := fmt.Sprintf("%s:%d", server.Addresses[0].IP, server.Port)
		if other, taken := reach[at]; taken {
			s.Errorf("%q and %q share the address %s", token, other, at)
		}
		reach[at] = token
	}
	for i := range s.Concurrent {
		wg.Go(func() {
			errs[i] = s.driver.Destroy(s.ctx, stoker.ServerToken(fmt.Sprintf("many-%d", i)), 0)
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			s.Errorf("destroy: %v", err)
		}
	}
}

func (s *suite) createBad() {
	for what, spec := range s.Bad {
		server, err := s.driver.Create(s.ctx, s.spec(spec, "bad"))
		if !stoker.IsKind(err, stoker.Invalid) {
			s.Errorf("%s: got server %v, error %v, want an Invalid error", what, server.ID, err)
		}
		if servers := s.list(); len(servers) != 0 {
			s.Errorf("%s: got %v left over, want nothing", what, servers)
		}
	}
	if _, err := s.driver.Create(s.ctx, s.spec(s.Runs, "")); !stoker.IsKind(err, stoker.Invalid) {
		s.Errorf("no token: got error %v, want Invalid", err)
	}
}

func (s *suite) listEmpty() {
	if servers := s.list(); len(servers) != 0 {
		s.Errorf("got %v, want nothing", servers)
	}
}

func (s *suite) destroy() {
	s.make(s.Runs, "one")
	for _, when := range []string{"once", "twice"} {
		if err := s.driver.Destroy(s.ctx, "one", s.Grace); err != nil {
			s.Errorf("%s: %v", when, err)
		}
		if servers := s.list(); len(servers) != 0 {
			s.Errorf("%s: got %v, want nothing", when, servers)
		}
	}
	if err := s.driver.Destroy(s.ctx, "never was", s.Grace); err != nil {
		s.Errorf("a server that never was: got error %v, want nil", err)
	}
}

func (s *suite) destroyOne() {
	s.make(s.Runs, "one")
	s.make(s.Runs, "two")
	if err := s.driver.Destroy(s.ctx, "one", s.Grace); err != nil {
		s.Fatal(err)
	}
	servers := s.list()
	if two, ok := servers["two"]; len(servers) != 1 || !ok || two.State == stoker.ServerStopped || two.State == stoker.ServerError {
		s.Errorf("got %v, want two, running", servers)
	}
}

func (s *suite) createAgain() {
	s.make(s.Ends, "one")
	s.await("one", hasEnded)
	if err := s.driver.Destroy(s.ctx, "one", s.Grace); err != nil {
		s.Fatal(err)
	}
	again := s.make(s.Runs, "one")
	if hasEnded(again) {
		s.Errorf("got the old server back: %s %s", again.State, again.Reason)
	}
}

func (s *suite) ended() {
	s.make(s.Ends, "one")
	got := s.await("one", hasEnded)
	if got.Reason == "" {
		s.Error("got no reason")
	}
	if err := sameSpec(got, s.spec(s.Ends, "one")); err != nil {
		s.Error(err)
	}
	again := s.make(s.Ends, "one")
	if !hasEnded(again) || !again.Created.Equal(got.Created) {
		s.Errorf("create for a token that ended: got %s created %v, want the ended server", again.State, again.Created)
	}
}

func (s *suite) cancelled() {
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	if _, err := s.driver.Create(ctx, s.spec(s.Runs, "one")); err == nil {
		s.Error("create: got no error")
	}
	if servers := s.list(); len(servers) != 0 {
		s.Errorf("got %v, want nothing", servers)
	}
}

func (s *suite) restart() {
	if s.Reopen == nil {
		s.Skip("the driver has no restart to test")
	}
	s.make(s.Runs, "runs")
	s.make(s.Ends, "ends")
	before := map[stoker.ServerToken]stoker.Server{
		"runs": s.await("runs", func(v stoker.Server) bool { return v.State == stoker.ServerActive }),
		"ends": s.await("ends", hasEnded),
	}
	s.driver = s.Reopen(s.T, s.driver)
	after := s.list()
	if len(after) != len(before) {
		s.Errorf("got %d servers, want %d", len(after), len(before))
	}
	for token, want := range before {
		got := after[token]
		if got.ID != want.ID || got.State != want.State || got.Reason != want.Reason || !got.Created.Equal(want.Created) {
			s.Errorf("%s: got %+v, want %+v", token, got, want)
		}
		if fmt.Sprint(got.Addresses) != fmt.Sprint(want.Addresses) {
			s.Errorf("%s: got addresses %v, want %v", token, got.Addresses, want.Addresses)
		}
		if err := sameSpec(got, s.spec(s.Runs, token)); err != nil && !strings.HasPrefix(err.Error(), "port") {
			s.Errorf("%s: %v", token, err)
		}
	}
	if again := s.make(s.Runs, "runs"); again.ID != before["runs"].ID || hasEnded(again) {
		s.Errorf("create after the restart: got %+v, want the old server", again)
	}
}

func hasEnded(s stoker.Server) bool {
	return s.State == stoker.ServerStopped || s.State == stoker.ServerError
}

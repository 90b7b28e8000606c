package drivertest

import (
	"strings"

	"github.com/stoker-project/stoker"
)

// UserDataFails is user data that a Fake cannot run; all other user data ends well.
const UserDataFails = "#!fails"

// userData makes a server that waits for its user data.
func (s *suite) userData(token stoker.ServerToken, fails bool) stoker.Server {
	s.Helper()
	if s.UserData == nil {
		s.Skip("the driver runs no user data")
	}
	spec := s.Runs
	spec.AwaitUserData, spec.UserData = true, s.UserData(fails)
	made := s.make(spec, token)
	return s.await(token, func(got stoker.Server) bool {
		if made.State != stoker.ServerBuild && made.State != got.State {
			s.Errorf("create gave state %s, and the list %s", made.State, got.State)
		}
		return got.State != stoker.ServerBuild
	})
}

func (s *suite) userDataRuns() {
	if got := s.userData("one", false); got.State != stoker.ServerActive || got.Reason != "" {
		s.Errorf("got %s, reason %q, want ACTIVE", got.State, got.Reason)
	}
}

// userDataFails: the failure is told, also to those who wait, and after a restart.
func (s *suite) userDataFails() {
	got := s.userData("one", true)
	if got.State != stoker.ServerError || !strings.Contains(got.Reason, "user data failed") {
		s.Errorf("got %s, reason %q, want ERROR and why", got.State, got.Reason)
	}
	if w, ok := s.driver.(stoker.ServerWaiter); ok {
		if end, err := w.Wait(s.ctx, "one"); err != nil || end.State != stoker.ServerError || end.Reason != got.Reason {
			s.Errorf("wait: got %s, reason %q, error %v, want ERROR", end.State, end.Reason, err)
		}
	}
	if s.Reopen == nil {
		return
	}
	s.driver = s.Reopen(s.T, s.driver)
	if again := s.list()["one"]; again.State != stoker.ServerError || again.Reason != got.Reason {
		s.Errorf("after a restart: got %s, reason %q, want what it was", again.State, again.Reason)
	}
}

// runUserData is what a Fake does with user data.
func (s *fakeServer) runUserData() {
	if s.spec.AwaitUserData && s.spec.UserData == UserDataFails {
		s.end(stoker.ServerError, "its user data failed: "+UserDataFails)
	}
}

package drivertest

import (
	"time"

	"github.com/stoker-project/stoker"
)

func isPaused(s stoker.Server) bool { return s.State == stoker.ServerPaused }
func isActive(s stoker.Server) bool { return s.State == stoker.ServerActive }

func (s *suite) pauser() stoker.ServerPauser {
	p, ok := s.driver.(stoker.ServerPauser)
	if !ok {
		s.Skip("the driver does not pause")
	}
	return p
}

func (s *suite) pause() {
	p := s.pauser()
	s.make(s.Runs, "one")
	s.make(s.Runs, "other")
	s.await("one", isActive)
	for _, step := range []struct {
		do   string
		call func() error
		want func(stoker.Server) bool
	}{
		{"pause", func() error { return p.Pause(s.ctx, "one") }, isPaused},
		{"pause again", func() error { return p.Pause(s.ctx, "one") }, isPaused},
		{"unpause", func() error { return p.Unpause(s.ctx, "one") }, isActive},
		{"unpause again", func() error { return p.Unpause(s.ctx, "one") }, isActive},
	} {
		if err := step.call(); err != nil {
			s.Fatalf("%s: %v", step.do, err)
		}
		s.await("one", step.want)
	}
	if other := s.list()["other"]; !isActive(other) {
		s.Errorf("the other server is %s", other.State)
	}
	for verb, call := range map[string]func() error{
		"pause":   func() error { return p.Pause(s.ctx, "never was") },
		"unpause": func() error { return p.Unpause(s.ctx, "never was") },
	} {
		if err := call(); !stoker.IsKind(err, stoker.NotFound) {
			s.Errorf("%s a server that never was: got %v, want NotFound", verb, err)
		}
	}
}

// destroyPaused: a server that does not run must leave all the same, without
// using up a long grace.
func (s *suite) destroyPaused() {
	p := s.pauser()
	s.make(s.Runs, "one")
	s.await("one", isActive)
	if err := p.Pause(s.ctx, "one"); err != nil {
		s.Fatal(err)
	}
	begun := time.Now()
	if err := s.driver.Destroy(s.ctx, "one", s.Timeout); err != nil {
		s.Fatal(err)
	}
	if d := time.Since(begun); d > s.Timeout/2 {
		s.Errorf("it took %s", d)
	}
	if len(s.list()) != 0 {
		s.Error("it is there still")
	}
}

package builtin

import (
	"io"
	"sync"
)

// connSet knows what is open towards a member, so that it can be broken off.
// The zero value is empty.
type connSet struct {
	mu   sync.Mutex
	open map[io.Closer]struct{}
	cut  bool // what comes now is closed at once
}

func (s *connSet) add(c io.Closer) {
	s.mu.Lock()
	cut := s.cut
	if !cut {
		if s.open == nil {
			s.open = map[io.Closer]struct{}{}
		}
		s.open[c] = struct{}{}
	}
	s.mu.Unlock()
	if cut {
		c.Close()
	}
}

func (s *connSet) remove(c io.Closer) {
	s.mu.Lock()
	delete(s.open, c)
	s.mu.Unlock()
}

// closeAll closes what is open, and what is added later.
func (s *connSet) closeAll() {
	s.mu.Lock()
	open := s.open
	s.open, s.cut = nil, true
	s.mu.Unlock()
	for c := range open {
		c.Close()
	}
}

func (s *connSet) isCut() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cut
}

//go:build linux

package process

import (
	"context"
	"sync"

	"github.com/stoker-project/stoker"
)

// tagged is a living process that carries the token of a server.
type tagged struct {
	procEntry
	token stoker.ServerToken
}

// scanner looks through all processes. A look is dear, so those who ask while one
// is under way share the next.
type scanner struct {
	installation string

	turn sync.Mutex // held while looking
	mu   sync.Mutex
	next *scan // not begun yet
}

type scan struct {
	done chan struct{}
	all  []tagged
	err  error
}

// look gives all processes, seen after look was called. The token is empty for
// those that are not of this installation.
func (s *scanner) look(ctx context.Context) ([]tagged, error) {
	s.mu.Lock()
	mine := s.next
	first := mine == nil
	if first {
		mine = &scan{done: make(chan struct{})}
		s.next = mine
	}
	s.mu.Unlock()
	if first {
		s.run(mine)
	}
	select {
	case <-mine.done:
		return mine.all, mine.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (s *scanner) run(mine *scan) {
	s.turn.Lock()
	defer s.turn.Unlock()
	s.mu.Lock()
	s.next = nil
	s.mu.Unlock()
	defer close(mine.done)
	entries, err := allProcesses()
	mine.err = err
	for _, e := range entries {
		if !e.zombie {
			mine.all = append(mine.all, tagged{e, tokenOfProcess(e.pid, s.installation)})
		}
	}
}

//go:build linux

package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/stoker-project/stoker"
)

// lockDir makes this process the one that works in the directory. The lock is
// the kernel's and ends with its holder; the file's content is for people.
//
// A child holds a copy of the lock between fork and exec. So whoever gets the
// lock after a crash finds every child that was forked with its own environment,
// by which it can be recognised.
func lockDir(dir string) (*os.File, error) {
	file := filepath.Join(dir, "lock")
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, cannotUse(dir, err)
	}
	err = flockSoon(f)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		holder, _ := io.ReadAll(io.LimitReader(f, 200))
		f.Close()
		return nil, &stoker.Error{
			Kind:    stoker.Conflict,
			Message: fmt.Sprintf("the directory %s is in use by %s", dir, strings.TrimSpace(string(holder))),
			Hint:    "Stop that one first, or give this one a directory of its own.",
		}
	}
	if err == nil {
		err = f.Truncate(0)
	}
	if err == nil {
		_, err = fmt.Fprintf(f, "process %d, since %s\n", os.Getpid(), time.Now().Format(time.RFC3339))
	}
	if err != nil {
		f.Close()
		return nil, cannotUse(dir, err)
	}
	return f, nil
}

// flockSoon tries for a moment, which is long enough for children of a crashed
// holder to get past their exec.
func flockSoon(f *os.File) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for tries := 0; ; tries++ {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil || tries == 20 {
			return err
		}
		<-tick.C
	}
}

func cannotUse(dir string, err error) error {
	return &stoker.Error{
		Kind:    stoker.Unavailable,
		Message: fmt.Sprintf("use the directory %s of the process driver", dir),
		Err:     err,
		Hint:    "Stoker must be able to read and write it, and the disk must have room.",
	}
}

// tokenLocks lets one caller at a time change a server.
type tokenLocks struct {
	mu   sync.Mutex
	held map[stoker.ServerToken]chan struct{} // closed when let go
}

// lock gives the function that unlocks.
func (l *tokenLocks) lock(ctx context.Context, token stoker.ServerToken) (func(), error) {
	for ctx.Err() == nil {
		l.mu.Lock()
		other, taken := l.held[token]
		if !taken {
			mine := make(chan struct{})
			l.held[token] = mine
			l.mu.Unlock()
			return func() { l.unlock(token, mine) }, nil
		}
		l.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
		}
	}
	return nil, context.Cause(ctx)
}

func (l *tokenLocks) unlock(token stoker.ServerToken, mine chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.held, token)
	close(mine)
}

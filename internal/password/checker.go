// Package password keeps the checking of passwords slow for those who guess and
// quick for those who know: it counts failures, bounds the work at once, and remembers
// for a while what was right. How a password is compared, its callers say.
//
// It starts no goroutine.
package password

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/stoker-project/stoker"
)

// ErrWrong is all that those hear who have a wrong name or password: not which
// of them is wrong.
var ErrWrong = errors.New("the user or the password is wrong")

// remembered is how long a password that was right is known to be right
// without the work of comparing it. Basic authentication sends it each time.
const (
	remembered    = 5 * time.Minute
	maxRemembered = 4096
	atOnce        = 2 // comparisons
)

// Checker checks passwords. Its methods may be called concurrently.
type Checker struct {
	throttle *throttle
	slots    chan struct{}
	secret   [32]byte

	mu   sync.Mutex
	good map[[sha256.Size]byte]time.Time // until when
}

// Attempt is a password that somebody gives.
type Attempt struct {
	Who, Password string
	From          string // address
}

// NewChecker makes a checker that remembers nothing yet.
func NewChecker() *Checker {
	c := &Checker{throttle: newThrottle(), slots: make(chan struct{}, atOnce), good: map[[sha256.Size]byte]time.Time{}}
	rand.Read(c.secret[:]) // never fails, by its documentation
	return c
}

// Check gives nil when compare says true, or said so lately. Other errors than
// ErrWrong are NoCapacity, after too many failures of one sender for one user, that of
// ctx, and what compare gives.
func (c *Checker) Check(ctx context.Context, a Attempt, compare func() (bool, error)) error {
	mark := c.mark(a)
	if c.known(mark) {
		return nil
	}
	key := a.From + " " + a.Who
	if wait := c.throttle.wait(key); wait > 0 {
		return &stoker.Error{Kind: stoker.NoCapacity, Message: fmt.Sprintf("too many attempts failed, wait %s", wait.Round(time.Second))}
	}
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	right, err := compare()
	if err != nil {
		return err
	}
	if !right {
		c.throttle.failed(key)
		return ErrWrong
	}
	c.remember(mark)
	return nil
}

// mark recognises a user and a password without keeping them.
func (c *Checker) mark(a Attempt) (out [sha256.Size]byte) {
	h := hmac.New(sha256.New, c.secret[:])
	fmt.Fprintf(h, "%d %s%s", len(a.Who), a.Who, a.Password)
	h.Sum(out[:0])
	return out
}

func (c *Checker) known(mark [sha256.Size]byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Before(c.good[mark])
}

func (c *Checker) remember(mark [sha256.Size]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.good) >= maxRemembered {
		clear(c.good)
	}
	c.good[mark] = time.Now().Add(remembered)
}

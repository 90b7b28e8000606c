package password

import (
	"hash/maphash"
	"sync"
	"time"
)

// A throttle lets each key fail a few times, and then once in a while. It has
// a fixed number of places, so that nobody can fill the memory with names; two
// keys in one place share their failures.
type throttle struct {
	seed   maphash.Seed
	mu     sync.Mutex
	places [4096]place
}

type place struct {
	failures int
	since    time.Time // the failures before are forgotten
}

const (
	allowedFailures = 10
	forgetAfter     = time.Minute
)

func newThrottle() *throttle { return &throttle{seed: maphash.MakeSeed()} }

func (t *throttle) place(key string) *place {
	return &t.places[maphash.String(t.seed, key)%uint64(len(t.places))]
}

// wait tells how long a key has to wait; zero: it need not.
func (t *throttle) wait(key string) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.place(key)
	if p.failures < allowedFailures {
		return 0
	}
	return time.Until(p.since.Add(forgetAfter))
}

// failed counts a failure.
func (t *throttle) failed(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.place(key)
	if now := time.Now(); now.Sub(p.since) >= forgetAfter {
		*p = place{since: now}
	}
	p.failures++
}

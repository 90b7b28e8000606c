package drivertest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/stoker-project/stoker"
)

// Call is one call that a Fake has got, refused ones included.
type Call struct {
	// Op is create, list, destroy, metadata, resize, pause, unpause, cpu, logs, filter; for volumes
	// create-volume, destroy-volume, attach, detach; for networks create-network,
	// destroy-network, route, add-host-address, remove-host-address.
	Op    string
	Token stoker.ServerToken // or the network's
	Time  time.Time
}

// faults is how a Fake misbehaves; guarded by its mu.
type faults struct {
	failNext    map[string][]error // by Call.Op, first in, first out
	slow        map[string]time.Duration
	lostCreates int
	building    bool
	hidden      map[stoker.ServerToken]bool
	ghosts      []stoker.Server
}

func (f *faults) birthState() stoker.ServerState {
	if f.building {
		return stoker.ServerBuild
	}
	return stoker.ServerActive
}

// FailNext makes the next call of op (see Call) return err and do nothing. Several
// are used up one after the other.
func (f *Fake) FailNext(op string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.faults.failNext == nil {
		f.faults.failNext = map[string][]error{}
	}
	f.faults.failNext[op] = append(f.faults.failNext[op], err)
}

// FailNextCreate is FailNext for create.
func (f *Fake) FailNextCreate(err error) { f.FailNext("create", err) }

// LoseNextCreate makes the next Create make its server and yet return an error of
// kind Unavailable, as when the answer of an API is lost.
func (f *Fake) LoseNextCreate() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults.lostCreates++
}

// Slow makes every call of op take d, or until its context ends; 0 ends that.
func (f *Fake) Slow(op string, d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.faults.slow == nil {
		f.faults.slow = map[string]time.Duration{}
	}
	f.faults.slow[op] = d
}

// Build makes new servers stay in BUILD until SetState is told otherwise.
func (f *Fake) Build(on bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults.building = on
}

// SetState changes the state in which a server is seen. It does not end it: for
// that there is Die.
func (f *Fake) SetState(token stoker.ServerToken, state stoker.ServerState) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.must(token).State = state
}

// Die makes a server end by itself: it is SHUTOFF, and Wait returns.
func (f *Fake) Die(token stoker.ServerToken, reason string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.must(token).end(stoker.ServerStopped, reason)
}

// Vanish makes a server disappear as if somebody else had deleted it.
func (f *Fake) Vanish(token stoker.ServerToken) {
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.must(token).gone)
	delete(f.servers, token)
	f.detachAll(token)
}

// Hide makes List leave a server out although it is there.
func (f *Fake) Hide(token stoker.ServerToken) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.faults.hidden == nil {
		f.faults.hidden = map[stoker.ServerToken]bool{}
	}
	f.faults.hidden[token] = true
}

// Ghost makes List show a server that is not there.
func (f *Fake) Ghost(s stoker.Server) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults.ghosts = append(f.faults.ghosts, s)
}

// Honest ends Hide and Ghost.
func (f *Fake) Honest() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults.hidden, f.faults.ghosts = nil, nil
}

// Print appends a line to a server's log.
func (f *Fake) Print(token stoker.ServerToken, line string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.must(token)
	s.log = append(s.log, line)
}

// UseCPU adds to the processor time that a server has used.
func (f *Fake) UseCPU(token stoker.ServerToken, seconds float64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.must(token).cpu += seconds
}

// Spec gives what a server was made from, with later changes of metadata, flavor and
// filters; false if there is no such server.
func (f *Fake) Spec(token stoker.ServerToken) (stoker.ServerSpec, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s, ok := f.servers[token]
	if !ok {
		return stoker.ServerSpec{}, false
	}
	spec := s.spec
	spec.Metadata = maps.Clone(spec.Metadata)
	return spec, true
}

// Servers gives all servers as they really are, whatever List is told to say.
func (f *Fake) Servers() map[stoker.ServerToken]stoker.Server {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := make(map[stoker.ServerToken]stoker.Server, len(f.servers))
	for token, s := range f.servers {
		all[token] = s.view()
	}
	return all
}

// Calls gives the calls so far, the oldest first.
func (f *Fake) Calls() []Call {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

// CallsOf gives the tokens of the calls of one op, the oldest first.
func (f *Fake) CallsOf(op string) []stoker.ServerToken {
	var tokens []stoker.ServerToken
	for _, c := range f.Calls() {
		if c.Op == op {
			tokens = append(tokens, c.Token)
		}
	}
	return tokens
}

// enter records a call, is slow, and gives the error that was ordered.
func (f *Fake) enter(ctx context.Context, op string, token stoker.ServerToken) error {
	f.mu.Lock()
	f.calls = append(f.calls, Call{Op: op, Token: token, Time: time.Now()})
	slow := f.faults.slow[op]
	var err error
	if errs := f.faults.failNext[op]; len(errs) > 0 {
		err, f.faults.failNext[op] = errs[0], errs[1:]
	}
	f.mu.Unlock()
	if slow > 0 {
		timer := time.NewTimer(slow)
		defer timer.Stop()
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%s server %q: %w", op, token, context.Cause(ctx))
	}
	return err
}

// must finds a server that the test names; a wrong name is a bug of the test.
func (f *Fake) must(token stoker.ServerToken) *fakeServer {
	s, ok := f.servers[token]
	if !ok {
		panic(fmt.Sprintf("drivertest: no server %q", token))
	}
	return s
}

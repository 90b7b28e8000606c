package stack

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/stoker-project/stoker"
)

// An owner is the one goroutine that changes a stack: it holds the lease, keeps
// the records in memory, and runs the operation that is under way. It exists
// while there is something to do. Everything but queue and wake belongs to its
// goroutine; workers send what they found on results.
type owner struct {
	e  *Engine
	id stoker.StackID

	queue []command     // guarded by Engine.mu
	wake  chan struct{} // holds a token when queue grew

	lease stoker.Lease
	st    *stoker.Stack // nil: does not exist
	rows  *rows

	run      *run // nil: nothing under way
	results  chan result
	inflight map[stoker.ResourceID]*work
	acting   int // of inflight: those that occupy a worker
	inBuild  int // of inflight: those that create or update
	signals  map[stoker.ResourceID][]*signal
	waiters  []*waiter
	// held are the nested stacks that wait for our word to let members go. They
	// outlive a run that is superseded: the next one may find nothing to do for them.
	held map[stoker.StackID]bool
	// cleared are the hooks that need not be waited at once more.
	cleared map[hookKey]bool

	// audience is who hears of the stack's events; nil: nobody, or it is not known yet.
	audience *audience
	// taking is the snapshot that is under way; nil: none.
	taking *stoker.Snapshot
	// told is what types have told of what they keep for it.
	told map[stoker.ResourceName]map[string]any

	pending stoker.Batch              // not stored yet
	dirty   map[stoker.ResourceID]int // where in pending.Resources
	// forgotten are the resources of pending.Forget, for their last events.
	forgotten map[stoker.ResourceID]*stoker.Resource
	launch    []func() // workers that start when pending is stored
	base      context.Context
	path      []stoker.StackID // the stack and its ancestors, the root last
}

// command is something to do in the owner's goroutine.
type command struct {
	run  func(*owner) error
	done chan error // buffered
	// patient commands wait while the store does not answer, others are refused.
	patient bool
}

func newOwner(e *Engine, id stoker.StackID) *owner {
	return &owner{
		e: e, id: id,
		wake:      make(chan struct{}, 1),
		rows:      newRows(nil),
		results:   make(chan result),
		inflight:  map[stoker.ResourceID]*work{},
		signals:   map[stoker.ResourceID][]*signal{},
		dirty:     map[stoker.ResourceID]int{},
		forgotten: map[stoker.ResourceID]*stoker.Resource{},
		held:      map[stoker.StackID]bool{},
		cleared:   map[hookKey]bool{},
	}
}

// loop serves the stack until there is nothing to do, the lease is lost or ctx
// ends.
func (o *owner) loop(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	o.base = ctx
	if err := o.open(ctx); err != nil {
		o.abandon(err)
		return
	}
	timer := time.NewTimer(o.e.limits.LeaseTTL / 3)
	defer timer.Stop()
	for {
		o.commands()
		o.advance()
		if err := o.flush(ctx); err != nil {
			o.abandon(err)
			return
		}
		if o.leave(ctx) {
			return
		}
		timer.Reset(o.nextWake())
		select {
		case r := <-o.results:
			o.take(r)
			o.drain()
		case <-o.wake:
		case <-timer.C:
			if err := o.renew(ctx); err != nil {
				o.abandon(err)
				return
			}
		case <-ctx.Done():
			o.abandon(errClosed)
			return
		}
	}
}

// drain takes the results that are there already, so that one write records
// them all.
func (o *owner) drain() {
	for {
		select {
		case r := <-o.results:
			o.take(r)
		default:
			return
		}
	}
}

func (o *owner) commands() {
	o.e.mu.Lock()
	queue := o.queue
	o.queue = nil
	o.e.mu.Unlock()
	for _, c := range queue {
		c.done <- c.run(o)
	}
}

// open loads and leases the stack, if it exists.
func (o *owner) open(ctx context.Context) error {
	st, err := o.e.record(ctx, o.id, true)
	if stoker.IsKind(err, stoker.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	o.st = st
	if !st.Deleted.IsZero() && !st.Abandoned() {
		return nil
	}
	if err := o.acquire(ctx); err != nil {
		return err
	}
	// Read only now: another engine may have worked on it until the lease was ours.
	st, rs, err := o.e.store.Stack(ctx, o.id)
	if err != nil {
		return err
	}
	o.st, o.rows = st, newRows(rs)
	o.recallHeld()
	return o.recallTaking(ctx)
}

// recallHeld takes every nested stack for one that may hold, when an operation
// goes on that another owner had begun. Telling one that does not is harmless.
func (o *owner) recallHeld() {
	if o.st.Status != stoker.StatusInProgress {
		return
	}
	for _, r := range o.rows.byID {
		if r.Child != "" {
			o.held[r.Child] = true
		}
	}
}

func (o *owner) acquire(ctx context.Context) error {
	l, err := o.e.store.Acquire(ctx, o.id, o.e.holder, o.e.limits.LeaseTTL)
	if err != nil {
		return err
	}
	o.lease = l
	o.path, err = o.e.pathOf(ctx, o.st)
	return err
}

func (o *owner) renew(ctx context.Context) error {
	if o.lease.Stack == "" {
		return nil
	}
	l, err := o.e.store.Renew(ctx, o.lease, o.e.limits.LeaseTTL)
	if err == nil {
		o.lease = l
	}
	if lost(err) {
		return err
	}
	return nil // a store that does not answer is met again at the next write
}

// nextWake is when the loop must look by itself: to renew the lease, for a
// deadline, or for a batch's pause.
func (o *owner) nextWake() time.Duration {
	d := o.e.limits.LeaseTTL / 3
	if o.run != nil {
		d = min(d, max(time.Until(o.run.deadline), 0))
	}
	if o.st != nil && o.st.Group != nil && !o.st.Group.PauseUntil.IsZero() {
		d = min(d, max(time.Until(o.st.Group.PauseUntil), 0))
	}
	return d
}

// leave ends the owner when there is nothing to do and nobody has asked.
func (o *owner) leave(ctx context.Context) bool {
	if o.run != nil || len(o.inflight) > 0 || len(o.signals) > 0 || len(o.waiters) > 0 {
		return false
	}
	o.e.mu.Lock()
	if len(o.queue) > 0 {
		o.e.mu.Unlock()
		return false
	}
	delete(o.e.owners, o.id)
	lease := o.lease
	o.e.mu.Unlock()
	if lease.Stack != "" {
		// Best effort: an unreleased lease runs out, and is ours to take again.
		_ = o.e.store.Release(ctx, lease)
	}
	return true
}

// abandon gives the stack up as it is recorded; what was not recorded did not
// happen. Workers end with the owner's context.
func (o *owner) abandon(err error) {
	o.e.mu.Lock()
	queue := o.queue
	o.queue = nil
	delete(o.e.owners, o.id)
	o.e.mu.Unlock()
	if !errors.Is(err, errClosed) {
		o.e.log.Warn("give up stack", "stack", o.id, "err", err)
	}
	for _, c := range queue {
		c.done <- err
	}
	for _, w := range o.waiters {
		w.done <- outcome{err: err, gone: true}
	}
	for _, ss := range o.signals {
		for _, s := range ss {
			s.done <- err
		}
	}
}

// retry delays of a write that fails.
const (
	firstRetry = 50 * time.Millisecond
	lastRetry  = 5 * time.Second
)

// flush stores what is pending and then starts the workers that waited for it.
// A store that does not answer, or a full disk, stops everything here: nothing is
// done that is not recorded, and nothing recorded is lost.
func (o *owner) flush(ctx context.Context) error {
	if err := o.commit(ctx); err != nil {
		return err
	}
	launch := o.launch
	o.launch = nil
	for _, f := range launch {
		f()
	}
	return nil
}

func (o *owner) commit(ctx context.Context) error {
	if empty(o.pending) {
		return nil
	}
	b := o.takePending()
	for wait := firstRetry; ; wait = min(2*wait, lastRetry) {
		err := o.e.store.Commit(ctx, b)
		if err == nil {
			o.stored(b)
			return nil
		}
		if lost(err) || ctx.Err() != nil {
			return err
		}
		o.e.log.Error("record stack", "stack", o.id, "err", err)
		o.refuse(err)
		if err := pause(ctx, wait); err != nil {
			return err
		}
	}
}

// refuse answers the commands that came while the store does not: they are told
// so at once rather than after it comes back.
func (o *owner) refuse(err error) {
	o.e.mu.Lock()
	defer o.e.mu.Unlock()
	o.queue = slices.DeleteFunc(o.queue, func(c command) bool {
		if !c.patient {
			c.done <- err
		}
		return !c.patient
	})
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

func empty(b stoker.Batch) bool {
	return b.Stack == nil && len(b.Resources) == 0 && len(b.Forget) == 0 && len(b.Events) == 0 &&
		len(b.Snapshots) == 0 && len(b.DropSnapshots) == 0
}

// accept stores a new state of the stack at once, for an operation that its
// caller waits for: when it cannot be stored, nothing has changed. What else
// is pending goes with it.
func (o *owner) accept(st *stoker.Stack, events ...*stoker.Event) error {
	b := o.takePending()
	b.Stack = st
	b.Events = append(b.Events[:len(b.Events):len(b.Events)], events...)
	if err := o.e.store.Commit(o.base, b); err != nil {
		return err
	}
	o.stored(b)
	o.st = st
	if o.lease.Stack == "" {
		return o.acquire(o.base)
	}
	return nil
}

// saveStack records a changed copy of the stack with the next write.
func (o *owner) saveStack(change func(*stoker.Stack)) {
	st := *o.st
	change(&st)
	o.st = &st
	o.pending.Stack = &st
}

// saveRow records a changed copy of a resource with the next write, and gives
// that copy.
func (o *owner) saveRow(r *stoker.Resource, change func(*stoker.Resource)) *stoker.Resource {
	c := *r
	change(&c)
	o.rows.put(&c)
	if i, ok := o.dirty[c.ID]; ok {
		o.pending.Resources[i] = &c
		return &c
	}
	o.dirty[c.ID] = len(o.pending.Resources)
	o.pending.Resources = append(o.pending.Resources, &c)
	return &c
}

// forgetRow removes a record with the next write.
func (o *owner) forgetRow(r *stoker.Resource) {
	o.rows.remove(r)
	o.forgotten[r.ID] = r
	if i, ok := o.dirty[r.ID]; ok {
		delete(o.dirty, r.ID)
		o.pending.Resources[i] = nil
	}
	o.pending.Forget = append(o.pending.Forget, r.ID)
}

// take empties pending, without the records that were forgotten again.
func (o *owner) takePending() stoker.Batch {
	b := o.pending
	b.Lease = o.lease
	b.Resources = slices.DeleteFunc(slices.Clone(b.Resources), func(r *stoker.Resource) bool { return r == nil })
	return b
}

func (o *owner) stored(b stoker.Batch) {
	o.pending = stoker.Batch{}
	clear(o.dirty)
	o.e.published(b)
	o.notify(cmp.Or(b.Stack, o.st), b)
	clear(o.forgotten)
}

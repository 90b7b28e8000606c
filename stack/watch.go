package stack

import (
	"context"
	"sync"
	"time"

	"github.com/stoker-project/stoker"
)

// watchTable holds the watches on complete resources: one goroutine each, which
// sleeps in the resource's type until the resource fails by itself.
type watchTable struct {
	mu      sync.Mutex
	running map[stoker.ResourceID]context.CancelFunc
	healing map[string]attempts // by stack
}

// The pauses before healing the same stack again.
const (
	firstHeal = time.Second
	lastHeal  = time.Minute
)

// watch starts a watch, if the type has one, when the record is durable.
func (o *owner) watch(row *stoker.Resource) {
	t, ok := o.e.types[row.Type].(stoker.Watcher)
	if !ok {
		return
	}
	req := o.request(row, nil)
	o.afterStore(func() { o.e.watchResource(t, req) })
}

func (o *owner) unwatch(id stoker.ResourceID) { o.e.watches.stop(id) }

func (t *watchTable) stop(id stoker.ResourceID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if cancel := t.running[id]; cancel != nil {
		cancel()
		delete(t.running, id)
	}
}

func (e *Engine) watchResource(t stoker.Watcher, req *stoker.Request) {
	ctx, cancel := context.WithCancel(e.base)
	e.watches.mu.Lock()
	if old := e.watches.running[req.ID]; old != nil {
		old()
	}
	e.watches.running[req.ID] = cancel
	e.watches.mu.Unlock()
	e.tasks.Go(func() {
		defer cancel()
		if err := t.Watch(ctx, req); err != nil && ctx.Err() == nil {
			e.resourceFailed(req.Stack.ID, req.ID, err)
		}
	})
}

// resourceFailed records that a resource failed by itself and heals its stack.
func (e *Engine) resourceFailed(id stoker.StackID, res stoker.ResourceID, cause error) {
	err := e.insist(e.base, id, func(o *owner) error {
		e.log.Info("resource failed", "stack", id, "resource", res, "err", o.reason(cause))
		if o.st == nil || !o.markFailed(res, cause) {
			return nil
		}
		if o.coming() {
			o.giveUp(o.rows.byID[res].Name, cause)
			return nil
		}
		if o.passingNow() {
			o.healAfter(firstHeal)
			return nil
		}
		return o.heal()
	})
	if err != nil && e.base.Err() == nil {
		e.log.Warn("heal", "stack", id, "err", err)
	}
}

// coming tells whether the stack is being created: then what fails fails the
// creation, instead of being made again and again.
func (o *owner) coming() bool {
	return o.run != nil && o.st.Action == stoker.ActionCreate && growing(o.st)
}

func (o *owner) giveUp(name stoker.ResourceName, cause error) {
	if o.run.failed == nil {
		o.run.failed = resourceFailed(stoker.ActionCreate, located(cause, name))
		o.run.breakOff(errAborted)
	}
}

// markFailed notes what was observed, unless the resource is being changed or
// is gone already.
func (o *owner) markFailed(id stoker.ResourceID, cause error) bool {
	row := o.rows.byID[id]
	if row == nil || o.inflight[id] != nil {
		return false
	}
	if row.Action == stoker.ActionCheck && row.Status == stoker.StatusFailed {
		if !isLost(row) { // somebody else has seen it first
			o.saveRow(row, setLost)
		}
		return true
	}
	if row.Status != stoker.StatusComplete {
		return false
	}
	row = o.saveRow(row, func(r *stoker.Resource) {
		r.Action, r.Status, r.StatusReason = stoker.ActionCheck, stoker.StatusFailed, o.reason(located(cause, row.Name))
		setLost(r)
	})
	o.rowEvent(row, row.StatusReason)
	return true
}

// lostKey is where a record keeps that the resource failed by itself: it is healed,
// also by the next engine. What a check finds waits for the next update.
const lostKey = "lost"

func setLost(r *stoker.Resource) { r.Data = mergedMap(r.Data, map[string]any{lostKey: true}) }

func isLost(r *stoker.Resource) bool {
	return r.Status == stoker.StatusFailed && r.Data[lostKey] == true
}

// heal converges the stack again as it is wanted, at once or, when that was done
// lately, after a pause: what failed is replaced.
func (o *owner) heal() error {
	if !o.healable() {
		return nil
	}
	if wait := o.e.watches.next(string(o.id)); wait > 0 {
		o.healAfter(wait)
		return nil
	}
	return o.healNow()
}

func (o *owner) healNow() error {
	if o.st.Status == stoker.StatusInProgress {
		// The run under way began before the failure; begin again.
		o.saveStack(func(st *stoker.Stack) {
			st.Generation++
			if !growing(st) && st.Phase != stoker.PhaseObserve {
				st.Phase = stoker.PhaseGrow
			}
		})
		return nil
	}
	next := *o.st
	next.Previous = nil
	return o.operate(&next, stoker.ActionUpdate, false)
}

// healLater tries again to heal a stack whose healing has failed.
func (o *owner) healLater() {
	if updating(o.st.Action) && o.e.watches.tried(string(o.id)) {
		o.healAfter(o.e.watches.next(string(o.id)))
	}
}

func (o *owner) healAfter(wait time.Duration) {
	id, e := o.id, o.e
	e.tasks.Go(func() {
		if pause(e.base, wait) != nil {
			return
		}
		err := e.insist(e.base, id, func(o *owner) error {
			if o.st == nil || !o.healable() || o.healthy() {
				return nil
			}
			if o.passingNow() {
				o.healAfter(firstHeal)
				return nil
			}
			return o.healNow()
		})
		if err != nil && e.base.Err() == nil {
			e.log.Warn("heal", "stack", id, "err", err)
		}
	})
}

// healable tells whether the stack was once as wanted: what never came up, goes
// away or was rolled back to nothing is not healed.
func (o *owner) healable() bool {
	st := o.st
	failedCreate := st.Action == stoker.ActionCreate && st.Status == stoker.StatusFailed
	return st.Deleted.IsZero() && st.Action != stoker.ActionDelete && st.Action != stoker.ActionSuspend && st.Spec.Template != "" && !failedCreate
}

// passingNow tells whether a pass is under way: healing comes after it.
func (o *owner) passingNow() bool {
	return o.st.Status == stoker.StatusInProgress && passing(o.st.Action)
}

// healthy tells whether there is nothing to heal. While a run is under way that
// is only what failed by itself: what the run has not managed is its own matter.
func (o *owner) healthy() bool {
	running := o.st.Status == stoker.StatusInProgress
	for _, r := range o.rows.byID {
		if r.Status == stoker.StatusFailed && (!running || r.Action == stoker.ActionCheck) {
			return false
		}
	}
	return true
}

// attempts counts how often a stack was healed lately.
type attempts struct {
	n    int
	last time.Time
}

// next counts one more attempt and gives the pause before it: none for the
// first. What holds for a while starts from one again.
func (t *watchTable) next(id string) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	a := t.healing[id]
	if time.Since(a.last) > 2*lastHeal {
		a.n = 0
	}
	wait := backOff(a.n)
	t.healing[id] = attempts{n: a.n + 1, last: time.Now().Add(wait)}
	return wait
}

func (t *watchTable) tried(id string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.healing[id].n > 0
}

func backOff(n int) time.Duration {
	if n <= 0 {
		return 0
	}
	return min(firstHeal<<min(n-1, 10), lastHeal)
}

// forget drops the count of a stack that is gone.
func (t *watchTable) forget(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.healing, id)
}

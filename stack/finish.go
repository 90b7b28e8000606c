package stack

import (
	"context"
	"fmt"

	"github.com/stoker-project/stoker"
)

// growing tells whether a stack's run is in its first phase.
func growing(st *stoker.Stack) bool {
	return st.Phase == stoker.PhaseGrow || st.Phase == stoker.PhaseHold
}

// grown ends the first phase: everything wanted is there.
func (o *owner) grown() {
	hold := o.st.Phase == stoker.PhaseHold && (len(o.held) > 0 || len(o.rows.leaving(o.run.keep)) > 0)
	if hold {
		o.saveStack(func(st *stoker.Stack) { st.Phase = stoker.PhaseHeld })
		o.afterStore(func() { o.tell(outcome{held: true}, false) })
		return
	}
	o.saveStack(func(st *stoker.Stack) { st.Phase = stoker.PhaseLeave })
}

// letLeave is the last phase: nested stacks let their members go, and what is
// not wanted any more is deleted, dependents first.
func (o *owner) letLeave() {
	r := o.run
	if !r.letGo {
		r.letGo = true
		for child := range o.held {
			o.release(r, child)
		}
		clear(o.held)
	}
	leaving := o.rows.leaving(r.keep)
	if r.failed == nil {
		for _, row := range deletable(leaving, o.busy) {
			if o.acting >= o.e.limits.Workers {
				break
			}
			o.remove(row)
		}
	}
	switch {
	case len(o.inflight) > 0 || r.waiting > 0:
	case r.failed != nil:
		o.fail(r.failed)
	case o.rows.len() == len(r.keep):
		if o.st.Action != stoker.ActionDelete || o.dropAll() {
			o.complete()
		}
	}
}

func (o *owner) busy(row *stoker.Resource) bool { return o.inflight[row.ID] != nil }

// remove deletes one resource, or lets it be where its policy says so.
func (o *owner) remove(row *stoker.Resource) {
	if row.Action == stoker.ActionDelete && row.Status == stoker.StatusComplete {
		if row.Hook == "" || !o.hooked(row.Name, row.Hook) {
			o.forgetRow(row)
		}
		return
	}
	if o.waitsAt(row, preDelete, stoker.ActionDelete) {
		return
	}
	o.unwatch(row.ID)
	impl := o.e.types[row.Type]
	keep := keepsLeaving(row, impl)
	row = o.saveRow(row, func(r *stoker.Resource) {
		r.Action, r.Status, r.StatusReason, r.Hook = stoker.ActionDelete, stoker.StatusInProgress, "", ""
		if keep {
			r.Data = mergedMap(r.Data, map[string]any{leavingKept: true})
		}
	})
	o.rowEvent(row, stateChanged)
	switch {
	case row.DeletionPolicy == "Retain":
		o.deleted(row, nil, stateChanged)
	case row.Child != "":
		o.removeChild(row)
	case impl == nil:
		o.deleted(row, unknownType(row.Type, row.Name), "")
	case keep:
		o.removeWith(impl, row, o.keepRequest(row), doDeleteKeeping)
	default:
		o.removeWith(impl, row, o.request(row, nil), doDelete)
	}
}

func (o *owner) removeWith(impl stoker.ResourceType, row *stoker.Resource, req *stoker.Request, d deed) {
	ctx, cancel := withCause(o.base)
	o.track(row.ID, &work{acting: true, cancel: cancel})
	o.launch = append(o.launch, func() {
		o.e.tasks.Go(func() { o.act(ctx, ctx, row.ID, impl, req, d) })
	})
}

// deleted records the end of a deletion.
func (o *owner) deleted(row *stoker.Resource, err error, reason string) {
	if err != nil && o.base.Err() != nil {
		return
	}
	if err != nil {
		err = located(err, row.Name)
		row = o.saveRow(row, func(r *stoker.Resource) {
			r.Status, r.StatusReason = stoker.StatusFailed, o.reason(err)
		})
		o.rowEvent(row, row.StatusReason)
		if o.run != nil && o.run.failed == nil {
			o.run.failed = resourceFailed(row.Action, err)
		}
		return
	}
	gone := *row
	gone.Status = stoker.StatusComplete
	o.rowEvent(&gone, reason)
	if o.hooked(row.Name, postDelete) {
		row = o.saveRow(row, func(r *stoker.Resource) { r.Status, r.StatusReason = stoker.StatusComplete, "" })
		o.waitsAt(row, postDelete, stoker.ActionDelete)
		return
	}
	o.forgetRow(row)
}

// complete ends the run well, or begins the next batch of a rolling update.
func (o *owner) complete() {
	if o.nextBatch() {
		return
	}
	o.run.breakOff(nil)
	o.run = nil
	now := o.now()
	o.saveStack(func(st *stoker.Stack) {
		st.Status, st.Phase = stoker.StatusComplete, stoker.PhaseDone
		if st.Spec.Template != "" { // of a creation that was rolled back, what was asked for stays
			st.Previous = nil
		}
		st.StatusReason = fmt.Sprintf("Stack %s completed successfully", st.Action)
		if st.Action == stoker.ActionDelete {
			st.Deleted = now
		}
	})
	o.stackEvent()
	o.afterStore(func() { o.tell(outcome{}, true) })
	if o.st.Action == stoker.ActionDelete {
		o.e.watches.forget(string(o.id))
	}
}

// fail ends the run, and begins a rollback where one is asked for.
func (o *owner) fail(err error) {
	o.run.breakOff(nil)
	o.run = nil
	o.endTaking(stoker.StatusFailed, o.reason(err))
	o.saveStack(func(st *stoker.Stack) { endBadly(st, o.reason(err)) })
	o.stackEvent()
	if o.rollback() {
		return
	}
	o.letHeldGo()
	o.afterStore(func() { o.tell(outcome{err: o.endedBadly()}, true) })
	o.healLater()
}

// letHeldGo lets nested stacks go on that wait for an operation which has ended.
func (o *owner) letHeldGo() {
	for child := range o.held {
		o.releaseLater(child)
	}
	clear(o.held)
}

// rollback begins one: a failed creation goes back to nothing, a failed update to
// what was before. What was wanted stays readable in Previous.
func (o *owner) rollback() bool {
	st := o.st
	back := st.Action == stoker.ActionCreate || updating(st.Action) && st.Previous != nil
	if st.DisableRollback || st.Parent != "" || !back {
		return false
	}
	o.saveStack(func(st *stoker.Stack) {
		failed := st.Spec
		if st.Action == stoker.ActionCreate {
			st.Spec, st.Previous = stoker.StackSpec{}, &failed
		} else {
			st.Spec, st.Previous = *st.Previous, nil
		}
		st.Action, st.Status, st.Phase = stoker.ActionRollback, stoker.StatusInProgress, stoker.PhaseGrow
		st.StatusReason = "Stack ROLLBACK started"
		st.Generation++
		st.Updated = o.now()
	})
	o.stackEvent()
	return true
}

// afterStore runs f once everything pending is durable.
func (o *owner) afterStore(f func()) { o.launch = append(o.launch, f) }

// outcome is how an operation ended for somebody who waits.
type outcome struct {
	held bool
	gone bool // the owner gave the stack up, which ends no operation
	err  error
}

// waiter waits for the stack to be as wanted (or, with full, for the end of its
// operation). A newer operation does not end the wait.
type waiter struct {
	full bool
	done chan outcome // buffered
}

// get blocks until it is answered; when ctx ends before, that is the answer.
func (w *waiter) get(ctx context.Context) outcome {
	select {
	case out := <-w.done:
		return out
	case <-ctx.Done():
		return outcome{err: context.Cause(ctx)}
	}
}

func (o *owner) tell(out outcome, end bool) {
	rest := o.waiters[:0]
	for _, w := range o.waiters {
		if w.full && !end {
			rest = append(rest, w)
			continue
		}
		w.done <- out
	}
	clear(o.waiters[len(rest):])
	o.waiters = rest
}

// wait registers somebody; it is answered at once when nothing is under way.
func (o *owner) wait(full bool) *waiter {
	w := &waiter{full: full, done: make(chan outcome, 1)}
	switch {
	case o.st == nil || o.st.Status != stoker.StatusInProgress:
		w.done <- outcome{err: o.endedBadly()}
	case !full && o.st.Phase == stoker.PhaseHeld:
		w.done <- outcome{held: true}
	default:
		o.waiters = append(o.waiters, w)
	}
	return w
}

func (o *owner) endedBadly() error {
	if o.st == nil || o.st.Status != stoker.StatusFailed {
		return nil
	}
	return failureOf(o.st.StatusReason)
}

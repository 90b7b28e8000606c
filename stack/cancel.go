package stack

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stoker-project/stoker"
)

// errCancelled is the cause of work being broken off by a user.
var errCancelled = errors.New("user triggered cancel")

// CancelUpdate gives an update up and goes back to what was before it, whatever
// the stack's own wish about rollbacks is. An update that has nothing to go back to
// only stops. Invalid unless an update is under way.
func (e *Engine) CancelUpdate(ctx context.Context, id stoker.StackID) error {
	return e.do(ctx, id, func(o *owner) error {
		if err := o.cancellable(stoker.ActionUpdate); err != nil {
			return err
		}
		if o.st.Previous == nil {
			return o.halt()
		}
		next := *o.st
		next.Spec, next.Previous = *o.st.Previous, nil
		return o.operate(&next, stoker.ActionRollback, false)
	})
}

// CancelWithoutRollback stops a creation or an update where it is: calls to
// drivers end, waiting is broken off, and the stack is FAILED. Invalid unless
// one of them is under way.
func (e *Engine) CancelWithoutRollback(ctx context.Context, id stoker.StackID) error {
	return e.do(ctx, id, func(o *owner) error {
		if err := o.cancellable(stoker.ActionUpdate, stoker.ActionCreate); err != nil {
			return err
		}
		return o.halt()
	})
}

func (o *owner) cancellable(actions ...stoker.Action) error {
	st := o.st
	if st == nil || !st.Deleted.IsZero() {
		return notStack(string(o.id))
	}
	if !under(st, actions...) {
		return notSupported("Cancelling update when stack is %s", st.State())
	}
	if st.Parent != "" {
		return notSupported("Cancelling the update of a nested stack without its parent")
	}
	return nil
}

// halt ends the operation at once, as a failure; what is in flight is recorded as
// it ends.
func (o *owner) halt() error {
	next := *o.st
	next.Generation++
	endBadly(&next, fmt.Sprintf("User cancelled stack %s", next.Action))
	if err := o.accept(&next, o.newStackEvent(&next)); err != nil {
		return err
	}
	for _, row := range o.rows.byID {
		if row.Child != "" && o.busy(row) {
			o.haltChild(row.Child)
		}
	}
	o.letHeldGo()
	o.tell(outcome{err: o.endedBadly()}, true)
	return nil
}

// endBadly makes a stack's operation one that has failed.
func endBadly(st *stoker.Stack, reason string) {
	st.Status, st.StatusReason, st.Phase = stoker.StatusFailed, reason, stoker.PhaseDone
	if st.Group != nil {
		g := *st.Group
		g.Batches, g.NextBatch, g.PauseUntil = nil, 0, time.Time{}
		st.Group = &g
	}
}

// haltChild stops a nested stack too; nobody waits for it.
func (o *owner) haltChild(child stoker.StackID) {
	e := o.e
	o.launch = append(o.launch, func() {
		e.tasks.Go(func() {
			err := e.insist(e.base, child, func(c *owner) error {
				if c.st == nil || !under(c.st, stoker.ActionUpdate, stoker.ActionCreate) {
					return nil
				}
				return c.halt()
			})
			if err != nil && e.base.Err() == nil {
				e.log.Warn("cancel", "stack", child, "err", err)
			}
		})
	})
}

// under tells whether one of these operations is under way.
func under(st *stoker.Stack, actions ...stoker.Action) bool {
	for _, a := range actions {
		if st.Action == a && st.Status == stoker.StatusInProgress {
			return true
		}
	}
	return false
}

// aborted records that the work on a resource was broken off by a user.
func (o *owner) aborted(row *stoker.Resource) {
	row = o.saveRow(row, func(r *stoker.Resource) {
		r.Status, r.StatusReason = stoker.StatusFailed, fmt.Sprintf("%s aborted (%s)", r.Action, errCancelled)
	})
	o.rowEvent(row, row.StatusReason)
}

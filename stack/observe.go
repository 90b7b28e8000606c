package stack

import (
	"context"
	"errors"

	"github.com/stoker-project/stoker"
)

// observe looks at what is there before an update compares it with what is
// wanted. What is not as it should be becomes CHECK_FAILED, which the update then
// replaces; nothing is said of what is well.
func (o *owner) observe() {
	r := o.run
	for len(r.ready) > 0 && o.acting < o.e.limits.Workers {
		n := r.ready[0]
		r.ready = r.ready[1:]
		row := o.rows.current(n.name)
		if !made(row) || !stable(row) || !o.e.able(stoker.ActionCheck, row) {
			o.settle(n, row)
			continue
		}
		o.lookAt(n, row)
	}
	if r.left > 0 {
		return
	}
	r.breakOff(nil)
	o.run = nil
	o.saveStack(func(st *stoker.Stack) { st.Phase = stoker.PhaseGrow })
}

func (o *owner) lookAt(n *nodeRun, row *stoker.Resource) {
	o.ask(n, row, doCheck, func(ctx context.Context) error {
		return o.e.passStack(ctx, row.Child, stoker.ActionCheck)
	})
}

// observed records what the look at a resource has found.
func (o *owner) observed(w *work, row *stoker.Resource, err error) {
	if errors.Is(err, errSuperseded) || errors.Is(err, errCancelled) || errors.Is(err, errTimedOut) || o.base.Err() != nil {
		return
	}
	if err != nil {
		row = o.saveRow(row, func(r *stoker.Resource) {
			r.Action, r.Status, r.StatusReason = stoker.ActionCheck, stoker.StatusFailed, o.reason(located(err, r.Name))
		})
		o.rowEvent(row, row.StatusReason)
	} else {
		o.watch(row) // the old watch may have ended meanwhile, in vain
	}
	if w.run == o.run && !o.run.stopping {
		o.settle(w.node, row)
	}
}

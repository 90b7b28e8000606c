package stack

import (
	"context"

	"github.com/stoker-project/stoker"
)

// Abandon forgets a stack, with those nested in it, and leaves everything as it runs. It
// blocks until that is done, and gives what Adopt takes; asked again it gives the same.
// What was left keeps its records until it is adopted. Conflict while an operation
// is under way in any of the stacks.
func (e *Engine) Abandon(ctx context.Context, id stoker.StackID) (map[string]any, error) {
	st, err := e.record(ctx, id, true)
	if err == nil && !abandoning(st) {
		err = e.quiet(ctx, id)
	}
	if err != nil {
		return nil, err
	}
	if !abandoning(st) {
		if err := e.dropBeforeAbandon(ctx, st); err != nil {
			return nil, err
		}
	}
	err = e.do(ctx, id, func(o *owner) error {
		if err := o.abandonable(); err != nil {
			return err
		}
		return o.beginAbandon()
	})
	if err != nil {
		return nil, err
	}
	if st, err = e.Await(ctx, id); err != nil {
		return nil, err
	}
	if !st.Abandoned() {
		return nil, &stoker.Error{Kind: stoker.Conflict, Type: "ResourceInError", Message: "the stack is not abandoned: " + st.StatusReason}
	}
	return e.exportTree(ctx, id)
}

// Export gives what Abandon would, and changes nothing. Conflict as there.
func (e *Engine) Export(ctx context.Context, id stoker.StackID) (map[string]any, error) {
	if err := e.quiet(ctx, id); err != nil {
		return nil, err
	}
	return e.exportTree(ctx, id)
}

// quiet refuses a stack while something is under way in it, or in one that is nested
// in it.
func (e *Engine) quiet(ctx context.Context, id stoker.StackID) error {
	st, err := e.record(ctx, id, true)
	if err != nil {
		return err
	}
	if st.Status == stoker.StatusInProgress {
		return underWay(st)
	}
	children, err := e.store.Stacks(ctx, stoker.StackFilter{AllProjects: true, Parent: id, Brief: true})
	for _, c := range children {
		if err == nil {
			err = e.quiet(ctx, c.ID)
		}
	}
	return err
}

// abandoning tells whether an abandonment is under way.
func abandoning(st *stoker.Stack) bool {
	return st.Status == stoker.StatusInProgress && st.Phase == stoker.PhaseAbandon
}

func (o *owner) abandonable() error {
	st := o.st
	switch {
	case st == nil || !st.Deleted.IsZero() && !st.Abandoned():
		return notStack(string(o.id))
	case st.Parent != "":
		return notSupported("Abandoning a nested stack without its parent")
	case suspended(st) && st.State() != "RESUME_COMPLETE":
		return notSupported("Abandoning a stack that is %s", st.State())
	}
	return nil
}

// beginAbandon is harmless when it was done, or is under way.
func (o *owner) beginAbandon() error {
	st := o.st
	switch {
	case st == nil || !st.Deleted.IsZero():
		return nil
	case abandoning(st):
		return nil
	case st.Status == stoker.StatusInProgress:
		return underWay(st)
	}
	next := *st
	next.Phase, next.Previous = stoker.PhaseAbandon, nil
	return o.operate(&next, stoker.ActionDelete, false)
}

// forsake is all of an abandonment: nested stacks are abandoned, what acts by itself
// ends doing so, and nothing else is touched.
func (o *owner) forsake() {
	r := o.run
	if !r.letGo {
		r.letGo = true
		for _, row := range o.rows.all() {
			o.forsakeRow(r, row)
		}
	}
	switch {
	case r.waiting > 0:
	case r.failed != nil:
		o.fail(r.failed)
	default:
		o.forsaken()
	}
}

func (o *owner) forsakeRow(r *run, row *stoker.Resource) {
	o.unwatch(row.ID)
	if row.Child != "" {
		o.aside(r, func(ctx context.Context) error {
			return o.e.whenQuiet(ctx, row.Child, (*owner).beginAbandon)
		})
		return
	}
	if t, ok := o.e.types[row.Type].(stoker.Abandoner); ok {
		req := o.request(row, nil)
		o.aside(r, func(ctx context.Context) error { return t.Abandon(ctx, req) })
	}
}

// forsaken records the end. The records of the resources stay, but for what people
// were to do with them.
func (o *owner) forsaken() {
	for _, row := range o.rows.all() {
		if row.Hook != "" {
			row = o.saveRow(row, func(r *stoker.Resource) { r.Hook = "" })
		}
		gone := *row
		gone.Action, gone.Status = stoker.ActionDelete, stoker.StatusComplete
		o.rowEvent(&gone, stateChanged)
	}
	o.run.breakOff(nil)
	o.run = nil
	o.saveStack(func(st *stoker.Stack) {
		st.Status, st.Phase, st.Deleted = stoker.StatusComplete, stoker.PhaseAbandoned, o.now()
		st.StatusReason = "Stack DELETE completed successfully"
	})
	o.stackEvent()
	o.afterStore(func() { o.tell(outcome{}, true) })
	o.e.watches.forget(string(o.id))
}

// restoreAbandoned puts back what other stacks may use, or whoever adopts it: pools and
// their members, networks. Nothing is watched or healed, and nothing acts by itself.
func (e *Engine) restoreAbandoned(ctx context.Context, st *stoker.Stack, path []stoker.StackID, rs []*stoker.Resource) {
	for _, r := range rs {
		t := e.types[r.Type]
		resumer, lives := t.(stoker.Resumer)
		if _, acts := t.(stoker.Abandoner); acts || !lives || !made(r) {
			continue
		}
		if err := resumer.Resume(ctx, requestFor(st, path, r, nil)); err != nil && ctx.Err() == nil {
			e.log.Warn("resume what was abandoned", "stack", st.Name, "resource", r.Name, "err", err)
		}
	}
}

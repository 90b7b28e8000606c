package stack

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/stoker-project/stoker"
)

// Check has every resource of a stack, those of nested stacks too, looked at:
// those that are not as they should be become CHECK_FAILED, and the next update replaces
// them. It returns when that has begun. Conflict while another operation is under
// way.
func (e *Engine) Check(ctx context.Context, id stoker.StackID) error {
	return e.pass(ctx, id, stoker.ActionCheck)
}

// Suspend puts a stack to rest, dependents first; what is suspended already
// stays so. It returns when that has begun. Conflict while another operation is
// under way.
func (e *Engine) Suspend(ctx context.Context, id stoker.StackID) error {
	return e.pass(ctx, id, stoker.ActionSuspend)
}

// Resume wakes a suspended stack, in the order in which it was made. It returns
// when that has begun. Conflict while another operation is under way.
func (e *Engine) Resume(ctx context.Context, id stoker.StackID) error {
	return e.pass(ctx, id, stoker.ActionResume)
}

func (e *Engine) pass(ctx context.Context, id stoker.StackID, a stoker.Action) error {
	return e.do(ctx, id, func(o *owner) error {
		if err := o.passable(a); err != nil {
			return err
		}
		return o.beginPass(a)
	})
}

// passable says why a user may not begin a pass.
func (o *owner) passable(a stoker.Action) error {
	st := o.st
	switch {
	case st == nil || !st.Deleted.IsZero():
		return notStack(string(o.id))
	case st.Action == stoker.ActionDelete && st.Status != stoker.StatusInProgress:
		return notSupported("%s of a stack that is %s", a, st.State())
	case a == stoker.ActionCheck:
		if st.Action == stoker.ActionSuspend && st.Status != stoker.StatusInProgress {
			return notSupported("Checking a stack when it is suspended")
		}
	case st.Parent != "":
		return notSupported("%s of a nested stack without its parent", a)
	case a == stoker.ActionResume && st.Status != stoker.StatusInProgress && !suspended(st):
		return notSupported("Resuming a stack that is %s", st.State())
	}
	return nil
}

// suspended tells whether anything of a stack may be at rest.
func suspended(st *stoker.Stack) bool {
	return st.Action == stoker.ActionSuspend || st.Action == stoker.ActionResume
}

func notSupported(format string, args ...any) error {
	return &stoker.Error{Kind: stoker.Invalid, Type: "NotSupported", Message: fmt.Sprintf(format, args...) + " is not supported."}
}

// underWay is Heat's refusal of a second operation.
func underWay(st *stoker.Stack) error {
	return &stoker.Error{Kind: stoker.Conflict, Type: "ActionInProgress",
		Message: fmt.Sprintf("Stack %s already has an action (%s) in progress.", st.Name, st.Action)}
}

// beginPass is harmless when the pass is under way, or would change nothing.
func (o *owner) beginPass(a stoker.Action) error {
	st := o.st
	switch {
	case st == nil || !st.Deleted.IsZero():
		return notStack(string(o.id))
	case st.Action == a && st.Status == stoker.StatusInProgress:
		return nil
	case st.Status == stoker.StatusInProgress:
		return underWay(st)
	case a != stoker.ActionCheck && st.Action == a && st.Status == stoker.StatusComplete:
		return nil
	case a == stoker.ActionResume && !suspended(st):
		return nil // a part of its parent was never suspended
	}
	next := *st
	if st.Spec.Template != "" {
		next.Previous = previousOf(st)
	}
	return o.operate(&next, a, false)
}

// passStack has a nested stack do the same as its parent, after what it is doing
// now, and waits for it.
func (e *Engine) passStack(ctx context.Context, id stoker.StackID, a stoker.Action) error {
	return e.whenQuiet(ctx, id, func(c *owner) error { return c.beginPass(a) })
}

// whenQuiet asks a nested stack's owner to begin something, after what it is doing now,
// and waits for the end.
func (e *Engine) whenQuiet(ctx context.Context, id stoker.StackID, begin func(*owner) error) error {
	for {
		out := e.follow(ctx, id, true, begin)
		if busy, ok := stoker.AsError(out.err); !ok || busy.Type != "ActionInProgress" {
			return out.err
		}
		e.follow(ctx, id, true, func(*owner) error { return nil })
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

// startPass begins a run over what is there.
func (o *owner) startPass() {
	g := &graph{}
	if o.st.Action == stoker.ActionSnapshot {
		o.newRun(o.keepingGraph())
		return
	}
	if o.st.Phase == stoker.PhaseAbandon {
		o.newRun(g) // resources have no part in it
		return
	}
	var rs []*stoker.Resource
	seen := map[stoker.ResourceName]bool{}
	for _, r := range o.rows.all() {
		if !seen[r.Name] {
			seen[r.Name] = true
			rs = append(rs, o.rows.current(r.Name))
		}
	}
	after := passOrder(o.st.Action, rs)
	for _, r := range rs {
		k := &kind{name: r.Type, impl: o.e.types[r.Type]}
		g.nodes = append(g.nodes, &node{name: r.Name, kind: k, deps: after[r.Name]})
	}
	o.newRun(g)
}

// goOver starts what is ready of a pass, and ends it.
func (o *owner) goOver() {
	r := o.run
	if o.st.Action == stoker.ActionSnapshot {
		o.startReady(o.keepNode)
	} else {
		o.startReady(o.treatNode)
	}
	switch {
	case r.failed != nil && !o.building():
		o.fail(r.failed)
	case r.left == 0 && len(r.failures) > 0:
		o.fail(checkFailed(r.failures))
	case r.left == 0:
		o.passed()
	}
}

func (o *owner) treatNode(n *nodeRun) {
	a, row := o.st.Action, o.rows.current(n.name)
	t, err := treat(a, subject{row, o.e.able(a, row)})
	switch {
	case err != nil:
		o.missed(n, row, located(err, n.name))
	case t == leaveAlone:
		o.settle(n, row)
	case t == noteOnly:
		o.noted(n, row)
	default:
		o.askNode(n, row)
	}
}

// noted records a pass over a resource for which nothing is to be done.
func (o *owner) noted(n *nodeRun, row *stoker.Resource) {
	a, reason := o.st.Action, ""
	if a == stoker.ActionCheck {
		reason = fmt.Sprintf("CHECK not supported for %s", row.Type)
		o.run.unchecked = true
	}
	if a == stoker.ActionAdopt {
		o.rowEvent(row, stateChanged) // it is in progress since its stack was taken back
		o.watch(row)
	}
	row = o.saveRow(row, func(r *stoker.Resource) {
		r.Action, r.Status, r.StatusReason = a, stoker.StatusComplete, reason
	})
	if reason == "" {
		reason = stateChanged
	}
	o.rowEvent(row, reason)
	o.settle(n, row)
}

func (o *owner) askNode(n *nodeRun, row *stoker.Resource) {
	a := o.st.Action
	if a == stoker.ActionSuspend {
		o.unwatch(row.ID)
	}
	row = o.saveRow(row, func(r *stoker.Resource) {
		r.Action, r.Status, r.StatusReason = a, stoker.StatusInProgress, ""
	})
	o.rowEvent(row, stateChanged)
	o.ask(n, row, deedOf(a), func(ctx context.Context) error {
		if a == stoker.ActionAdopt {
			return o.e.follow(ctx, row.Child, true, func(c *owner) error { return c.beginAdopt(row.Name) }).err
		}
		return o.e.passStack(ctx, row.Child, a)
	})
}

// ask has a worker do a deed, or pass a nested stack, when the record is durable.
func (o *owner) ask(n *nodeRun, row *stoker.Resource, d deed, nested func(context.Context) error) {
	ctx, cancel := withCause(o.base)
	awaits, id, child := o.run.awaits, row.ID, row.Child
	o.track(id, &work{node: n, run: o.run, cancel: cancel, pass: true, acting: child == ""})
	req, impl := o.request(row, nil), n.kind.impl
	o.launch = append(o.launch, func() {
		o.e.tasks.Go(func() {
			if child == "" {
				o.act(ctx, awaits, id, impl, req, d)
				return
			}
			err := nested(awaits)
			if err != nil && awaits.Err() != nil {
				err = context.Cause(awaits)
			}
			o.send(result{id: id, err: err})
		})
	})
}

// deedOf is what a worker does in a pass.
func deedOf(a stoker.Action) deed {
	switch a {
	case stoker.ActionSuspend:
		return doSleep
	case stoker.ActionResume:
		return doWake
	case stoker.ActionAdopt:
		return doPutBack
	}
	return doCheck
}

// treated records the end of a pass over one resource.
func (o *owner) treated(w *work, row *stoker.Resource, r result) {
	if row.Status != stoker.StatusInProgress {
		o.observed(w, row, r.err)
		return
	}
	switch {
	case r.err == nil:
		row = o.saveRow(row, func(x *stoker.Resource) {
			keepResult(x, r.res)
			x.Status, x.StatusReason = stoker.StatusComplete, ""
		})
		o.rowEvent(row, stateChanged)
	case errors.Is(r.err, errSuperseded), o.base.Err() != nil:
		return
	default:
		row = o.saveRow(row, func(x *stoker.Resource) {
			x.Status, x.StatusReason = stoker.StatusFailed, o.reason(located(r.err, x.Name))
		})
		o.rowEvent(row, row.StatusReason)
	}
	if row.Action != stoker.ActionSuspend {
		o.watch(row) // the old watch may have ended meanwhile, in vain
	}
	switch {
	case w.run != o.run || o.run.stopping:
	case r.err == nil:
		o.settle(w.node, row)
	default:
		o.missed(w.node, row, located(r.err, row.Name))
	}
}

// missed notes a failure: a check goes on with the others, what changes anything
// stops.
func (o *owner) missed(n *nodeRun, row *stoker.Resource, err error) {
	r := o.run
	if o.st.Action == stoker.ActionCheck {
		r.failures = append(r.failures, err)
		o.settle(n, row)
		return
	}
	if r.failed == nil {
		r.failed = resourceFailed(o.st.Action, err)
		r.breakOff(errAborted)
	}
}

// checkFailed makes one failure of all that a check has found.
func checkFailed(failures []error) error {
	if len(failures) == 1 {
		return resourceFailed(stoker.ActionCheck, failures[0])
	}
	reasons := make([]string, len(failures))
	for i, err := range failures {
		reasons[i] = reasonOf(err)
	}
	return &stoker.Error{Kind: stoker.KindOf(failures[0]), Type: failureType,
		Message: "Resource CHECK failed: " + strings.Join(reasons, "; ")}
}

// passed ends a pass well.
func (o *owner) passed() {
	reason := fmt.Sprintf("Stack %s completed successfully", o.st.Action)
	if o.run.unchecked {
		reason += ". 'CHECK' not fully supported (see resources)"
	}
	o.run.breakOff(nil)
	o.run = nil
	o.takeSnapshot()
	o.saveStack(func(st *stoker.Stack) {
		st.Status, st.Phase, st.StatusReason = stoker.StatusComplete, stoker.PhaseDone, reason
	})
	o.stackEvent()
	o.afterStore(func() { o.tell(outcome{}, true) })
}

package stack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	"github.com/stoker-project/stoker"
)

// wish is what a parent wants of a nested stack.
type wish struct {
	id       stoker.StackID
	name     string
	parent   *stoker.Stack
	resource stoker.ResourceName
	spec     stoker.StackSpec
	group    *stoker.GroupSpec // the template is made from it; spec.Template is empty
}

// launchNested has the nested stack converge; the resource is done when the
// nested stack has grown, and lets go of its members when we say so.
func (o *owner) launchNested(awaits context.Context, row *stoker.Resource, w *work, req *stoker.Request) {
	wish, err := o.wishFor(row, w.want, req)
	o.launch = append(o.launch, func() {
		o.e.tasks.Go(func() {
			var held bool
			if err == nil {
				held, err = o.e.converge(awaits, wish)
			}
			if err != nil && awaits.Err() != nil {
				err = context.Cause(awaits)
			}
			o.send(result{id: row.ID, err: err, held: held})
		})
	})
}

func (o *owner) wishFor(row *stoker.Resource, w *wanted, req *stoker.Request) (*wish, error) {
	out := &wish{
		id: row.Child, parent: o.st, resource: row.Name,
		name: physicalName(o.st.Name, row.Name, string(row.Child)),
		spec: stoker.StackSpec{
			Files:       o.st.Spec.Files,
			Environment: o.run.graph.childEnvironment(row.Name),
			Admin:       o.st.Spec.Admin,
		},
	}
	if g, ok := w.kind.impl.(stoker.Grouper); ok {
		spec, err := g.Group(req)
		out.group = &spec
		return out, err
	}
	out.spec.Template, out.spec.File = w.kind.template, w.kind.file
	out.spec.Parameters = given(w.props)
	return out, nil
}

// given leaves out what was not set, so that the nested template's defaults hold.
func given(props map[string]any) map[string]any {
	out := make(map[string]any, len(props))
	for k, v := range props {
		if v != nil {
			out[k] = v
		}
	}
	return out
}

// converge asks a nested stack's owner for what is wanted and blocks until it
// is there. held: members wait to be let go.
func (e *Engine) converge(ctx context.Context, w *wish) (held bool, err error) {
	out := e.follow(ctx, w.id, false, func(c *owner) error { return c.adopt(w) })
	return out.held, out.err
}

// follow asks a nested stack's owner for something and waits until it is done,
// full or grown. An owner that gives the stack up before (its lease was taken, its
// store could not be read) is asked again: what it had accepted is recorded.
func (e *Engine) follow(ctx context.Context, id stoker.StackID, full bool, ask func(*owner) error) outcome {
	for wait := firstRetry; ; wait = min(2*wait, lastRetry) {
		var w *waiter
		err := e.insist(ctx, id, func(c *owner) error {
			if err := ask(c); err != nil {
				return err
			}
			w = c.wait(full)
			return nil
		})
		if err != nil {
			return outcome{err: err}
		}
		out := w.get(ctx)
		if !out.gone || errors.Is(out.err, errClosed) {
			return out
		}
		if pause(ctx, wait) != nil {
			return outcome{err: context.Cause(ctx)}
		}
	}
}

// adopt makes the parent's wish the nested stack's own, if it is not already.
func (o *owner) adopt(w *wish) error {
	if o.st == nil {
		return o.begetChild(w)
	}
	if o.st.Action == stoker.ActionDelete {
		return stoker.Errorf(stoker.Conflict, "nested stack %s is being deleted", o.st.Name)
	}
	next := *o.st
	changed := o.st.Status == stoker.StatusFailed || o.st.Action == stoker.ActionSuspend || !o.healthy()
	if w.group != nil {
		regrouped, err := o.regroup(&next, *w.group)
		if err != nil {
			return err
		}
		changed = changed || regrouped
		w.spec.Template = next.Spec.Template
	}
	if !changed && sameSpec(o.st.Spec, w.spec) {
		return o.touchCooldown()
	}
	file := w.spec.File
	next.Spec = w.spec
	next.Spec.File = file
	return o.operate(&next, stoker.ActionUpdate, true)
}

func (o *owner) begetChild(w *wish) error {
	st := &stoker.Stack{
		ID: w.id, Name: w.name, Project: w.parent.Project, Owner: w.parent.Owner,
		Parent: w.parent.ID, ParentResource: w.resource, Root: w.parent.Root, Depth: w.parent.Depth + 1,
		Spec: w.spec, DisableRollback: true, Timeout: w.parent.Timeout, Created: o.now(),
	}
	if st.Depth > o.e.limits.Depth {
		return &stoker.Error{Kind: stoker.Invalid, Type: "RequestLimitExceeded", Message: fmt.Sprintf("Recursion depth exceeds %d.", o.e.limits.Depth)}
	}
	if w.group != nil {
		if _, err := o.regroup(st, *w.group); err != nil {
			return err
		}
	}
	return o.operate(st, stoker.ActionCreate, true)
}

// operate begins an operation: it is accepted when this returns nil. hold makes
// a nested stack wait for its parent before it lets go of anything; of the
// batches of a rolling update only the last one holds.
func (o *owner) operate(st *stoker.Stack, action stoker.Action, hold bool) error {
	if o.st != nil && o.st.Status == stoker.StatusInProgress && (o.st.Phase == stoker.PhaseHold || o.st.Phase == stoker.PhaseHeld) {
		hold = true // the parent still waits for it
	}
	if action != stoker.ActionSnapshot {
		o.endTaking(stoker.StatusFailed, fmt.Sprintf("ended by a %s of the stack", action))
	}
	st.Action, st.Status = action, stoker.StatusInProgress
	st.StatusReason = fmt.Sprintf("Stack %s started", action)
	st.Generation++
	st.Phase = firstPhase(st.Phase, action)
	more := st.Group != nil && st.Group.NextBatch < len(st.Group.Batches)
	if hold && !more && action != stoker.ActionDelete && !passing(action) {
		st.Phase = stoker.PhaseHold
	}
	if action != stoker.ActionCreate && !(action == stoker.ActionAdopt && st.Parent == "") {
		st.Updated = o.now()
	}
	return o.accept(st, o.newStackEvent(st))
}

// firstPhase is where an operation begins; an update may ask to observe first, a deletion
// to leave what there is.
func firstPhase(asked stoker.Phase, action stoker.Action) stoker.Phase {
	switch {
	case passing(action):
		return stoker.PhasePass
	case asked == stoker.PhaseObserve && action == stoker.ActionUpdate, asked == stoker.PhaseAbandon && action == stoker.ActionDelete:
		return asked
	}
	return stoker.PhaseGrow
}

func sameSpec(a, b stoker.StackSpec) bool {
	return a.Template == b.Template && maps.Equal(a.Files, b.Files) &&
		sameMap(a.Parameters, b.Parameters) && sameMap(a.Environment, b.Environment) && sameMap(a.Restored, b.Restored)
}

// release tells a nested stack to let its members go and reports to the run
// when it has.
func (o *owner) release(r *run, child stoker.StackID) {
	o.aside(r, func(ctx context.Context) error { return o.e.letGo(ctx, child) })
}

// aside does something beside the run, which waits for it.
func (o *owner) aside(r *run, do func(context.Context) error) {
	r.waiting++
	o.launch = append(o.launch, func() {
		o.e.tasks.Go(func() {
			err := do(o.base)
			o.send(result{err: err, do: func(o *owner) {
				r.waiting--
				if err != nil && r.failed == nil && o.base.Err() == nil {
					r.failed = err
				}
			}})
		})
	})
}

// releaseLater does the same when nobody waits for it.
func (o *owner) releaseLater(child stoker.StackID) {
	base := o.e.base
	o.launch = append(o.launch, func() {
		o.e.tasks.Go(func() {
			if err := o.e.letGo(base, child); err != nil && base.Err() == nil {
				o.e.log.Warn("let members go", "stack", child, "err", err)
			}
		})
	})
}

func (e *Engine) letGo(ctx context.Context, child stoker.StackID) error {
	return e.follow(ctx, child, true, func(c *owner) error {
		if c.st == nil || c.st.Status != stoker.StatusInProgress {
			return nil
		}
		switch c.st.Phase {
		case stoker.PhaseHeld:
			c.saveStack(func(st *stoker.Stack) { st.Phase = stoker.PhaseLeave })
		case stoker.PhaseHold:
			c.saveStack(func(st *stoker.Stack) { st.Phase = stoker.PhaseGrow })
		}
		return nil
	}).err
}

// removeChild deletes a nested stack and everything in it.
func (o *owner) removeChild(row *stoker.Resource) {
	ctx, cancel := withCause(o.base)
	o.track(row.ID, &work{cancel: cancel})
	o.launch = append(o.launch, func() {
		o.e.tasks.Go(func() {
			o.send(result{id: row.ID, err: o.e.deleteAndWait(ctx, row.Child)})
		})
	})
}

func (e *Engine) deleteAndWait(ctx context.Context, id stoker.StackID) error {
	return e.follow(ctx, id, true, (*owner).beginDelete).err
}

// beginDelete is harmless when the stack does not exist or is being deleted.
func (o *owner) beginDelete() error {
	if o.st == nil || !o.st.Deleted.IsZero() && !o.st.Abandoned() {
		return nil
	}
	if o.st.Action == stoker.ActionDelete && o.st.Status == stoker.StatusInProgress {
		return nil
	}
	return o.operate(living(o.st), stoker.ActionDelete, false)
}

func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("encode a value of our own: %v", err))
	}
	return b
}

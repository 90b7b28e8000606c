package stack

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/stoker-project/stoker"
)

// restore puts back what lives in this process only, then goes on with the
// operations that were under way. Parents come before the stacks nested in them.
func (e *Engine) restore(ctx context.Context) error {
	stacks, err := e.store.Stacks(ctx, stoker.StackFilter{AllProjects: true, Nested: true, Deleted: true, Brief: true})
	if err != nil {
		return err
	}
	slices.SortStableFunc(stacks, func(a, b *stoker.Stack) int {
		return cmp.Or(cmp.Compare(a.Depth, b.Depth), a.Created.Compare(b.Created))
	})
	paths := make(map[stoker.StackID][]stoker.StackID, len(stacks))
	for _, st := range stacks {
		if !st.Deleted.IsZero() && !st.Abandoned() {
			continue
		}
		path := append([]stoker.StackID{st.ID}, paths[st.Parent]...)
		paths[st.ID] = path
		if err := e.restoreStack(ctx, path); err != nil {
			return err
		}
	}
	e.settle(ctx)
	return e.recoverAll(ctx)
}

// restoreStack puts back the first stack of a path; the others are its ancestors.
func (e *Engine) restoreStack(ctx context.Context, path []stoker.StackID) error {
	st, rs, err := e.store.Stack(ctx, path[0])
	if err != nil {
		return err
	}
	if st.Abandoned() {
		e.restoreAbandoned(ctx, st, path, rs)
		return nil
	}
	for _, r := range rs {
		if isLost(r) {
			e.tasks.Go(func() { e.resourceFailed(st.ID, r.ID, errors.New(r.StatusReason)) })
		}
		if !made(r) || e.asleep(r) {
			continue
		}
		e.restoreResource(ctx, requestFor(st, path, r, nil), r)
	}
	return nil
}

// restoreResource resumes and watches one resource. One that cannot be put back
// is a failed resource; the others go on.
func (e *Engine) restoreResource(ctx context.Context, req *stoker.Request, r *stoker.Resource) {
	t := e.types[r.Type]
	if resumer, ok := t.(stoker.Resumer); ok {
		if err := resumer.Resume(ctx, req); err != nil && ctx.Err() == nil {
			e.log.Error("resume", "stack", req.Stack.Name, "resource", r.Name, "err", err)
			e.tasks.Go(func() { e.resourceFailed(req.Stack.ID, r.ID, err) })
			return
		}
	}
	if w, ok := t.(stoker.Watcher); ok && r.Status == stoker.StatusComplete {
		e.watchResource(w, req)
	}
}

// recoverAll wakes the owners of operations that nobody works on.
func (e *Engine) recoverAll(ctx context.Context) error {
	stacks, err := e.store.Stacks(ctx, stoker.StackFilter{AllProjects: true, Nested: true, InProgress: true, Brief: true})
	if err != nil {
		return err
	}
	parents := map[stoker.StackID]bool{}
	for _, st := range stacks {
		parents[st.ID] = true
	}
	for _, st := range stacks {
		orphan := st.Phase == stoker.PhaseHeld && !parents[st.Parent]
		wake := command{done: make(chan error, 1), run: func(o *owner) error {
			if orphan && o.st != nil && o.st.Phase == stoker.PhaseHeld {
				o.saveStack(func(st *stoker.Stack) { st.Phase = stoker.PhaseLeave })
			}
			return nil
		}}
		if err := e.deliver(st.ID, wake); err != nil {
			return err
		}
	}
	return nil
}

// pathOf gives a stack and its ancestors, the root last.
func (e *Engine) pathOf(ctx context.Context, st *stoker.Stack) ([]stoker.StackID, error) {
	path := []stoker.StackID{st.ID}
	for st.Parent != "" {
		path = append(path, st.Parent)
		parent, err := e.record(ctx, st.Parent, true)
		if stoker.IsKind(err, stoker.NotFound) {
			break
		}
		if err != nil {
			return nil, err
		}
		st = parent
	}
	return path, nil
}

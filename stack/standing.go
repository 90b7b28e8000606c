package stack

import (
	"context"
	"fmt"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/hot"
)

// Put makes a stack, or updates the living one of the name, and gives its ID when that
// is accepted. Asking twice for the same changes nothing.
func (e *Engine) Put(ctx context.Context, in Input) (stoker.StackID, error) {
	st, err := e.Create(ctx, in)
	if err == nil {
		return st.ID, nil
	}
	if !stoker.IsKind(err, stoker.Exists) {
		return "", err
	}
	if st, err = e.Find(ctx, in.Project, in.Name); err != nil {
		return "", err
	}
	if sameSpec(st.Asked(), in.Spec) && st.Status != stoker.StatusFailed {
		return st.ID, nil
	}
	return st.ID, e.Update(ctx, st.ID, in)
}

// Complete blocks until nothing of a stack is under way, and gives an error that says
// why unless it is complete then.
func (e *Engine) Complete(ctx context.Context, id stoker.StackID) error {
	st, err := e.Await(ctx, id)
	if err == nil && (st.Status != stoker.StatusComplete || st.Action == stoker.ActionDelete || st.Action == stoker.ActionRollback) {
		err = &stoker.Error{Kind: stoker.Conflict, Type: "ResourceInError",
			Message: fmt.Sprintf("stack %s is %s: %s", st.Name, st.State(), st.StatusReason)}
	}
	return err
}

// Handed gives the files and the environment that a stack hands to a stack which a resource
// of it makes: those that one nested there would have.
func (e *Engine) Handed(ctx context.Context, id stoker.StackID, name stoker.ResourceName) (map[string]string, map[string]any, error) {
	st, err := e.record(ctx, id, false)
	if err != nil {
		return nil, nil, err
	}
	env, err := hot.DecodeEnvironment(st.Spec.Environment)
	if err != nil {
		return nil, nil, err
	}
	return st.Spec.Files, env.Child(string(name)).Encode(), nil
}

// Remove deletes the living stack of a name and blocks until it is gone; nil when there
// is none.
func (e *Engine) Remove(ctx context.Context, project stoker.ProjectID, name string) error {
	st, err := e.Find(ctx, project, name)
	if err == nil {
		err = e.deleteAndWait(ctx, st.ID)
	}
	if stoker.IsKind(err, stoker.NotFound) {
		return nil
	}
	return err
}

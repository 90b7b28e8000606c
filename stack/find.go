package stack

import (
	"context"
	"slices"

	"github.com/stoker-project/stoker"
)

// ResourcesOf lists the living resources of some types in a project, those of nested
// stacks too, the oldest stack first. It reads every stack of the project.
func (e *Engine) ResourcesOf(ctx context.Context, project stoker.ProjectID, types ...stoker.TypeName) ([]ResourceView, error) {
	all, err := e.store.Stacks(ctx, stoker.StackFilter{Project: project, Nested: true, Brief: true, Oldest: true})
	if err != nil {
		return nil, err
	}
	var out []ResourceView
	for _, st := range all {
		st, rs, err := e.store.Stack(ctx, st.ID)
		if stoker.IsKind(err, stoker.NotFound) {
			continue // purged meanwhile
		}
		if err != nil {
			return nil, err
		}
		for _, v := range views(st, rs) {
			if slices.Contains(types, v.Type) && v.Action != stoker.ActionDelete && v.PhysicalID != "" {
				out = append(out, v)
			}
		}
	}
	return out, nil
}

// ResourceByID gives a living resource by its ID; NotFound if the project has none.
func (e *Engine) ResourceByID(ctx context.Context, project stoker.ProjectID, id stoker.ResourceID) (*ResourceView, error) {
	r, err := e.store.Resource(ctx, id)
	if err != nil {
		return nil, err
	}
	st, err := e.record(ctx, r.Stack, true)
	if err != nil {
		return nil, err
	}
	if st.Project != project || r.Action == stoker.ActionDelete {
		return nil, stoker.Errorf(stoker.NotFound, "there is no resource %s", id)
	}
	return &ResourceView{Resource: r, Stack: st}, nil
}

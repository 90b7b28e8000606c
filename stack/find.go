package stack

import (
	"context"
	"maps"
	"slices"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/softwareconfig"
)

// Deployments gives what a server is to apply, in the order of the names.
func (e *Engine) Deployments(ctx context.Context, project stoker.ProjectID, server string) ([]softwareconfig.Shown, error) {
	all, err := e.ResourcesOf(ctx, project, softwareconfig.DeploymentTypes...)
	if err != nil {
		return nil, err
	}
	rows := make([]*stoker.Resource, len(all))
	for i := range all {
		rows[i] = all[i].Resource
	}
	return softwareconfig.For(server, rows), nil
}

// AgentMetadata gives a resource's metadata as the agent in a server reads it: that of a
// server which was there before has what is to be applied. Never nil without an error.
func (e *Engine) AgentMetadata(ctx context.Context, v *ResourceView) (map[string]any, error) {
	out := maps.Clone(v.Metadata)
	if out == nil {
		out = map[string]any{}
	}
	if v.Type != softwareconfig.DeployedServer {
		return out, nil
	}
	var err error
	out["deployments"], err = e.Deployments(ctx, v.Stack.Project, string(v.PhysicalID))
	return out, err
}

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
	if st.Project != project || !st.Deleted.IsZero() || r.Action == stoker.ActionDelete {
		return nil, stoker.Errorf(stoker.NotFound, "there is no resource %s", id)
	}
	return &ResourceView{Resource: r, Stack: st}, nil
}

package stack

import (
	"context"
	"slices"

	"github.com/stoker-project/stoker"
)

// View is a stack as it is shown.
type View struct {
	Stack       *stoker.Stack
	Description string
	// Parameters as strings, pseudo parameters too; hidden ones are ******.
	Parameters map[string]string
	Outputs    []Output
}

// Output is a resolved output. Err says why it has no value.
type Output struct {
	Name, Description string
	Value             any
	Err               error
}

// Show gives a stack with its outputs, as they are now.
func (e *Engine) Show(ctx context.Context, id stoker.StackID) (*View, error) {
	st, rs, err := e.store.Stack(ctx, id)
	if err != nil {
		return nil, err
	}
	v := &View{Stack: st, Description: "No description", Parameters: map[string]string{}}
	shown := *st
	shown.Spec = st.Asked()
	if shown.Spec.Template == "" {
		return v, nil
	}
	s, err := e.scopeFor(ctx, &shown, rs)
	if err != nil {
		return v, nil // the template does not stand any more; the record does
	}
	if s.graph.tmpl.Description != "" {
		v.Description = s.graph.tmpl.Description
	}
	v.Parameters = s.graph.bound.Strings()
	if !st.Deleted.IsZero() || st.Action == stoker.ActionDelete {
		return v, nil
	}
	for _, o := range s.graph.tmpl.Outputs {
		in, err := s.graph.tmpl.OutputIncluded(s, o)
		if err == nil && !in {
			continue
		}
		out := Output{Name: o.Name, Description: o.Description, Err: err}
		if err == nil {
			out.Value, out.Err = s.output(o)
		}
		v.Outputs = append(v.Outputs, out)
	}
	return v, nil
}

// ResourceView is a resource as it is shown.
type ResourceView struct {
	*stoker.Resource
	Stack      *stoker.Stack
	RequiredBy []stoker.ResourceName
	// Description is the one of the template.
	Description string
}

// Resources lists a stack's resources, and those of the stacks nested in it down
// to depth levels. Of several incarnations the current one is shown.
func (e *Engine) Resources(ctx context.Context, id stoker.StackID, depth int) ([]ResourceView, error) {
	st, rs, err := e.store.Stack(ctx, id)
	if err != nil {
		return nil, err
	}
	if !st.Deleted.IsZero() {
		return nil, nil // also one that was abandoned, which keeps its records
	}
	out := views(st, rs)
	if depth <= 0 {
		return out, nil
	}
	for _, v := range slices.Clone(out) {
		if v.Child == "" {
			continue
		}
		inner, err := e.Resources(ctx, v.Child, depth-1)
		if stoker.IsKind(err, stoker.NotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, inner...)
	}
	return out, nil
}

func views(st *stoker.Stack, rs []*stoker.Resource) []ResourceView {
	t := newRows(rs)
	needed := map[stoker.ResourceName][]stoker.ResourceName{}
	for _, r := range rs {
		for _, name := range r.Requires {
			if !slices.Contains(needed[name], r.Name) {
				needed[name] = append(needed[name], r.Name)
			}
		}
	}
	var out []ResourceView
	for _, r := range t.all() {
		if t.shown(r.Name) == r {
			out = append(out, ResourceView{Resource: r, Stack: st, RequiredBy: needed[r.Name]})
		}
	}
	return out
}

// shown is the incarnation that people see: the newest.
func (t *rows) shown(name stoker.ResourceName) *stoker.Resource {
	named := t.byName[name]
	return named[len(named)-1]
}

// Resource gives one resource by name, or by its physical ID.
func (e *Engine) Resource(ctx context.Context, id stoker.StackID, name stoker.ResourceName) (*ResourceView, error) {
	st, rs, err := e.store.Stack(ctx, id)
	if err != nil {
		return nil, err
	}
	if !st.Deleted.IsZero() {
		return nil, notResource(name, st.Name)
	}
	for _, v := range views(st, rs) {
		if v.Name == name || v.PhysicalID != "" && string(v.PhysicalID) == string(name) {
			return &v, nil
		}
	}
	return nil, notResource(name, st.Name)
}

// Owner gives the project of a resource. NotFound if there is none.
func (e *Engine) Owner(ctx context.Context, id stoker.ResourceID) (stoker.ProjectID, error) {
	r, err := e.store.Resource(ctx, id)
	if err != nil {
		return "", err
	}
	st, err := e.record(ctx, r.Stack, true)
	if err != nil {
		return "", err
	}
	return st.Project, nil
}

// Attributes resolves attributes of a resource, all of them when names is empty.
// One that cannot be resolved is null.
func (e *Engine) Attributes(ctx context.Context, id stoker.StackID, name stoker.ResourceName, names []string) (map[string]any, error) {
	s, err := e.scopeOf(ctx, id)
	if err != nil {
		return nil, err
	}
	r := s.row(name)
	if r == nil {
		return map[string]any{}, nil
	}
	all, err := s.attributeNames(r)
	if err != nil {
		return nil, err
	}
	out := map[string]any{}
	for _, a := range slices.Concat(all, names) {
		v, err := s.attribute(r, a, nil)
		if err != nil {
			v = nil
		}
		out[a] = v
	}
	return out, nil
}

// Events reads a stack's events, and those of the stacks nested in it down to
// depth levels. f.Stacks is set here.
func (e *Engine) Events(ctx context.Context, id stoker.StackID, depth int, f stoker.EventFilter) ([]*stoker.Event, error) {
	ids, err := e.tree(ctx, id, depth)
	if err != nil {
		return nil, err
	}
	f.Stacks = ids
	return e.store.Events(ctx, f)
}

// tree gives a stack and those nested in it, deleted ones too.
func (e *Engine) tree(ctx context.Context, id stoker.StackID, depth int) ([]stoker.StackID, error) {
	out := []stoker.StackID{id}
	if depth <= 0 {
		return out, nil
	}
	children, err := e.store.Stacks(ctx, stoker.StackFilter{AllProjects: true, Parent: id, Deleted: true, Brief: true})
	if err != nil {
		return nil, err
	}
	for _, c := range children {
		inner, err := e.tree(ctx, c.ID, depth-1)
		if err != nil {
			return nil, err
		}
		out = append(out, inner...)
	}
	return out, nil
}

package stack

import (
	"context"
	"slices"

	"github.com/stoker-project/stoker"
)

// Preview is what an operation would do.
type Preview struct {
	Stack *stoker.Stack // as it would be
	Steps []Step        // in the order of the graph, deletions last
	// Description, Parameters and Outputs are those of the stack; an output that is not
	// known yet is nil.
	Description string
	Parameters  map[string]string
	Outputs     []Output
}

// Step is what a plan does to one resource.
type Step struct {
	Name    stoker.ResourceName
	Type    stoker.TypeName
	Verb    Verb
	Changed []string              // properties that differ, or may, sorted
	After   []stoker.ResourceName // what comes before it
	Current *stoker.Resource      // nil when it is to be made
	Props   map[string]any        // as far as they are known
	Nested  *Preview              // of a nested stack, as far as it is known
}

// plan compares records with a graph. It is pure but for attributes of nested
// stacks, which the scope reads; runs and previews both rest on choose.
func plan(s *scope, g *graph, rs *rows) ([]Step, map[stoker.ResourceName]*wanted, error) {
	steps := make([]Step, 0, len(g.nodes))
	wants := make(map[stoker.ResourceName]*wanted, len(g.nodes))
	kept := map[stoker.ResourceID]bool{}
	for _, n := range g.nodes {
		w, err := want(s, n)
		if err != nil {
			return nil, nil, err
		}
		cur, v := choose(rs.byName[n.name], w)
		if v.err != nil {
			return nil, nil, v.err
		}
		if v.verb == Replace || v.verb == Make {
			s.replaced[n.name] = true
		}
		if cur != nil && v.verb != Replace {
			kept[cur.ID] = true
		}
		verb := v.verb
		if verb == Change && n.kind.nested() && len(v.changed) == 0 && cur.Status == stoker.StatusComplete {
			verb = Keep
		}
		wants[n.name] = w
		steps = append(steps, Step{Name: n.name, Type: n.kind.name, Verb: verb, Changed: v.changed, After: n.deps, Current: cur, Props: w.props})
	}
	return append(steps, removals(g, rs, kept)...), wants, nil
}

// removals are the steps of the last phase, dependents first. What a replacement
// leaves behind is part of its Replace.
func removals(g *graph, rs *rows, kept map[stoker.ResourceID]bool) []Step {
	var out []Step
	left := rs.leaving(kept)
	for len(left) > 0 {
		next := deletable(left, func(*stoker.Resource) bool { return false })
		for _, r := range next {
			if g.named[r.Name] == nil {
				out = append(out, Step{Name: r.Name, Type: r.Type, Verb: Remove, Current: r})
			}
		}
		left = slices.DeleteFunc(left, func(r *stoker.Resource) bool { return slices.Contains(next, r) })
	}
	return out
}

// Preview tells what Create would do.
func (e *Engine) Preview(ctx context.Context, in Input) (*Preview, error) {
	st, err := e.draft(ctx, in, "")
	if err != nil {
		return nil, err
	}
	return e.preview(ctx, st, newRows(nil))
}

// PreviewPatch tells what Patch would do.
func (e *Engine) PreviewPatch(ctx context.Context, id stoker.StackID, in Input, clear []string) (*Preview, error) {
	st, err := e.record(ctx, id, false)
	if err != nil {
		return nil, err
	}
	if in.Spec, err = merged(st.Asked(), in.Spec, clear); err != nil {
		return nil, err
	}
	return e.PreviewUpdate(ctx, id, in)
}

// PreviewUpdate tells what Update would do.
func (e *Engine) PreviewUpdate(ctx context.Context, id stoker.StackID, in Input) (*Preview, error) {
	st, rs, err := e.store.Stack(ctx, id)
	if err != nil {
		return nil, err
	}
	if !st.Deleted.IsZero() {
		return nil, notStack(string(id))
	}
	draft := *st
	draft.Spec, draft.Action = in.Spec, ""
	draft.Spec.Restored = st.Spec.Restored
	if err := e.validate(ctx, &draft); err != nil {
		return nil, err
	}
	return e.preview(ctx, &draft, newRows(rs))
}

func (e *Engine) preview(ctx context.Context, st *stoker.Stack, rs *rows) (*Preview, error) {
	g, err := e.compileSpec(st)
	if err != nil {
		return nil, err
	}
	s := &scope{ctx: ctx, e: e, st: st, graph: g, rows: rs, preview: true,
		path: []stoker.StackID{st.ID}, replaced: map[stoker.ResourceName]bool{}}
	steps, wants, err := plan(s, g, rs)
	if err != nil {
		return nil, err
	}
	for i := range steps {
		w := wants[steps[i].Name]
		if w == nil {
			continue
		}
		if steps[i].Nested, err = e.previewChild(s, w, steps[i].Current); err != nil {
			return nil, err
		}
		if steps[i].Verb == Keep && steps[i].Nested.changes() {
			steps[i].Verb = Change
		}
	}
	out := &Preview{Stack: st, Steps: steps, Description: g.tmpl.Description}
	if st.Parent == "" {
		out.Parameters, out.Outputs = g.bound.Strings(), foreseen(s)
	}
	return out, nil
}

// foreseen are a stack's outputs as far as they are known before it is made.
func foreseen(s *scope) []Output {
	var out []Output
	for _, o := range s.graph.tmpl.Outputs {
		if in, err := s.graph.tmpl.OutputIncluded(s, o); err == nil && !in {
			continue
		}
		v, err := o.Value.Resolve(s)
		if err != nil {
			v = nil
		}
		out = append(out, Output{Name: o.Name, Description: o.Description, Value: v})
	}
	return out
}

// changes tells whether anything would be done.
func (p *Preview) changes() bool {
	return p != nil && slices.ContainsFunc(p.Steps, func(s Step) bool { return s.Verb != Keep })
}

func (e *Engine) previewChild(s *scope, w *wanted, cur *stoker.Resource) (*Preview, error) {
	child, p, err := e.draftChild(s, w)
	if err != nil || child == nil || !p.whole() {
		return nil, err
	}
	rs := newRows(nil)
	if cur != nil && cur.Child != "" {
		old, records, err := e.store.Stack(s.ctx, cur.Child)
		switch {
		case err == nil:
			rs = newRows(records)
			child.ID, child.Name = old.ID, old.Name
			if child.Group != nil && old.Group != nil {
				e.regroupPreview(child, old, rs)
			}
		case !stoker.IsKind(err, stoker.NotFound):
			return nil, err
		}
	} else if child.Group != nil {
		e.regroupPreview(child, nil, rs)
	}
	inner, err := e.preview(s.ctx, child, rs)
	if err != nil {
		return nil, located(err, w.name)
	}
	return inner, nil
}

// regroupPreview gives a previewed group the members it would have in the end.
func (e *Engine) regroupPreview(child, old *stoker.Stack, rs *rows) {
	o := &owner{e: e, rows: rs}
	next := &stoker.Stack{Name: child.Name}
	spec := child.Group.Spec
	spec.Rolling, spec.RollingCreate = nil, nil
	if old != nil {
		copied := *old
		next = &copied
	}
	if _, err := o.regroup(next, spec); err == nil {
		child.Group, child.Spec.Template = next.Group, next.Spec.Template
	}
}

package stack

import (
	"context"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/hot"
)

// Nested is a template that a stack would be nested from: the template of a
// resource, or the generated one of a group with one member.
type Nested struct {
	Resource stoker.ResourceName
	Type     stoker.TypeName
	Template *hot.Template
	Spec     stoker.StackSpec
	Inside   []Nested
}

// NestedTemplates gives the templates that a valid request nests, in the order of
// the resources. Parameters of the request that have no value yet are no fault.
func (e *Engine) NestedTemplates(ctx context.Context, in Input) ([]Nested, error) {
	st := &stoker.Stack{ID: "preview", Root: "preview", Name: in.Name, Project: in.Project, Spec: in.Spec}
	env, err := hot.DecodeEnvironment(in.Spec.Environment)
	if err != nil {
		return nil, err
	}
	t, err := e.templateOf(st)
	if err != nil {
		return nil, err
	}
	p := &partial{}
	for _, d := range t.Parameters {
		given := d.Default != nil
		for _, values := range []map[string]any{in.Spec.Parameters, env.Parameters, env.ParameterDefaults} {
			given = given || values[d.Name] != nil
		}
		if !given {
			p.parameters = append(p.parameters, d.Name)
		}
	}
	return e.nestedTemplates(ctx, st, p)
}

func (e *Engine) nestedTemplates(ctx context.Context, st *stoker.Stack, p *partial) ([]Nested, error) {
	g, err := e.compilePart(st, p)
	if err != nil {
		return nil, err
	}
	s := &scope{ctx: ctx, e: e, st: st, graph: g, rows: newRows(nil), preview: true, path: []stoker.StackID{st.ID}, part: p}
	var out []Nested
	for _, n := range g.nodes {
		w, err := want(s, n)
		if err != nil {
			return nil, err
		}
		child, unknown, err := e.draftChild(s, w)
		if err != nil {
			return nil, err
		}
		if child == nil || child.Depth > e.limits.Depth {
			continue
		}
		t, err := e.templateOf(child)
		if err != nil {
			return nil, err
		}
		inside, err := e.nestedTemplates(ctx, child, unknown)
		if err != nil && !unsure(err, unknown) {
			return nil, err
		}
		out = append(out, Nested{Resource: w.name, Type: stoker.TypeName(n.def.Type), Template: t, Spec: child.Spec, Inside: inside})
	}
	return out, nil
}

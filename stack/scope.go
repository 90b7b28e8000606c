package stack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/hot"
)

// scope answers what a template's functions ask about a stack: its parameters,
// files, and the resources as they are recorded.
type scope struct {
	ctx   context.Context
	e     *Engine
	st    *stoker.Stack
	graph *graph
	rows  *rows
	path  []stoker.StackID
	// preview answers ErrUnknown for what is not made yet, instead of null.
	preview bool
	// replaced are resources whose attributes will be others (previews).
	replaced map[stoker.ResourceName]bool
	// part is what is not known of the stack itself (validation of nested stacks).
	part *partial
	// guess answers with a placeholder instead of ErrUnknown.
	guess bool
}

var _ hot.Scope = (*scope)(nil)

// Parameter answers with the error itself for a value that is not known.
func (s *scope) Parameter(name string) (any, bool) {
	if s.part != nil && slices.Contains(s.part.parameters, name) {
		if s.guess {
			return guessed, true
		}
		return hot.ErrUnknown, true
	}
	return s.graph.bound.Parameter(name)
}

// unknown is the answer for what is not made yet.
func (s *scope) unknown() (any, error) {
	if s.guess {
		return guessed, nil
	}
	return nil, hot.ErrUnknown
}

func (s *scope) File(key string) (string, bool) {
	text, ok := s.st.Spec.Files[key]
	return text, ok
}

func (s *scope) row(name stoker.ResourceName) *stoker.Resource {
	if s.rows == nil || s.replaced[name] {
		return nil
	}
	r := s.rows.current(name)
	if r == nil || !made(r) && !(r.Child != "" && r.Action == stoker.ActionCreate) {
		return nil
	}
	return r
}

// Reference is get_resource: what the type says, the physical ID, or the name
// of what does not exist yet.
func (s *scope) Reference(resource string) (any, error) {
	r := s.row(stoker.ResourceName(resource))
	if r == nil {
		if s.preview {
			return s.unknown()
		}
		return resource, nil
	}
	return s.e.reference(s.st, r), nil
}

func (e *Engine) reference(st *stoker.Stack, r *stoker.Resource) string {
	if t, ok := e.types[r.Type].(stoker.Referencer); ok {
		return t.Reference(requestFor(st, nil, r, nil))
	}
	if r.PhysicalID != "" {
		return string(r.PhysicalID)
	}
	return string(r.Name)
}

// Attribute is get_attr.
func (s *scope) Attribute(resource, attr string, path []any) (any, error) {
	r := s.row(stoker.ResourceName(resource))
	if r == nil {
		if n := s.graph.named[stoker.ResourceName(resource)]; n != nil && attr != "" {
			if err := knownAttribute(n, attr); err != nil {
				return nil, err
			}
		}
		if s.preview {
			return s.unknown()
		}
		return nil, nil
	}
	return s.attribute(r, attr, path)
}

func knownAttribute(n *node, attr string) error {
	schema := n.kind.schema
	if _, ok := schema.Attributes[attr]; ok || schema.AnyAttribute || attr == "show" || strings.HasPrefix(attr, "resource.") {
		return nil
	}
	if _, group := n.kind.impl.(stoker.Grouper); group {
		return nil
	}
	return hot.UnknownAttribute(string(n.name), attr)
}

func (s *scope) attribute(r *stoker.Resource, attr string, path []any) (any, error) {
	if attr == "" {
		return s.allAttributes(r)
	}
	v, used, err := s.lookup(r, attr, path)
	if err != nil || v == nil {
		return nil, err
	}
	rest := path[min(used, len(path)):]
	v, _ = hot.Walk(v, rest)
	return v, nil
}

func (s *scope) lookup(r *stoker.Resource, attr string, path []any) (v any, used int, err error) {
	t := s.e.types[r.Type]
	if r.Child != "" {
		return s.nestedAttribute(t, r, attr, path)
	}
	a, ok := t.(stoker.Attributer)
	if !ok {
		if t != nil && t.Schema().AnyAttribute {
			return nil, 0, nil
		}
		return nil, 0, hot.UnknownAttribute(string(r.Name), attr)
	}
	return a.Attribute(s.ctx, requestFor(s.st, s.path, r, nil), attr, path)
}

func (s *scope) allAttributes(r *stoker.Resource) (any, error) {
	names, err := s.attributeNames(r)
	if err != nil {
		return nil, err
	}
	out := make(map[string]any, len(names))
	for _, name := range names {
		v, err := s.attribute(r, name, nil)
		if errors.Is(err, hot.ErrUnknown) {
			return nil, err
		}
		if err == nil { // some attributes of groups make sense with a path only
			out[name] = v
		}
	}
	return out, nil
}

func (s *scope) attributeNames(r *stoker.Resource) ([]string, error) {
	var out []string
	if t := s.e.types[r.Type]; t != nil {
		for name := range t.Schema().Attributes {
			out = append(out, name)
		}
		return out, nil
	}
	child, err := s.child(r)
	if err != nil {
		return nil, err
	}
	for _, o := range child.graph.tmpl.Outputs {
		out = append(out, o.Name)
	}
	return out, nil
}

// nestedAttribute reaches into a nested stack: an output of a template, what a
// group makes of its members, or resource.<name>.<attr> of either.
func (s *scope) nestedAttribute(t stoker.ResourceType, r *stoker.Resource, attr string, path []any) (any, int, error) {
	child, err := s.child(r)
	if stoker.IsKind(err, stoker.NotFound) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	if g, ok := t.(stoker.Grouper); ok {
		group, err := groupOf(s.e, child.st, child.rows, s.st.Name)
		if err != nil {
			return nil, 0, err
		}
		return g.GroupAttribute(requestFor(s.st, s.path, r, nil), &groupView{group: group, in: child}, attr, path)
	}
	if rest, ok := strings.CutPrefix(attr, "resource."); ok {
		v, err := child.inside(rest, path)
		return v, len(path), err
	}
	for _, o := range child.graph.tmpl.Outputs {
		if o.Name == attr {
			v, err := child.output(o)
			return v, 0, err
		}
	}
	return nil, 0, hot.UnknownAttribute(string(r.Name), attr)
}

// inside is get_attr [nested, resource.<name>.<attr>].
func (s *scope) inside(rest string, path []any) (any, error) {
	name, attr, ok := strings.Cut(rest, ".")
	if !ok {
		return s.Reference(name)
	}
	return s.Attribute(name, attr, path)
}

func (s *scope) output(o *hot.Output) (any, error) {
	in, err := s.graph.tmpl.OutputIncluded(s, o)
	if err != nil || !in || o.Value == nil {
		return nil, err
	}
	return o.Value.Resolve(s)
}

// child is the scope inside a nested stack.
func (s *scope) child(r *stoker.Resource) (*scope, error) {
	c, err := s.e.scopeOf(s.ctx, r.Child)
	if err != nil {
		return nil, err
	}
	c.preview = s.preview
	return c, nil
}

// scopeOf loads a stack as it is recorded.
func (e *Engine) scopeOf(ctx context.Context, id stoker.StackID) (*scope, error) {
	st, rs, err := e.store.Stack(ctx, id)
	if err != nil {
		return nil, err
	}
	return e.scopeFor(ctx, st, rs)
}

func (e *Engine) scopeFor(ctx context.Context, st *stoker.Stack, rs []*stoker.Resource) (*scope, error) {
	g := &graph{tmpl: &hot.Template{}, bound: &hot.Bound{}}
	var err error
	if st.Spec.Template != "" {
		if g, err = e.compileSpec(st); err != nil {
			return nil, fmt.Errorf("read stack %s: %w", st.Name, err)
		}
	}
	return &scope{ctx: ctx, e: e, st: st, graph: g, rows: newRows(rs), path: []stoker.StackID{st.ID}}, nil
}

// Facade is resource_facade: sections of the resource in the parent stack.
func (s *scope) Facade(what string) (any, error) {
	if s.st.Parent == "" || s.e == nil {
		return nil, &stoker.Error{Kind: stoker.Invalid, Type: "ValueError",
			Message: "resource_facade works in nested templates only"}
	}
	parent, rs, err := s.e.store.Stack(s.ctx, s.st.Parent)
	if err != nil {
		return nil, err
	}
	r := newRows(rs).current(s.st.ParentResource)
	switch {
	case r == nil:
		return nil, hot.ErrUnknown
	case what == "metadata":
		if r.Metadata == nil {
			return map[string]any{}, nil
		}
		return r.Metadata, nil
	case what == "deletion_policy":
		return r.DeletionPolicy, nil
	}
	return s.facadePolicy(parent, rs)
}

// facadePolicy is the update_policy of the resource, which no record keeps.
func (s *scope) facadePolicy(parent *stoker.Stack, rs []*stoker.Resource) (any, error) {
	p, err := s.e.scopeFor(s.ctx, parent, rs)
	if err != nil {
		return nil, err
	}
	n := p.graph.named[s.st.ParentResource]
	if n == nil {
		return map[string]any{}, nil
	}
	policy, err := resolveMap(n.def.UpdatePolicy, p, "update_policy", n)
	if policy == nil {
		policy = map[string]any{}
	}
	return policy, err
}

// groupView lets a type of group look at its members.
type groupView struct {
	group *stoker.Group
	in    *scope
}

func (v *groupView) Group() *stoker.Group { return v.group }

func (v *groupView) MemberAttribute(name stoker.ResourceName, path []any) (any, error) {
	if len(path) == 0 {
		return v.in.Reference(string(name))
	}
	attr, ok := path[0].(string)
	if !ok {
		return nil, hot.UnknownAttribute(string(name), fmt.Sprint(path[0]))
	}
	return v.in.Attribute(string(name), attr, path[1:])
}

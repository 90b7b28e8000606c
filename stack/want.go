package stack

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/hot"
)

// want resolves what the template wants of a resource, with what is known of the
// others now.
func (o *owner) want(n *node) (*wanted, error) {
	s := o.scope()
	return want(s, n)
}

func (o *owner) scope() *scope {
	s := &scope{ctx: o.base, e: o.e, st: o.st, rows: o.rows, path: o.path}
	if o.run != nil {
		s.graph = o.run.graph
	}
	return s
}

func want(s *scope, n *node) (*wanted, error) {
	w := &wanted{name: n.name, kind: n.kind, requires: n.deps, deletion: "Delete"}
	schema := n.kind.schema
	props, unknown, err := n.def.ResolveProperties(s)
	if errors.Is(err, hot.ErrUnknown) && s.preview {
		// All properties come from one function.
		props, unknown, err = nil, slices.Sorted(maps.Keys(schema.Properties)), nil
	}
	if err != nil {
		return w, err
	}
	if s.part != nil {
		unknown = append(unknown, s.part.properties[n.name]...)
	}
	w.props, w.unknown, w.since = props, unknown, s.renewal(n.kind)
	if !schema.AnyProperty {
		if w.props, err = hot.CheckProperties(schema.Properties, props, unknown, n.def.Path("properties")); err != nil {
			return w, at(err, n)
		}
	}
	w.restore(s.st.Spec)
	if err := w.sections(s, n); err != nil {
		return w, at(err, n)
	}
	return w, w.validate(s, n)
}

// renewal is the time from which on resources of a kind count as made by this
// update; zero for kinds that updates leave alone.
func (s *scope) renewal(k *kind) time.Time {
	if _, ok := k.impl.(stoker.Renewer); !ok {
		return time.Time{}
	}
	if s.preview {
		return now()
	}
	return started(s.st)
}

// sections resolves what stands beside the properties.
func (w *wanted) sections(s *scope, n *node) error {
	metadata, err := resolveMap(n.def.Metadata, s, "metadata", n)
	if err != nil {
		return err
	}
	w.metadata = metadata
	policy, err := resolveMap(n.def.UpdatePolicy, s, "update_policy", n)
	if err != nil {
		return err
	}
	if schema := n.kind.schema.UpdatePolicy; schema != nil && policy != nil {
		if policy, err = hot.CheckProperties(schema, policy, nil, n.def.Path("update_policy")); err != nil {
			return err
		}
	}
	w.policy = policy
	if w.deletion, err = s.graph.tmpl.ResolveDeletionPolicy(s, n.def); err != nil {
		return err
	}
	if w.deletion == "Snapshot" && snapshotter(w.kind.impl) == nil {
		return &stoker.Error{Kind: stoker.Invalid, Type: "StackValidationFailed", Path: n.def.Path("deletion_policy"),
			Message: fmt.Sprintf("\"Snapshot\" deletion policy not supported: %s has no snapshots", w.kind.name)}
	}
	return w.setExternal(s, n)
}

// setExternal notes what the resource only refers to; that is never deleted.
func (w *wanted) setExternal(s *scope, n *node) error {
	if n.def.ExternalID == nil {
		return nil
	}
	v, err := n.def.ExternalID.Resolve(s)
	if err != nil {
		return err
	}
	id, ok := v.(string)
	if !ok || id == "" {
		return &stoker.Error{Kind: stoker.Invalid, Type: "StackValidationFailed",
			Path: "resources." + string(w.name) + ".external_id", Message: "the external ID must be a string that is not empty"}
	}
	w.external, w.deletion = stoker.PhysicalID(id), "Retain"
	return nil
}

func (w *wanted) validate(s *scope, n *node) error {
	if err := s.e.allow(n.kind.name, s.st.Spec.Admin); err != nil {
		return at(located(err, w.name), n)
	}
	if r, ok := n.kind.impl.(stoker.Refuser); ok && s.st.Action != "" && w.external == "" {
		if err := r.Refuse(n.kind.name); err != nil {
			return at(located(err, w.name), n)
		}
	}
	v, ok := n.kind.impl.(stoker.Validator)
	if !ok {
		return nil
	}
	req := requestFor(s.st, s.path, &stoker.Resource{Name: w.name, Type: n.kind.name, Properties: w.props, Metadata: w.metadata}, w.policy)
	if err := v.Validate(req); err != nil {
		return at(located(err, w.name), n)
	}
	return nil
}

func resolveMap(x hot.Expr, s *scope, section string, n *node) (map[string]any, error) {
	if x == nil {
		return nil, nil
	}
	v, err := x.Resolve(s)
	switch {
	case errors.Is(err, hot.ErrUnknown):
		return nil, nil
	case err != nil:
		return nil, err
	}
	switch v := v.(type) {
	case nil:
		return nil, nil
	case map[string]any:
		return v, nil
	}
	return nil, &stoker.Error{Kind: stoker.Invalid, Type: "StackValidationFailed",
		Path: n.def.Path(section), Message: "the section must be a map"}
}

// at adds the place of a resource to an error that has none.
func at(err error, n *node) error {
	e, ok := stoker.AsError(err)
	if !ok || e.Pos != (stoker.Pos{}) {
		return err
	}
	out := *e
	out.Pos = n.def.PropertyPos(propertyOf(e, n))
	return rewrapped(err, e, &out)
}

// propertyOf is the property that an error is about, empty if it is about none.
func propertyOf(e *stoker.Error, n *node) string {
	path := n.def.Path("properties")
	if e.Path == path {
		name, _ := strings.CutPrefix(e.Message, "Unknown Property ")
		return name
	}
	name, _ := strings.CutPrefix(e.Path, path+".")
	name, _, _ = strings.Cut(name, ".")
	return name
}

// rewrapped puts a changed Error in the place of e, with the words in front of it.
func rewrapped(err error, e, changed *stoker.Error) error {
	if before, ok := strings.CutSuffix(err.Error(), e.Error()); ok && before != "" {
		return fmt.Errorf("%s%w", before, changed)
	}
	return changed
}

// validate checks everything of a draft that can be known before it is made: the
// template, its types, properties, and the templates it nests.
func (e *Engine) validate(ctx context.Context, st *stoker.Stack) error {
	if _, _, err := e.validated(ctx, st, nil); err != nil {
		return e.discreet(ctx, st, err)
	}
	return nil
}

func (e *Engine) validateUpdate(ctx context.Context, old, draft *stoker.Stack) error {
	if !old.Deleted.IsZero() {
		return notStack(string(old.ID))
	}
	g, _, err := e.validated(ctx, draft, nil)
	if err != nil {
		return e.discreet(ctx, draft, err)
	}
	before, err := e.compileSpec(old)
	if err != nil {
		return nil // what was there does not stand any more, and binds nobody
	}
	return g.bound.CheckImmutable(before.bound)
}

// validated compiles a stack, resolves every resource as far as it is known, and
// counts them, those of nested stacks too.
func (e *Engine) validated(ctx context.Context, st *stoker.Stack, p *partial) (*graph, int, error) {
	if st.Depth > e.limits.Depth {
		return nil, 0, &stoker.Error{Kind: stoker.Invalid, Type: "RequestLimitExceeded", Message: fmt.Sprintf("Recursion depth exceeds %d.", e.limits.Depth)}
	}
	g, err := e.compilePart(st, p)
	if err != nil {
		return nil, 0, err
	}
	if err := e.checkSinks(st.Project, g.env); err != nil {
		return nil, 0, err
	}
	total := len(g.nodes)
	s := &scope{ctx: ctx, e: e, st: st, graph: g, rows: newRows(nil), preview: true, path: []stoker.StackID{st.ID}, part: p}
	if err := e.lookUpParameters(s); err != nil {
		return nil, 0, err
	}
	for _, n := range g.nodes {
		w, err := want(s, n)
		inside := 0
		if err == nil {
			err = e.lookUp(s, n, w)
		}
		if err == nil {
			inside, err = e.validateChild(s, w)
		}
		if err != nil {
			return nil, 0, err
		}
		if total += inside; total > e.limits.Resources {
			return nil, 0, tooMany(total, e.limits.Resources)
		}
	}
	return g, total, checkOutputs(s)
}

// checkOutputs refuses outputs of attributes that there are not. What else may be wrong with
// them shows when they are resolved, as in Heat.
func checkOutputs(s *scope) error {
	for _, o := range s.graph.tmpl.Outputs {
		if in, err := s.graph.tmpl.OutputIncluded(s, o); err == nil && !in {
			continue
		}
		_, err := o.Value.Resolve(s)
		if e, ok := stoker.AsError(err); ok && e.Type == "InvalidTemplateAttribute" {
			return err
		}
	}
	return nil
}

func tooMany(n, limit int) error {
	return &stoker.Error{Kind: stoker.Invalid, Type: "RequestLimitExceeded",
		Message: fmt.Sprintf("Maximum resources per stack exceeded: %d of %d.", n, limit)}
}

// validateChild looks into nested templates and counts their resources; a group
// of members alike is checked by one.
func (e *Engine) validateChild(s *scope, w *wanted) (inside int, err error) {
	child, p, err := e.draftChild(s, w)
	if err != nil || child == nil {
		return 0, err
	}
	_, inside, err = e.validated(s.ctx, child, p)
	if child.Group != nil && child.Group.Spec.Names != stoker.ByList {
		inside *= wantedSize(child.Group.Spec, 0)
	}
	if err == nil || unsure(err, p) {
		return inside, nil
	}
	err = located(err, w.name)
	if at, ok := stoker.AsError(err); ok && at.Pos.File == "" && child.Group != nil {
		at.Pos = stoker.Pos{} // of a text that nobody has written
	}
	return 0, err
}

// draftChild makes the nested stack that a resource would have, and says what is
// not known of it; nil when there is none, or when too little is known.
func (e *Engine) draftChild(s *scope, w *wanted) (*stoker.Stack, *partial, error) {
	if !w.kind.nested() {
		return nil, nil, nil
	}
	st := s.st
	child := &stoker.Stack{
		ID: "preview", Action: st.Action, Root: st.Root, Parent: st.ID, ParentResource: w.name, Depth: st.Depth + 1,
		Name: st.Name + "-" + string(w.name), Project: st.Project,
		Spec: stoker.StackSpec{Files: st.Spec.Files, Environment: s.graph.childEnvironment(w.name), Admin: st.Spec.Admin},
	}
	if _, group := w.kind.impl.(stoker.Grouper); group {
		p, err := e.draftGroup(s, w, child)
		if p == nil {
			child = nil
		}
		return child, p, err
	}
	child.Spec.Template, child.Spec.File = w.kind.template, w.kind.file
	child.Spec.Parameters = given(w.props)
	return child, &partial{parameters: w.unknown}, nil
}

// draftGroup gives child one member of a group, or all where each has a definition of
// its own; nil when there would be none.
func (e *Engine) draftGroup(s *scope, w *wanted, child *stoker.Stack) (*partial, error) {
	p := &partial{}
	var spec stoker.GroupSpec
	var err error
	if len(w.unknown) == 0 {
		spec, err = w.kind.impl.(stoker.Grouper).Group(requestFor(s.st, nil, &stoker.Resource{
			Name: w.name, Type: w.kind.name, Properties: w.props, Metadata: w.metadata}, w.policy))
		if err != nil {
			return nil, located(err, w.name)
		}
	} else {
		var ok bool
		if spec, p.properties, ok = e.guess(s, s.graph, w); !ok {
			return nil, nil
		}
	}
	if err := e.limits.checkSize(&spec, wantedSize(spec, 0)); err != nil {
		return nil, located(err, w.name)
	}
	if spec.Max == 0 || spec.Desired != nil && *spec.Desired == 0 {
		return nil, nil // Heat does not look at the members of an empty group
	}
	state := &stoker.GroupState{Spec: spec, Size: max(1, len(spec.Each))}
	child.Group = state
	child.Spec.Template = template(state, resized(nil, state, state.Size, 0, func() string { return "member" }))
	return p, nil
}

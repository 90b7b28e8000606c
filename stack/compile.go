package stack

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/hot"
)

// A kind is what a resource's type has come to: a registered type, or a
// template that is run as a nested stack.
type kind struct {
	name     stoker.TypeName
	impl     stoker.ResourceType // nil for a template
	schema   *stoker.Schema
	template string
	file     string
	// source is a fingerprint of all that a member of a group is made from but
	// its properties; empty for other nested stacks.
	source string
}

// nested tells whether a stack of its own realises the resource.
func (k *kind) nested() bool {
	_, group := k.impl.(stoker.Grouper)
	return k.impl == nil || group
}

func (k *kind) updates() bool {
	_, ok := k.impl.(stoker.Updater)
	return ok || k.nested()
}

// graph is a template compiled for a run: its included resources in an order in
// which each comes after those it depends on.
type graph struct {
	tmpl  *hot.Template
	bound *hot.Bound
	env   *hot.Environment
	nodes []*node
	named map[stoker.ResourceName]*node
}

type node struct {
	name stoker.ResourceName
	def  *hot.Resource
	kind *kind
	deps []stoker.ResourceName
}

// compile makes the graph of what is wanted of a stack: an empty one for a stack
// that is being deleted or rolled back to nothing.
func (e *Engine) compile(st *stoker.Stack) (*graph, error) {
	if st.Action == stoker.ActionDelete || st.Spec.Template == "" {
		return &graph{}, nil
	}
	return e.compileSpec(st)
}

func (e *Engine) compileSpec(st *stoker.Stack) (*graph, error) { return e.compilePart(st, nil) }

// compilePart compiles a stack of which not everything is known.
func (e *Engine) compilePart(st *stoker.Stack, p *partial) (*graph, error) {
	env, err := hot.DecodeEnvironment(st.Spec.Environment)
	if err != nil {
		return nil, err
	}
	tmpl, err := e.templateOf(st)
	if err != nil {
		return nil, err
	}
	g := &graph{tmpl: tmpl, env: env, named: map[stoker.ResourceName]*node{}}
	pseudo := hot.Pseudo{StackID: string(st.ID), StackName: st.Name, ProjectID: string(st.Project)}
	given := mergedMap(env.Parameters, st.Spec.Parameters)
	if !p.whole() {
		given = standIns(tmpl, given, p.parameters)
	}
	if g.bound, err = tmpl.Bind(given, env.ParameterDefaults, pseudo); err != nil {
		return nil, err
	}
	if n := len(tmpl.Resources); n > e.limits.Resources {
		return nil, tooMany(n, e.limits.Resources)
	}
	if err := e.addNodes(g, st, p); err != nil {
		return nil, err
	}
	g.sort()
	return g, nil
}

// templateOf parses a stack's template. That of a group is generated, and as
// large as its members together.
func (e *Engine) templateOf(st *stoker.Stack) (*hot.Template, error) {
	if st.Group != nil {
		return e.parsed.getBy(st.Spec.Template, "", hot.ParseGenerated)
	}
	return e.parsed.get(st.Spec.Template, st.Spec.File)
}

func (e *Engine) addNodes(g *graph, st *stoker.Stack, p *partial) error {
	conditions := &scope{graph: g, st: st, part: p}
	kinds := map[string]*kind{}
	deps, err := g.tmpl.Graph(conditions)
	if err != nil {
		return err
	}
	for _, def := range g.tmpl.Resources {
		if _, in := deps[def.Name]; !in {
			continue
		}
		k := kinds[def.Type]
		if k == nil || g.env.Registry["resources"] != nil {
			if k, err = e.kindOf(g.env, st, def); err != nil {
				return err
			}
			kinds[def.Type] = k
		}
		n := &node{name: stoker.ResourceName(def.Name), def: def, kind: k}
		g.nodes = append(g.nodes, n)
		g.named[n.name] = n
	}
	for _, n := range g.nodes {
		for _, d := range deps[string(n.name)] {
			n.deps = append(n.deps, stoker.ResourceName(d))
		}
	}
	g.complete()
	return nil
}

// kindOf resolves a type through the environment's registry.
func (e *Engine) kindOf(env *hot.Environment, st *stoker.Stack, def *hot.Resource) (*kind, error) {
	target, err := env.Lookup(def.Type, []string{def.Name})
	if e, ok := stoker.AsError(err); ok {
		placed := *e
		placed.Path, placed.Pos = def.Path("type"), def.Pos
		return nil, &placed
	}
	if err != nil {
		return nil, err
	}
	if hot.IsFile(target) {
		return e.templateKind(st, target, def)
	}
	impl := e.types[stoker.TypeName(target)]
	if impl == nil {
		err := unknownType(stoker.TypeName(target), stoker.ResourceName(def.Name)).(*stoker.Error)
		err.Pos = def.Pos
		return nil, err
	}
	return &kind{name: stoker.TypeName(target), impl: impl, schema: impl.Schema()}, nil
}

func (e *Engine) templateKind(st *stoker.Stack, key string, def *hot.Resource) (*kind, error) {
	text, ok := st.Spec.Files[key]
	if !ok {
		return nil, &stoker.Error{Kind: stoker.Invalid, Type: "StackValidationFailed", Pos: def.Pos,
			Path:    "resources." + def.Name + ".type",
			Message: fmt.Sprintf("the template %q did not come with the request", key),
			Hint:    "Put it beside the template that names it, or in the request's files."}
	}
	tmpl, err := e.parsed.get(text, key)
	if err != nil {
		return nil, err
	}
	k := &kind{name: stoker.TypeName(def.Type), template: text, file: key, schema: schemaOf(tmpl)}
	if st.Group != nil {
		k.source = fingerprint(text, st.Spec)
	}
	return k, nil
}

// fingerprint tells whether a nested stack would be made from the same texts.
func fingerprint(text string, spec stoker.StackSpec) string {
	h := sha256.New()
	write := func(s string) { fmt.Fprintf(h, "%d:%s", len(s), s) }
	write(text)
	for _, name := range slices.Sorted(maps.Keys(spec.Files)) {
		write(name)
		write(spec.Files[name])
	}
	write(string(mustJSON(spec.Environment)))
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// schemaOf makes a type's schema of a template: its parameters are properties, its
// outputs attributes.
func schemaOf(t *hot.Template) *stoker.Schema {
	s := &stoker.Schema{
		Description: t.Description, AnyAttribute: true,
		Properties: map[string]*stoker.Property{}, Attributes: map[string]*stoker.Attribute{},
	}
	for _, p := range t.Parameters {
		// The nested template converts and checks its parameters itself, and may
		// find a default in the environment.
		s.Properties[p.Name] = &stoker.Property{Type: stoker.TypeAny, Description: p.Description, Update: true, Secret: p.Hidden}
	}
	for _, o := range t.Outputs {
		s.Attributes[o.Name] = &stoker.Attribute{Description: o.Description}
	}
	return s
}

// sort orders the nodes so that each comes after its dependencies; among those
// that could be next, the order of the template holds. Cycles were refused when the
// template was parsed.
func (g *graph) sort() {
	const (
		open = iota + 1
		done
	)
	state := make(map[stoker.ResourceName]int, len(g.nodes))
	out := make([]*node, 0, len(g.nodes))
	var visit func(n *node)
	visit = func(n *node) {
		if state[n.name] != 0 {
			return
		}
		state[n.name] = open
		for _, d := range n.deps {
			visit(g.named[d])
		}
		state[n.name] = done
		out = append(out, n)
	}
	for _, n := range g.nodes {
		visit(n)
	}
	g.nodes = out
}

// childEnvironment is what a nested stack inherits. A template that stands for a
// type may use that type itself, so the mapping is not inherited.
func (g *graph) childEnvironment(name stoker.ResourceName) map[string]any {
	n := g.named[name]
	if g.env == nil || n == nil {
		return nil
	}
	if n.kind.template != "" {
		return g.env.Child(string(name), n.def.Type).Encode()
	}
	return g.env.Child(string(name)).Encode()
}

// templateCache keeps templates that were parsed lately: members of a group
// and their engine's every look share one text.
type templateCache struct {
	mu    sync.Mutex
	limit int
	parse func(text []byte, file string) (*hot.Template, error)
	byKey map[[2]string]*hot.Template
}

func newTemplateCache(limit int, parse func(text []byte, file string) (*hot.Template, error)) *templateCache {
	return &templateCache{limit: limit, parse: parse, byKey: map[[2]string]*hot.Template{}}
}

func (c *templateCache) get(text, file string) (*hot.Template, error) {
	return c.getBy(text, file, func(b []byte) (*hot.Template, error) { return c.parse(b, file) })
}

func (c *templateCache) getBy(text, file string, parse func([]byte) (*hot.Template, error)) (*hot.Template, error) {
	key := [2]string{text, file}
	c.mu.Lock()
	t := c.byKey[key]
	c.mu.Unlock()
	if t != nil {
		return t, nil
	}
	t, err := parse([]byte(text))
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.byKey) >= c.limit {
		for k := range c.byKey { // any: what is used comes back at once
			delete(c.byKey, k)
			break
		}
	}
	c.byKey[key] = t
	return t, nil
}

package hot

import (
	"fmt"
	"slices"
	"strings"

	stoker "github.com/stoker-project/stoker"
)

// Dependencies names the resources that this one refers to, by get_resource,
// get_attr or depends_on, anywhere in it and in both branches of every "if".
// They are sorted and unique. References whose name is computed are not among
// them; see Template.Graph.
func (r *Resource) Dependencies() []string { return r.requires }

// exprs lists all values of the resource.
func (r *Resource) exprs() []Expr {
	var es []Expr
	for _, e := range []Expr{r.Properties, r.Metadata, r.UpdatePolicy, r.DeletionPolicy, r.ExternalID} {
		if e != nil {
			es = append(es, e)
		}
	}
	return es
}

func (r *Resource) staticDependencies() []string {
	names := slices.Clone(r.DependsOn)
	for _, e := range r.exprs() {
		visit(e, func(e Expr) {
			if l, ok := referred(e).(literal); ok {
				names = append(names, l.v.(string))
			}
		})
	}
	return unique(names)
}

func unique(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}

// referred is the name an Expr refers to a resource by, nil if it does not.
func referred(e Expr) Expr {
	switch e := e.(type) {
	case *getResource:
		return e.name
	case *getAttr:
		return e.name
	}
	return nil
}

// Graph gives the resources included in a scope, each with the sorted names of
// those it needs: conditions are decided, of every "if" only the chosen branch
// counts, and computed names are resolved. Nothing but parameters is asked of
// the scope, unless a name is computed from something else. A depends_on of a
// resource that is not included is dropped, any other reference to one refused.
// Cycles are refused with a CircularDependencyException.
func (t *Template) Graph(s Scope) (map[string][]string, error) {
	graph := map[string][]string{}
	for _, r := range t.Resources {
		yes, err := t.Included(s, r)
		if err != nil {
			return nil, err
		}
		if yes {
			graph[r.Name] = nil
		}
	}
	for _, r := range t.Resources {
		if _, ok := graph[r.Name]; !ok {
			continue
		}
		needs, err := t.needs(s, r, graph)
		if err != nil {
			return nil, err
		}
		graph[r.Name] = needs
	}
	return graph, t.cycle(func(name string) []string { return graph[name] })
}

func (t *Template) needs(s Scope, r *Resource, included map[string][]string) ([]string, error) {
	var names []string
	for _, name := range r.DependsOn {
		if _, ok := included[name]; ok {
			names = append(names, name)
		}
	}
	for _, e := range r.exprs() {
		refs, err := chosen(e, s)
		if err != nil {
			return nil, err
		}
		for _, name := range refs {
			if _, ok := included[name]; !ok {
				return nil, t.noResource(name, place{path: r.Path(""), pos: r.Pos})
			}
		}
		names = append(names, refs...)
	}
	return unique(names), nil
}

// chosen lists the resources that an Expr refers to in a scope.
func chosen(e Expr, s Scope) ([]string, error) {
	if c, ok := e.(*choice); ok {
		b, err := c.branch(s)
		if err != nil || b == nil {
			return nil, err
		}
		return chosen(b, s)
	}
	var names []string
	if ref := referred(e); ref != nil {
		name, err := resourceName(ref, s, place{})
		if err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	if c, ok := e.(composite); ok {
		for _, p := range c.parts() {
			more, err := chosen(p, s)
			if err != nil {
				return nil, err
			}
			names = append(names, more...)
		}
	}
	return names, nil
}

// checkCycles refuses cycles that no condition can break.
func (t *Template) checkCycles() error {
	definite := map[string][]string{}
	for _, r := range t.Resources {
		if r.Condition != nil || len(r.requires) == 0 {
			continue
		}
		names := slices.Clone(r.DependsOn)
		for _, e := range r.exprs() {
			names = append(names, certain(e)...)
		}
		definite[r.Name] = unique(names)
	}
	return t.cycle(func(name string) []string { return definite[name] })
}

// certain lists the references that do not stand in a branch of an "if".
func certain(e Expr) []string {
	if _, ok := e.(*choice); ok {
		return nil
	}
	var names []string
	if l, ok := referred(e).(literal); ok {
		names = append(names, l.v.(string))
	}
	if c, ok := e.(composite); ok {
		for _, p := range c.parts() {
			names = append(names, certain(p)...)
		}
	}
	return names
}

func (t *Template) cycle(next func(string) []string) error {
	done := map[string]bool{}
	for _, r := range t.Resources {
		if len(next(r.Name)) == 0 {
			continue
		}
		if ring := findCycle(r.Name, next, done); ring != nil {
			first := t.resources[ring[0]]
			return &stoker.Error{Kind: stoker.Invalid, Type: typeCircular, Path: first.Path(""), Pos: first.Pos,
				Message: fmt.Sprintf("Circular Dependency Found: %s", strings.Join(ring, " -> "))}
		}
	}
	return nil
}

// findCycle follows names from start and gives a ring, its first name again at
// the end, or nil. done holds names known to lead into none. It keeps its own
// stack: chains may be as long as the template.
func findCycle(start string, next func(string) []string, done map[string]bool) []string {
	type frame struct {
		name string
		rest []string
	}
	if done[start] {
		return nil
	}
	at := map[string]int{start: 0}
	path := []frame{{start, next(start)}}
	for len(path) > 0 {
		top := &path[len(path)-1]
		if len(top.rest) == 0 {
			done[top.name] = true
			delete(at, top.name)
			path = path[:len(path)-1]
			continue
		}
		name := top.rest[0]
		top.rest = top.rest[1:]
		if i, ok := at[name]; ok {
			var ring []string
			for _, f := range path[i:] {
				ring = append(ring, f.name)
			}
			return append(ring, name)
		}
		if !done[name] {
			at[name] = len(path)
			path = append(path, frame{name, next(name)})
		}
	}
	return nil
}

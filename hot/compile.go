package hot

import (
	"strconv"
	"strings"
)

// compiler turns nodes into Exprs. It remembers the path for messages.
type compiler struct {
	t    *Template
	d    *dialect
	path []step
	// steps holds the paths of places, one behind the other.
	steps []step
	// condition is set inside conditions, where few functions may stand.
	condition bool
}

// step is a key in a path, with an index into the list that is there.
type step struct {
	key   string
	index int // noIndex: not in a list
}

const noIndex = -1

// enter begins a new path.
func (c *compiler) enter(keys ...string) {
	c.path = c.path[:0]
	for _, k := range keys {
		c.push(k)
	}
}

func (c *compiler) push(key string) { c.path = append(c.path, step{key, noIndex}) }

func (c *compiler) pop() { c.path = c.path[:len(c.path)-1] }

// where spells a path: resources.web.properties.networks[0].
func where(path []step) string {
	var b strings.Builder
	for i, s := range path {
		if i > 0 && s.key != "" {
			b.WriteByte('.')
		}
		b.WriteString(s.key)
		if s.index != noIndex {
			b.WriteString("[" + strconv.Itoa(s.index) + "]")
		}
	}
	return b.String()
}

// at is the place of a node at the current path.
func (c *compiler) at(n *node) place {
	if cap(c.steps)-len(c.steps) < len(c.path) {
		c.steps = make([]step, 0, max(256, len(c.path)))
	}
	begin := len(c.steps)
	c.steps = append(c.steps, c.path...)
	return place{steps: c.steps[begin:len(c.steps):len(c.steps)], pos: n.pos(c.t.File)}
}

// compile gives the Expr of a node.
func (c *compiler) compile(n *node) (Expr, error) {
	e, err := c.reduce(n)
	if e == nil && err == nil {
		e = literal{n.val}
	}
	return e, err
}

// reduce is compile, but gives nil for a node without a function in it: most
// of a template is that, and costs nothing then.
func (c *compiler) reduce(n *node) (Expr, error) {
	switch n.val.(type) {
	case map[string]any:
		if f := c.function(n); f != nil {
			return c.call(f, n)
		}
		vals, err := c.kids(n)
		if vals == nil || err != nil {
			return nil, err
		}
		return &dict{n.keys, vals}, nil
	case []any:
		vals, err := c.kids(n)
		if vals == nil || err != nil {
			return nil, err
		}
		return list(vals), nil
	}
	return nil, nil
}

// kids compiles what is in a map or list; nil if no function is in it.
func (c *compiler) kids(n *node) ([]Expr, error) {
	var out []Expr
	for i, kid := range n.kids {
		if out == nil && isScalar(kid.val) {
			continue
		}
		e, err := c.kid(n, i)
		if err != nil {
			return nil, err
		}
		if e != nil && out == nil {
			out = literals(n.kids)
		}
		if e != nil {
			out[i] = e
		}
	}
	return out, nil
}

func literals(nodes []*node) []Expr {
	out := make([]Expr, len(nodes))
	for i, n := range nodes {
		out[i] = literal{n.val}
	}
	return out
}

// kid reduces the i-th value in a map or list, on a path one step longer.
func (c *compiler) kid(n *node, i int) (Expr, error) {
	if n.isMap() {
		c.push(n.keys[i])
		defer c.pop()
		return c.reduce(n.kids[i])
	}
	if len(c.path) == 0 {
		c.push("")
		defer c.pop()
	}
	depth := len(c.path)
	outer := c.path[depth-1]
	c.path[depth-1].index = i
	if outer.index != noIndex { // a list in a list
		c.path[depth-1] = outer
		c.path = append(c.path, step{"", i})
	}
	e, err := c.reduce(n.kids[i])
	c.path = c.path[:depth]
	c.path[depth-1] = outer
	return e, err
}

// fields compiles a map's values one by one.
func (c *compiler) fields(n *node) (*dict, error) {
	vals, err := c.items(n)
	return &dict{n.keys, vals}, err
}

// items compiles what is in a list or map one by one.
func (c *compiler) items(n *node) ([]Expr, error) {
	vals, err := c.kids(n)
	if vals == nil && err == nil {
		vals = literals(n.kids)
	}
	return vals, err
}

// function tells what function a node calls: a map with exactly one key that is
// a function's name.
func (c *compiler) function(n *node) parseFunc {
	if len(n.keys) != 1 || !n.isMap() {
		return nil
	}
	if f := c.d.conditions[n.keys[0]]; f != nil && c.condition {
		return f
	}
	return c.d.functions[n.keys[0]]
}

func (c *compiler) call(f parseFunc, n *node) (Expr, error) {
	name := n.keys[0]
	c.push(name)
	defer c.pop()
	if c.condition && c.d.conditions[name] == nil {
		return nil, c.at(n).errorf(typeCondFunction, "The function is not supported for condition: %s", name)
	}
	return f(c, name, n.kids[0])
}

// isList tells whether a node is a list by itself, not by a function.
func isList(n *node) bool { _, ok := n.val.([]any); return ok }

// plainMap tells whether a node is a map that is no function.
func (c *compiler) plainMap(n *node) bool { return n.isMap() && c.function(n) == nil }

// fail is the error for a function used the wrong way, found by the parser.
func (c *compiler) fail(n *node, format string, args ...any) error {
	return c.at(n).errorf(typeValidation, format, args...)
}

func parseRemoved(c *compiler, name string, arg *node) (Expr, error) {
	return nil, c.at(arg).errorf(typeVersion,
		"The template version is invalid: The function %s is not supported in this version of HOT.", name)
}

// resolved makes a function of one that needs nothing but its resolved argument.
func resolved(f func(name string, arg any) (any, error)) parseFunc {
	return func(c *compiler, name string, arg *node) (Expr, error) {
		e, err := c.compile(arg)
		if err != nil {
			return nil, err
		}
		return &call{at: c.at(arg), args: []Expr{e}, f: func(args []any) (any, error) { return f(name, args[0]) }}, nil
	}
}

// call is a function of its resolved arguments.
type call struct {
	at   place
	args []Expr
	f    func(args []any) (any, error)
}

func (e *call) parts() []Expr { return e.args }

func (e *call) Resolve(s Scope) (any, error) {
	args := make([]any, len(e.args))
	for i, a := range e.args {
		v, err := eval(a, s)
		if err != nil {
			return nil, err
		}
		args[i] = v
	}
	v, err := e.f(args)
	if err != nil {
		return nil, e.at.wrap(err)
	}
	return v, nil
}

// typeErr and valueErr are a function's complaints about its arguments.
func typeErr(format string, args ...any) error { return place{}.errorf(typeTypeError, format, args...) }

func valueErr(format string, args ...any) error {
	return place{}.errorf(typeValueError, format, args...)
}

package hot

import (
	"strconv"
	"strings"
)

// compiler turns nodes into Exprs. It remembers the path for messages.
type compiler struct {
	t    *Template
	d    *dialect
	path []string
	// condition is set inside conditions, where few functions may stand.
	condition bool
}

// at is the place of a node at the current path.
func (c *compiler) at(n *node) place {
	return place{path: strings.Join(c.path, "."), pos: n.pos(c.t.File)}
}

// in runs f with a path one step longer.
func (c *compiler) in(step string, n *node) (Expr, error) {
	c.path = append(c.path, step)
	e, err := c.compile(n)
	c.path = c.path[:len(c.path)-1]
	return e, err
}

// compile gives the Expr of a node; a literal where there is no function in it.
func (c *compiler) compile(n *node) (Expr, error) {
	switch n.val.(type) {
	case map[string]any:
		if f := c.function(n); f != nil {
			return c.call(f, n)
		}
		return c.mapping(n)
	case []any:
		return c.sequence(n)
	}
	return literal{n.val}, nil
}

// function tells what function a node calls: a map with exactly one key that is
// a function's name.
func (c *compiler) function(n *node) parseFunc {
	if len(n.keys) != 1 || !n.isMap() {
		return nil
	}
	return c.d.functions[n.keys[0]]
}

func (c *compiler) call(f parseFunc, n *node) (Expr, error) {
	name := n.keys[0]
	c.path = append(c.path, name)
	defer func() { c.path = c.path[:len(c.path)-1] }()
	if c.condition && !c.d.conditions[name] {
		return nil, c.at(n).errorf(typeCondFunction, "The function is not supported for condition: %s", name)
	}
	return f(c, name, n.kids[0])
}

func (c *compiler) mapping(n *node) (Expr, error) {
	d, err := c.fields(n)
	if err != nil {
		return nil, err
	}
	if allLiteral(d.vals) {
		return literal{n.val}, nil
	}
	return d, nil
}

// fields compiles a map's values one by one.
func (c *compiler) fields(n *node) (*dict, error) {
	d := &dict{keys: n.keys, vals: make([]Expr, len(n.kids))}
	for i, kid := range n.kids {
		e, err := c.in(n.keys[i], kid)
		if err != nil {
			return nil, err
		}
		d.vals[i] = e
	}
	return d, nil
}

func (c *compiler) sequence(n *node) (Expr, error) {
	items, err := c.items(n)
	if err != nil {
		return nil, err
	}
	if allLiteral(items) {
		return literal{n.val}, nil
	}
	return list(items), nil
}

// items compiles a list's items; their path is the list's with an index.
func (c *compiler) items(n *node) ([]Expr, error) {
	last := len(c.path) - 1
	if last < 0 {
		c.path, last = append(c.path, ""), 0
		defer func() { c.path = c.path[:0] }()
	}
	base := c.path[last]
	defer func() { c.path[last] = base }()
	items := make([]Expr, len(n.kids))
	for i, kid := range n.kids {
		if !isScalar(kid.val) {
			c.path[last] = base + "[" + strconv.Itoa(i) + "]"
		}
		e, err := c.compile(kid)
		if err != nil {
			return nil, err
		}
		items[i] = e
	}
	return items, nil
}

func allLiteral(es []Expr) bool {
	for _, e := range es {
		if _, ok := e.(literal); !ok {
			return false
		}
	}
	return true
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

func parseUnsupported(c *compiler, name string, arg *node) (Expr, error) {
	e := c.at(arg).errorf(typeValidation, "the function %s is not supported", name)
	e.Hint = "The functions of HOT can express most of what it does; see the documentation of the template language."
	return nil, e
}

// resolved makes a function of one that needs nothing but its resolved argument.
func resolved(f func(name string, arg any) (any, error)) parseFunc {
	return func(c *compiler, name string, arg *node) (Expr, error) {
		e, err := c.compile(arg)
		if err != nil {
			return nil, err
		}
		return &call{at: c.at(arg), name: name, args: []Expr{e}, f: func(args []any) (any, error) { return f(name, args[0]) }}, nil
	}
}

// call is a function of its resolved arguments.
type call struct {
	at   place
	name string
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

package hot

import (
	"fmt"
	"strings"

	stoker "github.com/stoker-project/stoker"
	values "github.com/stoker-project/stoker/internal/value"
)

// choice is the function "if": only the branch that the condition chooses is
// ever resolved.
type choice struct {
	cond    Expr
	yes, no Expr // no nil: nothing there
}

func (e *choice) parts() []Expr {
	if e.no == nil {
		return []Expr{e.cond, e.yes}
	}
	return []Expr{e.cond, e.yes, e.no}
}

func parseIf(c *compiler, name string, arg *node) (Expr, error) {
	if !isList(arg) || len(arg.kids) != 3 {
		return nil, c.fail(arg, `Arguments to "%s" must be of the form: [condition_name, value_if_true, value_if_false]`, name)
	}
	return c.choice(arg)
}

func parseIfOmit(c *compiler, name string, arg *node) (Expr, error) {
	if !isList(arg) || len(arg.kids) != 2 && len(arg.kids) != 3 {
		return nil, c.fail(arg, `Arguments to "%s" must be of the form: [condition_name, value_if_true, value_if_false] or [condition_name, value_if_true]`, name)
	}
	return c.choice(arg)
}

func (c *compiler) choice(arg *node) (Expr, error) {
	cond, err := c.conditionOf(arg.kids[0])
	if err != nil {
		return nil, err
	}
	branches, err := c.items(&node{val: []any{}, kids: arg.kids[1:], line: arg.line, col: arg.col})
	if err != nil {
		return nil, err
	}
	e := &choice{cond: cond, yes: branches[0]}
	if len(branches) > 1 {
		e.no = branches[1]
	}
	return e, nil
}

// branch gives the chosen branch, nil if that is omitted.
func (e *choice) branch(s Scope) (Expr, error) {
	yes, err := truth(e.cond, s)
	if err != nil || yes {
		return e.yes, err
	}
	return e.no, nil
}

func (e *choice) Resolve(s Scope) (any, error) {
	b, err := e.branch(s)
	if err != nil {
		return nil, err
	}
	if b == nil {
		return omitted, nil
	}
	return b.Resolve(s)
}

// conditionOf compiles what may stand where a condition is wanted: the name of a
// condition, a boolean, or a condition function.
func (c *compiler) conditionOf(n *node) (Expr, error) {
	switch v := n.val.(type) {
	case bool:
		return literal{v}, nil
	case string:
		if c.t.conditions[v] == nil {
			return nil, c.fail(n, "Invalid condition %q", v)
		}
		return &named{at: c.at(n), t: c.t, name: literal{v}}, nil
	}
	outer := c.condition
	c.condition = true
	defer func() { c.condition = outer }()
	if !n.isMap() || c.function(n) == nil {
		return nil, c.fail(n, "Invalid condition %s", pyRepr(n.val))
	}
	e, err := c.compile(n)
	if err != nil {
		return nil, err
	}
	return &named{at: c.at(n), t: c.t, name: e}, nil
}

// named is a condition that its value names, unless that is a boolean already.
type named struct {
	at   place
	t    *Template
	name Expr
}

func (e *named) parts() []Expr { return []Expr{e.name} }

func (e *named) Resolve(s Scope) (any, error) {
	v, err := eval(e.name, s)
	if err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case bool:
		return v, nil
	case string:
		yes, err := e.t.enabled(v, s)
		return yes, e.at.wrap(err)
	}
	return nil, e.at.errorf(typeValueError, "Invalid condition %s", pyRepr(v))
}

// truth resolves a condition that conditionOf compiled.
func truth(e Expr, s Scope) (bool, error) {
	v, err := e.Resolve(s)
	if err != nil {
		return false, err
	}
	b, ok := v.(bool)
	if !ok {
		return false, valueErr("Invalid condition %s", pyRepr(v))
	}
	return b, nil
}

// condition is an entry of the conditions section.
type condition struct {
	node *node
	expr Expr
}

// memo remembers the conditions already resolved, so that chains of conditions
// cost no more than there are conditions.
type memo struct {
	Scope
	known   map[string]bool
	running map[string]bool
}

// enabled resolves a condition of the conditions section.
func (t *Template) enabled(name string, s Scope) (bool, error) {
	m, ok := s.(*memo)
	if !ok {
		m = &memo{Scope: s, known: map[string]bool{}, running: map[string]bool{}}
	}
	if yes, ok := m.known[name]; ok {
		return yes, nil
	}
	c := t.conditions[name]
	if c == nil {
		return false, valueErr("Invalid condition %q", name)
	}
	if m.running[name] {
		return false, circularCondition(place{path: t.conditionPath(name), pos: c.node.pos(t.File)}, name)
	}
	m.running[name] = true
	yes, err := truth(c.expr, m)
	delete(m.running, name)
	if err != nil {
		return false, err
	}
	m.known[name] = yes
	return yes, nil
}

func (t *Template) conditionPath(name string) string {
	return t.dialect.word("conditions") + "." + name
}

func circularCondition(at place, name string) *stoker.Error {
	return at.errorf(typeValidation, "Circular definition for condition %q", name)
}

// compileConditions reads the conditions section; all names are known before
// the first is compiled.
func (c *compiler) compileConditions(section *node) error {
	if section == nil || section.val == nil {
		return nil
	}
	c.enter(c.d.word("conditions"))
	defer c.enter()
	if !section.isMap() {
		return c.at(section).errorf(typeCondition, `The condition definitions are invalid: a map is wanted, not a %s`, values.TypeName(section.val))
	}
	for i, name := range section.keys {
		c.t.conditions[name] = &condition{node: section.kids[i]}
	}
	for i, name := range section.keys {
		c.enter(c.d.word("conditions"), name)
		e, err := c.conditionOf(section.kids[i])
		if err != nil {
			return err
		}
		c.t.conditions[name].expr = e
	}
	return c.t.checkConditionCycles(section.keys)
}

// checkConditionCycles follows the names that are known without parameters.
func (t *Template) checkConditionCycles(names []string) error {
	done := map[string]bool{}
	for _, name := range names {
		if ring := findCycle(name, t.conditionNames, done); ring != nil {
			n := t.conditions[ring[0]].node
			err := circularCondition(place{path: t.conditionPath(ring[0]), pos: n.pos(t.File)}, ring[0])
			err.Message += fmt.Sprintf(" (%s)", strings.Join(ring, " -> "))
			return err
		}
	}
	return nil
}

// conditionNames lists the conditions that one names.
func (t *Template) conditionNames(name string) []string {
	var names []string
	visit(t.conditions[name].expr, func(e Expr) {
		if n, ok := e.(*named); ok {
			if l, ok := n.name.(literal); ok {
				names = append(names, l.v.(string))
			}
		}
	})
	return names
}

// visit calls f for an Expr and all in it.
func visit(e Expr, f func(Expr)) {
	if e == nil {
		return
	}
	f(e)
	if c, ok := e.(composite); ok {
		for _, p := range c.parts() {
			visit(p, f)
		}
	}
}

// equality is the function "equals".
func parseEquals(c *compiler, name string, arg *node) (Expr, error) {
	if !isList(arg) || len(arg.kids) != 2 {
		return nil, c.fail(arg, `Arguments to "%s" must be of the form: [value_1, value_2]`, name)
	}
	return c.ofItems(arg, func(args []any) (any, error) { return values.Equal(args[0], args[1]), nil })
}

// junction is "and" and "or": it ends at the first argument that decides.
type junction struct {
	args    []Expr
	decides bool
}

func (e *junction) parts() []Expr { return e.args }

func (e *junction) Resolve(s Scope) (any, error) {
	for _, a := range e.args {
		yes, err := truth(a, s)
		if err != nil {
			return nil, err
		}
		if yes == e.decides {
			return e.decides, nil
		}
	}
	return !e.decides, nil
}

func parseAnd(c *compiler, name string, arg *node) (Expr, error) {
	return c.junction(name, arg, false)
}

func parseOr(c *compiler, name string, arg *node) (Expr, error) {
	return c.junction(name, arg, true)
}

func (c *compiler) junction(name string, arg *node, decides bool) (Expr, error) {
	if !isList(arg) {
		return nil, c.fail(arg, `Arguments to "%s" must be a list of conditions`, name)
	}
	if len(arg.kids) < 2 {
		return nil, c.fail(arg, `The minimum number of condition arguments to "%s" is 2.`, name)
	}
	j := &junction{decides: decides}
	for _, kid := range arg.kids {
		e, err := c.conditionOf(kid)
		if err != nil {
			return nil, err
		}
		j.args = append(j.args, e)
	}
	return j, nil
}

// negation is "not".
type negation struct{ arg Expr }

func (e *negation) parts() []Expr { return []Expr{e.arg} }

func parseNot(c *compiler, name string, arg *node) (Expr, error) {
	if arg.val == nil {
		return nil, c.fail(arg, `Argument to "%s" must be a condition`, name)
	}
	e, err := c.conditionOf(arg)
	if err != nil {
		return nil, err
	}
	return &negation{e}, nil
}

func (e *negation) Resolve(s Scope) (any, error) {
	yes, err := truth(e.arg, s)
	return !yes, err
}

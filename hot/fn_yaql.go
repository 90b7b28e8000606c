package hot

import (
	"slices"

	stoker "github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/yaql"
)

// query is the function "yaql": an expression over data, which is $.data in it.
type query struct {
	at         place
	name       string
	expression Expr
	program    *yaql.Program // nil if the expression is computed
	data       Expr          // nil: an empty map
}

func (e *query) parts() []Expr {
	if e.data == nil {
		return []Expr{e.expression}
	}
	return []Expr{e.expression, e.data}
}

func parseYAQL(c *compiler, name string, arg *node) (Expr, error) {
	if !c.plainMap(arg) {
		return nil, c.fail(arg, `Arguments to "%s" must be a map.`, name)
	}
	for _, k := range arg.keys {
		if !slices.Contains([]string{"expression", "data"}, k) || arg.key("expression") == nil {
			return nil, c.fail(arg, `"%s" syntax should be %s: {expression: $.data.var1.sum(), data: {var1: [3, 2, 1]}}`, name, name)
		}
	}
	args, err := c.fields(arg)
	if err != nil {
		return nil, err
	}
	q := &query{at: c.at(arg), name: name, expression: args.get("expression"), data: args.get("data")}
	if l, ok := q.expression.(literal); ok {
		if q.program, err = q.parse(l.v); err != nil {
			return nil, c.fail(arg.key("expression"), "%s", messageOf(err))
		}
	}
	return q, nil
}

func (e *query) parse(v any) (*yaql.Program, error) {
	text, ok := v.(string)
	if !ok {
		return nil, e.at.errorf(typeTypeError, `The "expression" argument to %s must contain a string.`, e.name)
	}
	p, err := yaql.Parse(text)
	if err != nil {
		return nil, e.at.errorf(typeValueError, "Bad expression %v.", err)
	}
	return p, nil
}

func (e *query) Resolve(s Scope) (any, error) {
	program, data := e.program, any(map[string]any{})
	if program == nil {
		v, err := eval(e.expression, s)
		if err != nil {
			return nil, err
		}
		if program, err = e.parse(v); err != nil {
			return nil, err
		}
	}
	if e.data != nil {
		var err error
		if data, err = eval(e.data, s); err != nil {
			return nil, err
		}
	}
	v, err := program.Eval(map[string]any{"data": data})
	return v, e.located(err)
}

// located gives an error of the expression its place and its class as Type.
func (e *query) located(err error) error {
	if err == nil {
		return nil
	}
	y, ok := err.(*yaql.Error)
	if !ok {
		return stoker.Errorf(stoker.Internal, "evaluate a yaql expression: %w", err)
	}
	return e.at.errorf(y.Class, "%s: %s", e.name, y.Message)
}

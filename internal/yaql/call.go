package yaql

import (
	"fmt"
	"iter"
)

// call is what a function of the library is given: its arguments by the order of
// its parameters.
type call struct {
	e     *evaluator
	scope *scope
	args  []any // absent{} where left out
	many  []any // of the parameter that takes any number
	named map[string]any
}

type absent struct{}

func (c *call) has(i int) bool       { _, no := c.args[i].(absent); return !no }
func (c *call) any(i int) any        { return c.args[i] }
func (c *call) str(i int) string     { return c.args[i].(string) }
func (c *call) int(i int) int64      { return c.args[i].(int64) }
func (c *call) list(i int) []any     { return c.args[i].([]any) }
func (c *call) dict(i int) *dict     { return c.args[i].(*dict) }
func (c *call) set(i int) *set       { return c.args[i].(*set) }
func (c *call) regex(i int) regex    { return c.args[i].(regex) }
func (c *call) lambda(i int) *lambda { return c.args[i].(*lambda) }

// items walks through an argument, within the limit.
func (c *call) items(i int) iter.Seq[any] { return c.e.seqOf(c.args[i]) }

func (e *evaluator) seqOf(v any) iter.Seq[any] {
	items, ok := e.items(v)
	if !ok {
		fail("TypeError", "a "+typeName(v)+" cannot be walked through")
	}
	return items
}

// intOr, strOr, boolOr and anyOr give a default for what is left out.
func (c *call) intOr(i int, d int64) int64 {
	if !c.has(i) {
		return d
	}
	return c.int(i)
}

func (c *call) strOr(i int, d string) string {
	if !c.has(i) || c.args[i] == nil {
		return d
	}
	return c.str(i)
}

func (c *call) boolOr(i int, d bool) bool {
	if !c.has(i) {
		return d
	}
	return c.args[i].(bool)
}

func (c *call) anyOr(i int, d any) any {
	if !c.has(i) {
		return d
	}
	return c.args[i]
}

// fn gives a lambda as a function; what is left out becomes the fallback.
func (c *call) fn(i int, fallback func(args ...any) any) func(args ...any) any {
	if !c.has(i) {
		return fallback
	}
	return c.lambda(i).call
}

// call calls a function, or with of a method of that value.
func (e *evaluator) call(name string, args []expr, s *scope, of *any) any {
	as := asFunction
	if of != nil {
		as = asMethod
	} else if f := s.function(name); f != nil {
		return e.callDefined(f, args, s)
	}
	candidates := e.named(name, as)
	if len(candidates) == 0 {
		unknownFunction(name, of)
	}
	var fitting []assignment
	for _, o := range candidates {
		if b, ok := bind(o, args, of != nil); ok {
			fitting = append(fitting, b)
		}
	}
	computed := e.compute(fitting, args, s, of)
	for _, b := range fitting {
		if c, ok := e.fill(b, computed, args, s); ok {
			return e.limitMade(b.do(c))
		}
	}
	mismatch(name, of, computed)
	return nil
}

func unknownFunction(name string, of *any) {
	switch name {
	case "now", "utctz", "localtz", "datetime", "timespan", "random":
		fail("NoFunctionRegisteredException", fmt.Sprintf("%s() is not offered here: a template gives the same each time it is resolved", name))
	}
	if of == nil {
		fail("NoFunctionRegisteredException", fmt.Sprintf("Unknown function %q", name))
	}
	fail("NoMethodRegisteredException", fmt.Sprintf("Unknown method %q for receiver of type %s", name, typeName(*of)))
}

func mismatch(name string, of *any, computed map[int]any) {
	var args []any
	for i := -1; len(computed) > 0; i++ {
		if v, ok := computed[i]; ok {
			delete(computed, i)
			if i >= 0 {
				args = append(args, v)
			}
		}
	}
	if of == nil {
		fail("NoMatchingFunctionException", fmt.Sprintf("No function %q matches supplied arguments (%s)", name, typeNames(args)))
	}
	fail("NoMatchingMethodException", fmt.Sprintf("No method %q for receiver of type %s matches supplied arguments (%s)", name, typeName(*of), typeNames(args)))
}

// callDefined calls what def() has defined: every argument is computed.
func (e *evaluator) callDefined(f *lambda, args []expr, s *scope) any {
	var vals []any
	named := map[string]any{}
	for _, a := range args {
		if p, ok := a.(pairExpr); ok {
			named[argumentName(p)] = e.eval(p.val, s)
			continue
		}
		vals = append(vals, e.evalAll([]expr{a}, s)[0])
	}
	return f.callNamed(vals, named)
}

func argumentName(p pairExpr) string {
	k, ok := p.key.(keyword)
	if !ok {
		fail("MappingTranslationException", "Cannot convert mapping to keyword argument")
	}
	return k.name
}

// compute evaluates, once, the arguments that are not lazy. Overloads of one name
// agree on which those are.
func (e *evaluator) compute(fitting []assignment, args []expr, s *scope, of *any) map[int]any {
	out := map[int]any{}
	if of != nil {
		out[receiver] = e.limitSize(*of)
	}
	for _, b := range fitting {
		for j, slots := range b.slots {
			for _, i := range slots {
				if _, done := out[i]; !done && i != receiver && !b.params[j].lazy() {
					out[i] = e.argument(args[i], b.params[j], s)
				}
			}
		}
		for _, i := range b.named {
			if _, done := out[i]; !done {
				out[i] = e.eval(args[i].(pairExpr).val, s)
			}
		}
	}
	return out
}

func (e *evaluator) argument(a expr, p param, s *scope) any {
	if pe, ok := a.(pairExpr); ok && p.kind != "pair" {
		return e.eval(pe.val, s)
	}
	return e.limitSize(e.eval(a, s))
}

// fill makes the call if the values fit the parameters.
func (e *evaluator) fill(b assignment, computed map[int]any, args []expr, s *scope) (*call, bool) {
	c := &call{e: e, scope: s, args: make([]any, len(b.params)), named: map[string]any{}}
	for j, p := range b.params {
		c.args[j] = absent{}
		for _, i := range b.slots[j] {
			v, ok := computed[i]
			switch {
			case p.kind == "lambda":
				v = e.lambdaOf(i, computed, args, s)
			case p.kind == "rule":
				v = e.ruleOf(args[i].(pairExpr), s)
			case !ok || !e.accepts(p.kind, v):
				return nil, false
			}
			if p.many {
				c.many = append(c.many, v)
			} else {
				c.args[j] = v
			}
		}
	}
	for name, i := range b.named {
		c.named[name] = computed[i]
	}
	return c, true
}

func (e *evaluator) lambdaOf(i int, computed map[int]any, args []expr, s *scope) *lambda {
	if i == receiver {
		return &lambda{e, constant{computed[i]}, s}
	}
	if p, ok := args[i].(pairExpr); ok {
		return &lambda{e, p.val, s}
	}
	return &lambda{e, args[i], s}
}

func (e *evaluator) ruleOf(p pairExpr, s *scope) lazyRow {
	return lazyRow{
		key: func() any { return e.eval(p.key, s) },
		val: func() any { return e.eval(p.val, s) },
	}
}

package yaql

import (
	"cmp"
	"fmt"
)

// systemRows work on variables and functions.
func systemRows() []row {
	return []row{
		{asFunction, "let", "values:any* named:any**", let},
		{asFunction, "with", "values:any*", let},
		{asMethod, "unpack", "sequence:items names:string*", unpack},
		{asFunction, "def", "name:string func:lambda", func(c *call) any {
			s := c.scope.inner()
			f := c.lambda(1)
			// It sees itself, so that it can call itself.
			s.funcs = map[string]*lambda{c.str(0): {f.e, f.body, s}}
			return s
		}},
		{asMethod, "assert", "obj:any condition:lambda message:string?", func(c *call) any {
			if !truth(c.lambda(1).call(c.any(0))) {
				fail("AssertionError", cmp.Or(c.strOr(2, ""), "Assertion failed"))
			}
			return c.any(0)
		}},
		{asFunction, "call", "name:string args:list kwargs:dict receiver:any?", callByName},
		{asBoth, "str", "value:any", func(c *call) any { return str(c.any(0)) }},
		{asFunction, "bool", "value:any", func(c *call) any { return truth(c.any(0)) }},
		{asFunction, "isBoolean", "value:any", is("bool")},
		{asFunction, "isString", "value:any", is("string")},
		{asFunction, "isInteger", "value:any", is("int")},
		{asFunction, "isNumber", "value:any", is("number")},
		{asFunction, "isList", "value:any", is("list")},
		{asFunction, "isDict", "value:any", is("dict")},
		{asFunction, "isSet", "value:any", is("set")},
		{asFunction, "isRegex", "value:any", is("regex")},
		{asFunction, "isIterable", "value:any", is("items")},
	}
}

func is(kind string) func(c *call) any {
	return func(c *call) any { return c.e.accepts(kind, c.any(0)) }
}

// let gives a scope with variables $1, $2, ... and named ones.
func let(c *call) any {
	s := c.scope.inner()
	for i, v := range c.many {
		s.vars[fmt.Sprint(i+1)] = v
	}
	for name, v := range c.named {
		s.vars[name] = v
	}
	return s
}

func unpack(c *call) any {
	items := list(c.items(0))
	if len(c.many) > 0 && len(c.many) != len(items) {
		fail("ValueError", fmt.Sprintf("Cannot unpack %d elements into %d", len(items), len(c.many)))
	}
	s := c.scope.inner()
	for i, v := range items {
		name := fmt.Sprint(i + 1)
		if len(c.many) > 0 {
			name = c.many[i].(string)
		}
		s.vars[variableName(name)] = v
	}
	return s
}

func callByName(c *call) any {
	var args []expr
	for _, a := range c.list(1) {
		args = append(args, constant{a})
	}
	for k, v := range c.dict(2).each() {
		args = append(args, pairExpr{keyword{keyText(k)}, constant{v}})
	}
	if c.has(3) {
		return c.e.call(c.str(0), args, c.scope, &c.args[3])
	}
	return c.e.call(c.str(0), args, c.scope, nil)
}

// branchRows choose; what is not chosen is never computed.
func branchRows() []row {
	return []row{
		{asFunction, "switch", "cases:rule*", func(c *call) any {
			for _, r := range c.many {
				if r := r.(lazyRow); truth(r.key()) {
					return r.val()
				}
			}
			return nil
		}},
		{asFunction, "selectCase", "predicates:lambda*", func(c *call) any {
			for i, p := range c.many {
				if truth(p.(*lambda).call()) {
					return int64(i)
				}
			}
			return int64(len(c.many))
		}},
		{asFunction, "selectAllCases", "predicates:lambda*", func(c *call) any {
			return seq{func(yield func(any) bool) {
				for i, p := range c.many {
					if truth(p.(*lambda).call()) && !yield(int64(i)) {
						return
					}
				}
			}}
		}},
		{asFunction, "examine", "predicates:lambda*", func(c *call) any {
			return seq{func(yield func(any) bool) {
				for _, p := range c.many {
					if !yield(truth(p.(*lambda).call())) {
						return
					}
				}
			}}
		}},
		{asMethod, "switchCase", "case:int values:lambda*", func(c *call) any {
			if len(c.many) == 0 {
				return nil
			}
			i := c.int(0)
			if i < 0 || i >= int64(len(c.many)) {
				i = int64(len(c.many)) - 1
			}
			return c.many[i].(*lambda).call()
		}},
		{asFunction, "coalesce", "values:lambda*", func(c *call) any {
			for _, f := range c.many {
				if v := f.(*lambda).call(); v != nil {
					return v
				}
			}
			return nil
		}},
	}
}

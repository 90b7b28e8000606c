package yaql

import "fmt"

// evaluator is one evaluation: what it has used up so far, and the functions it
// has looked up.
type evaluator struct {
	steps, nesting, made int
	rows                 []row
	known                map[string][]*overload
	patterns             map[string]regex
}

func newEvaluator() *evaluator {
	return &evaluator{rows: library(), known: map[string][]*overload{}, patterns: map[string]regex{}}
}

// scope holds variables, and functions that the expression has defined.
type scope struct {
	outer *scope
	vars  map[string]any
	funcs map[string]*lambda
}

func (s *scope) inner() *scope { return &scope{outer: s, vars: map[string]any{}} }

// get gives null for what is not set.
func (s *scope) get(name string) any {
	for ; s != nil; s = s.outer {
		if v, ok := s.vars[name]; ok {
			return v
		}
	}
	return nil
}

func (s *scope) function(name string) *lambda {
	for ; s != nil; s = s.outer {
		if f := s.funcs[name]; f != nil {
			return f
		}
	}
	return nil
}

// lambda is an argument that is computed when it is called.
type lambda struct {
	e    *evaluator
	body expr
	in   *scope
}

// call computes it with arguments as $1 (which is $), $2, ...
func (l *lambda) call(args ...any) any {
	return l.callNamed(args, nil)
}

func (l *lambda) callNamed(args []any, named map[string]any) any {
	s := l.in.inner()
	for i, a := range args {
		s.vars[fmt.Sprint(i+1)] = a
	}
	for name, a := range named {
		s.vars[name] = a
	}
	return l.e.eval(l.body, s)
}

// in computes it with the variables of a scope.
func (l *lambda) within(s *scope) any { return l.e.eval(l.body, s) }

func (e *evaluator) eval(x expr, s *scope) any {
	e.step()
	if e.nesting++; e.nesting > maxNesting {
		fail("RecursionError", "the expression calls itself too deeply")
	}
	defer func() { e.nesting-- }()
	switch x := x.(type) {
	case constant:
		return x.v
	case keyword:
		return x.name
	case variable:
		return s.get(x.name)
	case group:
		return e.eval(x.x, s)
	case *listExpr:
		return e.limitMade(e.evalAll(x.items, s))
	case *mapExpr:
		d := e.newDict()
		for _, p := range x.pairs {
			d.put(e.eval(p.key, s), e.eval(p.val, s))
		}
		return e.limitMade(d)
	case pairExpr:
		return pair{e.eval(x.key, s), e.eval(x.val, s)}
	case *index:
		return e.index(e.eval(x.of, s), e.indexes(x.args, s))
	case *unary:
		return e.unary(x.op, e.eval(x.x, s))
	case *binary:
		return e.evalBinary(x, s)
	case *callExpr:
		return e.call(x.name, x.args, s, nil)
	}
	fail("TypeError", fmt.Sprintf("%T is no expression", x))
	return nil
}

func (e *evaluator) evalAll(xs []expr, s *scope) []any {
	out := make([]any, len(xs))
	for i, x := range xs {
		if x != nil {
			out[i] = e.eval(x, s)
		}
	}
	return out
}

// indexes are what stands in brackets; the default may be named.
func (e *evaluator) indexes(xs []expr, s *scope) []any {
	args := e.evalAll(xs, s)
	if len(args) == 2 {
		if p, ok := args[1].(pair); ok && p.key == "default" {
			args[1] = p.val
		}
	}
	return args
}

func (e *evaluator) evalBinary(x *binary, s *scope) any {
	l := e.eval(x.l, s)
	switch x.op {
	case "and":
		if !truth(l) {
			return l
		}
		return e.eval(x.r, s)
	case "or":
		if truth(l) {
			return l
		}
		return e.eval(x.r, s)
	case "?.":
		if l == nil {
			return nil
		}
		return e.member(l, x.r, s)
	case ".":
		return e.member(l, x.r, s)
	case "->":
		in, ok := l.(*scope)
		if !ok {
			noMatch("->", l)
		}
		return e.eval(x.r, in)
	}
	return e.binary(x.op, l, e.eval(x.r, s))
}

// member is what stands behind a point: a method, or the name of a key.
func (e *evaluator) member(of any, x expr, s *scope) any {
	switch x := x.(type) {
	case *callExpr:
		return e.call(x.name, x.args, s, &of)
	case keyword:
		return e.property(of, x.name)
	}
	noMatch(".", of)
	return nil
}

// property takes a key out of a dict, or out of every item of a collection.
func (e *evaluator) property(of any, name string) any {
	if d, ok := of.(*dict); ok {
		return e.key(d, name)
	}
	items, ok := e.items(of)
	if !ok {
		fail("NoFunctionRegisteredException", fmt.Sprintf("Unknown function %q: a %s has no properties", "#property#"+name, typeName(of)))
	}
	return seq{func(yield func(any) bool) {
		for v := range items {
			if !yield(e.property(v, name)) {
				return
			}
		}
	}}
}

func (e *evaluator) key(d *dict, k any) any {
	v, ok := d.get(k)
	if !ok {
		fail("KeyError", "there is no key "+repr(k))
	}
	return v
}

// index is x[...]: an item of a list, the value of a key, with a default.
func (e *evaluator) index(of any, args []any) any {
	switch of := of.(type) {
	case *dict:
		if len(args) == 1 {
			return e.key(of, args[0])
		}
		if len(args) == 2 {
			if v, ok := of.get(args[0]); ok {
				return v
			}
			return args[1]
		}
	case []any:
		if len(args) != 1 {
			break
		}
		if i, ok := args[0].(int64); ok {
			return at(of, i)
		}
	}
	noMatch("[]", append([]any{of}, args...)...)
	return nil
}

// at counts negative positions from the end.
func at(items []any, i int64) any {
	if i < 0 {
		i += int64(len(items))
	}
	if i < 0 || i >= int64(len(items)) {
		fail("IndexError", fmt.Sprintf("index out of range: the list has %d items", len(items)))
	}
	return items[i]
}

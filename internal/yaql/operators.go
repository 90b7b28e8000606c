package yaql

import (
	"fmt"
	"math"
	"strings"
)

// noMatch is the error for an operator that does not take such values.
func noMatch(op string, args ...any) {
	fail("NoMatchingFunctionException", fmt.Sprintf(`No function "#operator_%s" matches supplied arguments (%s)`, op, typeNames(args)))
}

func typeNames(args []any) string {
	names := make([]string, len(args))
	for i, a := range args {
		names[i] = typeName(a)
	}
	return strings.Join(names, ", ")
}

func (e *evaluator) unary(op string, x any) any {
	if op == "not" {
		return !truth(x)
	}
	if !isNumber(x) {
		noMatch(op, x)
	}
	if op == "+" {
		return x
	}
	return e.binary("-", int64(0), x)
}

// binary computes all operators whose both sides are computed first.
func (e *evaluator) binary(op string, l, r any) any {
	e.limitSize(l)
	e.limitSize(r)
	switch op {
	case "=":
		return e.equal(l, r)
	case "!=":
		return !e.equal(l, r)
	case "<", ">", "<=", ">=":
		return compare(op, l, r)
	case "in":
		return e.in(l, r)
	case "=~":
		return e.match(op, l, r)
	case "!~":
		return !e.match(op, l, r)
	}
	if isNumber(l) && isNumber(r) {
		return arithmetic(op, l, r)
	}
	var v any
	switch op {
	case "+":
		v = e.plus(l, r)
	case "-":
		v = minus(l, r)
	case "*":
		v = e.times(l, r)
	}
	if v == nil {
		noMatch(op, l, r)
	}
	return e.limitMade(v)
}

// compare orders numbers, texts, sets by inclusion; null is less than all.
func compare(op string, l, r any) bool {
	switch {
	case l == nil && r == nil:
		return strings.HasSuffix(op, "=")
	case l == nil:
		return op[0] == '<'
	case r == nil:
		return op[0] == '>'
	case isNumber(l) && isNumber(r):
		if math.IsNaN(toFloat(l)) || math.IsNaN(toFloat(r)) {
			return false
		}
		return ordering(op, compareNumbers(l, r))
	}
	if a, ok := l.(string); ok {
		if b, ok := r.(string); ok {
			return ordering(op, strings.Compare(a, b))
		}
	}
	if a, ok := l.(*set); ok {
		if b, ok := r.(*set); ok {
			return inclusion(op, a, b)
		}
	}
	noMatch(op, l, r)
	return false
}

func ordering(op string, c int) bool {
	switch op {
	case "<":
		return c < 0
	case ">":
		return c > 0
	case "<=":
		return c <= 0
	}
	return c >= 0
}

func inclusion(op string, a, b *set) bool {
	if op[0] == '>' {
		a, b = b, a
	}
	for _, v := range a.keys {
		if !b.has(v) {
			return false
		}
	}
	return len(op) == 2 || len(a.keys) < len(b.keys)
}

func (e *evaluator) in(v, of any) bool {
	if s, ok := of.(string); ok {
		part, ok := v.(string)
		if !ok {
			noMatch("in", v, of)
		}
		return strings.Contains(s, part)
	}
	items, ok := e.items(of)
	if !ok {
		noMatch("in", v, of)
	}
	return e.has(items, v)
}

func (e *evaluator) match(op string, l, r any) bool {
	s, ok := l.(string)
	if !ok {
		noMatch(op, l, r)
	}
	switch r := r.(type) {
	case string:
		return e.scan(e.regex(r), s).MatchString(s)
	case regex:
		return e.scan(r, s).MatchString(s)
	}
	noMatch(op, l, r)
	return false
}

func (e *evaluator) plus(l, r any) any {
	switch a := l.(type) {
	case string:
		if b, ok := r.(string); ok {
			return a + b
		}
		return nil
	case *dict:
		b, ok := r.(*dict)
		if !ok {
			return nil
		}
		return merged(a, b)
	case []any:
		if b, ok := r.([]any); ok {
			return append(a[:len(a):len(a)], b...)
		}
	case *set:
		if b, ok := r.(*set); ok {
			return e.newSet(chain(e.seqOf(a), e.seqOf(b)))
		}
	}
	x, xOK := e.items(l)
	y, yOK := e.items(r)
	if !xOK || !yOK {
		return nil
	}
	return seq{chain(x, y)}
}

func merged(a, b *dict) *dict {
	out := a.clone()
	for k, v := range b.each() {
		out.put(k, v)
	}
	return out
}

func minus(l, r any) any {
	a, aOK := l.(*set)
	b, bOK := r.(*set)
	if !aOK || !bOK {
		return nil
	}
	return a.without(b)
}

// times repeats texts and lists.
func (e *evaluator) times(l, r any) any {
	n, ok := r.(int64)
	if !ok {
		if n, ok = l.(int64); !ok {
			return nil
		}
		l = r
	}
	n = max(n, 0)
	switch a := l.(type) {
	case string:
		e.limitTimes(n, len(a))
		return strings.Repeat(a, int(n))
	case []any:
		e.limitTimes(n, 8*len(a))
		out := []any{}
		for range n {
			out = append(out, a...)
		}
		return out
	}
	return nil
}

func (e *evaluator) limitTimes(n int64, size int) {
	if n > maxSize || n*int64(size) > maxSize {
		tooMuch()
	}
}

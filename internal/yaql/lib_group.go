package yaql

import (
	"slices"
)

// groupRows sort collections and group their items.
func groupRows() []row {
	return []row{
		{asMethod, "orderBy", "collection:items selector:lambda", func(c *call) any { return orderBy(c, nil, false) }},
		{asMethod, "orderByDescending", "collection:items selector:lambda", func(c *call) any { return orderBy(c, nil, true) }},
		{asMethod, "thenBy", "collection:ordered selector:lambda", func(c *call) any { return orderBy(c, c.any(0).(*ordered), false) }},
		{asMethod, "thenByDescending", "collection:ordered selector:lambda", func(c *call) any { return orderBy(c, c.any(0).(*ordered), true) }},
		{asMethod, "toDict", "collection:items keySelector:lambda valueSelector:lambda?", func(c *call) any {
			d := c.e.newDict()
			value := c.fn(2, func(args ...any) any { return args[0] })
			for v := range c.items(0) {
				d.put(c.lambda(1).call(v), value(v))
			}
			return d
		}},
		{asMethod, "groupBy", "collection:items keySelector:lambda valueSelector:lambda? aggregator:lambda?", groupBy},
	}
}

type sortKey struct {
	of         func(args ...any) any
	descending bool
}

func orderBy(c *call, before *ordered, descending bool) any {
	o := &ordered{of: c.items(0), keys: []sortKey{{c.lambda(1).call, descending}}}
	if before != nil {
		o.of, o.keys = before.of, append(slices.Clone(before.keys), o.keys...)
	}
	o.each = func(yield func(any) bool) {
		items := list(o.of)
		slices.SortStableFunc(items, o.compare)
		for _, v := range items {
			if !yield(v) {
				return
			}
		}
	}
	return o
}

func (o *ordered) compare(a, b any) int {
	for _, k := range o.keys {
		x, y := k.of(a), k.of(b)
		result := 0
		switch {
		case compare("<", x, y):
			result = -1
		case compare(">", x, y):
			result = 1
		default:
			continue
		}
		if k.descending {
			result = -result
		}
		return result
	}
	return 0
}

// groupBy gives [key, values] for each key, or what the aggregator makes of the
// values in their place.
func groupBy(c *call) any {
	value := c.fn(2, func(args ...any) any { return args[0] })
	groups := c.e.newDict()
	for v := range c.items(0) {
		k := c.lambda(1).call(v)
		members, _ := groups.get(k)
		if members == nil {
			members = []any{}
		}
		groups.put(k, append(members.([]any), value(v)))
	}
	if !c.has(3) {
		return seq{rows(groups)}
	}
	return seq{func(yield func(any) bool) {
		a := &aggregator{f: c.lambda(3).call, old: true, e: c.e}
		for k, members := range groups.each() {
			if !yield(a.group(k, members.([]any))) {
				return
			}
		}
	}}
}

// aggregator is called with the values of a group; or, as before yaql 1.1.1, with
// [key, values], and gives such a pair itself. Which it is, the first call that fails
// tells.
type aggregator struct {
	f       func(args ...any) any
	old     bool // may be one of the old kind
	failure *Error
	e       *evaluator
}

func (a *aggregator) group(key any, members []any) any {
	if a.failure == nil {
		var out any
		a.failure = attempt(func() { out = a.f(members) })
		if a.failure == nil {
			a.old = a.old && a.looksOld(members, out)
			return []any{key, out}
		}
		switch a.failure.Class {
		case "NoMatchingMethodException", "NoMatchingFunctionException", "IndexError":
		default:
			panic(a.failure)
		}
	}
	if a.old {
		var out any
		err := attempt(func() { out = a.f([]any{key, members}) })
		if p, ok := out.([]any); err == nil && ok && len(p) == 2 {
			return p
		}
	}
	panic(a.failure)
}

// looksOld: two values may have been taken for key and values.
func (a *aggregator) looksOld(members []any, out any) bool {
	p, ok := out.([]any)
	return ok && len(members) == 2 && len(p) == 2 && a.e.equal(p[0], members[0])
}

package yaql

import (
	"iter"
	"slices"
)

// listRows make and change lists by position.
func listRows() []row {
	return []row{
		{asBoth, "len", "sequence:list", func(c *call) any { return int64(len(c.list(0))) }},
		{asBoth, "len", "collection:items", func(c *call) any { return count(c.items(0)) }},
		{asMethod, "count", "collection:items", func(c *call) any { return count(c.items(0)) }},
		{asFunction, "list", "args:any*", func(c *call) any { return list(c.e.limited(c.e.spread(c.many))) }},
		{asMethod, "toList", "collection:items", func(c *call) any { return list(c.items(0)) }},
		{asMethod, "memorize", "collection:items", func(c *call) any { return list(c.items(0)) }},
		{asMethod, "flatten", "collection:items", func(c *call) any { return seq{c.e.flatten(c.items(0))} }},
		{asMethod, "contains", "collection:items value:any", func(c *call) any { return c.e.has(c.items(0), c.any(1)) }},
		{asMethod, "delete", "collection:items position:int count:int?", func(c *call) any {
			return c.splice(c.int(1), c.intOr(2, 1), nil)
		}},
		{asMethod, "replace", "collection:items position:int value:any count:int?", func(c *call) any {
			return c.splice(c.int(1), c.intOr(3, 1), []any{c.any(2)})
		}},
		{asMethod, "replaceMany", "collection:items position:int values:items count:int?", func(c *call) any {
			return c.splice(c.int(1), c.intOr(3, 1), list(c.items(2)))
		}},
		{asMethod, "insert", "list:list position:int value:any", func(c *call) any {
			l, i := c.list(0), c.int(1)
			if i < 0 {
				i = max(i+int64(len(l)), 0)
			}
			return slices.Insert(slices.Clone(l), int(min(i, int64(len(l)))), c.any(2))
		}},
		{asMethod, "insert", "collection:items position:int value:any", func(c *call) any { return c.insert(max(c.int(1), -1), []any{c.any(2)}, false) }},
		{asMethod, "insertMany", "collection:items position:int values:items", func(c *call) any { return c.insert(c.int(1), list(c.items(2)), true) }},
		{asMethod, "append", "collection:items args:any*", func(c *call) any { return seq{chain(c.items(0), slices.Values(c.many))} }},
		{asBoth, "concat", "collections:items*", func(c *call) any { return seq{c.concat()} }},
		{asMethod, "reverse", "collection:items", func(c *call) any {
			l := list(c.items(0))
			slices.Reverse(l)
			return seq{slices.Values(l)}
		}},
		{asMethod, "slice", "collection:items length:int", slice},
		{asMethod, "splitAt", "collection:items index:int", func(c *call) any {
			l := list(c.items(0))
			i := c.int(1)
			if i < 0 {
				i = max(i+int64(len(l)), 0)
			}
			i = min(i, int64(len(l)))
			return []any{l[:i:i], l[i:]}
		}},
		{asMethod, "splitWhere", "collection:items predicate:lambda", splitWhere},
		{asMethod, "sliceWhere", "collection:items predicate:lambda", sliceWhere},
		{asMethod, "zip", "collections:items*", func(c *call) any { return zip(c, false) }},
		{asMethod, "zipLongest", "collections:items* default:any**", func(c *call) any { return zip(c, true) }},
		{asMethod, "repeat", "value:any times:int?", func(c *call) any {
			n := c.intOr(1, -1)
			return seq{func(yield func(any) bool) {
				for i := int64(0); n < 0 || i < n; i++ {
					if !yield(c.any(0)) {
						return
					}
				}
			}}
		}},
		{asMethod, "cycle", "collection:items", func(c *call) any {
			return seq{func(yield func(any) bool) {
				for l := list(c.items(0)); len(l) > 0; {
					for _, v := range l {
						if !yield(v) {
							return
						}
					}
				}
			}}
		}},
	}
}

func count(items iter.Seq[any]) any {
	n := int64(0)
	for range items {
		n++
	}
	return n
}

func (e *evaluator) has(items iter.Seq[any], v any) bool {
	for item := range items {
		if e.equal(item, v) {
			return true
		}
	}
	return false
}

func chain(parts ...iter.Seq[any]) iter.Seq[any] {
	return func(yield func(any) bool) {
		for _, items := range parts {
			for v := range items {
				if !yield(v) {
					return
				}
			}
		}
	}
}

func (c *call) concat() iter.Seq[any] {
	var parts []iter.Seq[any]
	for _, v := range c.many {
		parts = append(parts, c.e.seqOf(v))
	}
	return chain(parts...)
}

func (e *evaluator) flatten(items iter.Seq[any]) iter.Seq[any] {
	return func(yield func(any) bool) {
		for v := range items {
			e.step()
			inner, ok := e.items(v)
			if !ok {
				if !yield(v) {
					return
				}
				continue
			}
			for v := range e.flatten(inner) {
				if !yield(v) {
					return
				}
			}
		}
	}
}

// splice puts values in place of n items from a position on; of all, if n is
// negative. Without an item in its place, nothing changes.
func (c *call) splice(position, n int64, values []any) any {
	return seq{func(yield func(any) bool) {
		i, done := int64(-1), false
		for v := range c.items(0) {
			i++
			if i < position || n >= 0 && i-position >= n {
				if !yield(v) {
					return
				}
				continue
			}
			if done {
				continue
			}
			done = true
			for _, v := range values {
				if !yield(v) {
					return
				}
			}
		}
	}}
}

// insert puts values before a position, or behind all items; before them for negative
// positions if asked, else nowhere.
func (c *call) insert(position int64, values []any, negative bool) any {
	return seq{func(yield func(any) bool) {
		put := func() bool {
			for _, v := range values {
				if !yield(v) {
					return false
				}
			}
			return true
		}
		if position < 0 && negative && !put() {
			return
		}
		i := int64(-1)
		for v := range c.items(0) {
			i++
			if i == position && !put() || !yield(v) {
				return
			}
		}
		if position > i {
			put()
		}
	}}
}

func slice(c *call) any {
	n := c.int(1)
	if n < 1 {
		fail("ValueError", "slice() takes a length of at least 1")
	}
	return seq{func(yield func(any) bool) {
		for part := range slices.Chunk(list(c.items(0)), int(min(n, maxItems+1))) {
			if !yield(part) {
				return
			}
		}
	}}
}

// splitWhere leaves out the items that it splits at.
func splitWhere(c *call) any {
	parts, part := []any{}, []any{}
	for v := range c.items(0) {
		if truth(c.lambda(1).call(v)) {
			parts, part = append(parts, part), []any{}
			continue
		}
		part = append(part, v)
	}
	if len(part) > 0 {
		parts = append(parts, part)
	}
	return seq{slices.Values(parts)}
}

// sliceWhere begins a new part where the predicate's value changes.
func sliceWhere(c *call) any {
	var last any
	parts, part := []any{}, []any{}
	for v := range c.items(0) {
		is := c.lambda(1).call(v)
		if len(part) > 0 && !c.e.equal(is, last) {
			parts, part = append(parts, part), []any{}
		}
		part, last = append(part, v), is
	}
	if len(part) > 0 {
		parts = append(parts, part)
	}
	return seq{slices.Values(parts)}
}

// zip gives the first items of all, the second ones, ... until one ends, or all.
func zip(c *call, longest bool) any {
	return seq{func(yield func(any) bool) {
		var nexts []func() (any, bool)
		for _, v := range c.many {
			next, stop := iter.Pull(c.e.seqOf(v))
			defer stop()
			nexts = append(nexts, next)
		}
		for {
			row, ended := make([]any, len(nexts)), 0
			for i, next := range nexts {
				v, ok := next()
				if !ok {
					ended++
					v = c.named["default"]
				}
				row[i] = v
			}
			if ended == len(nexts) || ended > 0 && !longest || !yield(row) {
				return
			}
		}
	}}
}

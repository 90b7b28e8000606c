package yaql

import (
	"iter"
)

// queryRows turn collections into others, item by item, when these are walked
// through.
func queryRows() []row {
	return []row{
		{asMethod, "where filter", "collection:items predicate:lambda", func(c *call) any {
			return seq{func(yield func(any) bool) {
				for v := range c.items(0) {
					if truth(c.lambda(1).call(v)) && !yield(v) {
						return
					}
				}
			}}
		}},
		{asMethod, "select map", "collection:items selector:lambda", func(c *call) any {
			return seq{func(yield func(any) bool) {
				for v := range c.items(0) {
					if !yield(c.lambda(1).call(v)) {
						return
					}
				}
			}}
		}},
		{asMethod, "selectMany", "collection:items selector:lambda", func(c *call) any {
			return seq{func(yield func(any) bool) {
				for v := range c.items(0) {
					for inner := range c.e.oneOrItems(c.lambda(1).call(v)) {
						if !yield(inner) {
							return
						}
					}
				}
			}}
		}},
		{asMethod, "skip", "collection:items count:int", func(c *call) any {
			n := notNegative(c.int(1))
			return seq{func(yield func(any) bool) {
				i := int64(0)
				for v := range c.items(0) {
					if i++; i > n && !yield(v) {
						return
					}
				}
			}}
		}},
		{asMethod, "limit take", "collection:items count:int", func(c *call) any {
			n := notNegative(c.int(1))
			return seq{func(yield func(any) bool) {
				if n == 0 {
					return
				}
				i := int64(0)
				for v := range c.items(0) {
					if i++; !yield(v) || i == n {
						return
					}
				}
			}}
		}},
		{asMethod, "takeWhile", "collection:items predicate:lambda", func(c *call) any {
			return seq{func(yield func(any) bool) {
				for v := range c.items(0) {
					if !truth(c.lambda(1).call(v)) || !yield(v) {
						return
					}
				}
			}}
		}},
		{asMethod, "skipWhile", "collection:items predicate:lambda", func(c *call) any {
			return seq{func(yield func(any) bool) {
				skipping := true
				for v := range c.items(0) {
					skipping = skipping && truth(c.lambda(1).call(v))
					if !skipping && !yield(v) {
						return
					}
				}
			}}
		}},
		{asBoth, "distinct", "collection:items keySelector:lambda?", func(c *call) any {
			return seq{c.e.distinct(c.items(0), c.fn(1, nil))}
		}},
		{asBoth, "enumerate", "collection:items start:int?", func(c *call) any {
			return seq{func(yield func(any) bool) {
				i := c.intOr(1, 0)
				for v := range c.items(0) {
					if !yield([]any{i, v}) {
						return
					}
					i++
				}
			}}
		}},
		{asMethod, "join", "collection1:items collection2:items predicate:lambda selector:lambda", func(c *call) any {
			return seq{func(yield func(any) bool) {
				others := list(c.items(1))
				for a := range c.items(0) {
					for _, b := range others {
						if truth(c.lambda(2).call(a, b)) && !yield(c.lambda(3).call(a, b)) {
							return
						}
					}
				}
			}}
		}},
		{asMethod, "defaultIfEmpty", "collection:items default:items", func(c *call) any {
			for range c.items(0) {
				return c.any(0)
			}
			return c.any(1)
		}},
		{asMethod, "accumulate", "collection:items selector:lambda seed:any?", accumulate},
	}
}

func notNegative(n int64) int64 {
	if n < 0 {
		fail("ValueError", "the count must not be negative")
	}
	return n
}

// oneOrItems walks through a collection, or gives the one value.
func (e *evaluator) oneOrItems(v any) iter.Seq[any] {
	if items, ok := e.items(v); ok {
		return items
	}
	return func(yield func(any) bool) { yield(v) }
}

// distinct keeps the first of those with equal keys; the item itself without a selector.
func (e *evaluator) distinct(items iter.Seq[any], key func(args ...any) any) iter.Seq[any] {
	return func(yield func(any) bool) {
		seen := map[string]bool{}
		for v := range items {
			k := v
			if key != nil {
				k = key(v)
			}
			if id := e.identity(k); !seen[id] {
				seen[id] = true
				if !yield(v) {
					return
				}
			}
		}
	}
}

// accumulate gives what aggregate would, after each item.
func accumulate(c *call) any {
	return seq{func(yield func(any) bool) {
		total := c.anyOr(2, absent{})
		if c.has(2) && !yield(total) {
			return
		}
		for v := range c.items(0) {
			if total == (any)(absent{}) {
				total = v
			} else {
				total = c.lambda(1).call(total, v)
			}
			if !yield(total) {
				return
			}
		}
		if _, none := total.(absent); none {
			fail("TypeError", "accumulate() of empty sequence with no initial value")
		}
	}}
}

package yaql

// searchRows make one value of a collection.
func searchRows() []row {
	return []row{
		{asBoth, "any", "collection:items predicate:lambda?", func(c *call) any {
			test := c.fn(1, func(...any) any { return true })
			for v := range c.items(0) {
				if truth(test(v)) {
					return true
				}
			}
			return false
		}},
		{asBoth, "all", "collection:items predicate:lambda?", func(c *call) any {
			test := c.fn(1, func(args ...any) any { return args[0] })
			for v := range c.items(0) {
				if !truth(test(v)) {
					return false
				}
			}
			return true
		}},
		{asMethod, "first", "collection:items default:any?", func(c *call) any {
			for v := range c.items(0) {
				return v
			}
			return c.orStop(1)
		}},
		{asMethod, "last", "collection:items default:any?", func(c *call) any {
			if l, ok := c.any(0).([]any); ok && len(l) > 0 {
				return l[len(l)-1]
			}
			var last any = absent{}
			for v := range c.items(0) {
				last = v
			}
			if _, none := last.(absent); none {
				return c.orStop(1)
			}
			return last
		}},
		{asMethod, "single", "collection:items", func(c *call) any {
			var only []any
			for v := range c.items(0) {
				if only = append(only, v); len(only) > 1 {
					fail("StopIteration", "Collection contains more than one item")
				}
			}
			if len(only) == 0 {
				fail("StopIteration", "the collection is empty")
			}
			return only[0]
		}},
		{asMethod, "sum", "collection:items initial:any?", func(c *call) any {
			return c.reduce(1, func(args ...any) any { return c.e.binary("+", args[0], args[1]) })
		}},
		{asMethod, "max", "collection:items initial:any?", func(c *call) any {
			return c.reduce(1, func(args ...any) any { return larger(args[0], args[1]) })
		}},
		{asMethod, "min", "collection:items initial:any?", func(c *call) any {
			return c.reduce(1, func(args ...any) any { return smaller(args[0], args[1]) })
		}},
		{asMethod, "aggregate reduce", "collection:items selector:lambda seed:any?", func(c *call) any {
			return c.reduce(2, c.lambda(1).call)
		}},
		{asMethod, "indexOf", "collection:items item:any", func(c *call) any {
			return c.position(false, func(v any) bool { return c.e.equal(v, c.any(1)) })
		}},
		{asMethod, "lastIndexOf", "collection:items item:any", func(c *call) any {
			return c.position(true, func(v any) bool { return c.e.equal(v, c.any(1)) })
		}},
		{asMethod, "indexWhere", "collection:items predicate:lambda", func(c *call) any {
			return c.position(false, func(v any) bool { return truth(c.lambda(1).call(v)) })
		}},
		{asMethod, "lastIndexWhere", "collection:items predicate:lambda", func(c *call) any {
			return c.position(true, func(v any) bool { return truth(c.lambda(1).call(v)) })
		}},
	}
}

// orStop gives a default, or the error for a collection without items.
func (c *call) orStop(i int) any {
	if !c.has(i) {
		fail("StopIteration", "the collection is empty")
	}
	return c.any(i)
}

// reduce combines the items from the left, beginning with the seed if there is one.
func (c *call) reduce(seed int, f func(args ...any) any) any {
	total := c.args[seed]
	for v := range c.items(0) {
		if _, none := total.(absent); none {
			total = v
			continue
		}
		total = f(total, v)
	}
	if _, none := total.(absent); none {
		fail("TypeError", "reduce() of empty sequence with no initial value")
	}
	return total
}

// position is that of the first item, or the last, that fits; -1 for none.
func (c *call) position(last bool, fits func(any) bool) any {
	at, i := int64(-1), int64(-1)
	for v := range c.items(0) {
		i++
		if fits(v) {
			if at = i; !last {
				break
			}
		}
	}
	return at
}

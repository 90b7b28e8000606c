package yaql

import "slices"

// generateRows make collections, some of them endless: who walks through one
// must stop, or meets the limit.
func generateRows() []row {
	return []row{
		{asFunction, "range", "stop:int", func(c *call) any { return numbers(0, c.int(0), 1) }},
		{asFunction, "range", "start:int stop:int step:int?", func(c *call) any {
			if c.intOr(2, 1) == 0 {
				fail("ValueError", "range() arg 3 must not be zero")
			}
			return numbers(c.int(0), c.int(1), c.intOr(2, 1))
		}},
		{asFunction, "sequence", "start:int? step:int?", func(c *call) any {
			return seq{func(yield func(any) bool) {
				var i any = c.intOr(0, 0)
				for yield(i) {
					i = arithmetic("+", i, c.intOr(1, 1))
				}
			}}
		}},
		{asFunction, "generate", "initial:any predicate:lambda producer:lambda selector:lambda? decycle:bool?", generate},
		{asFunction, "generateMany", "initial:any producer:lambda selector:lambda? decycle:bool? depthFirst:bool?", generateMany},
	}
}

func numbers(start, stop, step int64) seq {
	return seq{func(yield func(any) bool) {
		for i := start; (step > 0 && i < stop) || (step < 0 && i > stop); {
			next := i + step
			if !yield(i) || (next > i) != (step > 0) {
				return
			}
			i = next
		}
	}}
}

// generate follows a chain while the predicate holds.
func generate(c *call) any {
	shown := c.fn(3, func(args ...any) any { return args[0] })
	return seq{func(yield func(any) bool) {
		seen := c.e.newDict()
		for v := c.any(0); truth(c.lambda(1).call(v)); v = c.lambda(2).call(v) {
			if c.boolOr(4, false) {
				if _, again := seen.get(v); again {
					return
				}
				seen.put(v, nil)
			}
			if !yield(shown(v)) {
				return
			}
		}
	}}
}

// generateMany follows a tree, breadth first unless asked otherwise.
func generateMany(c *call) any {
	shown := c.fn(2, func(args ...any) any { return args[0] })
	return seq{func(yield func(any) bool) {
		seen := c.e.newDict()
		for queue := []any{c.any(0)}; len(queue) > 0; {
			v := queue[0]
			queue = queue[1:]
			if c.boolOr(3, false) {
				if _, again := seen.get(v); again {
					continue
				}
				seen.put(v, nil)
			}
			if !yield(shown(v)) {
				return
			}
			more := list(c.e.seqOf(c.lambda(1).call(v)))
			if c.boolOr(4, false) {
				queue = slices.Concat(more, queue)
			} else {
				queue = slices.Concat(queue, more)
			}
			c.e.limitSize(queue)
		}
	}}
}

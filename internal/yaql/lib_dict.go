package yaql

import (
	"iter"
	"slices"
)

func dictRows() []row {
	return []row{
		{asBoth, "len", "dict:dict", func(c *call) any { return int64(len(c.dict(0).keys)) }},
		{asFunction, "dict", "items:pair*", func(c *call) any { return withPairs(c.e.newDict(), c.many) }},
		{asFunction, "dict", "items:items", func(c *call) any {
			d := c.e.newDict()
			for item := range c.items(0) {
				kv := list(c.e.seqOf(item))
				if len(kv) < 2 {
					fail("StopIteration", "dict() takes pairs of key and value")
				}
				d.put(kv[0], kv[1])
			}
			return d
		}},
		{asMethod, "get", "dict:dict key:any default:any?", func(c *call) any {
			if v, ok := c.dict(0).get(c.any(1)); ok {
				return v
			}
			return c.anyOr(2, nil)
		}},
		{asMethod, "set", "dict:dict items:pair*", func(c *call) any { return withPairs(c.dict(0).clone(), c.many) }},
		{asMethod, "set", "dict:dict replacements:dict", func(c *call) any { return merged(c.dict(0), c.dict(1)) }},
		{asMethod, "set", "dict:dict key:any value:any", func(c *call) any {
			d := c.dict(0).clone()
			d.put(c.any(1), c.any(2))
			return d
		}},
		{asMethod, "keys", "dict:dict", func(c *call) any { return c.e.newSet(slices.Values(c.dict(0).keys)) }},
		{asMethod, "values", "dict:dict", func(c *call) any { return seq{slices.Values(c.dict(0).vals)} }},
		{asMethod, "items", "dict:dict", func(c *call) any { return seq{rows(c.dict(0))} }},
		{asMethod, "containsKey", "dict:dict key:any", func(c *call) any {
			_, ok := c.dict(0).get(c.any(1))
			return ok
		}},
		{asMethod, "containsValue", "dict:dict value:any", func(c *call) any {
			return c.e.has(slices.Values(c.dict(0).vals), c.any(1))
		}},
		{asMethod, "delete", "dict:dict keys:any*", func(c *call) any { return without(c.dict(0), slices.Values(c.many)) }},
		{asMethod, "deleteAll", "dict:dict keys:items", func(c *call) any { return without(c.dict(0), c.items(1)) }},
		{asMethod, "mergeWith", "dict:dict another:dict listMerger:lambda? itemMerger:lambda? maxLevels:int?", mergeWith},
	}
}

func withPairs(d *dict, pairs []any) any {
	for _, p := range pairs {
		d.put(p.(pair).key, p.(pair).val)
	}
	return d
}

// rows gives a dict's pairs as lists.
func rows(d *dict) iter.Seq[any] {
	return func(yield func(any) bool) {
		for k, v := range d.each() {
			if !yield([]any{k, v}) {
				return
			}
		}
	}
}

func without(d *dict, keys iter.Seq[any]) any {
	gone := d.e.newSet(keys)
	out := d.e.newDict()
	for k, v := range d.each() {
		if !gone.has(k) {
			out.put(k, v)
		}
	}
	return out
}

// mergeWith joins two dicts: dicts in them the same way, lists without repeats,
// of other values the second's counts.
func mergeWith(c *call) any {
	m := merger{
		lists: c.fn(2, func(args ...any) any {
			return list(c.e.distinct(chain(c.e.seqOf(args[0]), c.e.seqOf(args[1])), nil))
		}),
		values: c.fn(3, func(args ...any) any { return args[1] }),
		e:      c.e,
	}
	return m.merge(c.dict(0), c.dict(1), c.intOr(4, 0))
}

type merger struct {
	e             *evaluator
	lists, values func(args ...any) any
}

// merge goes down so many levels, all for 0.
func (m merger) merge(a, b *dict, levels int64) any {
	out := m.e.newDict()
	for k, v := range a.each() {
		m.e.step()
		if other, ok := b.get(k); ok {
			v = m.both(v, other, levels)
		}
		out.put(k, v)
	}
	for k, v := range b.each() {
		if _, ok := a.get(k); !ok {
			out.put(k, v)
		}
	}
	return out
}

func (m merger) both(a, b any, levels int64) any {
	mismatch := func() { fail("TypeError", "Cannot merge "+typeName(a)+" with "+typeName(b)) }
	if levels == 1 {
		return m.values(a, b)
	}
	switch b := b.(type) {
	case *dict:
		d, ok := a.(*dict)
		if !ok {
			mismatch()
		}
		return m.merge(d, b, max(levels-1, 0))
	case []any:
		if _, ok := a.([]any); !ok {
			mismatch()
		}
		return m.lists(a, b)
	}
	return m.values(a, b)
}

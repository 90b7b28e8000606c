package yaql

import (
	"iter"
	"slices"
)

func setRows() []row {
	return []row{
		{asBoth, "len", "set:set", func(c *call) any { return int64(len(c.set(0).keys)) }},
		{asFunction, "set", "args:any*", func(c *call) any { return c.e.newSet(c.e.spread(c.many)) }},
		{asMethod, "toSet", "collection:items", func(c *call) any { return c.e.newSet(c.items(0)) }},
		{asMethod, "union", "left:set right:set", func(c *call) any { return c.e.newSet(chain(c.items(0), c.items(1))) }},
		{asMethod, "intersect", "left:set right:set", func(c *call) any { return c.set(0).filter(c.set(1).has) }},
		{asMethod, "difference", "left:set right:set", func(c *call) any { return c.set(0).without(c.set(1)) }},
		{asMethod, "symmetricDifference", "left:set right:set", func(c *call) any {
			return c.e.newSet(chain(slices.Values(c.set(0).without(c.set(1)).keys), slices.Values(c.set(1).without(c.set(0)).keys)))
		}},
		{asMethod, "add", "set:set values:any*", func(c *call) any { return c.e.newSet(chain(c.items(0), slices.Values(c.many))) }},
		{asMethod, "remove", "set:set values:any*", func(c *call) any { return c.set(0).without(c.e.newSet(slices.Values(c.many))) }},
	}
}

func (s *set) filter(keep func(any) bool) *set {
	return s.e.newSet(func(yield func(any) bool) {
		for _, v := range s.keys {
			if keep(v) && !yield(v) {
				return
			}
		}
	})
}

func (s *set) without(other *set) *set {
	return s.filter(func(v any) bool { return !other.has(v) })
}

// spread gives arguments one by one; in place of what is computed, its items.
func (e *evaluator) spread(args []any) iter.Seq[any] {
	return func(yield func(any) bool) {
		for _, a := range args {
			s, ok := a.(seq)
			if !ok {
				if !yield(a) {
					return
				}
				continue
			}
			for v := range e.spread(list(e.limited(s.each))) {
				if !yield(v) {
					return
				}
			}
		}
	}
}

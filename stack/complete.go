package stack

import (
	"context"
	"slices"

	"github.com/stoker-project/stoker"
)

// complete adds the dependencies that follow from a type's being a
// stoker.Completer: who needs a resource needs what completes it, and what completes
// that, unless they would then wait for each other.
func (g *graph) complete() {
	by := g.completers()
	if len(by) == 0 {
		return
	}
	own := make(map[*node][]stoker.ResourceName, len(g.nodes))
	for _, n := range g.nodes {
		own[n] = n.deps
	}
	for _, n := range g.nodes {
		for _, d := range own[n] {
			all := closure(by, d)
			if slices.Contains(all, n.name) {
				continue // one of those that complete it
			}
			for _, c := range all {
				if !slices.Contains(n.deps, c) && !g.needs(c, n.name) {
					n.deps = append(slices.Clip(n.deps), c)
				}
			}
		}
		slices.Sort(n.deps)
	}
}

// completers gives, by resource, those that complete it.
func (g *graph) completers() map[stoker.ResourceName][]stoker.ResourceName {
	by := map[stoker.ResourceName][]stoker.ResourceName{}
	for _, n := range g.nodes {
		c, ok := n.kind.impl.(stoker.Completer)
		if !ok {
			continue
		}
		types := c.Completes()
		for _, d := range n.deps {
			if slices.Contains(types, g.named[d].kind.name) {
				by[d] = append(by[d], n.name)
			}
		}
	}
	return by
}

// closure lists what completes a resource, and what completes that.
func closure(by map[stoker.ResourceName][]stoker.ResourceName, name stoker.ResourceName) []stoker.ResourceName {
	out := slices.Clone(by[name])
	for i := 0; i < len(out); i++ {
		for _, c := range by[out[i]] {
			if !slices.Contains(out, c) {
				out = append(out, c)
			}
		}
	}
	return out
}

// needs tells whether a resource comes after another.
func (g *graph) needs(name, other stoker.ResourceName) bool {
	seen := map[stoker.ResourceName]bool{}
	next := []stoker.ResourceName{name}
	for len(next) > 0 {
		n := g.named[next[0]]
		next = next[1:]
		if n.name == other {
			return true
		}
		if !seen[n.name] {
			seen[n.name] = true
			next = append(next, n.deps...)
		}
	}
	return false
}

// settle lets types act on the whole of what was resumed. What a type cannot do now
// it does with the next change; the engine starts all the same.
func (e *Engine) settle(ctx context.Context) {
	for name, t := range e.types {
		s, ok := t.(stoker.Settler)
		if !ok {
			continue
		}
		if err := s.Settle(ctx); err != nil && ctx.Err() == nil {
			e.log.Error("settle", "type", name, "err", err)
		}
	}
}

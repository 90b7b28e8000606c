package stack

import (
	"errors"
	"slices"
	"strings"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/hot"
)

// partial says what cannot be known of a nested stack before the resources of
// its parent are made. The rest is validated all the same.
type partial struct {
	parameters []string                         // of a template
	properties map[stoker.ResourceName][]string // of the members of a group
}

func (p *partial) whole() bool { return p == nil || len(p.parameters) == 0 && len(p.properties) == 0 }

// guessed stands for a value that is not known, where a whole value is needed
// to look at the rest of it.
const guessed = "\x00not known yet"

// holds tells whether a value has a guess in it.
func holds(v any) bool {
	switch v := v.(type) {
	case string:
		return strings.Contains(v, guessed)
	case []any:
		return slices.ContainsFunc(v, holds)
	case map[string]any:
		for k, x := range v {
			if holds(k) || holds(x) {
				return true
			}
		}
	}
	return false
}

// guess resolves a group's properties with guesses in them and gives its
// definition without the members' properties that hold any, which it names. false: a guess is where
// none can be, and nothing is said about the group.
func (e *Engine) guess(s *scope, g *graph, w *wanted) (stoker.GroupSpec, map[stoker.ResourceName][]string, bool) {
	guesses := *s
	guesses.guess = true
	full, err := want(&guesses, g.named[w.name])
	if err != nil || len(full.unknown) > 0 {
		return stoker.GroupSpec{}, nil, false
	}
	spec, err := w.kind.impl.(stoker.Grouper).Group(requestFor(s.st, nil, &stoker.Resource{
		Name: w.name, Type: w.kind.name, Properties: full.props, Metadata: full.metadata}, full.policy))
	if err != nil {
		return stoker.GroupSpec{}, nil, false
	}
	unknown := map[stoker.ResourceName][]string{}
	if spec.Names != stoker.ByList {
		names, ok := []string(nil), false
		spec.Member, names, ok = sure(spec.Member)
		unknown["member"], unknown[indexName(0)] = names, names
		return spec, unknown, ok
	}
	for i := range spec.Each {
		m, ok := &spec.Each[i], false
		if m.Def, unknown[m.Name], ok = sure(m.Def); !ok || holds(string(m.Name)) {
			return stoker.GroupSpec{}, nil, false
		}
	}
	return spec, unknown, true
}

// sure gives a member's definition without properties that hold guesses.
func sure(def map[string]any) (out map[string]any, guesses []string, ok bool) {
	out = map[string]any{}
	for k, v := range def {
		props, isMap := v.(map[string]any)
		switch {
		case k == "properties" && isMap:
			out[k], guesses = known(props)
		case !holds(v):
			out[k] = v
		}
	}
	return out, guesses, out["type"] != nil
}

func known(props map[string]any) (out map[string]any, guesses []string) {
	out = map[string]any{}
	for k, v := range props {
		if holds(v) {
			guesses = append(guesses, k)
		} else {
			out[k] = v
		}
	}
	slices.Sort(guesses)
	return out, guesses
}

// standIns gives values to parameters that are not known, so that the others can be
// bound. They are never shown to a function: the scope calls them unknown.
func standIns(t *hot.Template, given map[string]any, names []string) map[string]any {
	out := mergedMap(given, nil)
	for _, name := range names {
		p := t.Parameter(name)
		if p != nil && p.Default != nil {
			continue
		}
		out[name] = standIn(p)
	}
	return out
}

func standIn(p *hot.Parameter) any {
	if p == nil {
		return ""
	}
	for _, c := range p.Constraints {
		switch {
		case len(c.AllowedValues) > 0:
			return c.AllowedValues[0]
		case c.Range != nil && c.Range.Min != nil:
			return *c.Range.Min
		case c.Range != nil && c.Range.Max != nil:
			return *c.Range.Max
		}
	}
	switch p.Type {
	case hot.NumberParameter:
		return int64(0)
	case hot.BooleanParameter:
		return false
	case hot.ListParameter:
		return []any{}
	case hot.JSONParameter:
		return map[string]any{}
	}
	return ""
}

// unsure tells whether an error may be there only because something was not
// known: then nothing is said before it is.
func unsure(err error, p *partial) bool {
	if p.whole() {
		return false
	}
	if errors.Is(err, hot.ErrUnknown) {
		return true
	}
	e, ok := stoker.AsError(err)
	return ok && strings.HasPrefix(e.Message, "Parameter '") && slices.ContainsFunc(p.parameters, func(name string) bool {
		return strings.HasPrefix(e.Message, "Parameter '"+name+"'")
	})
}

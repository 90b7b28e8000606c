package hot

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	stoker "github.com/stoker-project/stoker"
	values "github.com/stoker-project/stoker/internal/value"
)

// The merge strategies.
const (
	overwrite     = "overwrite"
	mergeStrategy = "merge"
	deepMerge     = "deep_merge"
)

// defaultStrategy is the key of the strategy for parameters that are not named.
const defaultStrategy = "default"

// Merge gives this environment with another laid over it, as several -e files
// are: the registry is merged entry by entry, and parameters by their strategies.
// What the other says of strategies counts for the parameters in it; a parameter
// keeps the strategy it was first merged by, and one that comes with another is
// refused (ConflictingMergeStrategyForParam). The templates, the root's first, say of
// what types parameters are: those that come as text are merged as what they
// stand for.
func (e *Environment) Merge(over *Environment, ts ...*Template) (*Environment, error) {
	out := e.joined(over)
	m := merger{e.chosen(), over, ts}
	for _, name := range slices.Sorted(maps.Keys(over.MergeStrategies)) {
		if name == defaultStrategy {
			continue
		}
		if err := m.record(name); err != nil {
			return nil, err
		}
	}
	var err error
	if out.Parameters, err = m.section("parameters", e.Parameters, over.Parameters); err != nil {
		return nil, err
	}
	out.ParameterDefaults, err = m.section("parameter_defaults", e.ParameterDefaults, over.ParameterDefaults)
	out.MergeStrategies = m.strategies
	return out, err
}

// Patch gives this environment with a change laid over it. Strategies do not count:
// they are for files that come together.
func (e *Environment) Patch(over *Environment) *Environment {
	out := e.joined(over)
	for _, s := range []struct {
		to        *map[string]any
		old, over map[string]any
	}{{&out.Parameters, e.Parameters, over.Parameters}, {&out.ParameterDefaults, e.ParameterDefaults, over.ParameterDefaults}} {
		*s.to = map[string]any{}
		maps.Copy(*s.to, s.old)
		maps.Copy(*s.to, s.over)
	}
	return out
}

// joined joins all but the parameters.
func (e *Environment) joined(over *Environment) *Environment {
	return &Environment{
		Registry:            mergeMaps(e.Registry, over.Registry),
		EncryptedParamNames: unique(slices.Concat(e.EncryptedParamNames, over.EncryptedParamNames)),
		EventSinks:          joinSinks(e.EventSinks, over.EventSinks),
	}
}

// chosen gives the strategies of the parameters that are in the environment, and of
// those that it names.
func (e *Environment) chosen() map[string]string {
	out := maps.Clone(e.MergeStrategies)
	if out == nil {
		out = map[string]string{}
	}
	delete(out, defaultStrategy)
	for _, section := range []map[string]any{e.Parameters, e.ParameterDefaults} {
		for name, v := range section {
			if _, ok := out[name]; !ok && v != nil {
				out[name] = e.byDefault()
			}
		}
	}
	return out
}

func (e *Environment) byDefault() string {
	return cmp.Or(e.MergeStrategies[defaultStrategy], overwrite)
}

// merger joins values of parameters with those of over.
type merger struct {
	strategies map[string]string // of the parameters so far
	over       *Environment
	templates  []*Template
}

// record notes by which strategy a parameter of over is merged.
func (m merger) record(name string) error {
	said, ok := m.over.MergeStrategies[name]
	was, had := m.strategies[name]
	switch {
	case !had && !ok:
		m.strategies[name] = m.over.byDefault()
	case !had:
		m.strategies[name] = said
	case ok && said != was:
		return &stoker.Error{Kind: stoker.Invalid, Type: "ConflictingMergeStrategyForParam", Pos: stoker.Pos{File: m.over.file},
			Path: "parameter_merge_strategies." + name,
			Message: fmt.Sprintf("Conflicting merge strategy '%s' for parameter '%s' in file '%s': it is merged by '%s' in those before.",
				said, name, m.over.file, was),
			Hint: "Name the same strategy wherever the parameter is."}
	}
	return nil
}

func (m merger) section(section string, old, over map[string]any) (map[string]any, error) {
	if len(old)+len(over) == 0 {
		return nil, nil
	}
	out := values.CloneMap(old)
	if out == nil {
		out = map[string]any{}
	}
	for _, name := range sortedKeys(over) {
		if _, had := out[name]; had && over[name] == nil {
			continue // null says nothing
		}
		if err := m.record(name); err != nil {
			return nil, err
		}
		v, err := mergeValue(out[name], over[name], m.strategies[name], m.typeOf(name))
		if e, ok := err.(*stoker.Error); ok {
			e.Pos.File = m.over.file
			e.Message = fmt.Sprintf("Invalid merge strategy '%s' for parameter '%s': %s", m.strategies[name], name, e.Message)
		}
		if err != nil {
			return nil, place{path: section + "." + name}.wrap(err)
		}
		out[name] = v
	}
	return out, nil
}

// typeOf is the type of a parameter, empty where that is not known.
func (m merger) typeOf(name string) ParameterType {
	for _, t := range m.templates {
		if p := t.Parameter(name); p != nil {
			return p.Type
		}
	}
	return ""
}

// mergeValue joins two values of a parameter.
func mergeValue(old, over any, strategy string, kind ParameterType) (any, error) {
	if strategy == overwrite || old == nil || over == nil {
		return values.Clone(over), nil
	}
	a, b := meant(old, kind), meant(over, kind)
	switch o := a.(type) {
	case []any:
		if n, ok := b.([]any); ok {
			return slices.Concat(o, n), nil
		}
	case map[string]any:
		if n, ok := b.(map[string]any); ok && strategy == deepMerge {
			return mergeDeep(o, n), nil
		} else if ok {
			out := values.CloneMap(o)
			maps.Copy(out, n)
			return out, nil
		}
	case string:
		if n, ok := b.(string); ok {
			return o + n, nil
		}
	case int64, float64:
		if sum, ok := add(o, b); ok {
			return sum, nil
		}
	}
	return nil, &stoker.Error{Kind: stoker.Invalid, Type: "InvalidMergeStrategyForParam",
		Message: fmt.Sprintf("values of the types %s and %s do not merge", values.TypeName(a), values.TypeName(b))}
}

// meant is what a text stands for when its parameter is a list, a map or a number.
func meant(v any, kind ParameterType) any {
	text, ok := v.(string)
	switch {
	case !ok:
	case kind == ListParameter:
		if list, err := toList(text); err == nil {
			return list
		}
	case kind == NumberParameter:
		if n, err := toNumber(text); err == nil {
			return n
		}
	case kind == JSONParameter:
		if m, err := toJSON(text); err == nil {
			return m
		}
	}
	return v
}

func add(a, b any) (any, bool) {
	i, iOK := a.(int64)
	j, jOK := b.(int64)
	if iOK && jOK {
		return i + j, true
	}
	f, fOK := floatOf(a)
	g, gOK := floatOf(b)
	return f + g, fOK && gOK && !isString(b)
}

// mergeDeep lays one map over another as Heat's deep_merge does: maps in them too,
// lists are joined, and texts.
func mergeDeep(old, over map[string]any) map[string]any {
	out := values.CloneMap(old)
	for k, v := range over {
		switch n := v.(type) {
		case nil:
			continue
		case map[string]any:
			if o, ok := out[k].(map[string]any); ok {
				out[k] = mergeDeep(o, n)
				continue
			}
		case []any:
			if o, ok := out[k].([]any); ok {
				out[k] = slices.Concat(o, n)
				continue
			}
		case string:
			if o, ok := out[k].(string); ok {
				out[k] = o + n
				continue
			}
		}
		out[k] = values.Clone(v)
	}
	return out
}

// mergeMaps lays one map over another, maps in them too.
func mergeMaps(old, over map[string]any) map[string]any {
	if old == nil && over == nil {
		return nil
	}
	out := values.CloneMap(old)
	if out == nil {
		out = map[string]any{}
	}
	for k, v := range over {
		o, oldMap := out[k].(map[string]any)
		n, newMap := v.(map[string]any)
		if oldMap && newMap {
			out[k] = mergeMaps(o, n)
		} else {
			out[k] = values.Clone(v)
		}
	}
	return out
}

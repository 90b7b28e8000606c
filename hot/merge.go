package hot

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	stoker "github.com/stoker-project/stoker"
	values "github.com/stoker-project/stoker/internal/value"
)

// The merge strategies.
const (
	overwrite     = "overwrite"
	mergeStrategy = "merge"
	deepMerge     = "deep_merge"
)

// Merge gives this environment with another laid over it, as several -e files
// are: the registry is merged entry by entry, and parameters by the strategy
// that the environments name (default: overwrite). Two environments that name
// different strategies for a parameter are refused
// (ConflictingMergeStrategyForParam). The template says of what types parameters
// are: those that come as text are merged as what they stand for. It may be nil.
func (e *Environment) Merge(over *Environment, t *Template) (*Environment, error) {
	out := &Environment{
		Registry:            mergeMaps(e.Registry, over.Registry),
		EncryptedParamNames: unique(slices.Concat(e.EncryptedParamNames, over.EncryptedParamNames)),
		EventSinks:          slices.Concat(e.EventSinks, over.EventSinks),
		MergeStrategies:     maps.Clone(e.MergeStrategies),
	}
	for _, name := range slices.Sorted(maps.Keys(over.MergeStrategies)) {
		s := over.MergeStrategies[name]
		if old, ok := out.MergeStrategies[name]; ok && old != s && name != "default" {
			return nil, &stoker.Error{Kind: stoker.Invalid, Type: "ConflictingMergeStrategyForParam",
				Path:    "parameter_merge_strategies." + name,
				Message: fmt.Sprintf("Conflicting merge strategy '%s' for parameter '%s': an earlier environment says '%s'.", s, name, old)}
		}
		if out.MergeStrategies == nil {
			out.MergeStrategies = map[string]string{}
		}
		out.MergeStrategies[name] = s
	}
	m := merger{out.MergeStrategies, t}
	var err error
	if out.Parameters, err = m.section("parameters", e.Parameters, over.Parameters); err != nil {
		return nil, err
	}
	out.ParameterDefaults, err = m.section("parameter_defaults", e.ParameterDefaults, over.ParameterDefaults)
	return out, err
}

// merger joins values of parameters.
type merger struct {
	strategies map[string]string
	tmpl       *Template
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
		s, ok := m.strategies[name]
		if !ok {
			s = m.strategies["default"]
		}
		v, err := mergeValue(out[name], over[name], s, m.typeOf(name))
		if err != nil {
			return nil, place{path: section + "." + name}.wrap(err)
		}
		out[name] = v
	}
	return out, nil
}

// typeOf is the type of a parameter, empty where that is not known.
func (m merger) typeOf(name string) ParameterType {
	if m.tmpl == nil {
		return ""
	}
	if p := m.tmpl.Parameter(name); p != nil {
		return p.Type
	}
	return ""
}

// mergeValue joins two values of a parameter.
func mergeValue(old, over any, strategy string, kind ParameterType) (any, error) {
	if strategy == "" || strategy == overwrite || old == nil || over == nil {
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

// meant is what a text stands for when its parameter is a list or a map.
func meant(v any, kind ParameterType) any {
	text, ok := v.(string)
	switch {
	case !ok:
	case kind == ListParameter:
		list := []any{}
		for item := range strings.SplitSeq(text, ",") {
			list = append(list, item)
		}
		return list
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

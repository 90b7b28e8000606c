package hot

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	stoker "github.com/stoker-project/stoker"
	values "github.com/stoker-project/stoker/internal/value"
)

// IsFile tells whether the name of a resource type, or what it is mapped to, is
// a template's address.
func IsFile(typeName string) bool {
	return strings.HasSuffix(typeName, ".yaml") || strings.HasSuffix(typeName, ".template")
}

// Keys of the registry that are no types.
const (
	resourcesKey  = "resources"
	baseURLKey    = "base_url" // for clients only
	hooksKey      = "hooks"
	restrictedKey = "restricted_actions"
)

// maxMappings is how often an answer of the registry is looked up again.
// Wildcards can make a new name each time, so looking for repeats is not enough.
const maxMappings = 32

func hookNames() []string {
	return []string{"pre-create", "pre-update", "pre-delete", "post-create", "post-update", "post-delete"}
}

func checkRegistry(m map[string]any, at string, depth int) error {
	if depth > maxDepth {
		return tooDeep(0, 0)
	}
	for _, k := range sortedKeys(m) {
		here := place{path: at + "." + k}
		switch v := m[k].(type) {
		case nil:
		case map[string]any:
			if err := checkRegistry(v, here.path, depth+1); err != nil {
				return err
			}
		case string, []any:
			if err := checkEntry(here, k, v); err != nil {
				return err
			}
		default:
			return here.errorf(typeValidation, "a type must be mapped to a name, a template's address or null, not a %s", values.TypeName(v))
		}
	}
	return nil
}

func checkEntry(at place, key string, v any) error {
	switch key {
	case hooksKey:
		if bad := notAmong(v, hookNames()); bad != "" {
			return at.errorf("InvalidBreakPointHook", `Invalid hook type "%s" for resource breakpoint, acceptable hook types are: %s`, bad, strings.Join(hookNames(), ", "))
		}
	case restrictedKey:
		if bad := notAmong(v, []string{"update", "replace"}); bad != "" {
			return at.errorf("InvalidRestrictedAction", `Invalid restricted_action type "%s" for resource, acceptable restricted_action types are: update, replace`, bad)
		}
	default:
		if _, ok := v.(string); !ok {
			return at.errorf(typeValidation, "a type must be mapped to a name, a template's address or null, not a list")
		}
	}
	return nil
}

// stringsOf reads a string or a list of strings.
func stringsOf(v any) []string {
	if l, ok := v.([]any); ok {
		out := make([]string, len(l))
		for i, item := range l {
			out[i] = pyStr(item)
		}
		return out
	}
	return []string{pyStr(v)}
}

func notAmong(v any, allowed []string) string {
	for _, s := range stringsOf(v) {
		if !slices.Contains(allowed, s) {
			return s
		}
	}
	return ""
}

// Lookup gives what a resource type stands for: another type's name, a
// template's address (see IsFile), or itself when the registry says nothing.
// resource is the path of resource names in this stack, usually one. Entries
// for the resource win over general ones, exact names over wildcards, longer
// wildcards over shorter ones; the answer is looked up again. A type that is
// mapped to null is EntityNotFound, one that is mapped to itself through others Invalid.
func (e *Environment) Lookup(typeName string, resource []string) (target string, err error) {
	levels := e.levels(resource)
	target = typeName
	for steps := 0; !IsFile(target); steps++ {
		if steps == maxMappings {
			return "", &stoker.Error{Kind: stoker.Invalid, Type: typeValidation,
				Message: fmt.Sprintf("The Resource Type (%s) could not be found: the resource registry maps it to itself", typeName)}
		}
		next, found := find(levels, target)
		switch {
		case !found || next == target:
			return target, nil
		case next == nil:
			return "", notFound(typeName, "the resource registry removes it")
		}
		target = next.(string)
	}
	return target, nil
}

func notFound(typeName, why string) error {
	return &stoker.Error{Kind: stoker.NotFound, Type: typeNotFound,
		Message: fmt.Sprintf("The Resource Type (%s) could not be found: %s", typeName, why)}
}

// levels lists the parts of the registry that count for a resource, the most
// specific first: resources/<name>/<name>/..., and the registry itself.
func (e *Environment) levels(resource []string) []map[string]any {
	levels := []map[string]any{e.Registry}
	entries := asMap(e.Registry[resourcesKey])
	for _, name := range resource {
		var next map[string]any
		for _, k := range matching(entries, name) {
			if m := asMap(entries[k]); m != nil {
				levels = slices.Insert(levels, 0, m)
				next = m
			}
		}
		entries = next
	}
	return levels
}

// matching lists the keys that match a resource's name, the exact one last.
func matching(entries map[string]any, name string) []string {
	var keys []string
	for _, k := range sortedKeys(entries) {
		if ok, err := path.Match(pythonPattern.Replace(k), name); k != name && err == nil && ok {
			keys = append(keys, k)
		}
	}
	if _, ok := entries[name]; ok {
		keys = append(keys, name)
	}
	return keys
}

// pythonPattern turns a pattern of Python's fnmatch into one of Go's.
var pythonPattern = strings.NewReplacer("[!", "[^", `\`, `\\`)

// find gives what a type is mapped to, nil for null.
func find(levels []map[string]any, typeName string) (target any, found bool) {
	for _, l := range levels {
		for _, k := range candidates(l, typeName) {
			switch v := l[k].(type) {
			case nil:
				return nil, true
			case string:
				return wildcard(k, v, typeName), true
			}
		}
	}
	return nil, false
}

// candidates lists the keys for a type: its name, then wildcards, the longest
// first.
func candidates(l map[string]any, typeName string) []string {
	if _, ok := l[typeName]; ok && typeName != resourcesKey {
		return []string{typeName}
	}
	var keys []string
	for k, v := range l {
		prefix, glob := strings.CutSuffix(k, "*")
		if glob && strings.HasPrefix(typeName, prefix) && v != typeName {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b string) int { return len(b) - len(a) })
	return keys
}

// wildcard puts what "*" stood for into the target.
func wildcard(key, target, typeName string) string {
	prefix, glob := strings.CutSuffix(key, "*")
	if !glob || !strings.HasSuffix(target, "*") {
		return target
	}
	return strings.TrimSuffix(target, "*") + strings.TrimPrefix(typeName, prefix)
}

// Child is the environment of the nested stack that a resource of this one is:
// no parameters, the same defaults, types and event sinks, and of the entries for
// single resources those below the resource's. without names types whose mapping is
// not inherited: a template that replaces a type may use that type itself.
func (e *Environment) Child(resource string, without ...string) *Environment {
	child := &Environment{ParameterDefaults: values.CloneMap(e.ParameterDefaults), EventSinks: e.EventSinks}
	if e.Registry == nil {
		return child
	}
	child.Registry = values.CloneMap(e.Registry)
	for _, name := range without {
		delete(child.Registry, name)
	}
	entries, _ := child.Registry[resourcesKey].(map[string]any)
	delete(child.Registry, resourcesKey)
	inner := map[string]any{}
	for _, k := range matching(entries, resource) {
		m, _ := entries[k].(map[string]any)
		for name, v := range m {
			if sub, ok := v.(map[string]any); ok {
				inner[name] = mergeMaps(asMap(inner[name]), sub)
			}
		}
	}
	if len(inner) > 0 {
		child.Registry[resourcesKey] = inner
	}
	return child
}

func asMap(v any) map[string]any { m, _ := v.(map[string]any); return m }

// Hooks lists the hooks set for a resource, sorted.
func (e *Environment) Hooks(resource string) []string { return e.settings(resource, hooksKey) }

// RestrictedActions lists what may not be done to a resource: update, replace.
func (e *Environment) RestrictedActions(resource string) []string {
	return e.settings(resource, restrictedKey)
}

func (e *Environment) settings(resource, key string) []string {
	set := map[string]bool{}
	entries := asMap(e.Registry[resourcesKey])
	for _, k := range matching(entries, resource) {
		if v, ok := asMap(entries[k])[key]; ok {
			for _, s := range stringsOf(v) {
				set[s] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(set))
}

package hot

import (
	"maps"
	"slices"
	"strings"

	values "github.com/stoker-project/stoker/internal/value"
)

// RefKind tells what a Ref stands for.
type RefKind string

// The kinds of Ref.
const (
	// RefFile is a text that get_file puts in.
	RefFile RefKind = "get_file"
	// RefTemplate is a template that is used as a resource type; it may hold
	// Refs itself.
	RefTemplate RefKind = "type"
)

// Ref is a file that a template or environment names.
type Ref struct {
	Kind RefKind
	// Key is the name as written.
	Key string
	// Path leads to it from the document: keys, and indexes as int64.
	Path []any
}

// References lists the files that a decoded template names, in no order that
// means anything but the same each time. A client sends them along, and Rewrites
// the names to addresses.
func References(raw map[string]any) []Ref {
	var refs []Ref
	walkRefs(raw, nil, templateRef, func(r Ref) string {
		refs = append(refs, r)
		return r.Key
	})
	return refs
}

// Rewrite gives a copy of a decoded template in which every Ref has the name
// that the function gives it.
func Rewrite(raw map[string]any, name func(Ref) string) map[string]any {
	return walkRefs(raw, nil, templateRef, name).(map[string]any)
}

// References lists the templates that the registry maps types to. Names with
// "::" are types.
func (e *Environment) References() []Ref {
	var refs []Ref
	walkRefs(e.Registry, nil, registryRef, func(r Ref) string {
		refs = append(refs, r)
		return r.Key
	})
	return refs
}

// Rewrite gives the environment with every Ref named as the function says.
func (e *Environment) Rewrite(name func(Ref) string) *Environment {
	out := *e
	if e.Registry != nil {
		out.Registry = walkRefs(e.Registry, nil, registryRef, name).(map[string]any)
	}
	return &out
}

// templateRef recognises what names a file in a template. A type in CloudFormation's
// spelling counts in its place only: elsewhere the key is too common.
func templateRef(path []any, key, v string) (RefKind, bool) {
	switch {
	case key == string(RefFile):
		return RefFile, true
	case key == string(RefTemplate) && IsFile(v):
		return RefTemplate, true
	case key == "Type" && len(path) == 3 && path[0] == "Resources" && IsFile(v):
		return RefTemplate, true
	}
	return "", false
}

func registryRef(_ []any, key, v string) (RefKind, bool) {
	switch key {
	case hooksKey, restrictedKey, baseURLKey:
		return "", false
	}
	return RefTemplate, v != "" && !strings.Contains(v, "::")
}

func walkRefs(v any, path []any, is func(path []any, key, v string) (RefKind, bool), name func(Ref) string) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for _, k := range sortedKeys(v) {
			at := append(path[:len(path):len(path)], k)
			if s, ok := v[k].(string); ok {
				if kind, ok := is(at, k, s); ok {
					out[k] = name(Ref{kind, s, at})
					continue
				}
			}
			out[k] = walkRefs(v[k], at, is, name)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = walkRefs(v[i], append(path[:len(path):len(path)], int64(i)), is, name)
		}
		return out
	}
	return values.Clone(v)
}

// TemplatesAmong parses the templates among the files of a stack, in the order of
// their names. What is no template, or none that can be read, is left out.
func TemplatesAmong(files map[string]string, parse func(text []byte, file string) (*Template, error)) []*Template {
	var out []*Template
	for _, name := range slices.Sorted(maps.Keys(files)) {
		text := files[name]
		if !strings.Contains(text, "heat_template_version") && !strings.Contains(text, "TemplateFormatVersion") {
			continue
		}
		if t, err := parse([]byte(text), name); err == nil {
			out = append(out, t)
		}
	}
	return out
}

package hot

import (
	"slices"
	"strings"

	stoker "github.com/stoker-project/stoker"
	values "github.com/stoker-project/stoker/internal/value"
)

// Environment is what users hand in beside a template: values of parameters and
// a registry that maps resource types. The zero value is an empty one. Treat it
// as a value: its methods give new ones.
type Environment struct {
	// Parameters are for the root template only.
	Parameters map[string]any
	// ParameterDefaults are for every template that declares the name.
	ParameterDefaults map[string]any
	// Registry is the resource_registry section as written; see Lookup.
	Registry map[string]any
	// EncryptedParamNames is kept for clients.
	EncryptedParamNames []string
	// EventSinks is event_sinks as written; see Sinks.
	EventSinks []any
	// MergeStrategies is parameter_merge_strategies: how Merge joins parameters.
	MergeStrategies map[string]string

	file string // for messages
}

func environmentSections() []string {
	return []string{"parameters", "parameter_defaults", "resource_registry", "encrypted_param_names",
		"event_sinks", "parameter_merge_strategies"}
}

// ParseEnvironment reads an environment, JSON or YAML. Every key must be a
// section. file names the text in messages. An empty text is an empty
// environment.
func ParseEnvironment(text []byte, file string) (*Environment, error) {
	doc, err := parseDocument(text, file)
	if e, ok := stoker.AsError(err); ok && e.Type == TypeTemplateFormat {
		e.Type = TypeEnvironmentFormat
	}
	if err != nil {
		return nil, err
	}
	if doc.val == nil {
		return &Environment{file: file}, nil
	}
	at := place{pos: doc.pos(file)}
	if !doc.isMap() {
		return nil, at.errorf(TypeEnvironmentFormat, "The environment is not a valid YAML mapping data type.")
	}
	for i, k := range doc.keys {
		if !slices.Contains(environmentSections(), k) {
			at.pos = doc.kids[i].pos(file)
			return nil, wrongSection(at, k)
		}
	}
	env, err := DecodeEnvironment(doc.val.(map[string]any))
	if err != nil {
		return nil, locate(err, doc, file)
	}
	env.file = file
	return env, nil
}

// ParseMap reads a document of any kind, JSON or YAML, that must be a map.
func ParseMap(text []byte) (map[string]any, error) {
	doc, err := parseDocument(text, "")
	if err != nil {
		return nil, err
	}
	if !doc.isMap() {
		return nil, place{pos: doc.pos("")}.errorf(typeValueError, "The document must be a map.")
	}
	return doc.val.(map[string]any), nil
}

// locate adds the place of the section that an error is about.
func locate(err error, doc *node, file string) error {
	e, ok := err.(*stoker.Error)
	if !ok {
		return err
	}
	section, _, _ := strings.Cut(e.Path, ".")
	e.Pos.File = file
	if n := doc.key(section); n != nil {
		e.Pos = n.pos(file)
	}
	return e
}

func wrongSection(at place, name string) error {
	e := at.errorf(TypeEnvironmentFormat, `environment has wrong section "%s"`, name)
	e.Hint = didYouMean(name, environmentSections())
	return e
}

// DecodeEnvironment makes an environment of a decoded one. A map without any
// section is one of parameters. The environment keeps what m holds.
func DecodeEnvironment(m map[string]any) (*Environment, error) {
	isSection := func(k string) bool { return slices.Contains(environmentSections(), k) }
	keys := sortedKeys(m)
	if len(keys) > 0 && !slices.ContainsFunc(keys, isSection) {
		m = map[string]any{"parameters": m}
		keys = sortedKeys(m)
	}
	env := &Environment{}
	for _, k := range keys {
		if !isSection(k) {
			return nil, wrongSection(place{path: k}, k)
		}
		v, err := values.Normal(m[k])
		if err == nil {
			err = env.section(k, v)
		}
		if err != nil {
			return nil, place{path: k}.wrap(err)
		}
	}
	return env, nil
}

// section reads one section; null is an empty one.
func (e *Environment) section(name string, v any) (err error) {
	if v == nil {
		return nil
	}
	switch name {
	case "parameters":
		e.Parameters, err = sectionMap(v)
	case "parameter_defaults":
		e.ParameterDefaults, err = sectionMap(v)
	case "resource_registry":
		if e.Registry, err = sectionMap(v); err == nil {
			err = checkRegistry(e.Registry, name, 0)
		}
	case "encrypted_param_names":
		e.EncryptedParamNames, err = sectionNames(v)
	case "event_sinks":
		e.EventSinks, err = sectionSinks(v)
	case "parameter_merge_strategies":
		e.MergeStrategies, err = sectionStrategies(v)
	}
	return err
}

func sectionMap(v any) (map[string]any, error) {
	m, ok := v.(map[string]any)
	if !ok {
		return nil, valueErr("a map is wanted, not a %s", values.TypeName(v))
	}
	return m, nil
}

func sectionNames(v any) ([]string, error) {
	l, ok := v.([]any)
	if !ok {
		return nil, valueErr("a list is wanted, not a %s", values.TypeName(v))
	}
	names := []string{}
	for _, item := range l {
		name, ok := item.(string)
		if !ok {
			return nil, valueErr("a name must be a string, not a %s", values.TypeName(item))
		}
		names = append(names, name)
	}
	return names, nil
}

func sectionStrategies(v any) (map[string]string, error) {
	m, err := sectionMap(v)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, k := range sortedKeys(m) {
		s, _ := m[k].(string)
		if s != overwrite && s != mergeStrategy && s != deepMerge {
			return nil, valueErr("the merge strategy of %q must be overwrite, merge or deep_merge, not %s", k, pyRepr(m[k]))
		}
		out[k] = s
	}
	return out, nil
}

// Encode gives the environment in its own format, without empty sections; what
// DecodeEnvironment takes.
func (e *Environment) Encode() map[string]any {
	out := map[string]any{}
	for name, m := range map[string]map[string]any{
		"parameters": e.Parameters, "parameter_defaults": e.ParameterDefaults, "resource_registry": e.Registry,
	} {
		if len(m) > 0 {
			out[name] = values.CloneMap(m)
		}
	}
	if len(e.EncryptedParamNames) > 0 {
		names := make([]any, len(e.EncryptedParamNames))
		for i, n := range e.EncryptedParamNames {
			names[i] = n
		}
		out["encrypted_param_names"] = names
	}
	if len(e.EventSinks) > 0 {
		out["event_sinks"] = values.Clone(e.EventSinks)
	}
	if len(e.MergeStrategies) > 0 {
		m := map[string]any{}
		for k, v := range e.MergeStrategies {
			m[k] = v
		}
		out["parameter_merge_strategies"] = m
	}
	return out
}

package hot

import (
	"maps"
	"slices"

	stoker "github.com/stoker-project/stoker"
)

// Language is a template language that shares HOT's model and says it in other
// words: the seam for packages that read one (dialect/cfn). ParseIn takes it as it is,
// and nothing in it may change afterwards.
type Language struct {
	// Key and Date are the version line by which its templates are known.
	Key, Date string
	// Words gives its word for each of HOT's section names and keys of resources,
	// parameters and outputs that it has. It has none of the others.
	Words map[string]string
	// Functions names the functions it has, Conditions those that may stand in
	// conditions: HOT's names, or CloudFormation's.
	Functions, Conditions []string
	// Types gives its names of parameter types.
	Types map[string]ParameterType
	// ParameterKeys are keys of parameters that Constraints turns into a list of
	// HOT's constraints.
	ParameterKeys []string
	Constraints   func(parameter map[string]any) []any
	// Pseudo gives the values of the parameters that are always there.
	Pseudo func(Pseudo) map[string]any
}

// ParseIn is Parse for templates in any of several languages, HOT always among
// them. The version line decides.
func ParseIn(text []byte, file string, languages ...Language) (*Template, error) {
	doc, err := parseDocument(text, file)
	if err != nil {
		return nil, err
	}
	return newTemplate(doc, file, languages)
}

// dialect makes the compiler's table of the language.
func (l *Language) dialect() (*dialect, error) {
	d := &dialect{
		name: l.Date, words: maps.Clone(l.Words), types: l.Types, pseudo: l.Pseudo,
		parameterKeys: l.ParameterKeys, flatConstraints: l.Constraints,
		functions: map[string]parseFunc{}, conditions: map[string]parseFunc{},
	}
	d.words[versionKey] = l.Key
	for _, name := range l.Functions {
		d.functions[name] = cfnFunctions()[name]
	}
	for _, name := range l.Conditions {
		d.conditions[name] = cfnConditions()[name]
	}
	for _, table := range []map[string]parseFunc{d.functions, d.conditions} {
		for name, f := range table {
			if f == nil {
				return nil, stoker.Errorf(stoker.Internal, "the language %s names a function %s that there is not", l.Key, name)
			}
		}
	}
	return d, nil
}

// word gives the language's word for one of HOT's, empty if it has none.
func (d *dialect) word(name string) string { return d.words[name] }

// has tells whether the language has one of HOT's words.
func (d *dialect) has(name string) bool { return d.words[name] != "" }

// spell gives the language's words for those of HOT's that it has.
func (d *dialect) spell(names ...string) []string {
	out := make([]string, 0, len(names))
	for _, n := range names {
		if d.has(n) {
			out = append(out, d.word(n))
		}
	}
	return out
}

// key gives the value of one of HOT's keys, nil if it is missing or the language
// does not have it.
func (d *dialect) key(n *node, name string) *node {
	if !d.has(name) {
		return nil
	}
	return n.key(d.word(name))
}

// hotWords lists HOT's words in a version. They stand for themselves.
func hotWords(v version) map[string]string {
	words := map[string]string{}
	for _, name := range []string{
		versionKey, "description", "parameter_groups", "parameters", "resources", "outputs",
		"type", "properties", "metadata", "depends_on", "deletion_policy", "update_policy", "value",
		"default", "hidden", "label", "constraints", "immutable", "schema",
	} {
		words[name] = name
	}
	for name, since := range map[string]version{"conditions": v2016b, "condition": v2016b, "external_id": v2016b, "tags": v2018a} {
		if since <= v {
			words[name] = name
		}
	}
	return words
}

func hotTypes() map[string]ParameterType {
	types := map[string]ParameterType{}
	for _, t := range []ParameterType{StringParameter, NumberParameter, ListParameter, JSONParameter, BooleanParameter} {
		types[string(t)] = t
	}
	return types
}

// pseudoNames lists the parameters that are always there.
func (d *dialect) pseudoNames() []string {
	return slices.Sorted(maps.Keys(d.pseudo(Pseudo{})))
}

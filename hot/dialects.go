package hot

import (
	"maps"
	"slices"
)

// Dialect is one version of a template language, as it is told to people.
type Dialect struct {
	// Key and Version are the version line, Aliases other words for Version.
	Key, Version string
	Aliases      []string
	// Functions it has, by name, and those that may stand in conditions.
	Functions, Conditions []string
}

// Dialects lists the versions of HOT, oldest first, then those of the other
// languages. The error is of a language that names a function which there is not.
func Dialects(languages ...Language) ([]Dialect, error) {
	var out []Dialect
	for v, names := range versionNames() {
		d := newDialect(version(v))
		usual := slices.DeleteFunc(slices.Sorted(maps.Keys(d.functions)), func(name string) bool {
			return slices.Contains(d.removed, name) || slices.Contains(inConditionsOnly(), name)
		})
		out = append(out, Dialect{
			Key: versionKey, Version: names[0], Aliases: names[1:],
			Functions: usual, Conditions: slices.Sorted(maps.Keys(d.conditions)),
		})
	}
	for _, l := range languages {
		d, err := l.dialect()
		if err != nil {
			return nil, err
		}
		out = append(out, Dialect{
			Key: l.Key, Version: l.Date,
			Functions: slices.Sorted(maps.Keys(d.functions)), Conditions: slices.Sorted(maps.Keys(d.conditions)),
		})
	}
	return out, nil
}

func inConditionsOnly() []string { return []string{"equals", "not", "and", "or"} }

// FunctionHelp says what a function of any of the languages does, in a sentence.
func FunctionHelp(name string) string {
	return map[string]string{
		"get_param":           "The value of a parameter, or what is inside of it.",
		"get_resource":        "What a resource is called by others: usually its physical ID.",
		"get_attr":            "An attribute of a resource, or what is inside of it.",
		"get_file":            "The content of a file that came with the template.",
		"resource_facade":     "In a nested template: the metadata or a policy of the resource that it stands for.",
		"str_replace":         "A text with names replaced by values.",
		"str_replace_strict":  "As str_replace; each name must be in the text.",
		"str_replace_vstrict": "As str_replace_strict; no value may be empty.",
		"list_join":           "The items of lists as one text, with a delimiter between them.",
		"repeat":              "A list made of a template, one item for each value of lists.",
		"digest":              "The digest of a text, by an algorithm.",
		"str_split":           "The parts of a text between delimiters, or one of them.",
		"map_merge":           "Maps laid over each other; the later ones win.",
		"map_replace":         "A map with other keys or values.",
		"if":                  "One value or another, by a condition.",
		"filter":              "A list without some values.",
		"make_url":            "An address made of its parts.",
		"list_concat":         "Several lists as one.",
		"list_concat_unique":  "Several lists as one, each value once.",
		"contains":            "Whether a value is in a list, a map or a text.",
		"equals":              "Whether two values are equal.",
		"not":                 "Whether a condition does not hold.",
		"and":                 "Whether all conditions hold.",
		"or":                  "Whether any of the conditions holds.",
		"yaql":                "What a YAQL expression makes of data.",
		"Ref":                 "The value of a parameter, or what a resource is called by others.",
		"Fn::GetAtt":          "An attribute of a resource.",
		"Fn::FindInMap":       "A value from the mappings.",
		"Fn::GetAZs":          "The availability zones.",
		"Fn::Select":          "One item of a list or a map.",
		"Fn::Join":            "The items of a list as one text, with a delimiter between them.",
		"Fn::Split":           "The parts of a text between delimiters.",
		"Fn::Replace":         "A text with names replaced by values.",
		"Fn::Base64":          "The text itself: servers take it unencoded.",
		"Fn::MemberListToMap": "A map made of a list of .member.N. texts.",
		"Fn::ResourceFacade":  "In a nested template: the metadata or a policy of the resource that it stands for.",
		"Fn::If":              "One value or another, by a condition.",
		"Fn::Equals":          "Whether two values are equal.",
		"Fn::Not":             "Whether a condition does not hold.",
		"Fn::And":             "Whether all conditions hold.",
		"Fn::Or":              "Whether any of the conditions holds.",
	}[name]
}

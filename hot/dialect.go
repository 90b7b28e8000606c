package hot

import (
	"fmt"
	"slices"
	"strings"

	stoker "github.com/stoker-project/stoker"
)

// version is a step of the language; later ones are greater.
type version int

const (
	v2013 version = iota
	v2014
	v2015a // 2015-04-30
	v2015b // 2015-10-15
	v2016a // 2016-04-08
	v2016b // 2016-10-14, newton: conditions
	v2017a // 2017-02-24, ocata
	v2017b // 2017-09-01, pike
	v2018a // 2018-03-02, queens: tags of parameters
	v2018b // 2018-08-31, rocky
	v2021  // 2021-04-16, wallaby: if without else
	latest = v2021
)

// versionKey is the key that makes a document a HOT template.
const versionKey = "heat_template_version"

// versionNames lists each version's date and aliases, in order.
func versionNames() [][]string {
	return [][]string{
		{"2013-05-23"}, {"2014-10-16"}, {"2015-04-30"}, {"2015-10-15"}, {"2016-04-08"},
		{"2016-10-14", "newton"}, {"2017-02-24", "ocata"}, {"2017-09-01", "pike"},
		{"2018-03-02", "queens"}, {"2018-08-31", "rocky"}, {"2021-04-16", "wallaby"},
	}
}

// versions lists the accepted values of heat_template_version, oldest first, each
// date before its aliases.
func versions() []string { return slices.Concat(versionNames()...) }

// parseFunc compiles a function's argument. The compiler's path ends with the
// function's name.
type parseFunc func(c *compiler, name string, arg *node) (Expr, error)

// feature is a function in a range of versions.
type feature struct {
	name        string
	since, till version
	parse       parseFunc // nil: it was removed, and is refused
}

// functions is the table of heat.md 1.3: what a function means in which version.
func functions() []feature {
	return []feature{
		{"get_param", v2013, latest, parseGetParam},
		{"get_resource", v2013, latest, parseGetResource},
		{"get_attr", v2013, v2013, parseGetAttrThenSelect},
		{"get_attr", v2014, v2015a, parseGetAttr},
		{"get_attr", v2015b, latest, parseGetAttrOrAll},
		{"get_file", v2013, latest, parseGetFile},
		{"resource_facade", v2013, latest, parseFacade},
		{"str_replace", v2013, v2015a, parseReplacePlain},
		{"str_replace", v2015b, latest, parseReplace},
		{"str_replace_strict", v2017a, latest, parseReplaceStrict},
		{"str_replace_vstrict", v2017b, latest, parseReplaceVeryStrict},
		{"list_join", v2013, v2015a, parseJoinOne},
		{"list_join", v2015b, latest, parseJoinMany},
		{"repeat", v2015a, v2016a, parseRepeatLists},
		{"repeat", v2016b, v2017a, parseRepeatMaps},
		{"repeat", v2017b, latest, parseRepeat},
		{"digest", v2015a, latest, resolved(digest)},
		{"str_split", v2015b, latest, parseSplit},
		{"map_merge", v2016a, latest, resolved(mapMerge)},
		{"map_replace", v2016b, latest, resolved(mapReplace)},
		{"if", v2016b, v2018b, parseIf},
		{"if", v2021, latest, parseIfOmit},
		{"filter", v2017a, latest, parseFilter},
		{"make_url", v2017b, latest, parseMakeURL},
		{"list_concat", v2017b, latest, resolved(listConcat)},
		{"list_concat_unique", v2017b, latest, resolved(listConcatUnique)},
		{"contains", v2017b, latest, resolved(contains)},
		{"equals", v2016b, latest, parseEquals},
		{"not", v2016b, latest, parseNot},
		{"and", v2016b, latest, parseAnd},
		{"or", v2016b, latest, parseOr},

		{"yaql", v2016b, latest, parseYAQL},
		{"Fn::Select", v2013, v2015a, parseSelect},
		{"Fn::Select", v2015b, latest, nil},
		{"Ref", v2013, v2013, parseRef},
		{"Fn::GetAZs", v2013, v2013, parseZones},
		{"Fn::Join", v2013, v2013, parseJoinOne},
		{"Fn::Split", v2013, v2013, parseCFNSplit},
		{"Fn::Replace", v2013, v2013, parseCFNReplace},
		{"Fn::Base64", v2013, v2013, resolved(base64)},
		{"Fn::MemberListToMap", v2013, v2013, parseMemberList},
		{"Fn::ResourceFacade", v2013, v2013, parseCFNFacade},
		{"Ref", v2014, latest, nil},
		{"Fn::GetAZs", v2014, latest, nil},
		{"Fn::Join", v2014, latest, nil},
		{"Fn::Split", v2014, latest, nil},
		{"Fn::Replace", v2014, latest, nil},
		{"Fn::Base64", v2014, latest, nil},
		{"Fn::MemberListToMap", v2014, latest, nil},
		{"Fn::ResourceFacade", v2014, latest, nil},
	}
}

// cfnFunctions are the functions that languages other than HOT may name.
func cfnFunctions() map[string]parseFunc {
	return map[string]parseFunc{
		"Ref": parseRef, "Fn::GetAtt": parseGetAttrThenSelect, "Fn::FindInMap": parseFindInMap, "Fn::GetAZs": parseZones,
		"Fn::Select": parseSelect, "Fn::Join": parseJoinOne, "Fn::Split": parseCFNSplit, "Fn::Replace": parseCFNReplace,
		"Fn::Base64": resolved(base64), "Fn::MemberListToMap": parseMemberList, "Fn::ResourceFacade": parseCFNFacade,
		"Fn::If": parseIf,
	}
}

// cfnConditions are those that may stand in conditions.
func cfnConditions() map[string]parseFunc {
	return map[string]parseFunc{
		"Ref": parseParamRef, "Fn::FindInMap": parseFindInMap, "Fn::Equals": parseEquals,
		"Fn::Not": parseCFNNot, "Fn::And": parseAnd, "Fn::Or": parseOr,
	}
}

// conditionFunctions names what may stand in conditions, and since when.
func conditionFunctions() map[string]version {
	return map[string]version{
		"equals": v2016b, "not": v2016b, "and": v2016b, "or": v2016b, "get_param": v2016b,
		"yaql": v2017b, "contains": v2017b,
	}
}

// dialect is the language of one version.
type dialect struct {
	version    version // of HOT; the first for other languages
	name       string  // the date, for messages
	functions  map[string]parseFunc
	conditions map[string]parseFunc // what may stand in conditions
	removed    []string             // of the functions, those that are refused
	words      map[string]string    // HOT's words as this language has them
	types      map[string]ParameterType
	pseudo     func(Pseudo) map[string]any

	// Other languages put constraints among the keys of a parameter.
	parameterKeys   []string
	flatConstraints func(parameter map[string]any) []any
}

func newDialect(v version) *dialect {
	d := &dialect{
		version: v, name: versionNames()[v][0], functions: map[string]parseFunc{}, conditions: map[string]parseFunc{},
		words: hotWords(v), types: hotTypes(), pseudo: Pseudo.values,
	}
	for _, f := range functions() {
		if f.since > v || v > f.till {
			continue
		}
		d.functions[f.name] = f.parse
		if f.parse == nil {
			d.functions[f.name] = parseRemoved
			d.removed = append(d.removed, f.name)
		}
	}
	for name, since := range conditionFunctions() {
		if since <= v {
			d.conditions[name] = d.functions[name]
		}
	}
	for _, name := range inConditionsOnly() {
		delete(d.functions, name) // elsewhere they are keys of maps, as of the rules of OS::Aodh::CompositeAlarm
	}
	return d
}

// dialectOf finds the dialect a document is written in.
func dialectOf(doc *node, file string, languages []Language) (*dialect, error) {
	var found []string
	for _, key := range []string{versionKey, "HeatTemplateFormatVersion", "AWSTemplateFormatVersion"} {
		if doc.key(key) != nil {
			found = append(found, key)
		}
	}
	at := place{pos: stoker.Pos{File: file}}
	switch {
	case len(found) == 0:
		e := at.errorf(TypeTemplateFormat, "Template format version not found.")
		e.Hint = fmt.Sprintf("Begin the template with a line like %q.", versionKey+": "+versionNames()[latest][0])
		return nil, e
	case len(found) > 1:
		return nil, at.errorf(typeVersion, "Ambiguous versions (%s)", strings.Join(found, ", "))
	}
	key, n := found[0], doc.key(found[0])
	known := []string{}
	if key == versionKey {
		for v, names := range versionNames() {
			if s, ok := n.val.(string); ok && slices.Contains(names, s) {
				return newDialect(version(v)), nil
			}
		}
		known = slices.Sorted(slices.Values(versions()))
	}
	for _, l := range languages {
		if l.Key == key && n.val == l.Date {
			return l.dialect()
		}
		if l.Key == key {
			known = append(known, l.Date)
		}
	}
	if len(known) == 0 {
		return nil, at.errorf(typeVersion, "CloudFormation templates (%s) are not read by this parser", key)
	}
	at.pos = n.pos(file)
	return nil, at.errorf(typeVersion, `The template version is invalid: "%s: %s". "%s" should be one of: %s`,
		key, pyStr(n.val), key, strings.Join(known, ", "))
}

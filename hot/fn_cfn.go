package hot

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	values "github.com/stoker-project/stoker/internal/value"
)

// The functions that CloudFormation's language has and HOT has not; HOT
// 2013-05-23 takes most of them, too.

// parseRef makes of "Ref" a get_resource or a get_param, by what has that name.
func parseRef(c *compiler, name string, arg *node) (Expr, error) {
	if s, ok := arg.val.(string); ok {
		if _, ok := c.t.resources[s]; ok {
			return parseGetResource(c, name, arg)
		}
	}
	return parseParamRef(c, name, arg)
}

// paramRef is a "Ref" to a parameter: no path, and a name that leads nowhere is
// an error.
type paramRef struct {
	at  place
	t   *Template
	arg Expr
}

func (e *paramRef) parts() []Expr { return []Expr{e.arg} }

func parseParamRef(c *compiler, name string, arg *node) (Expr, error) {
	e, err := c.compile(arg)
	if err != nil {
		return nil, err
	}
	r := &paramRef{c.at(arg), c.t, e}
	if l, ok := e.(literal); ok {
		if s, ok := l.v.(string); !ok || !c.t.knowsParameter(s) {
			return nil, r.unknown(pyStr(l.v))
		}
	}
	return r, nil
}

func (e *paramRef) unknown(name string) error {
	err := unknownReference(name, e.at.at())
	err.Path, err.Pos = e.at.at(), e.at.pos
	err.Hint = didYouMean(name, slices.Concat(e.t.resourceNames, e.t.dialect.pseudoNames(), e.t.ownParameters()))
	return err
}

func (e *paramRef) Resolve(s Scope) (any, error) {
	v, err := eval(e.arg, s)
	if err != nil {
		return nil, err
	}
	name, ok := v.(string)
	if ok {
		if v, ok = s.Parameter(name); ok {
			return v, nil
		}
	}
	return nil, e.unknown(pyStr(v))
}

// findInMap is Fn::FindInMap.
type findInMap struct {
	at   place
	t    *Template
	keys []Expr
}

func (e *findInMap) parts() []Expr { return e.keys }

func parseFindInMap(c *compiler, name string, arg *node) (Expr, error) {
	if !isList(arg) || len(arg.kids) != 3 {
		return nil, c.fail(arg, `Arguments to "%s" must be of the form [map_name, key, second_level_key]`, name)
	}
	keys, err := c.items(arg)
	if err != nil {
		return nil, err
	}
	return &findInMap{c.at(arg), c.t, keys}, nil
}

func (e *findInMap) Resolve(s Scope) (any, error) {
	var v any = e.t.mappings
	where := e.t.dialect.word("mappings")
	for _, k := range e.keys {
		key, err := eval(k, s)
		if err != nil {
			return nil, err
		}
		m, ok := v.(map[string]any)
		if !ok {
			return nil, e.at.errorf(typeTypeError, "%s is a %s, not a map", where, values.TypeName(v))
		}
		name := pyStr(key)
		if v, ok = m[name]; !ok {
			err := e.at.errorf(typeKeyError, "%s has no key %q", where, name)
			err.Hint = didYouMean(name, sortedKeys(m))
			return nil, err
		}
		where += "." + name
	}
	return v, nil
}

// parseZones is Fn::GetAZs. Stoker's drivers know no zones; Heat's answer without a cloud
// is this one.
func parseZones(c *compiler, name string, arg *node) (Expr, error) {
	return resolved(func(string, any) (any, error) { return []any{"nova"}, nil })(c, name, arg)
}

func parseSelect(c *compiler, name string, arg *node) (Expr, error) {
	if !isList(arg) || len(arg.kids) != 2 {
		return nil, c.fail(arg, `Arguments to "%s" must be of the form [index, collection]`, name)
	}
	return c.ofItems(arg, func(args []any) (any, error) { return selectItem(name, args[0], args[1]) })
}

// selectItem takes an item out of a list or map, which may be given as JSON; what is not
// there is an empty text.
func selectItem(name string, index, from any) (any, error) {
	if s, ok := from.(string); ok && s != "" {
		decoded, err := values.Decode([]byte(s))
		if err != nil {
			return nil, valueErr(`"%s": the text to select from is not JSON: %v`, name, err)
		}
		from = decoded
	}
	switch from := from.(type) {
	case nil, string:
		return "", nil
	case map[string]any:
		key, ok := index.(string)
		if !ok {
			return nil, typeErr(`Index to "%s" must be a string`, name)
		}
		if v, ok := from[key]; ok {
			return v, nil
		}
		return "", nil
	case []any:
		i, ok := intOf(index)
		if !ok {
			return nil, typeErr(`Index to "%s" must be an integer`, name)
		}
		if v, ok := walkStep(from, i); ok {
			return v, nil
		}
		return "", nil
	}
	return nil, typeErr("Arguments to %s not fully resolved", name)
}

func parseCFNSplit(c *compiler, name string, arg *node) (Expr, error) {
	if !isList(arg) || len(arg.kids) != 2 {
		return nil, c.fail(arg, `Incorrect arguments to "%s" should be: "%s" : [ ",", "str1,str2"]]`, name, name)
	}
	return c.ofItems(arg, func(args []any) (any, error) {
		delim, ok := args[0].(string)
		if !ok || delim == "" {
			return nil, typeErr("Delimiter for %s must be string", name)
		}
		text, ok := args[1].(string)
		if !ok {
			return nil, typeErr("String to split must be string; got %s", pyType(args[1]))
		}
		return splitBy(name, text, delim)
	})
}

// parseCFNReplace is Fn::Replace: str_replace with its arguments in a list.
func parseCFNReplace(c *compiler, name string, arg *node) (Expr, error) {
	if !isList(arg) || len(arg.kids) != 2 {
		return nil, c.fail(arg, `Incorrect arguments to "%s" should be: {"%s": [ {"$var1": "foo", "%%var2%%": "bar"}, "$var1 is %%var2%%"]}`, name, name)
	}
	if !arg.kids[0].isMap() {
		return nil, c.fail(arg, `"%s" parameters must be a mapping`, name)
	}
	items, err := c.items(arg)
	if err != nil {
		return nil, err
	}
	return &call{at: c.at(arg), args: []Expr{items[1], items[0]}, f: replacing{name: name}.resolve}, nil
}

// base64 leaves the text as it is: Heat takes user data plain.
func base64(name string, arg any) (any, error) {
	if s, ok := arg.(string); ok {
		return s, nil
	}
	return nil, typeErr(`"%s" argument must be a string`, name)
}

func parseMemberList(c *compiler, name string, arg *node) (Expr, error) {
	if !isList(arg) || len(arg.kids) != 3 {
		return nil, c.fail(arg, `Wrong Arguments try: "{'%s': ['Name', 'Value', ['.member.0.Name=key', '.member.0.Value=door']]}"`, name)
	}
	for i, what := range []string{"Key", "Value"} {
		if !isString(arg.kids[i].val) {
			return nil, c.fail(arg, "%s %s Name must be a string", name, what)
		}
	}
	return c.ofItems(arg, func(args []any) (any, error) {
		return membersToMap(args[0].(string), args[1].(string), args[2])
	})
}

// membersToMap makes {door: 1} of [.member.0.Name=door, .member.0.Value=1].
func membersToMap(key, val string, list any) (any, error) {
	items, ok := list.([]any)
	if !ok {
		return nil, typeErr("Member list must be a list")
	}
	member := regexp.MustCompile(`^\.member\.([0-9]+)\.([^=]*)$`)
	members := map[int]map[string]string{}
	for _, item := range items {
		s, ok := item.(string)
		if !ok {
			return nil, typeErr("Member list items must be strings")
		}
		name, v, ok := strings.Cut(s, "=")
		if !ok {
			return nil, valueErr("Member list item %q has no =", s)
		}
		m := member.FindStringSubmatch(name)
		if m == nil {
			continue
		}
		i, err := strconv.Atoi(m[1])
		if err != nil {
			return nil, valueErr("Member list item %q: %v", s, err)
		}
		if members[i] == nil {
			members[i] = map[string]string{}
		}
		members[i][m[2]] = v
	}
	return pairs(members, key, val), nil
}

// pairs joins keys and values; of equal keys the last member counts.
func pairs(members map[int]map[string]string, key, val string) map[string]any {
	numbers := make([]int, 0, len(members))
	for i := range members {
		numbers = append(numbers, i)
	}
	slices.Sort(numbers)
	out := map[string]any{}
	for _, i := range numbers {
		k, hasKey := members[i][key]
		v, hasVal := members[i][val]
		if hasKey && hasVal {
			out[k] = v
		}
	}
	return out
}

func parseCFNFacade(c *compiler, name string, arg *node) (Expr, error) {
	words := []string{"Metadata", "DeletionPolicy", "UpdatePolicy"}
	s, _ := arg.val.(string)
	i := slices.Index(words, s)
	if i < 0 {
		return nil, c.fail(arg, `Incorrect arguments to "%s" should be one of: %s`, name, strings.Join(words, ", "))
	}
	return &facade{c.at(arg), name, facadeWords()[i]}, nil
}

// parseCFNNot is Fn::Not, whose condition stands in a list.
func parseCFNNot(c *compiler, name string, arg *node) (Expr, error) {
	if !isList(arg) || len(arg.kids) != 1 {
		return nil, c.fail(arg, `Arguments to "%s" must be of the form: [condition]`, name)
	}
	e, err := c.conditionOf(arg.kids[0])
	if err != nil {
		return nil, err
	}
	return &negation{e}, nil
}

package hot

import (
	"maps"
	"slices"
	"strings"
)

// replacing is how strict a str_replace is, and what it takes.
type replacing struct {
	name      string
	json      bool // maps and lists are taken, as JSON
	everyUsed bool // each parameter must be in the template
	everyFull bool // no parameter may be null or empty
}

func parseReplacePlain(c *compiler, name string, arg *node) (Expr, error) {
	return c.replace(replacing{name: name}, arg)
}

func parseReplace(c *compiler, name string, arg *node) (Expr, error) {
	return c.replace(replacing{name: name, json: true}, arg)
}

func parseReplaceStrict(c *compiler, name string, arg *node) (Expr, error) {
	return c.replace(replacing{name: name, json: true, everyUsed: true}, arg)
}

func parseReplaceVeryStrict(c *compiler, name string, arg *node) (Expr, error) {
	return c.replace(replacing{name: name, json: true, everyUsed: true, everyFull: true}, arg)
}

func (c *compiler) replace(r replacing, arg *node) (Expr, error) {
	if !c.plainMap(arg) {
		return nil, c.fail(arg, `Arguments to "%s" must be a map`, r.name)
	}
	args, err := c.fields(arg)
	if err != nil {
		return nil, err
	}
	params, template := args.get("params"), args.get("template")
	if params == nil || template == nil {
		return nil, c.fail(arg, "%q syntax should be %s: {template: This is var1 template var2, params: {var1: a, var2: string}}", r.name, r.name)
	}
	if p := arg.key("params"); !p.isMap() {
		return nil, c.fail(p, `"%s" parameters must be a mapping`, r.name)
	}
	return &call{at: c.at(arg), args: []Expr{template, params}, f: r.resolve}, nil
}

func (r replacing) resolve(args []any) (any, error) {
	template, ok := args[0].(string)
	if !ok {
		return nil, typeErr(`"%s" template must be a string`, r.name)
	}
	params, ok := args[1].(map[string]any)
	if !ok {
		return nil, typeErr(`"%s" params must be a map`, r.name)
	}
	keys := byLength(params)
	values := make([]string, len(keys))
	for i, k := range keys {
		v, err := r.text(params[k], k)
		if err != nil {
			return nil, err
		}
		if k == "" {
			return nil, valueErr(`a param of "%s" has an empty name`, r.name)
		}
		values[i] = v
	}
	s := &substitution{keys: keys, values: values, used: make([]bool, len(keys))}
	if !s.write(template, 0) {
		return nil, tooLong(r.name)
	}
	if missing := s.unused(); r.everyUsed && len(missing) > 0 {
		return nil, valueErr("The following params were not found in the template: %s", strings.Join(missing, ","))
	}
	return s.out.String(), nil
}

// byLength sorts the longest first, equally long ones by the alphabet.
func byLength(m map[string]any) []string {
	keys := slices.Sorted(maps.Keys(m))
	slices.SortStableFunc(keys, func(a, b string) int { return len([]rune(b)) - len([]rune(a)) })
	return keys
}

// text spells a parameter's value.
func (r replacing) text(v any, param string) (string, error) {
	s := ""
	switch v := v.(type) {
	case nil:
	case []any, map[string]any:
		if !r.json {
			return "", typeErr(`"%s" params must be strings or numbers, param %s is not valid`, r.name, param)
		}
		if truthy(v) || !r.everyFull {
			s = dumpJSON(v)
		}
	default:
		s = pyStr(v)
	}
	if s == "" && r.everyFull {
		return "", valueErr("%s has an undefined or empty value for param %s, must be a defined non-empty value", r.name, param)
	}
	return s, nil
}

// substitution replaces keys in a text, each looking only at what the ones
// before it left over; what was put in is not looked at again.
type substitution struct {
	keys, values []string
	used         []bool
	out          strings.Builder
}

// write appends a text with all keys from the given one on replaced; false when
// the result becomes too long.
func (s *substitution) write(text string, key int) bool {
	for ; key < len(s.keys); key++ {
		if !strings.Contains(text, s.keys[key]) {
			continue
		}
		s.used[key] = true
		for i, part := range strings.Split(text, s.keys[key]) {
			if i > 0 {
				s.out.WriteString(s.values[key])
			}
			if s.out.Len() > maxText || !s.write(part, key+1) {
				return false
			}
		}
		return true
	}
	s.out.WriteString(text)
	return s.out.Len() <= maxText
}

func (s *substitution) unused() []string {
	var names []string
	for i, k := range s.keys {
		if !s.used[i] {
			names = append(names, k)
		}
	}
	return names
}

package hot

import (
	"strings"

	values "github.com/stoker-project/stoker/internal/value"
)

// maxItems bounds a list that functions build.
const maxItems = 100_000

func has(items []any, v any) bool {
	for _, item := range items {
		if values.Equal(item, v) {
			return true
		}
	}
	return false
}

func parseFilter(c *compiler, name string, arg *node) (Expr, error) {
	if !isList(arg) {
		return nil, c.fail(arg, `Argument to "%s" must be a list`, name)
	}
	if len(arg.kids) != 2 {
		return nil, c.fail(arg, `"%s" expected 2 arguments of the form [values, sequence] but got %d arguments instead`, name, len(arg.kids))
	}
	return c.ofItems(arg, func(args []any) (any, error) { return filter(name, args[0], args[1]) })
}

func filter(name string, out, from any) (any, error) {
	if !truthy(from) {
		return from, nil
	}
	items, ok := from.([]any)
	if !ok {
		return nil, typeErr(`"%s" only works with lists`, name)
	}
	if !truthy(out) {
		return from, nil
	}
	unwanted, ok := out.([]any)
	if !ok {
		return nil, typeErr(`"%s" filters a list of values`, name)
	}
	left := []any{}
	for _, item := range items {
		if !has(unwanted, item) {
			left = append(left, item)
		}
	}
	return left, nil
}

func listConcat(name string, arg any) (any, error) {
	return concat(name, arg, false)
}

func listConcatUnique(name string, arg any) (any, error) {
	return concat(name, arg, true)
}

func concat(name string, arg any, unique bool) (any, error) {
	wrong := func() error {
		return typeErr(`Incorrect arguments to "%s" should be: "%s" : [ [ <value 1>, <value 2> ], [ <value 3>, <value 4> ] ]`, name, name)
	}
	lists, ok := arg.([]any)
	if !ok {
		return nil, wrong()
	}
	out := []any{}
	for _, l := range lists {
		items, ok := l.([]any)
		if !ok && l != nil {
			return nil, wrong()
		}
		if len(out)+len(items) > maxItems {
			return nil, valueErr(`the list made by "%s" has more than %d items`, name, maxItems)
		}
		out = append(out, items...)
	}
	if unique {
		return withoutRepeats(out), nil
	}
	return out, nil
}

// withoutRepeats keeps the first of equal items.
func withoutRepeats(items []any) []any {
	seen := map[string]bool{}
	out := []any{}
	for _, item := range items {
		if key := identity(item); !seen[key] {
			seen[key] = true
			out = append(out, item)
		}
	}
	return out
}

// identity is equal for values that are equal: 1 and 1.0 are.
func identity(v any) string {
	if f, ok := v.(float64); ok && f == float64(int64(f)) {
		v = int64(f)
	}
	return dumpJSON(v)
}

func contains(name string, arg any) (any, error) {
	args, ok := arg.([]any)
	if !ok || len(args) != 2 {
		return nil, valueErr(`Arguments to "%s" must be of the form: [value1, [value1, value2, ...]]`, name)
	}
	switch in := args[1].(type) {
	case []any:
		return has(in, args[0]), nil
	case string:
		part, ok := args[0].(string)
		if !ok {
			return nil, typeErr(`First argument to "%s" should be a string if the second is one`, name)
		}
		return strings.Contains(in, part), nil
	}
	return nil, typeErr(`Second argument to "%s" should be a sequence.`, name)
}

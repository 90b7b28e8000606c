package hot

import (
	"maps"
	"slices"
	"strings"
)

// What a repeat may produce: copies, and bytes and values in all of them.
const (
	maxCopies = 10_000
	maxVolume = 8 << 20
)

// repeat is the function of that name.
type repeat struct {
	at       place
	name     string
	template Expr
	forEach  Expr
	order    []string // the keys of forEach in the text's order; nil: computed
	nested   Expr     // permutations: false pairs the lists; nil: true
	maps     bool     // maps are taken, for their keys
}

func (e *repeat) parts() []Expr {
	parts := []Expr{e.template, e.forEach}
	if e.nested != nil {
		parts = append(parts, e.nested)
	}
	return parts
}

func parseRepeatLists(c *compiler, name string, arg *node) (Expr, error) {
	return c.repeat(name, arg, false, false)
}

func parseRepeatMaps(c *compiler, name string, arg *node) (Expr, error) {
	return c.repeat(name, arg, true, false)
}

func parseRepeat(c *compiler, name string, arg *node) (Expr, error) {
	return c.repeat(name, arg, true, true)
}

func (c *compiler) repeat(name string, arg *node, takesMaps, permutations bool) (Expr, error) {
	if !c.plainMap(arg) {
		return nil, c.fail(arg, `Arguments to "%s" must be a map`, name)
	}
	args, err := c.fields(arg)
	if err != nil {
		return nil, err
	}
	e := &repeat{at: c.at(arg), name: name, template: args.get("template"), forEach: args.get("for_each"), maps: takesMaps}
	if e.template == nil || e.forEach == nil {
		return nil, c.fail(arg, `"repeat" syntax should be repeat: {template: This is %%var%%, for_each: {%%var%%: ['a', 'b', 'c']}}`)
	}
	each := arg.key("for_each")
	if !each.isMap() {
		return nil, c.fail(each, `The "for_each" argument to "%s" must contain a map`, name)
	}
	if c.plainMap(each) {
		e.order = each.keys
	}
	if permutations {
		e.nested = args.get("permutations")
		if l, ok := e.nested.(literal); ok {
			if _, isBool := l.v.(bool); !isBool {
				return nil, c.fail(arg, `"permutations" should be boolean type for %s function.`, name)
			}
		}
	}
	return e, nil
}

func (e *repeat) Resolve(s Scope) (any, error) {
	nested, err := e.permutes(s)
	if err != nil {
		return nil, err
	}
	keys, lists, err := e.lists(s, nested)
	if err != nil {
		return nil, err
	}
	template, err := eval(e.template, s)
	if err != nil {
		return nil, err
	}
	copies, err := e.count(lists, nested)
	if err != nil {
		return nil, err
	}
	f := filler{keys: keys, left: maxVolume}
	out := make([]any, 0, copies)
	for i := range copies {
		f.vals = pick(lists, i, nested)
		out = append(out, f.fill(template))
		if f.left < 0 {
			return nil, e.at.errorf(typeValueError, "%s makes more than %d bytes", e.name, maxVolume)
		}
	}
	return out, nil
}

func (e *repeat) permutes(s Scope) (bool, error) {
	if e.nested == nil {
		return true, nil
	}
	v, err := eval(e.nested, s)
	if err != nil {
		return false, err
	}
	b, ok := v.(bool)
	if !ok {
		return false, e.at.errorf(typeTypeError, `"permutations" should be boolean type for %s function.`, e.name)
	}
	return b, nil
}

// lists gives the variables and the values of each.
func (e *repeat) lists(s Scope, nested bool) (keys []string, lists [][]any, err error) {
	v, err := eval(e.forEach, s)
	if err != nil {
		return nil, nil, err
	}
	each, ok := v.(map[string]any)
	if !ok {
		return nil, nil, e.at.errorf(typeTypeError, `The "for_each" argument to "%s" must contain a map`, e.name)
	}
	keys = e.order
	if keys == nil {
		keys = slices.Sorted(maps.Keys(each))
	}
	for _, k := range keys {
		l, err := e.values(each[k], nested)
		if err != nil {
			return nil, nil, err
		}
		lists = append(lists, l)
	}
	return keys, lists, nil
}

func (e *repeat) values(v any, nested bool) ([]any, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case []any:
		return v, nil
	case map[string]any:
		if e.maps && nested {
			var out []any
			for _, k := range slices.Sorted(maps.Keys(v)) {
				out = append(out, k)
			}
			return out, nil
		}
	}
	if e.maps && nested {
		return nil, e.at.errorf(typeTypeError, `The values of the "for_each" argument to "%s" must be lists or maps`, e.name)
	}
	return nil, e.at.errorf(typeTypeError, `The values of the "for_each" argument to "%s" must be lists`, e.name)
}

// count is how many copies there will be.
func (e *repeat) count(lists [][]any, nested bool) (int, error) {
	if len(lists) == 0 {
		return 0, nil
	}
	n := 1
	if nested {
		for _, l := range lists {
			if n *= len(l); n > maxCopies {
				break
			}
		}
	} else if n = shortest(lists); !equallyLong(lists) {
		return 0, e.at.errorf(typeValueError, "For %s, the length of for_each values should be equal if no nested loop.", e.name)
	}
	if n > maxCopies && !slices.ContainsFunc(lists, func(l []any) bool { return len(l) == 0 }) {
		return 0, e.at.errorf(typeValueError, "%s makes more than %d copies", e.name, maxCopies)
	}
	if n > maxCopies {
		return 0, nil
	}
	return n, nil
}

func shortest(lists [][]any) int {
	n := len(lists[0])
	for _, l := range lists {
		n = min(n, len(l))
	}
	return n
}

// equallyLong ignores null lists, as Heat does.
func equallyLong(lists [][]any) bool {
	n := -1
	for _, l := range lists {
		if l == nil {
			continue
		}
		if n >= 0 && len(l) != n {
			return false
		}
		n = len(l)
	}
	return true
}

// pick gives the i-th combination; the last list turns fastest.
func pick(lists [][]any, i int, nested bool) []any {
	out := make([]any, len(lists))
	for k := len(lists) - 1; k >= 0; k-- {
		if !nested {
			out[k] = lists[k][i]
			continue
		}
		out[k] = lists[k][i%len(lists[k])]
		i /= len(lists[k])
	}
	return out
}

// filler fills a template in. left is what it may still produce; it stops
// producing when that is used up.
type filler struct {
	keys []string
	vals []any
	left int
}

// fill copies a template with the variables replaced in all its strings, keys
// too. A string that is nothing but a variable becomes the value itself if that
// is no string.
func (f *filler) fill(template any) any {
	f.left--
	if f.left < 0 {
		return nil
	}
	switch t := template.(type) {
	case string:
		for i, k := range f.keys {
			if t == k && f.vals[i] != nil && !isString(f.vals[i]) {
				f.left -= volumeOf(f.vals[i])
				return f.vals[i]
			}
		}
		return f.text(t)
	case []any:
		out := make([]any, len(t))
		for i, item := range t {
			out[i] = f.fill(item)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(t))
		for k, item := range t {
			out[f.text(k)] = f.fill(item)
		}
		return out
	}
	return template
}

func (f *filler) text(s string) string {
	for i, k := range f.keys {
		n := 0
		if k != "" {
			n = strings.Count(s, k)
		}
		if n == 0 {
			continue
		}
		text := ""
		if f.vals[i] != nil {
			text = textOf(f.vals[i])
		}
		if f.left -= n * len(text); f.left < 0 {
			return ""
		}
		s = strings.ReplaceAll(s, k, text)
	}
	f.left -= len(s)
	return s
}

func isString(v any) bool { _, ok := v.(string); return ok }

// textOf spells a value inside a text: as str_replace does.
func textOf(v any) string {
	if isScalar(v) {
		return pyStr(v)
	}
	return dumpJSON(v)
}

func volumeOf(v any) int {
	n := 1
	switch v := v.(type) {
	case string:
		n += len(v)
	case []any:
		for _, item := range v {
			n += volumeOf(item)
		}
	case map[string]any:
		for k, item := range v {
			n += len(k) + volumeOf(item)
		}
	}
	return n
}

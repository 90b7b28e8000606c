package yaql

import (
	"cmp"
	"iter"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/stoker-project/stoker/internal/python"
)

// Values are nil, bool, int64, float64, string, []any, and these. All are
// immutable.
type (
	// seq is computed while it is walked, each time anew.
	seq struct{ each iter.Seq[any] }
	// ordered is a seq that thenBy can refine.
	ordered struct {
		seq
		of   iter.Seq[any]
		keys []sortKey
	}
	// dict keeps the order in which keys came. Looking things up is charged to
	// the evaluation.
	dict struct {
		e          *evaluator
		keys, vals []any
		at         map[string]int // by identity
	}
	set   struct{ dict }
	regex struct {
		*regexp.Regexp
		size int // of its program
	}
	pair    struct{ key, val any }
	lazyRow struct{ key, val func() any } // a => b whose sides are computed when needed
)

func (e *evaluator) newDict() *dict { return &dict{e: e, at: map[string]int{}} }

// put is for those who build a dict.
func (d *dict) put(k, v any) {
	id := d.e.identity(k)
	if i, ok := d.at[id]; ok {
		d.vals[i] = v
		return
	}
	d.at[id] = len(d.keys)
	d.keys, d.vals = append(d.keys, k), append(d.vals, v)
}

func (d *dict) get(k any) (any, bool) {
	i, ok := d.at[d.e.identity(k)]
	if !ok {
		return nil, false
	}
	return d.vals[i], true
}

func (d *dict) clone() *dict {
	return &dict{d.e, slices.Clone(d.keys), slices.Clone(d.vals), maps.Clone(d.at)}
}

func (d *dict) each() iter.Seq2[any, any] {
	return func(yield func(k, v any) bool) {
		for i, k := range d.keys {
			if !yield(k, d.vals[i]) {
				return
			}
		}
	}
}

func (e *evaluator) newSet(items iter.Seq[any]) *set {
	s := &set{*e.newDict()}
	for v := range items {
		s.put(v, nil)
	}
	return s
}

func (s *set) has(v any) bool { _, ok := s.get(v); return ok }

// input turns data into values; keys are sorted, because maps have no order.
func (e *evaluator) input(v any) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = e.input(item)
		}
		return out
	case map[string]any:
		d := e.newDict()
		for _, k := range slices.Sorted(maps.Keys(v)) {
			d.put(k, e.input(v[k]))
		}
		return d
	}
	return v
}

// output turns a value into data.
func (e *evaluator) output(v any) any {
	e.step()
	switch v := v.(type) {
	case nil, bool, int64, float64, string:
		return v
	case *dict:
		out := make(map[string]any, len(v.keys))
		e.limitLen(len(v.keys))
		for k, item := range v.each() {
			out[keyText(k)] = e.output(item)
		}
		return out
	}
	items, ok := e.items(v)
	if !ok {
		fail("TypeError", "the expression gives a "+typeName(v)+", which is no value of a template")
	}
	out := []any{}
	for item := range items {
		out = append(out, e.output(item))
	}
	return out
}

// keyText spells the key of a map as JSON does.
func keyText(k any) string {
	switch k := k.(type) {
	case string:
		return k
	case nil, bool:
		return str(k)
	case int64, float64:
		return str(k)
	}
	fail("TypeError", "the key of a map must be a text or number, not a "+typeName(k))
	return ""
}

func typeName(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case int64:
		return "integer"
	case float64:
		return "float"
	case string:
		return "string"
	case []any:
		return "list"
	case *dict:
		return "dict"
	case *set:
		return "set"
	case seq, *ordered:
		return "iterator"
	case regex:
		return "regex"
	case *scope:
		return "context"
	}
	return "value"
}

// truth is Python's bool().
func truth(v any) bool {
	if t, known := python.Truth(v); known {
		return t
	}
	switch v := v.(type) {
	case *dict:
		return len(v.keys) > 0
	case *set:
		return len(v.keys) > 0
	}
	return true
}

// equal is Python's ==: 1, 1.0 and true are equal.
func (e *evaluator) equal(a, b any) bool {
	if _, ok := a.(seq); ok {
		return false
	}
	if _, ok := b.(seq); ok {
		return false
	}
	return e.identity(a) == e.identity(b)
}

// identity is the same for equal values. It is charged by its length.
func (e *evaluator) identity(v any) string {
	id := identity(v)
	e.charge(len(id) / 16)
	return id
}

func identity(v any) string {
	switch v := v.(type) {
	case nil:
		return "z"
	case bool:
		if v {
			return "1"
		}
		return "0"
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		if v == float64(int64(v)) {
			return strconv.FormatInt(int64(v), 10)
		}
		return "f" + strconv.FormatFloat(v, 'g', -1, 64)
	case string:
		return strconv.Quote(v)
	case []any:
		parts := make([]string, len(v))
		for i, item := range v {
			parts[i] = identity(item)
		}
		return "[" + strings.Join(parts, ",") + "]"
	case *dict:
		parts := make([]string, 0, len(v.keys))
		for k, item := range v.each() {
			parts = append(parts, identity(k)+":"+identity(item))
		}
		slices.Sort(parts)
		return "{" + strings.Join(parts, ",") + "}"
	case *set:
		return "s(" + strings.Join(slices.Sorted(maps.Keys(v.at)), ",") + ")"
	case regex:
		return "r" + strconv.Quote(v.String())
	}
	fail("TypeError", "unhashable type: "+typeName(v))
	return ""
}

// compareNumbers gives -1, 0 or 1.
func compareNumbers(a, b any) int {
	x, xInt := a.(int64)
	y, yInt := b.(int64)
	if xInt && yInt {
		return cmp.Compare(x, y)
	}
	return cmp.Compare(toFloat(a), toFloat(b))
}

func isNumber(v any) bool {
	switch v.(type) {
	case int64, float64:
		return true
	}
	return false
}

func toFloat(v any) float64 {
	if i, ok := v.(int64); ok {
		return float64(i)
	}
	return v.(float64)
}

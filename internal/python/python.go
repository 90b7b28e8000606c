// Package python spells and reads plain values as Python does, because results
// and messages of Heat and yaql are Python's.
package python

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Quote is repr() of a string.
func Quote(s string) string {
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		return `"` + strings.ReplaceAll(s, `\`, `\\`) + `"`
	}
	r := strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`, "\t", `\t`, "\r", `\r`)
	return "'" + r.Replace(s) + "'"
}

// Float is the shortest form that reads back the same, in Python's layout, with
// the given words for infinity and not-a-number.
func Float(f float64, inf, nan string) string {
	switch {
	case math.IsNaN(f):
		return nan
	case math.IsInf(f, 1):
		return inf
	case math.IsInf(f, -1):
		return "-" + inf
	}
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// Int is int() of a string: surrounding space and underscores between digits
// are allowed.
func Int(s string) (int64, bool) {
	s = strings.TrimSpace(s)
	if strings.HasPrefix(s, "_") || strings.HasSuffix(s, "_") || strings.Contains(s, "__") {
		return 0, false
	}
	i, err := strconv.ParseInt(strings.ReplaceAll(s, "_", ""), 10, 64)
	return i, err == nil
}

// Number reads a string as an integer, else as a float.
func Number(s string) (any, bool) {
	if i, ok := Int(s); ok {
		return i, true
	}
	s = strings.TrimSpace(s)
	if strings.ContainsAny(s, "xXpP_") {
		return nil, false
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
		return nil, false
	}
	return f, true
}

// Repr is repr() of a value that holds no others; false for lists, maps and what
// else there is.
func Repr(v any) (string, bool) {
	switch v := v.(type) {
	case nil:
		return "None", true
	case bool:
		if v {
			return "True", true
		}
		return "False", true
	case int64:
		return strconv.FormatInt(v, 10), true
	case float64:
		return Float(v, "inf", "nan"), true
	case string:
		return Quote(v), true
	}
	return "", false
}

// Truth is bool() of such a value, or of a list; known is false for others.
func Truth(v any) (truth, known bool) {
	switch v := v.(type) {
	case nil:
		return false, true
	case bool:
		return v, true
	case int64:
		return v != 0, true
	case float64:
		return v != 0, true
	case string:
		return v != "", true
	case []any:
		return len(v) > 0, true
	}
	return false, false
}

// Literal is repr() of any value that a template can hold: maps come with their keys
// sorted. What Python does not know is null.
func Literal(v any) string {
	switch v := v.(type) {
	case []any:
		items := make([]string, len(v))
		for i, x := range v {
			items[i] = Literal(x)
		}
		return "[" + strings.Join(items, ", ") + "]"
	case map[string]any:
		items := make([]string, 0, len(v))
		for _, key := range slices.Sorted(maps.Keys(v)) {
			items = append(items, Quote(key)+": "+Literal(v[key]))
		}
		return "{" + strings.Join(items, ", ") + "}"
	}
	text, ok := Repr(v)
	if !ok {
		return "None"
	}
	return text
}

package request

import (
	"strconv"

	"github.com/stoker-project/stoker/internal/value"
)

// Values are the properties of a resource, or a map inside them, as they come
// out of the check against their schema. Reading a key that is missing, null or
// of another type gives the zero value.
type Values map[string]any

// Has tells whether a key has a value that is not null.
func (v Values) Has(key string) bool { return v[key] != nil }

// String reads a string; numbers and booleans are spelled out.
func (v Values) String(key string) string { return text(v[key]) }

func text(x any) string {
	switch x := x.(type) {
	case string:
		return x
	case bool:
		return strconv.FormatBool(x)
	case int64:
		return strconv.FormatInt(x, 10)
	case float64:
		return strconv.FormatFloat(x, 'g', -1, 64)
	}
	return ""
}

// Bool reads a boolean.
func (v Values) Bool(key string) bool { b, _ := v[key].(bool); return b }

// Int reads a whole number.
func (v Values) Int(key string) int { return int(v.Float(key)) }

// Float reads a number.
func (v Values) Float(key string) float64 {
	switch x := v[key].(type) {
	case int64:
		return float64(x)
	case float64:
		return x
	}
	return 0
}

// IntOr reads a whole number, or gives another one where there is none.
func (v Values) IntOr(key string, otherwise int) int {
	if !v.Has(key) {
		return otherwise
	}
	return v.Int(key)
}

// OptionalInt reads a whole number; nil where there is none.
func (v Values) OptionalInt(key string) *int {
	if !v.Has(key) {
		return nil
	}
	n := v.Int(key)
	return &n
}

// OptionalFloat reads a number; nil where there is none.
func (v Values) OptionalFloat(key string) *float64 {
	if !v.Has(key) {
		return nil
	}
	f := v.Float(key)
	return &f
}

// List reads a list.
func (v Values) List(key string) []any { l, _ := v[key].([]any); return l }

// Strings reads a list of strings.
func (v Values) Strings(key string) []string {
	var out []string
	for _, x := range v.List(key) {
		out = append(out, text(x))
	}
	return out
}

// Map reads a map; nil where there is none.
func (v Values) Map(key string) Values { m, _ := v[key].(map[string]any); return m }

// Maps reads a list of maps; what is no map in it comes out empty, so that
// positions stay.
func (v Values) Maps(key string) []Values {
	var out []Values
	for _, x := range v.List(key) {
		m, _ := x.(map[string]any)
		out = append(out, m)
	}
	return out
}

// Changed tells whether a key has another value than in old.
func (v Values) Changed(old map[string]any, key string) bool {
	return !value.Equal(v[key], old[key])
}

// Package value handles the untyped values that templates and records are made
// of: nil, bool, int64, float64, string, []any and map[string]any, and nothing
// else. It knows no templates, only values.
package value

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Decode reads one JSON value. Whole numbers that fit become int64, all other
// numbers float64.
func Decode(data []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("more than one JSON value")
	}
	return Normal(v)
}

// DecodeMap reads one JSON object; null and no data at all give an empty map.
func DecodeMap(data []byte) (map[string]any, error) {
	if len(data) == 0 {
		return map[string]any{}, nil
	}
	v, err := Decode(data)
	if err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case nil:
		return map[string]any{}, nil
	case map[string]any:
		return v, nil
	}
	return nil, fmt.Errorf("want a JSON object, have %s", TypeName(v))
}

// Normal brings a value made of Go's other numbers, json.Number, typed slices
// and maps into the few types of this package. It changes maps and slices of
// those types in place, where there is something to change: what is normal all through
// is only read, and so may be shared.
func Normal(v any) (any, error) {
	switch v := v.(type) {
	case nil, bool, string, int64, float64:
		return v, nil
	case int:
		return int64(v), nil
	case json.Number:
		return number(string(v))
	case []any:
		for i := range v {
			n, err := Normal(v[i])
			if err != nil {
				return nil, err
			}
			if !ours(v[i]) {
				v[i] = n
			}
		}
		return v, nil
	case map[string]any:
		for k := range v {
			n, err := Normal(v[k])
			if err != nil {
				return nil, err
			}
			if !ours(v[k]) {
				v[k] = n
			}
		}
		return v, nil
	}
	return normalReflect(reflect.ValueOf(v))
}

// ours tells whether a value is of a type of this package, which Normal gives as it is.
func ours(v any) bool {
	switch v.(type) {
	case nil, bool, string, int64, float64, []any, map[string]any:
		return true
	}
	return false
}

func number(s string) (any, error) {
	if !strings.ContainsAny(s, ".eE") {
		if i, err := strconv.ParseInt(s, 10, 64); err == nil {
			return i, nil
		}
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsInf(f, 0) {
		return nil, fmt.Errorf("number %s is out of range", s)
	}
	return f, nil
}

func normalReflect(v reflect.Value) (any, error) {
	switch v.Kind() {
	case reflect.Bool:
		return v.Bool(), nil
	case reflect.String:
		return v.String(), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return v.Int(), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if u := v.Uint(); u <= math.MaxInt64 {
			return int64(u), nil
		}
		return float64(v.Uint()), nil
	case reflect.Float32, reflect.Float64:
		return v.Float(), nil
	case reflect.Slice, reflect.Array:
		out := make([]any, v.Len())
		for i := range out {
			n, err := Normal(v.Index(i).Interface())
			if err != nil {
				return nil, err
			}
			out[i] = n
		}
		return out, nil
	case reflect.Map:
		if v.Type().Key().Kind() != reflect.String {
			break
		}
		out := make(map[string]any, v.Len())
		for _, k := range v.MapKeys() {
			n, err := Normal(v.MapIndex(k).Interface())
			if err != nil {
				return nil, err
			}
			out[k.String()] = n
		}
		return out, nil
	}
	return nil, fmt.Errorf("value of Go type %s has no JSON form", v.Type())
}

// Equal compares two values. Numbers are equal by their worth (1 equals 1.0),
// as in Python.
func Equal(a, b any) bool {
	switch a := a.(type) {
	case int64:
		switch b := b.(type) {
		case int64:
			return a == b
		case float64:
			return float64(a) == b
		}
		return false
	case float64:
		switch b := b.(type) {
		case int64:
			return a == float64(b)
		case float64:
			return a == b
		}
		return false
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, Equal)
	case map[string]any:
		b, ok := b.(map[string]any)
		return ok && maps.EqualFunc(a, b, Equal)
	case nil, bool, string:
		return a == b
	}
	return reflect.DeepEqual(a, b)
}

// Clone copies a value and all that is in it.
func Clone(v any) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = Clone(v[i])
		}
		return out
	case map[string]any:
		return CloneMap(v)
	}
	return v
}

// CloneMap copies a map and all that is in it; nil stays nil.
func CloneMap(m map[string]any) map[string]any {
	if m == nil {
		return nil
	}
	out := make(map[string]any, len(m))
	for k, v := range m {
		out[k] = Clone(v)
	}
	return out
}

// TypeName names a value's type for people: string, number, boolean, list, map
// or null.
func TypeName(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case int64, float64, int:
		return "number"
	case string:
		return "string"
	case []any:
		return "list"
	case map[string]any:
		return "map"
	}
	return fmt.Sprintf("%T", v)
}

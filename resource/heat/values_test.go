package heat_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stoker-project/stoker"
)

func TestValueTypes(t *testing.T) {
	impl := newEngine().types()["OS::Heat::Value"]
	tests := []struct {
		kind  any
		value any
		want  any // nil: an error
	}{
		{nil, map[string]any{"a": int64(1)}, map[string]any{"a": int64(1)}},
		{nil, int64(3), int64(3)},
		{"string", int64(3), "3"},
		{"string", 2.0, "2.0"},
		{"string", true, "True"},
		{"string", []any{}, nil},
		{"number", "3", int64(3)},
		{"number", " 3.5 ", 3.5},
		{"number", "007", int64(7)},
		{"number", int64(4), int64(4)},
		{"number", "four", nil},
		{"number", true, nil},
		{"boolean", "Yes", true},
		{"boolean", int64(0), false},
		{"boolean", false, false},
		{"boolean", "perhaps", nil},
		{"comma_delimited_list", "a, b,", []any{"a", " b", ""}},
		{"comma_delimited_list", "", []any{}},
		{"comma_delimited_list", []any{int64(1)}, []any{int64(1)}},
		{"comma_delimited_list", int64(1), nil},
		{"json", `{"a": [1, 2.5]}`, map[string]any{"a": []any{int64(1), 2.5}}},
		{"json", []any{"x"}, []any{"x"}},
		{"json", "{", nil},
		{"json", "3", nil},
	}
	for _, tt := range tests {
		req := request(t, impl, map[string]any{"type": tt.kind, "value": tt.value})
		err := impl.(stoker.Validator).Validate(req)
		if tt.want == nil {
			if !stoker.IsKind(err, stoker.Invalid) {
				t.Errorf("%v %v: got %v, want invalid", tt.kind, tt.value, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%v %v: %v", tt.kind, tt.value, err)
		}
		if got := attribute(t, impl, req, "value"); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%v %v: got %#v, want %#v", tt.kind, tt.value, got, tt.want)
		}
	}
}

func count(s, chars string) int {
	n := 0
	for _, c := range s {
		if strings.ContainsRune(chars, c) {
			n++
		}
	}
	return n
}

const (
	lower  = "abcdefghijklmnopqrstuvwxyz"
	upper  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits = "0123456789"
)

func TestRandomString(t *testing.T) {
	impl := newEngine().types()["OS::Heat::RandomString"]
	classes := func(pairs ...any) []any {
		var out []any
		for i := 0; i < len(pairs); i += 2 {
			out = append(out, map[string]any{"class": pairs[i], "min": int64(pairs[i+1].(int))})
		}
		return out
	}
	sequence := func(s string, min int) []any { return []any{map[string]any{"sequence": s, "min": int64(min)}} }
	type least struct {
		chars string
		n     int
	}
	tests := []struct {
		name   string
		props  map[string]any
		length int
		only   string
		least  []least
	}{
		{"by default", nil, 32, lower + upper + digits, nil},
		{"the shortest", map[string]any{"length": int64(1)}, 1, lower + upper + digits, nil},
		{"the longest", map[string]any{"length": int64(512)}, 512, lower + upper + digits, []least{{digits, 1}}},
		{"classes", map[string]any{"length": int64(10), "character_classes": classes("digits", 4, "uppercase", 6)}, 10, digits + upper, []least{{digits, 4}, {upper, 6}}},
		{"letters", map[string]any{"character_classes": classes("letters", 1)}, 32, lower + upper, nil},
		{"lowercase", map[string]any{"character_classes": classes("lowercase", 1)}, 32, lower, nil},
		{"hexdigits", map[string]any{"character_classes": classes("hexdigits", 1)}, 32, digits + "ABCDEF", nil},
		{"octdigits", map[string]any{"character_classes": classes("octdigits", 1)}, 32, "01234567", nil},
		{"sequence instead of classes", map[string]any{"sequence": "digits"}, 32, digits, nil},
		{"sequences beside classes", map[string]any{"length": int64(8), "character_classes": classes("digits", 2), "character_sequences": sequence("%é", 5)}, 8,
			digits + "%é", []least{{digits, 2}, {"%é", 5}}},
	}
	for _, tt := range tests {
		req := request(t, impl, tt.props)
		if err := impl.(stoker.Validator).Validate(req); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		create(t, impl, req)
		got := attribute(t, impl, req, "value").(string)
		if n := len([]rune(got)); n != tt.length || count(got, tt.only) != n {
			t.Errorf("%s: got %q, want %d of %q", tt.name, got, tt.length, tt.only)
		}
		for _, l := range tt.least {
			if n := count(got, l.chars); n < l.n {
				t.Errorf("%s: got %q with %d of %q, want %d", tt.name, got, n, l.chars, l.n)
			}
		}
	}
}

func TestRandomStringIsRandomAndKept(t *testing.T) {
	impl := newEngine().types()["OS::Heat::RandomString"]
	seen := map[string]bool{}
	for range 10 {
		req := request(t, impl, nil)
		if got := impl.(stoker.Referencer).Reference(req); got != "it" {
			t.Errorf("before it is made, get_resource gives %q, want the name", got)
		}
		create(t, impl, req)
		value := impl.(stoker.Referencer).Reference(req)
		if value != attribute(t, impl, req, "value") {
			t.Errorf("get_resource gives %q, the attribute another value", value)
		}
		if !strings.HasPrefix(string(req.PhysicalID), "shop-it-") || len(req.PhysicalID) != len("shop-it-")+12 {
			t.Errorf("physical ID %q, want shop-it- and 12 characters", req.PhysicalID)
		}
		seen[value] = true
	}
	if len(seen) != 10 {
		t.Errorf("10 strings are only %d different ones", len(seen))
	}
}

func TestRandomStringThatCannotBe(t *testing.T) {
	impl := newEngine().types()["OS::Heat::RandomString"]
	for _, props := range []map[string]any{
		{"length": int64(3), "character_classes": []any{map[string]any{"class": "digits", "min": int64(4)}}},
		{"length": int64(3), "character_sequences": []any{map[string]any{"sequence": "ab", "min": int64(3)}}},
		{"character_sequences": []any{map[string]any{"sequence": ""}}},
		{"character_classes": []any{}},
	} {
		if err := impl.(stoker.Validator).Validate(request(t, impl, props)); !stoker.IsKind(err, stoker.Invalid) {
			t.Errorf("%v: got %v, want invalid", props, err)
		}
	}
}

package hot_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	stoker "github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/hot"
)

func withParameter(definition string) []byte {
	return []byte("heat_template_version: 2018-03-02\nparameters:\n  p: {" + definition + "}\n")
}

func TestParameterValues(t *testing.T) {
	tests := []struct {
		definition string
		given      any
		want       any
		shown      string
	}{
		{"type: string", "x", "x", "x"},
		{"type: string", 5, "5", "5"},
		{"type: string", true, "True", "True"},
		{"type: string, default: d", nil, "d", "d"},
		{"type: string, hidden: true", "secret", "secret", "******"},
		{"type: string, default: ''", nil, "", ""},
		{"type: number", "5", int64(5), "5"},
		{"type: number", "1.50", 1.5, "1.5"},
		{"type: number, default: '7'", nil, int64(7), "7"},
		{"type: boolean", "On", true, "True"},
		{"type: boolean", "f", false, "False"},
		{"type: boolean", 1, true, "True"},
		{"type: comma_delimited_list", "a, b,", []any{"a", " b", ""}, "a, b,"},
		{"type: comma_delimited_list", "", []any{}, ""},
		{"type: comma_delimited_list", []any{"a", 1, nil}, []any{"a", "1", ""}, "a,1,"},
		{"type: json", `{"b": [1, 2.0], "a": null}`, map[string]any{"b": []any{int64(1), 2.0}, "a": nil}, `{"a": null, "b": [1, 2.0]}`},
		{"type: json", []any{"x"}, []any{"x"}, `["x"]`},
		{"type: number, constraints: [{range: {min: 1, max: 5}}]", 5, int64(5), "5"},
		{"type: number, constraints: [{modulo: {step: 3, offset: 1}}]", 7, int64(7), "7"},
		{"type: string, constraints: [{length: {max: 3}}, {allowed_pattern: '[a-z]+'}]", "abc", "abc", "abc"},
		{"type: string, constraints: [{allowed_values: [1, two]}]", "1", "1", "1"},
		{"type: comma_delimited_list, constraints: [{allowed_values: [a, b]}]", "a,b,a", []any{"a", "b", "a"}, "a,b,a"},
		{"type: string, constraints: [{custom_constraint: ip_addr}]", "::1", "::1", "::1"},
		{"type: string, constraints: [{custom_constraint: nova.flavor}]", "m1", "m1", "m1"},
		{"type: string, default: nowhere, constraints: [{custom_constraint: ip_addr}]", nil, "nowhere", "nowhere"},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.definition, " ", tt.given), func(t *testing.T) {
			tmpl, err := hot.Parse(withParameter(tt.definition), "")
			if err != nil {
				t.Fatal(err)
			}
			given := map[string]any{}
			if tt.given != nil {
				given["p"] = tt.given
			}
			b, err := tmpl.Bind(given, nil, hot.Pseudo{})
			if err != nil {
				t.Fatal(err)
			}
			if got, ok := b.Parameter("p"); !ok || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %#v, want %#v", got, tt.want)
			}
			if got := b.Strings()["p"]; got != tt.shown {
				t.Errorf("shown as %q, want %q", got, tt.shown)
			}
		})
	}
}

func TestRefusedParameterValues(t *testing.T) {
	tests := []struct {
		definition string
		given      any
		want       string
	}{
		{"type: string", nil, "UserParameterMissing The Parameter (p) was not provided."},
		{"type: string, default: null", nil, "UserParameterMissing"},
		{"type: string", []any{}, "StackValidationFailed Parameter 'p' is invalid: Value must be a string"},
		{"type: number", "x", "StackValidationFailed Parameter 'p' is invalid: could not convert string to float: 'x'"},
		{"type: number", "", "StackValidationFailed"},
		{"type: boolean", "maybe", "StackValidationFailed Unrecognized value 'maybe'"},
		{"type: boolean", 2, "StackValidationFailed Unrecognized value '2'"},
		{"type: json", "{", "StackValidationFailed Value must be valid JSON"},
		{"type: comma_delimited_list", map[string]any{}, "StackValidationFailed comma-delimited list"},
		{"type: number, constraints: [{range: {min: 1, max: 5}}]", 6, "StackValidationFailed 6 is out of range (min: 1, max: 5)"},
		{"type: number, constraints: [{range: {min: 1}}]", 0.5, "StackValidationFailed 0.5 is out of range (min: 1, max: None)"},
		{"type: number, constraints: [{range: {min: 1}, description: too small}]", 0, "StackValidationFailed Parameter 'p' is invalid: too small"},
		{"type: number, constraints: [{modulo: {step: 2, offset: 1}}]", 4, "StackValidationFailed 4 is not a multiple of 2 with an offset of 1"},
		{"type: string, constraints: [{length: {min: 2}}]", "ü", "StackValidationFailed length (1) is out of range (min: 2, max: None)"},
		{"type: string, constraints: [{allowed_pattern: 'a|b'}]", "ab", `StackValidationFailed "ab" does not match pattern "a|b"`},
		{"type: string, constraints: [{allowed_values: [a, b]}]", "c", `StackValidationFailed "c" is not an allowed value [a, b]`},
		{"type: comma_delimited_list, constraints: [{allowed_values: [a]}]", "a,x", "StackValidationFailed not an allowed value"},
		{"type: string, constraints: [{custom_constraint: net_cidr}]", "10.0.0.0/99", "StackValidationFailed Invalid net cidr"},
		{"type: string, constraints: [{custom_constraint: mac_addr}]", "aa:bb", "StackValidationFailed Invalid MAC"},
		{"type: string, constraints: [{custom_constraint: cron_expression}]", "* *", "StackValidationFailed Invalid CRON"},
		{"type: string, constraints: [{custom_constraint: timezone}]", "Moon/Sea", "StackValidationFailed Invalid timezone"},
		{"type: string, constraints: [{custom_constraint: dns_name}]", "-x-.org", "StackValidationFailed Invalid DNS name"},
		{"type: string, constraints: [{custom_constraint: iso_8601}]", "tomorrow", "StackValidationFailed ISO 8601"},
		{"type: string, constraints: [{custom_constraint: json_string}]", "{", "StackValidationFailed JSON string"},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.definition, " ", tt.given), func(t *testing.T) {
			tmpl, err := hot.Parse(withParameter(tt.definition), "")
			if err != nil {
				t.Fatal(err)
			}
			_, err = tmpl.Bind(map[string]any{"p": tt.given}, nil, hot.Pseudo{})
			typ, says, _ := strings.Cut(tt.want, " ")
			e, ok := stoker.AsError(err)
			if !ok || e.Type != typ || !strings.Contains(e.Message, says) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

func TestRefusedParameterDefinitions(t *testing.T) {
	for definition, want := range map[string]string{
		"":                                          "Missing parameter type for parameter: p",
		"type: strin":                               `Invalid type (strin). Did you mean "string"?`,
		"type: string, x: y":                        "Invalid key 'x' for parameter (p)",
		"type: string, hidden: maybe":               "hidden must be a boolean",
		"type: number, default: x":                  "Invalid default x (could not convert",
		"type: string, tags: x":                     "Tags property should be a list",
		"type: string, constraints: {}":             "expected a list",
		"type: string, constraints: [{}]":           "exactly one of",
		"type: string, constraints: [{length: {}}]": "min and/or max",
		"type: string, constraints: [{length: {mim: 1}}]":                     "Invalid key 'mim'",
		"type: string, constraints: [{range: {min: 1}}]":                      "Range constraint invalid for string",
		"type: string, constraints: [{length: {min: 1}, allowed_values: []}]": "exactly one of",
		"type: number, constraints: [{modulo: {step: 0, offset: 0}}]":         "step cannot be 0",
		"type: number, constraints: [{modulo: {step: 2, offset: 2}}]":         "offset must be smaller",
		"type: string, constraints: [{allowed_pattern: '['}]":                 "is not understood",
		"type: string, constraints: [{alowed: 1}]":                            "Invalid key 'alowed'",
		"type: string, default: abc, constraints: [{length: {max: 2}}]":       "Invalid default abc (length (3)",
	} {
		_, err := hot.Parse(withParameter(definition), "")
		if e, ok := stoker.AsError(err); !ok || e.Type != "InvalidSchemaError" || !strings.Contains(err.Error(), want) || e.Pos.Line == 0 {
			t.Errorf("%s: got %v, want %s", definition, err, want)
		}
	}
	if _, err := hot.Parse([]byte("heat_template_version: 2017-09-01\nparameters: {p: {type: string, tags: [x]}}"), ""); err == nil {
		t.Error("tags were taken before 2018-03-02")
	}
}

func TestBindDefaultsAndUnknown(t *testing.T) {
	tmpl := parse(t, "heat_template_version: 2018-03-02\nparameters:\n  a: {type: string, default: template}\n  b: {type: number}")
	b, err := tmpl.Bind(map[string]any{"b": 1}, map[string]any{"a": "environment", "b": 2, "other": 3}, hot.Pseudo{StackID: "i", StackName: "n", ProjectID: "p"})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"a": "environment", "b": "1", "OS::stack_id": "i", "OS::stack_name": "n", "OS::project_id": "p"}
	if got := b.Strings(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	_, err = tmpl.Bind(map[string]any{"bb": 1}, nil, hot.Pseudo{})
	if e, ok := stoker.AsError(err); !ok || e.Type != "UnknownUserParameter" || e.Message != "The Parameter (bb) was not defined in template." {
		t.Errorf("got %v", err)
	}
}

func TestImmutableParameters(t *testing.T) {
	tmpl := parse(t, "heat_template_version: 2018-03-02\nparameters:\n  a: {type: string, immutable: true}\n  b: {type: string}")
	bound := func(a, b string) *hot.Bound {
		t.Helper()
		return bind(t, tmpl, map[string]any{"a": a, "b": b}).Bound
	}
	if err := bound("1", "3").CheckImmutable(bound("1", "2")); err != nil {
		t.Errorf("got %v for a parameter that may change", err)
	}
	err := bound("2", "2").CheckImmutable(bound("1", "2"))
	if e, ok := stoker.AsError(err); !ok || e.Type != "ImmutableParameterModified" {
		t.Errorf("got %v, want ImmutableParameterModified", err)
	}
}

func TestHiddenParameters(t *testing.T) {
	tmpl := parse(t, "heat_template_version: 2018-03-02\nparameters:\n  a: {type: string, hidden: true, tags: [x, 1]}\n  b: {type: string, default: ''}")
	b := bind(t, tmpl, map[string]any{"a": "secret"}).Bound
	if !b.Hidden("a") || b.Hidden("b") || b.Hidden("OS::stack_id") {
		t.Error("Hidden tells the wrong ones")
	}
	if got := b.Values(); got["a"] != "secret" || len(got) != 5 {
		t.Errorf("got values %v", got)
	}
	if got, want := tmpl.Parameter("a").Tags, []string{"x", "1"}; !reflect.DeepEqual(got, want) {
		t.Errorf("tags %v, want %v", got, want)
	}
}

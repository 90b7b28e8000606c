package hot_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	stoker "github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/hot"
	"github.com/stoker-project/stoker/internal/value"
)

// resolve gives the value of a snippet, written as flow YAML or JSON, in a
// template of a version.
func resolve(t *testing.T, version, snippet string) (any, error) {
	t.Helper()
	text := fmt.Sprintf(`
heat_template_version: %s
parameters:
  text: {type: string, default: hello}
  list: {type: comma_delimited_list, default: "a,b,c"}
  data: {type: json, default: {"k": [1, {"x": "y"}], "n": null, "1": one}}
  flag: {type: boolean, default: true}
resources:
  web: {type: T}
outputs: {o: {value: %s}}
`, version, snippet)
	tmpl, err := hot.Parse([]byte(text), "")
	if err != nil {
		return nil, err
	}
	s := bind(t, tmpl, nil)
	s.references = map[string]string{"web": "web-id"}
	s.files = map[string]string{"f.txt": "content"}
	s.attributes = func(resource, attr string, path []any) (any, error) {
		return fmt.Sprint(resource, "/", attr, path), nil
	}
	return tmpl.Output("o").Value.Resolve(s)
}

func TestFunctions(t *testing.T) {
	tests := []struct{ version, snippet, want string }{
		{"2013-05-23", `{get_param: text}`, `"hello"`},
		{"2013-05-23", `{Ref: text}`, `"hello"`},
		{"2013-05-23", `{Ref: web}`, `"web-id"`},
		{"2013-05-23", `{Ref: nothing}`, `error InvalidTemplateReference`},
		{"2013-05-23", `{"Fn::Join": ["-", {Ref: list}]}`, `"a-b-c"`},
		{"2013-05-23", `{"Fn::Split": [",", "a,b"]}`, `["a","b"]`},
		{"2013-05-23", `{"Fn::Replace": [{"$x": {Ref: text}}, "$x!"]}`, `"hello!"`},
		{"2013-05-23", `{"Fn::Base64": {get_param: text}}`, `"hello"`},
		{"2013-05-23", `{"Fn::GetAZs": ""}`, `["nova"]`},
		{"2013-05-23", `{"Fn::MemberListToMap": [K, V, [".member.1.K=a", ".member.1.V=b=c", ".member.0.K=a", ".member.0.V=x", "else=1"]]}`, `{"a":"b=c"}`},
		{"2015-04-30", `{"Fn::Select": [-1, {get_param: list}]}`, `"c"`},
		{"2015-04-30", `{"Fn::Select": [9, {get_param: list}]}`, `""`},
		{"2015-04-30", `{"Fn::Select": [k, '{"k": 5}']}`, `5`},
		{"2015-10-15", `{"Fn::Select": [0, [a]]}`, `error InvalidTemplateVersion`},
		{"2016-10-14", `{yaql: {expression: "$.data.k[1].x", data: {get_param: data}}}`, `"y"`},
		{"2016-10-14", `{yaql: {expression: {get_param: text}, data: 1}}`, `"hello"`},
		{"2016-10-14", `{yaql: {expression: "$.data"}}`, `{}`},
		{"2016-10-14", `{yaql: {expression: {list_join: ["", ["1 +"]]}}}`, `error ValueError Bad expression Parse error: unexpected end of statement.`},
		{"2016-10-14", `{yaql: {expression: "$.data.x", data: {a: 1}}}`, `error KeyError yaql: there is no key 'x'`},
		{"2016-10-14", `{yaql: {expression: "$.data.select($ + 1)", data: {get_attr: [web, ip]}}}`, `error NoMatchingMethodException`},
		{"2016-10-14", `{yaql: {expression: "range(300)"}}`, `error CollectionTooLargeException`},
		{"2017-09-01", `{if: [{yaql: {expression: "$.data > 1", data: 2}}, yes, no]}`, `true`},
		{"2016-10-14", `{if: [{yaql: {expression: "$.data > 1", data: 2}}, yes, no]}`, `error InvalidConditionFunction`},
		{"2013-05-23", `{get_param: [data, k, 1, x]}`, `"y"`},
		{"2013-05-23", `{get_param: [data, k, "1", x]}`, `"y"`},
		{"2013-05-23", `{get_param: [list, -1]}`, `"c"`},
		{"2013-05-23", `{get_param: [data, nothing, x]}`, `""`},
		{"2013-05-23", `{get_param: [data, k, x]}`, `""`},
		{"2013-05-23", `{get_param: [text, 1]}`, `"e"`},
		{"2013-05-23", `{get_param: "OS::stack_name"}`, `"name"`},
		{"2013-05-23", `{get_resource: web}`, `"web-id"`},
		{"2013-05-23", `{get_attr: [web, ip, 0, x]}`, `null`}, // walked here: a text has no x
		{"2013-05-23", `{get_attr: [web, ip, 1]}`, `"e"`},
		{"2014-10-16", `{get_attr: [web, ip, 0, x]}`, `"web/ip[0 x]"`},
		{"2015-10-15", `{get_attr: [web]}`, `"web/[]"`},
		{"2015-10-15", `{get_attr: [{get_param: [data, m]}, ip]}`, `error InvalidTemplateReference`},
		{"2013-05-23", `{get_file: f.txt}`, `"content"`},
		{"2013-05-23", `{get_file: g.txt}`, `error ValueError No content found in the "files" section for get_file path: g.txt`},
		{"2013-05-23", `{str_replace: {template: "%a %ab $c", params: {"%a": 1, "%ab": 2.0, "$c": true}}}`, `"1 2.0 True"`},
		{"2013-05-23", `{str_replace: {template: "xyx", params: {x: y, y: x}}}`, `"yxy"`},
		{"2015-10-15", `{str_replace: {template: "$d $n", params: {$d: {get_param: data}, $n: null}}}`, `"{\"1\": \"one\", \"k\": [1, {\"x\": \"y\"}], \"n\": null} "`},
		{"2015-10-15", `{str_replace: {template: "$d", params: {$d: [ü, 1.5, yes]}}}`, `"[\"\\u00fc\", 1.5, true]"`},
		{"2015-10-15", `{str_replace: {template: t, params: []}}`, `error StackValidationFailed "str_replace" parameters must be a mapping`},
		{"2013-05-23", `{list_join: [",", [a, null, b]]}`, `"a,,b"`},
		{"2013-05-23", `{list_join: [",", null]}`, `""`},
		{"2013-05-23", `{list_join: [",", [1]]}`, `error TypeError Items to join must be strings not 1`},
		{"2015-10-15", `{list_join: [",", [a], null, {get_param: list}, [{x: [1]}]]}`, `"a,a,b,c,{\"x\": [1]}"`},
		{"2015-10-15", `{list_join: [",", [1]]}`, `error TypeError`},
		{"2015-10-15", `{list_join: [5, [a]]}`, `error TypeError delimiter must be a string`},
		{"2015-04-30", `{repeat: {template: "%a%b", for_each: {"%a": [1x, 2x], "%b": [y, z]}}}`, `["1xy","1xz","2xy","2xz"]`},
		{"2016-10-14", `{repeat: {template: {"k-$x": $x}, for_each: {$x: [{a: 1}, b]}}}`, `[{"k-{\"a\": 1}":{"a":1}},{"k-b":"b"}]`},
		{"2016-10-14", `{repeat: {template: $x, for_each: {$x: {b: 1, a: 2}}}}`, `["a","b"]`},
		{"2016-10-14", `{repeat: {template: $x, for_each: {$x: text}}}`, `error TypeError must be lists or maps`},
		{"2015-04-30", `{repeat: {template: $x, for_each: {$x: {a: 1}}}}`, `error TypeError must be lists`},
		{"2017-09-01", `{repeat: {template: "$x$y", for_each: {$x: [a, b], $y: [c, d]}, permutations: false}}`, `["ac","bd"]`},
		{"2017-09-01", `{repeat: {template: x, for_each: {$x: [a]}, permutations: 1}}`, `error StackValidationFailed boolean`},
		{"2015-04-30", `{digest: [md5, hello]}`, `"5d41402abc4b2a76b9719d911017c592"`},
		{"2015-04-30", `{digest: [SHA256, ""]}`, `"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"`},
		{"2015-04-30", `{digest: [sha1, "é"]}`, `"1599e9fa41ec68c80230491902786bee889f5bcb"`},
		{"2015-04-30", `{digest: [crc, x]}`, `error ValueError Algorithm must be one of`},
		{"2015-04-30", `{digest: [md5, 5]}`, `error TypeError list of strings`},
		{"2015-10-15", `{str_split: [",", "a,b"]}`, `["a","b"]`},
		{"2015-10-15", `{str_split: [",", null]}`, `null`},
		{"2015-10-15", `{str_split: [",", "a,b", -1]}`, `"b"`},
		{"2015-10-15", `{str_split: "a,b"}`, `error StackValidationFailed`},
		{"2016-04-08", `{map_merge: [{a: 1, b: 1}, null, {b: 2}]}`, `{"a":1,"b":2}`},
		{"2016-10-14", `{map_replace: [{a: x, b: y, c: 1}, {keys: {a: A}, values: {y: Y, "1": one}}]}`, `{"A":"x","b":"Y","c":"one"}`},
		{"2016-10-14", `{if: [{equals: [{get_param: text}, hello]}, yes, no]}`, `true`},
		{"2016-10-14", `{if: [{get_param: flag}, a, {get_resource: web}]}`, `"a"`},
		{"2016-10-14", `{if: [{not: {get_param: flag}}, a]}`, `error StackValidationFailed value_if_false`},
		{"2021-04-16", `[a, {if: [false, b]}, {if: [true, c]}]`, `["a","c"]`},
		{"2021-04-16", `{a: {if: [false, b]}, c: {if: [true, {if: [false, d]}]}, e: f}`, `{"e":"f"}`},
		{"2021-04-16", `{if: [false, b]}`, `null`},
		{"2021-04-16", `{list_concat: [[a], {if: [false, [b]]}]}`, `["a"]`},
		{"2016-10-14", `{if: [{list_join: ["", []]}, a, b]}`, `error InvalidConditionFunction`},
		{"2016-10-14", `{if: [{or: [false]}, a, b]}`, `error StackValidationFailed minimum number`},
		{"2016-10-14", `{if: [{and: [true, {or: [false, {get_param: flag}]}]}, a, b]}`, `"a"`},
		{"2016-10-14", `{if: [{get_param: text}, a, b]}`, `error ValueError Invalid condition "hello"`},
		{"2017-09-01", `{if: [{contains: [b, {get_param: list}]}, a, b]}`, `"a"`},
		{"2017-02-24", `{filter: [[a, 1], [a, b, 1.0, 2]]}`, `["b",2]`},
		{"2017-09-01", `{make_url: {scheme: http, host: "[fe80::1]", port: "80", path: "/a b", query: {q: "x/y z", b: 1}, fragment: "ü"}}`, `"http://[fe80::1]:80/a%20b?b=1&q=x/y+z#%C3%BC"`},
		{"2017-09-01", `{make_url: {username: "a@b", password: "c:d", host: h}}`, `"//a%40b:c%3Ad@h"`},
		{"2017-09-01", `{make_url: {hostname: h}}`, `error StackValidationFailed Invalid arguments to "make_url": hostname`},
		{"2017-09-01", `{list_concat_unique: [[1, a, {x: 1}], [1.0, {x: 1}, b]]}`, `[1,"a",{"x":1},"b"]`},
		{"2017-09-01", `{list_concat: [[a], b]}`, `error TypeError`},
		{"2017-09-01", `{str_replace_vstrict: {template: $x, params: {$x: ""}}}`, `error ValueError undefined or empty value`},
		{"2016-10-14", `{resource_facade: metadata}`, `error`},
		{"2016-10-14", `{get_param: text, x: y}`, `{"get_param":"text","x":"y"}`},
	}
	for _, tt := range tests {
		t.Run(tt.version+" "+tt.snippet, func(t *testing.T) {
			got, err := resolve(t, tt.version, tt.snippet)
			if want, ok := strings.CutPrefix(tt.want, "error"); ok {
				checkError(t, err, want)
				return
			}
			want, wantErr := value.Decode([]byte(tt.want))
			if wantErr != nil {
				t.Fatal(wantErr)
			}
			if err != nil || !value.Equal(got, want) {
				t.Errorf("got %#v, %v, want %s", got, err, tt.want)
			}
		})
	}
}

// checkError compares " Class part of the message".
func checkError(t *testing.T, err error, want string) {
	t.Helper()
	typ, says, _ := strings.Cut(strings.TrimSpace(want), " ")
	if err == nil || !strings.Contains(err.Error(), says) {
		t.Fatalf("got %v, want an error that says %q", err, says)
	}
	if e, _ := stoker.AsError(err); typ != "" && (e == nil || e.Type != typ || e.Path == "" || e.Kind != stoker.Invalid) {
		t.Errorf("got %#v, want an Invalid %s with its path", e, typ)
	}
}

// TestMultiplyingFunctions refuses what would fill the memory.
func TestMultiplyingFunctions(t *testing.T) {
	ten := `[a, b, c, d, e, f, g, h, i, j]`
	long := strings.Repeat("x", 1000)
	tests := map[string]string{
		"copies": `{repeat: {template: t, for_each: {a: T, b: T, c: T, d: T, e: T, f: T, g: T, h: T, i: T}}}`,
		"volume": `{repeat: {template: ["` + long + `"], for_each: {a: T, b: T, c: T, d: T}}}`,
		"nested": `{repeat: {template: {repeat: {template: {repeat: {template: "` + long[:100] + `", for_each: {a: T, b: T}}}, for_each: {a: T, b: T}}}, for_each: {a: T, b: T}}}`,
		"text":   `{str_replace: {template: "` + long + long + `", params: {x: {str_replace: {template: "` + long + `", params: {x: "` + long + `"}}}}}}`,
	}
	for name, snippet := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := resolve(t, "2017-09-01", strings.ReplaceAll(snippet, "T", ten))
			checkError(t, err, "ValueError")
		})
	}
}

func TestUnknownEndsTheValue(t *testing.T) {
	tmpl := parse(t, "heat_template_version: 2017-09-01\nresources: {a: {type: T}}\noutputs: {o: {value: {list_join: ['', [x, {get_resource: a}]]}}}")
	if _, err := tmpl.Output("o").Value.Resolve(bind(t, tmpl, nil)); !errors.Is(err, hot.ErrUnknown) {
		t.Errorf("got %v, want ErrUnknown", err)
	}
}

func TestConditions(t *testing.T) {
	const text = `
heat_template_version: 2016-10-14
parameters: {env: {type: string, default: dev}}
conditions:
  prod: {equals: [{get_param: env}, prod]}
  dev: {not: prod}
  either: {or: [prod, dev]}
  both: {and: [prod, dev]}
  fixed: yes
  alias: either
`
	tmpl := parse(t, text)
	s := bind(t, tmpl, nil)
	for name, want := range map[string]bool{"prod": false, "dev": true, "either": true, "both": false, "fixed": true, "alias": true} {
		if got, err := tmpl.Condition(s, name); got != want || err != nil {
			t.Errorf("%s: got %v, %v, want %v", name, got, err, want)
		}
	}
	if _, err := tmpl.Condition(s, "none"); err == nil {
		t.Error("an unknown condition was resolved")
	}
}

func TestRefusedConditions(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"cycle", "{a: {not: b}, b: {and: [a, true]}}", `StackValidationFailed Circular definition for condition "a" (a -> b -> a)`},
		{"itself", "{a: a}", "StackValidationFailed Circular definition"},
		{"unknown", "{a: {not: b}}", `StackValidationFailed Invalid condition "b"`},
		{"number", "{a: 5}", "StackValidationFailed Invalid condition 5"},
		{"function", "{a: {get_resource: x}}", "InvalidConditionFunction get_resource"},
		{"function in equals", "{a: {equals: [{get_attr: [x, y]}, 1]}}", "InvalidConditionFunction get_attr"},
		{"contains too early", "{a: {contains: [1, [1]]}}", "StackValidationFailed Invalid condition"},
		{"list", "[a]", "InvalidConditionDefinition map is wanted"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := hot.Parse([]byte("heat_template_version: 2016-10-14\nconditions: "+tt.text), "")
			checkError(t, err, tt.want)
		})
	}
}

// TestComputedConditionCycle: names that parameters choose can still go round.
func TestComputedConditionCycle(t *testing.T) {
	tmpl := parse(t, "heat_template_version: 2016-10-14\nparameters: {p: {type: string, default: a}}\nconditions: {a: {not: {get_param: p}}}")
	_, err := tmpl.Condition(bind(t, tmpl, nil), "a")
	checkError(t, err, "StackValidationFailed Circular definition")
}

// TestConditionChain doubles at every step if results are not remembered.
func TestConditionChain(t *testing.T) {
	var b strings.Builder
	b.WriteString("heat_template_version: 2016-10-14\nparameters: {p: {type: boolean, default: yes}}\nconditions:\n  c0: {get_param: p}\n")
	for i := 1; i <= 60; i++ {
		fmt.Fprintf(&b, "  c%d: {and: [c%d, c%d]}\n", i, i-1, i-1)
	}
	tmpl := parse(t, b.String())
	s := bind(t, tmpl, nil)
	if yes, err := tmpl.Condition(s, "c60"); !yes || err != nil || s.asked != 1 {
		t.Errorf("got %v, %v with %d questions, want true with 1", yes, err, s.asked)
	}
}

// Words that are functions in conditions are keys of maps elsewhere, as in Heat: the rules of
// OS::Aodh::CompositeAlarm are written with them.
func TestWordsOfConditionsAreKeysElsewhere(t *testing.T) {
	for _, version := range []string{"2016-10-14", "2018-08-31", "2021-04-16"} {
		tmpl, err := hot.Parse([]byte("heat_template_version: "+version+`
parameters: {p: {type: string, default: x}}
conditions: {c: {and: [{equals: [{get_param: p}, x]}, {not: {or: [false, false]}}]}}
outputs:
  o: {value: {and: [{or: [{get_param: p}]}]}}
  n: {value: {not: {get_param: p}}}
  e: {value: {equals: [1]}}
  c: {condition: c, value: {if: [c, yes-it-is, no]}}
`), "")
		if err != nil {
			t.Fatalf("%s: %v", version, err)
		}
		for name, want := range map[string]any{
			"o": map[string]any{"and": []any{map[string]any{"or": []any{"x"}}}},
			"n": map[string]any{"not": "x"}, "e": map[string]any{"equals": []any{int64(1)}}, "c": "yes-it-is",
		} {
			got, err := tmpl.Output(name).Value.Resolve(bind(t, tmpl, nil))
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s, %s: got %#v (%v), want %#v", version, name, got, err, want)
			}
		}
	}
}

package hot_test

import (
	"reflect"
	"strings"
	"testing"

	stoker "github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/hot"
)

func environment(t *testing.T, text string) *hot.Environment {
	t.Helper()
	env, err := hot.ParseEnvironment([]byte(text), "env.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return env
}

func TestEnvironmentRoundTrip(t *testing.T) {
	m := map[string]any{
		"parameters":                 map[string]any{"a": int64(1)},
		"parameter_defaults":         map[string]any{"b": "x"},
		"resource_registry":          map[string]any{"A": "B", "resources": map[string]any{"r": map[string]any{"hooks": []any{"pre-create"}}}},
		"encrypted_param_names":      []any{"a"},
		"event_sinks":                []any{map[string]any{"type": "zaqar-queue", "target": "q"}},
		"parameter_merge_strategies": map[string]any{"default": "merge"},
	}
	env, err := hot.DecodeEnvironment(m)
	if err != nil {
		t.Fatal(err)
	}
	if got := env.Encode(); !reflect.DeepEqual(got, m) {
		t.Errorf("got %v, want %v", got, m)
	}
	flat, err := hot.DecodeEnvironment(map[string]any{"flavor": "big"})
	if err != nil || flat.Parameters["flavor"] != "big" {
		t.Errorf("a flat map: got %+v, %v", flat, err)
	}
	for _, text := range []string{"", "# nothing\n", "parameters:\n", "{}"} {
		if env := environment(t, text); len(env.Encode()) != 0 {
			t.Errorf("%q: got %v, want nothing", text, env.Encode())
		}
	}
}

func TestRefusedEnvironments(t *testing.T) {
	for text, want := range map[string]string{
		"parameter: {a: b}":           `environment has wrong section "parameter". Did you mean "parameters"?`,
		"a: b":                        "wrong section",
		"- a":                         "not a valid YAML mapping",
		"parameters: [a]":             "a map is wanted",
		"event_sinks: {}":             "a list is wanted",
		"encrypted_param_names: [1]":  "must be a string",
		"resource_registry: {A: 5}":   "must be mapped to a name",
		"resource_registry: {A: [b]}": "must be mapped to a name",
		"resource_registry: {resources: {r: {hooks: never}}}":                      `Invalid hook type "never"`,
		"resource_registry: {resources: {r: {restricted_actions: [update, fly]}}}": `Invalid restricted_action type "fly"`,
		"parameter_merge_strategies: {a: b}":                                       "overwrite, merge or deep_merge",
		"parameters: {a: [":                                                        "did not find expected node content",
	} {
		_, err := hot.ParseEnvironment([]byte(text), "env.yaml")
		if e, ok := stoker.AsError(err); !ok || e.Kind != stoker.Invalid || !strings.Contains(err.Error(), want) || e.Pos.Line == 0 {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

const registry = `
resource_registry:
  base_url: file:///home/me
  OS::Quantum*: OS::Neutron*
  OS::Metering::*: OS::Heat::None
  OS::Metering::Alarm: OS::Aodh::Alarm
  My::Server: server.yaml
  My::Alias: My::Server
  My::Gone: null
  My::Old*: null
  Loop::A: Loop::B
  Loop::B: Loop::A
  Self::X: Self::X
  G*: G::*
  OS::Nova::Server: my_server.yaml
  resources:
    web_*:
      OS::Nova::Server: glob.yaml
      hooks: pre-create
    web_1:
      OS::Nova::Server: exact.yaml
      hooks: [post-create, pre-create]
      restricted_actions: replace
    group:
      member:
        OS::Nova::Server: OS::Heat::None
`

func TestLookup(t *testing.T) {
	env := environment(t, registry)
	tests := []struct{ typ, resource, want string }{
		{"OS::Heat::Value", "r", "OS::Heat::Value"},
		{"OS::Quantum::Net", "r", "OS::Neutron::Net"},
		{"OS::Metering::Else", "r", "OS::Heat::None"},
		{"OS::Metering::Alarm", "r", "OS::Aodh::Alarm"},
		{"My::Server", "r", "server.yaml"},
		{"My::Alias", "r", "server.yaml"},
		{"Self::X", "r", "Self::X"},
		{"sub/dir.template", "r", "sub/dir.template"},
		{"OS::Nova::Server", "r", "my_server.yaml"},
		{"OS::Nova::Server", "web_2", "glob.yaml"},
		{"OS::Nova::Server", "web_1", "exact.yaml"},
		{"OS::Nova::Server", "group", "my_server.yaml"},
		{"OS::Nova::Server", "group/member", "OS::Heat::None"},
		{"My::Gone", "r", "error removes"},
		{"My::Older", "r", "error removes"},
		{"Loop::A", "r", "error itself"},
		{"Gx", "r", "error itself"},
	}
	for _, tt := range tests {
		got, err := env.Lookup(tt.typ, strings.Split(tt.resource, "/"))
		if says, ok := strings.CutPrefix(tt.want, "error "); ok {
			class := map[string]string{"removes": "EntityNotFound", "itself": "StackValidationFailed"}[says]
			if e, isError := stoker.AsError(err); !isError || e.Type != class || !strings.Contains(e.Message, says) {
				t.Errorf("%s: got %q, %v, want %s", tt.typ, got, err, class)
			}
			continue
		}
		if got != tt.want || err != nil {
			t.Errorf("%s of %s: got %q, %v, want %q", tt.typ, tt.resource, got, err, tt.want)
		}
	}
	if got, err := (&hot.Environment{}).Lookup("A", nil); got != "A" || err != nil {
		t.Errorf("an empty environment: got %q, %v", got, err)
	}
}

func TestHooksAndRestrictions(t *testing.T) {
	env := environment(t, registry)
	if got, want := env.Hooks("web_1"), []string{"post-create", "pre-create"}; !reflect.DeepEqual(got, want) {
		t.Errorf("hooks %v, want %v", got, want)
	}
	if got, want := env.RestrictedActions("web_1"), []string{"replace"}; !reflect.DeepEqual(got, want) {
		t.Errorf("restricted %v, want %v", got, want)
	}
	if got := env.Hooks("db"); len(got) != 0 {
		t.Errorf("hooks of another resource: %v", got)
	}
}

func TestChildEnvironment(t *testing.T) {
	env := environment(t, registry+"parameters: {a: b}\nparameter_defaults: {c: d}\n")
	child := env.Child("group", "OS::Nova::Server")
	if len(child.Parameters) != 0 || child.ParameterDefaults["c"] != "d" {
		t.Errorf("got parameters %v, defaults %v", child.Parameters, child.ParameterDefaults)
	}
	for resource, want := range map[string]string{"member": "OS::Heat::None", "web_1": "OS::Nova::Server"} {
		if got, err := child.Lookup("OS::Nova::Server", []string{resource}); got != want || err != nil {
			t.Errorf("%s in the nested stack: got %q, %v, want %q", resource, got, err, want)
		}
	}
	if got, _ := env.Lookup("OS::Nova::Server", []string{"r"}); got != "my_server.yaml" {
		t.Errorf("the parent's environment was changed: %q", got)
	}
}

func TestMergeEnvironments(t *testing.T) {
	a := environment(t, `
parameters: {list: [a], map: {x: {y: 1}}, text: a, n: 1, over: old, deep: {x: {y: 1}}}
parameter_merge_strategies: {list: merge, map: merge, text: merge, n: merge, deep: deep_merge}
resource_registry: {A: B, resources: {r: {A: C}}}`)
	b := environment(t, `
parameters: {list: [b], map: {x: {z: 2}}, text: b, n: 2, over: new, deep: {x: {z: 2}}}
resource_registry: {D: E, resources: {r: {D: F}}}
event_sinks: [{type: zaqar-queue, target: q}]`)
	got, err := a.Merge(b)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"list": []any{"a", "b"}, "map": map[string]any{"x": map[string]any{"z": int64(2)}}, "text": "ab", "n": int64(3), "over": "new",
		"deep": map[string]any{"x": map[string]any{"y": int64(1), "z": int64(2)}},
	}
	if !reflect.DeepEqual(got.Parameters, want) {
		t.Errorf("parameters %v, want %v", got.Parameters, want)
	}
	wantTypes := map[string]any{"A": "B", "D": "E", "resources": map[string]any{"r": map[string]any{"A": "C", "D": "F"}}}
	if !reflect.DeepEqual(got.Registry, wantTypes) || len(got.EventSinks) != 1 {
		t.Errorf("registry %v, want %v; sinks %v", got.Registry, wantTypes, got.EventSinks)
	}
	if a.Parameters["over"] != "old" || len(a.Parameters["list"].([]any)) != 1 {
		t.Error("Merge changed its receiver")
	}

	_, err = a.Merge(environment(t, "parameter_merge_strategies: {list: deep_merge}"))
	if e, ok := stoker.AsError(err); !ok || e.Type != "ConflictingMergeStrategyForParam" {
		t.Errorf("got %v, want ConflictingMergeStrategyForParam", err)
	}
	if _, err = a.Merge(environment(t, "parameters: {list: text}")); err == nil {
		t.Error("a list and a text were merged")
	}
}

// TestMergeByType merges texts as what they stand for, as Heat's server does.
func TestMergeByType(t *testing.T) {
	tmpl := parse(t, `
heat_template_version: 2018-08-31
parameters: {names: {type: comma_delimited_list}, map: {type: json}, deep: {type: json}, flag: {type: boolean}}`)
	a := environment(t, `
parameters: {names: "a,b", map: '{"x": 1, "l": [1]}', deep: {l: [1], m: {t: a, n: 1}, gone: 1}}
parameter_merge_strategies: {default: merge, deep: deep_merge}`)
	got, err := a.Merge(environment(t, `
parameters: {names: c, map: {l: [2]}, deep: {l: [2], m: {t: b, n: 2}, gone: null}}`), tmpl)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"names": []any{"a", "b", "c"}, "map": map[string]any{"x": int64(1), "l": []any{int64(2)}},
		"deep": map[string]any{"l": []any{int64(1), int64(2)}, "m": map[string]any{"t": "ab", "n": int64(2)}, "gone": int64(1)},
	}
	if !reflect.DeepEqual(got.Parameters, want) {
		t.Errorf("got %v, want %v", got.Parameters, want)
	}
	flags := environment(t, "parameters: {flag: true}\nparameter_merge_strategies: {flag: merge}")
	_, err = flags.Merge(flags, tmpl)
	if e, ok := stoker.AsError(err); !ok || e.Type != "InvalidMergeStrategyForParam" || !strings.Contains(err.Error(), "parameters") || !strings.Contains(err.Error(), "flag") {
		t.Errorf("got %v, want InvalidMergeStrategyForParam with the parameter", err)
	}
}

func TestReferences(t *testing.T) {
	raw := parse(t, `
heat_template_version: 2013-05-23
resources:
  a: {type: sub/a.yaml, properties: {script: {get_file: run.sh}}}
  g:
    type: OS::Heat::ResourceGroup
    properties: {resource_def: {type: member.template, properties: {x: [{get_file: x.txt}]}}}
`).Raw
	var got []string
	for _, r := range hot.References(raw) {
		got = append(got, string(r.Kind)+" "+r.Key)
		if v, ok := hot.Walk(raw, r.Path); !ok || v != r.Key {
			t.Errorf("the path %v leads to %v, want %s", r.Path, v, r.Key)
		}
	}
	want := []string{"get_file run.sh", "type sub/a.yaml", "get_file x.txt", "type member.template"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	rewritten := hot.Rewrite(raw, func(r hot.Ref) string { return "file:///t/" + r.Key })
	if v, _ := hot.Walk(rewritten, []any{"resources", "a", "type"}); v != "file:///t/sub/a.yaml" {
		t.Errorf("rewritten to %v", v)
	}
	if len(hot.References(rewritten)) != 4 || raw["resources"].(map[string]any)["a"].(map[string]any)["type"] != "sub/a.yaml" {
		t.Error("Rewrite changed the document it was given")
	}

	env := environment(t, registry)
	var names []string
	for _, r := range env.References() {
		names = append(names, r.Key)
	}
	if want := []string{"server.yaml", "my_server.yaml", "exact.yaml", "glob.yaml"}; len(names) != len(want) {
		t.Errorf("the environment names %v, want %v", names, want)
	}
}

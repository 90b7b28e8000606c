package hot_test

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	stoker "github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/hot"
)

func parse(t *testing.T, text string) *hot.Template {
	t.Helper()
	tmpl, err := hot.Parse([]byte(text), "t.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return tmpl
}

func bind(t *testing.T, tmpl *hot.Template, params map[string]any) *fakeScope {
	t.Helper()
	b, err := tmpl.Bind(params, nil, hot.Pseudo{StackID: "id", StackName: "name", ProjectID: "project"})
	if err != nil {
		t.Fatal(err)
	}
	return &fakeScope{Bound: b}
}

const web = `
heat_template_version: 2016-10-14
description: A web site
parameter_groups:
- {label: Size, parameters: [flavor]}
parameters:
  flavor: {type: string, default: small, label: Flavor}
  count: {type: number, default: 2}
conditions:
  big: {equals: [{get_param: flavor}, big]}
resources:
  network:
    type: Net
  web:
    type: Server
    description: the server
    depends_on: network
    deletion_policy: Retain
    metadata: {ip: {get_attr: [db, address]}}
    update_policy: {batch: {get_param: count}}
    properties:
      flavor: {get_param: flavor}
      net: {get_resource: network}
      extra: {if: [big, {get_resource: disk}, {get_attr: [db, addresses, 0]}]}
  db: {type: Server}
  disk: {type: Volume, condition: big}
outputs:
  url: {description: where, value: {get_attr: [web, url]}}
  disk: {value: {get_resource: disk}, condition: big}
`

func TestParseTemplate(t *testing.T) {
	tmpl := parse(t, web)
	if tmpl.Version != "2016-10-14" || tmpl.Description != "A web site" {
		t.Errorf("got version %q, description %q", tmpl.Version, tmpl.Description)
	}
	var names []string
	for _, r := range tmpl.Resources {
		names = append(names, r.Name)
	}
	if want := []string{"network", "web", "db", "disk"}; !reflect.DeepEqual(names, want) {
		t.Errorf("resources %v, want %v", names, want)
	}
	r := tmpl.Resource("web")
	if r.Type != "Server" || r.Description != "the server" || r.Pos.String() != "t.yaml:15:5" {
		t.Errorf("got %+v at %s", r, r.Pos)
	}
	if got, want := r.Dependencies(), []string{"db", "disk", "network"}; !reflect.DeepEqual(got, want) {
		t.Errorf("dependencies %v, want %v", got, want)
	}
	if tmpl.Resource("nothing") != nil || tmpl.Output("url") == nil || tmpl.Parameter("count") == nil {
		t.Error("the lookups by name are wrong")
	}
	want := []hot.ParameterGroup{{Label: "Size", Parameters: []string{"flavor"}}}
	if !reflect.DeepEqual(tmpl.ParameterGroups, want) {
		t.Errorf("groups %+v, want %+v", tmpl.ParameterGroups, want)
	}
}

func TestResolveResource(t *testing.T) {
	tmpl := parse(t, web)
	s := bind(t, tmpl, map[string]any{"flavor": "big"})
	s.references = map[string]string{"network": "net-1"}
	r := tmpl.Resource("web")

	props, unknown, err := r.ResolveProperties(s)
	if err != nil {
		t.Fatal(err)
	}
	if want := map[string]any{"flavor": "big", "net": "net-1"}; !reflect.DeepEqual(props, want) {
		t.Errorf("properties %v, want %v", props, want)
	}
	if want := []string{"extra"}; !reflect.DeepEqual(unknown, want) {
		t.Errorf("unknown %v, want %v", unknown, want)
	}
	if p, err := tmpl.ResolveDeletionPolicy(s, r); p != "Retain" || err != nil {
		t.Errorf("deletion policy %q, %v", p, err)
	}
	if u, _, err := r.ResolveUpdatePolicy(s); u["batch"] != int64(2) || err != nil {
		t.Errorf("update policy %v, %v", u, err)
	}
	if _, unknown, err := r.ResolveMetadata(s); len(unknown) != 1 || err != nil {
		t.Errorf("unknown metadata %v, %v", unknown, err)
	}
}

func TestGraphFollowsConditions(t *testing.T) {
	tmpl := parse(t, web)
	small, err := tmpl.Graph(bind(t, tmpl, nil))
	if err != nil {
		t.Fatal(err)
	}
	if want := map[string][]string{"db": nil, "network": nil, "web": {"db", "network"}}; !reflect.DeepEqual(small, want) {
		t.Errorf("small: %v, want %v", small, want)
	}
	big, err := tmpl.Graph(bind(t, tmpl, map[string]any{"flavor": "big"}))
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"db", "disk", "network"}; !reflect.DeepEqual(big["web"], want) {
		t.Errorf("big: web needs %v, want %v", big["web"], want)
	}
	o := tmpl.Output("disk")
	if in, err := tmpl.OutputIncluded(bind(t, tmpl, nil), o); in || err != nil {
		t.Errorf("the output is included: %v, %v", in, err)
	}
}

// TestRefusedTemplates holds a template's mistakes, each with Heat's class and
// the place.
func TestRefusedTemplates(t *testing.T) {
	tests := []struct{ name, text, typ, at, says string }{
		{"no map", "- a", "InvalidTemplateFormat", "", "not a JSON object or YAML mapping"},
		{"empty", "", "InvalidTemplateFormat", "", "not a JSON object or YAML mapping"},
		{"no version", "resources: {}", "InvalidTemplateFormat", "", "version not found"},
		{"two versions", "heat_template_version: 2013-05-23\nAWSTemplateFormatVersion: 2010-09-09", "InvalidTemplateVersion", "", "Ambiguous"},
		{"unknown version", "heat_template_version: 2012-12-12", "InvalidTemplateVersion", "", "should be one of: 2013-05-23"},
		{"CloudFormation", "AWSTemplateFormatVersion: 2010-09-09", "InvalidTemplateVersion", "", "CloudFormation"},
		{"unknown section", "V\nresource: {}", "InvalidTemplateSection", "", `invalid: resource. Did you mean "resources"?`},
		{"conditions too early", "heat_template_version: 2015-10-15\nconditions: {}", "InvalidTemplateSection", "", "conditions"},
		{"resources as list", "V\nresources: [a]", "StackValidationFailed", "resources", "map of resource maps"},
		{"empty resource", "V\nresources: {a: }", "StackValidationFailed", "resources.a", "Each resource must contain a type key."},
		{"no type", "V\nresources: {a: {properties: {}}}", "StackValidationFailed", "resources.a", "type key"},
		{"type no string", "V\nresources: {a: {type: 5}}", "StackValidationFailed", "resources.a", "type must be string"},
		{"unknown key", "V\nresources: {a: {type: T, propertys: {}}}", "StackValidationFailed", "resources.a", `"propertys" is not a valid keyword inside a resource definition`},
		{"condition too early", "heat_template_version: 2015-10-15\nresources: {a: {type: T, condition: c}}", "StackValidationFailed", "resources.a", `"condition"`},
		{"properties as list", "V\nresources: {a: {type: T, properties: []}}", "StackValidationFailed", "resources.a", "properties type must be object"},
		{"depends_on", "V\nresources: {a: {type: T, depends_on: {b: c}}}", "StackValidationFailed", "resources.a.depends_on", "list or string"},
		{"depends_on nothing", "V\nresources: {a: {type: T, depends_on: [b]}}", "InvalidTemplateReference", "resources.a.depends_on", `The specified reference "b" (in resources.a.depends_on) is incorrect.`},
		{"deletion policy", "V\nresources: {a: {type: T, deletion_policy: Keep}}", "StackValidationFailed", "resources.a", "Invalid deletion policy"},
		{"lower deletion policy too early", "heat_template_version: 2015-10-15\nresources: {a: {type: T, deletion_policy: retain}}", "StackValidationFailed", "resources.a", "Invalid deletion policy"},
		{"unknown resource", "V\nresources:\n  web: {type: T}\n  a:\n    type: T\n    properties:\n      x: [1, {get_resource: wob}]", "InvalidTemplateReference", "resources.a.properties.x[1]", `Did you mean "web"?`},
		{"unknown resource in get_attr", "V\noutputs: {o: {value: {get_attr: [a, b]}}}", "InvalidTemplateReference", "outputs.o.value", `"a"`},
		{"unknown parameter", "V\nparameters: {flavor: {type: string}}\noutputs: {o: {value: {get_param: flavour}}}", "UserParameterMissing", "outputs.o.value.get_param", `The Parameter (flavour) was not provided. Did you mean "flavor"?`},
		{"cycle", "V\nresources:\n  a: {type: T, depends_on: b}\n  b: {type: T, properties: {x: {get_attr: [c, d]}}}\n  c: {type: T, metadata: {x: {get_resource: a}}}", "CircularDependencyException", "resources.a", "a -> b -> c -> a"},
		{"itself", "V\nresources: {a: {type: T, properties: {x: {get_resource: a}}}}", "CircularDependencyException", "resources.a", "a -> a"},
		{"duplicate name", "V\nparameters: {a: {type: string}}\nresources: {a: {type: T}}", "StackValidationFailed", "resources", "Duplicate names {'a'}"},
		{"output without value", "V\noutputs: {o: {description: d}}", "StackValidationFailed", "outputs.o", "Each output must contain a value key."},
		{"output key", "V\noutputs: {o: {value: 1, x: 2}}", "StackValidationFailed", "outputs.o", `"x"`},
		{"removed function", "V\noutputs: {o: {value: {Ref: x}}}", "InvalidTemplateVersion", "outputs.o.value.Ref", "The function Ref is not supported in this version of HOT."},
		{"bad yaql", "V\noutputs: {o: {value: {yaql: {expression: '$.data.where($ >)'}}}}", "StackValidationFailed", "outputs.o.value.yaql", "Bad expression Parse error: unexpected ')' at position 16"},
		{"yaql of something else", "V\noutputs: {o: {value: {yaql: {expression: [1]}}}}", "StackValidationFailed", "outputs.o.value.yaql", "must contain a string"},
		{"yaql without an expression", "V\noutputs: {o: {value: {yaql: {data: 1}}}}", "StackValidationFailed", "outputs.o.value.yaql", "syntax should be"},
		{"yaql with more", "V\noutputs: {o: {value: {yaql: {expression: '1', date: 1}}}}", "StackValidationFailed", "outputs.o.value.yaql", "syntax should be"},
		{"CFN function of 2013", "heat_template_version: 2013-05-23\noutputs: {o: {value: {'Fn::Join': []}}}", "StackValidationFailed", "outputs.o.value.Fn::Join", "Fn::Join"},
		{"function's arguments", "V\noutputs: {o: {value: [{list_join: 5}]}}", "StackValidationFailed", "outputs.o.value[0].list_join", "list_join"},
		{"facade", "V\noutputs: {o: {value: {resource_facade: x}}}", "StackValidationFailed", "outputs.o.value.resource_facade", "metadata, deletion_policy, update_policy"},
		{"group of nothing", "V\nparameter_groups: [{parameters: [x]}]", "StackValidationFailed", "parameter_groups", "does not reference a valid parameter"},
		{"grouped twice", "V\nparameters: {x: {type: string}}\nparameter_groups: [{parameters: [x]}, {parameters: [x]}]", "StackValidationFailed", "parameter_groups", "one parameter group only"},
		{"groups as map", "V\nparameter_groups: {}", "StackValidationFailed", "parameter_groups", "should be a list"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := strings.Replace(tt.text, "V\n", "heat_template_version: 2016-10-14\n", 1)
			_, err := hot.Parse([]byte(text), "")
			e, ok := stoker.AsError(err)
			if !ok {
				t.Fatalf("got %v, want an error", err)
			}
			if e.Kind != stoker.Invalid || e.Type != tt.typ || !strings.HasPrefix(e.Path, tt.at) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %s at %q: %v; want %s at %q: %s", e.Type, e.Path, err, tt.typ, tt.at, tt.says)
			}
			if strings.Contains(tt.text, "\n") && tt.typ != "InvalidTemplateVersion" && e.Pos.Line == 0 && tt.name != "duplicate name" {
				t.Errorf("%v: the place is not known", err)
			}
		})
	}
}

func TestEveryVersionAndAlias(t *testing.T) {
	dialects, err := hot.Dialects()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, d := range dialects {
		names = append(append(names, d.Version), d.Aliases...)
	}
	for _, v := range names {
		for _, text := range []string{"heat_template_version: " + v, `{"heat_template_version": "` + v + `"}`} {
			tmpl, err := hot.Parse([]byte(text), "")
			if err != nil || !strings.HasPrefix(tmpl.Version, "20") {
				t.Errorf("%s: %+v, %v", text, tmpl, err)
			}
		}
	}
	if len(names) != 17 {
		t.Errorf("%d versions and aliases, want 17", len(names))
	}
}

// TestDialects looks at functions that came, went, or stand in conditions only.
func TestDialects(t *testing.T) {
	dialects, err := hot.Dialects()
	if err != nil {
		t.Fatal(err)
	}
	has := func(list []string, name string) bool { return slices.Contains(list, name) }
	first, last := dialects[0], dialects[len(dialects)-1]
	if !has(first.Functions, "Fn::Join") || has(last.Functions, "Fn::Join") || has(last.Functions, "Ref") {
		t.Errorf("Fn::Join left HOT after its first version:\n%v\n%v", first.Functions, last.Functions)
	}
	if has(first.Functions, "yaql") || !has(last.Functions, "yaql") || has(last.Functions, "equals") || !has(last.Conditions, "equals") || len(first.Conditions) > 0 {
		t.Errorf("got functions %v and conditions %v", last.Functions, last.Conditions)
	}
	for _, d := range dialects {
		for _, name := range slices.Concat(d.Functions, d.Conditions) {
			if hot.FunctionHelp(name) == "" {
				t.Errorf("%s: %s is not described", d.Version, name)
			}
		}
	}
}

// TestUnknownFunctionsAreData: what a version does not know is a plain map.
func TestUnknownFunctionsAreData(t *testing.T) {
	tmpl := parse(t, "heat_template_version: 2013-05-23\noutputs: {o: {value: {digest: [md5, x]}}}")
	got, err := tmpl.Output("o").Value.Resolve(&fakeScope{})
	if _, ok := got.(map[string]any); !ok || err != nil {
		t.Errorf("got %v, %v, want the map", got, err)
	}
}

// TestSectionsFromFunctions: properties may be one function, and policies too.
func TestSectionsFromFunctions(t *testing.T) {
	tmpl := parse(t, `
heat_template_version: 2016-10-14
parameters: {p: {type: json, default: {a: 1}}, policy: {type: string, default: retain}}
resources:
  a: {type: T, properties: {get_param: p}, deletion_policy: {get_param: policy}}
  b: {type: T, properties: {get_param: policy}, deletion_policy: {get_param: [p, a]}}
  c: {type: T, properties: {map_merge: [{x: {get_resource: a}}]}, external_id: e}
`)
	s := bind(t, tmpl, nil)
	a, b, c := tmpl.Resource("a"), tmpl.Resource("b"), tmpl.Resource("c")
	if props, _, err := a.ResolveProperties(s); props["a"] != int64(1) || err != nil {
		t.Errorf("got %v, %v", props, err)
	}
	if p, err := tmpl.ResolveDeletionPolicy(s, a); p != "Retain" || err != nil {
		t.Errorf("got %q, %v", p, err)
	}
	_, _, err := b.ResolveProperties(s)
	checkError(t, err, "StackValidationFailed a map is wanted")
	_, err = tmpl.ResolveDeletionPolicy(s, b)
	checkError(t, err, "StackValidationFailed Invalid deletion policy")
	if _, _, err := c.ResolveProperties(s); !errors.Is(err, hot.ErrUnknown) {
		t.Errorf("got %v, want ErrUnknown", err)
	}
	if p, err := tmpl.ResolveDeletionPolicy(s, c); p != "Delete" || err != nil {
		t.Errorf("got %q, %v, want the default", p, err)
	}
}

// TestGraphRefusesWhatIsNotThere: a resource that its condition leaves out may be
// named in depends_on only.
func TestGraphRefusesWhatIsNotThere(t *testing.T) {
	const text = `
heat_template_version: 2016-10-14
parameters: {live: {type: boolean}, name: {type: string, default: b}}
conditions: {live: {get_param: live}}
resources:
  b: {type: T, condition: live}
  a: {type: T, depends_on: b, properties: {x: {get_resource: {get_param: name}}}}
  c: {type: T, depends_on: b, properties: {x: {if: [live, {get_resource: d}, 1]}}}
  d: {type: T, properties: {x: {if: [live, {get_resource: c}, 1]}}}
`
	tmpl := parse(t, text)
	_, err := tmpl.Graph(bind(t, tmpl, map[string]any{"live": false}))
	checkError(t, err, `InvalidTemplateReference "b"`)
	got, err := tmpl.Graph(bind(t, tmpl, map[string]any{"live": false, "name": "c"}))
	if want := map[string][]string{"a": {"c"}, "c": nil, "d": nil}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	_, err = tmpl.Graph(bind(t, tmpl, map[string]any{"live": true}))
	checkError(t, err, "CircularDependencyException c -> d -> c")
}

func TestFromMapIsLikeParse(t *testing.T) {
	raw := parse(t, web).Raw
	tmpl, err := hot.FromMap(raw)
	if err != nil {
		t.Fatal(err)
	}
	if len(tmpl.Resources) != 4 || tmpl.Resources[0].Name != "db" {
		t.Errorf("got %d resources, the first %q; want 4, sorted", len(tmpl.Resources), tmpl.Resources[0].Name)
	}
}

package cfn_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	stoker "github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/dialect/cfn"
	"github.com/stoker-project/stoker/hot"
	"github.com/stoker-project/stoker/internal/value"
)

const shop = `
AWSTemplateFormatVersion: 2010-09-09
Description: a shop
Parameters:
  Environment: {Type: String, Default: test, AllowedValues: [test, production], ConstraintDescription: one of the two}
  Size: {Type: Number, Default: '2', MinValue: 1, MaxValue: 5}
  Secret: {Type: String, NoEcho: 'true', MinLength: '2', Default: xyz, Label: a secret}
  Names: {Type: CommaDelimitedList, Default: 'a,b'}
Mappings:
  Flavors:
    test: {flavor: small}
    production: {flavor: big}
Conditions:
  Live: {'Fn::Equals': [{Ref: Environment}, production]}
  Cheap: {'Fn::Not': [Live]}
  Large: {'Fn::Or': [Live, {'Fn::Equals': [{'Fn::FindInMap': [Flavors, {Ref: Environment}, flavor]}, big]}]}
Resources:
  Network: {Type: Net}
  Web:
    Type: Server
    DependsOn: Network
    DeletionPolicy: Retain
    Metadata: {a: {Ref: Size}}
    UpdatePolicy: {AutoScalingRollingUpdate: {MinInstancesInService: '1'}}
    Properties:
      flavor: {'Fn::FindInMap': [Flavors, {Ref: Environment}, flavor]}
      user_data: {'Fn::Base64': {'Fn::Join': ['-', [{Ref: 'AWS::StackName'}, {'Fn::Select': ['1', {Ref: Names}]}]]}}
      kind: {'Fn::If': [Live, {Ref: Backup}, none]}
  Backup: {Type: Server, Condition: Live}
Outputs:
  Tag: {Value: {'Fn::GetAtt': [Web, Tags, 1]}, Description: the second tag}
  Id: {Value: {Ref: Web}}
  Backup: {Condition: Live, Value: {Ref: Backup}}
  Stack: {Value: {Ref: 'AWS::StackId'}}
  Region: {Value: {Ref: 'AWS::Region'}}
`

func parse(t *testing.T, text string) *hot.Template {
	t.Helper()
	tmpl, err := cfn.Parse([]byte(text), "")
	if err != nil {
		t.Fatal(err)
	}
	return tmpl
}

func bind(t *testing.T, tmpl *hot.Template, given map[string]any) *scope {
	t.Helper()
	b, err := tmpl.Bind(given, nil, hot.Pseudo{StackID: "id", StackName: "shop", ProjectID: "p"})
	if err != nil {
		t.Fatal(err)
	}
	return &scope{Bound: b}
}

func TestTemplate(t *testing.T) {
	tmpl := parse(t, shop)
	if tmpl.Version != "2010-09-09" || tmpl.Description != "a shop" {
		t.Errorf("got version %q and description %q", tmpl.Version, tmpl.Description)
	}
	for _, c := range []struct {
		environment string
		props       map[string]any
		graph       map[string][]string
		backup      bool
	}{
		{"test", map[string]any{"flavor": "small", "user_data": "shop-b", "kind": "none"},
			map[string][]string{"Network": nil, "Web": {"Network"}}, false},
		{"production", map[string]any{"flavor": "big", "user_data": "shop-b", "kind": "Backup"},
			map[string][]string{"Network": nil, "Web": {"Backup", "Network"}, "Backup": nil}, true},
	} {
		s := bind(t, tmpl, map[string]any{"Environment": c.environment})
		props, _, err := tmpl.Resource("Web").ResolveProperties(s)
		if err != nil || !reflect.DeepEqual(props, c.props) {
			t.Errorf("%s: got properties %v, %v, want %v", c.environment, props, err, c.props)
		}
		if graph, err := tmpl.Graph(s); err != nil || fmt.Sprint(graph) != fmt.Sprint(c.graph) {
			t.Errorf("%s: got graph %v, %v, want %v", c.environment, graph, err, c.graph)
		}
		if in, err := tmpl.OutputIncluded(s, tmpl.Output("Backup")); in != c.backup || err != nil {
			t.Errorf("%s: got output included %v, %v", c.environment, in, err)
		}
		if large, err := tmpl.Condition(s, "Large"); large != c.backup || err != nil {
			t.Errorf("%s: got Large %v, %v", c.environment, large, err)
		}
	}
}

func TestResourceKeys(t *testing.T) {
	tmpl := parse(t, shop)
	s := bind(t, tmpl, nil)
	web := tmpl.Resource("Web")
	if p, err := tmpl.ResolveDeletionPolicy(s, web); p != "Retain" || err != nil {
		t.Errorf("got deletion policy %q, %v", p, err)
	}
	if m, _, err := web.ResolveMetadata(s); err != nil || !value.Equal(any(m), any(map[string]any{"a": int64(2)})) {
		t.Errorf("got metadata %v, %v", m, err)
	}
	if m, _, err := web.ResolveUpdatePolicy(s); err != nil || len(m) != 1 {
		t.Errorf("got update policy %v, %v", m, err)
	}
	if got := web.DependsOn; !reflect.DeepEqual(got, []string{"Network"}) {
		t.Errorf("got DependsOn %v", got)
	}
}

func TestOutputs(t *testing.T) {
	tmpl := parse(t, shop)
	s := bind(t, tmpl, nil)
	for name, want := range map[string]any{
		"Tag": "second", "Id": "Web", "Stack": "arn:openstack:heat::p:stacks/shop/id", "Region": "ap-southeast-1",
	} {
		if got, err := tmpl.Output(name).Value.Resolve(s); err != nil || got != want {
			t.Errorf("%s: got %v, %v, want %v", name, got, err, want)
		}
	}
}

func TestParameters(t *testing.T) {
	tmpl := parse(t, shop)
	p := tmpl.Parameter("Secret")
	if !p.Hidden || p.Label != "a secret" || p.Type != hot.StringParameter || len(p.Constraints) != 1 {
		t.Errorf("got %+v", p)
	}
	s := bind(t, tmpl, map[string]any{"Secret": "hush"})
	if got := s.Strings()["Secret"]; got != "******" {
		t.Errorf("got %q shown", got)
	}
	for name, c := range map[string]struct {
		given    any
		class    string
		contains string
	}{
		"Environment": {"stage", "StackValidationFailed", "one of the two"},
		"Size":        {"6", "StackValidationFailed", "6 is out of range (min: 1, max: 5)"},
		"Secret":      {"x", "StackValidationFailed", "length (1) is out of range"},
		"Nosuch":      {"x", "UnknownUserParameter", "The Parameter (Nosuch) was not defined in template."},
	} {
		_, err := tmpl.Bind(map[string]any{name: c.given}, nil, hot.Pseudo{})
		refused(t, name, err, c.class, "", c.contains)
	}
}

// refused wants an Invalid error of a class, with a path and a text.
func refused(t *testing.T, name string, err error, class, path, contains string) {
	t.Helper()
	var e *stoker.Error
	if !errors.As(err, &e) || e.Kind != stoker.Invalid || e.Type != class || e.Path != path || !strings.Contains(e.Message, contains) {
		t.Errorf("%s: got %#v, want a %s at %q with %q", name, err, class, path, contains)
	}
}

func TestRefusedTemplates(t *testing.T) {
	const aws, heat = "AWSTemplateFormatVersion: 2010-09-09\n", "HeatTemplateFormatVersion: 2012-12-12\n"
	for _, c := range []struct{ name, text, class, path, contains string }{
		{"wrong version", "AWSTemplateFormatVersion: 2012-12-12", "InvalidTemplateVersion", "",
			`"AWSTemplateFormatVersion: 2012-12-12". "AWSTemplateFormatVersion" should be one of: 2010-09-09`},
		{"two versions", aws + heat, "InvalidTemplateVersion", "", "Ambiguous versions"},
		{"no version", "Resources: {}", "InvalidTemplateFormat", "", "Template format version not found."},
		{"section of HOT", aws + "resources: {}", "InvalidTemplateSection", "", "The template section is invalid: resources"},
		{"conditions in 2012-12-12", heat + "Conditions: {}", "InvalidTemplateSection", "", "Conditions"},
		{"key of HOT", aws + "Resources: {A: {type: T}}", "StackValidationFailed", "Resources.A", `"type" is not a valid keyword inside a resource definition`},
		{"no type", aws + "Resources: {A: {Properties: {}}}", "StackValidationFailed", "Resources.A", "Each resource must contain a Type key."},
		{"condition of a resource in 2012-12-12", heat + "Resources: {A: {Type: T, Condition: c}}", "StackValidationFailed", "Resources.A", `"Condition" is not`},
		{"no value", aws + "Outputs: {A: {Description: x}}", "StackValidationFailed", "Outputs.A", "Each output must contain a Value key."},
		{"deletion policy", aws + "Resources: {A: {Type: T, DeletionPolicy: delete}}", "StackValidationFailed", "Resources.A", "Invalid deletion policy"},
		{"parameter type", aws + "Parameters: {p: {Type: string}}", "InvalidSchemaError", "Parameters.p", "Invalid type (string)"},
		{"parameter key", aws + "Parameters: {p: {Type: String, hidden: true}}", "InvalidSchemaError", "Parameters.p", "Invalid key 'hidden' for parameter (p)"},
		{"constraint of another type", aws + "Parameters: {p: {Type: String, MinValue: 1}}", "InvalidSchemaError", "Parameters.p", "Range constraint invalid for string"},
		{"bad default", aws + "Parameters: {p: {Type: Number, MaxValue: 1, Default: 2}}", "InvalidSchemaError", "Parameters.p", "Invalid default 2"},
		{"unknown Ref", aws + "Resources: {A: {Type: T, Properties: {x: {Ref: B}}}}", "InvalidTemplateReference", "Resources.A.Properties.x.Ref", `The specified reference "B"`},
		{"unknown resource", aws + "Outputs: {o: {Value: {'Fn::GetAtt': [B, c]}}}", "InvalidTemplateReference", "Outputs.o.Value", `The specified reference "B"`},
		{"unknown dependency", aws + "Resources: {A: {Type: T, DependsOn: [B]}}", "InvalidTemplateReference", "Resources.A.DependsOn", `The specified reference "B"`},
		{"circle", aws + "Resources: {A: {Type: T, DependsOn: B}, B: {Type: T, Properties: {x: {Ref: A}}}}", "CircularDependencyException", "Resources.A", "A -> B -> A"},
		{"unknown condition", aws + "Resources: {A: {Type: T, Condition: c}}", "StackValidationFailed", "Resources.A.Condition", `Invalid condition "c"`},
		{"circle of conditions", aws + "Conditions: {a: {'Fn::Not': [b]}, b: {'Fn::Not': [a]}}", "StackValidationFailed", "Conditions.a", "Circular definition"},
		{"function in a condition", aws + "Conditions: {a: {'Fn::Equals': [{'Fn::Join': ['', []]}, 1]}}", "InvalidConditionFunction", "Conditions.a.Fn::Equals[0].Fn::Join", "Fn::Join"},
		{"resource in a condition", aws + "Resources: {A: {Type: T}}\nConditions: {a: {'Fn::Equals': [{Ref: A}, 1]}}", "InvalidTemplateReference", "Conditions.a.Fn::Equals[0].Ref", `"A"`},
		{"one name for two", aws + "Parameters: {A: {Type: String}}\nResources: {A: {Type: T}}", "StackValidationFailed", "Resources", "Duplicate names {'A'}"},
		{"mappings", aws + "Mappings: [a]", "StackValidationFailed", "Mappings", `"Mappings" must contain a map of maps`},
		{"a list of resources", aws + "Resources: [a]", "StackValidationFailed", "Resources", `"Resources" must contain a map of resource maps. Found a list instead`},
	} {
		_, err := cfn.Parse([]byte(c.text), "")
		refused(t, c.name, err, c.class, c.path, c.contains)
	}
}

// TestData checks what looks like a function and is none.
func TestData(t *testing.T) {
	for _, text := range []string{
		"HeatTemplateFormatVersion: 2012-12-12\nOutputs: {o: {Value: {'Fn::If': [a, b, c]}}}",
		"AWSTemplateFormatVersion: 2010-09-09\nOutputs: {o: {Value: {get_param: x}}}",
		"AWSTemplateFormatVersion: 2010-09-09\nOutputs: {o: {Value: {'Fn::Equals': [1, 1]}}}",
		"AWSTemplateFormatVersion: 2010-09-09\nOutputs: {o: {Value: {Ref: x, other: y}}}",
	} {
		tmpl := parse(t, text)
		got, err := tmpl.Output("o").Value.Resolve(bind(t, tmpl, nil))
		want := tmpl.Raw["Outputs"].(map[string]any)["o"].(map[string]any)["Value"]
		if err != nil || !value.Equal(got, want) {
			t.Errorf("%s: got %v, %v", text, got, err)
		}
	}
}

func TestRefusedValues(t *testing.T) {
	const head = "AWSTemplateFormatVersion: 2010-09-09\nMappings: {M: {a: {b: 1}}}\nParameters: {p: {Type: Json, Default: {a: 1}}}\nOutputs: {o: {Value: "
	for _, c := range []struct{ value, class, path, contains string }{
		{"{'Fn::FindInMap': [X, a, b]}", "KeyError", "Outputs.o.Value.Fn::FindInMap", `Mappings has no key "X"`},
		{"{'Fn::FindInMap': [M, a, c]}", "KeyError", "Outputs.o.Value.Fn::FindInMap", `Mappings.M.a has no key "c"`},
		{"{'Fn::Join': [',', [1]]}", "TypeError", "Outputs.o.Value.Fn::Join", "Items to join must be strings not 1"},
		{"{'Fn::Split': [1, a]}", "TypeError", "Outputs.o.Value.Fn::Split", "Delimiter for Fn::Split must be string"},
		{"{'Fn::Split': [',', [a]]}", "TypeError", "Outputs.o.Value.Fn::Split", "String to split must be string"},
		{"{'Fn::Select': [a, {Ref: p}]}", "", "", ""},
		{"{'Fn::Select': [1, {Ref: p}]}", "TypeError", "Outputs.o.Value.Fn::Select", `Index to "Fn::Select" must be a string`},
		{"{'Fn::MemberListToMap': [N, V, [x]]}", "ValueError", "Outputs.o.Value.Fn::MemberListToMap", "has no ="},
		{"{'Fn::MemberListToMap': [N, V, [1]]}", "TypeError", "Outputs.o.Value.Fn::MemberListToMap", "must be strings"},
	} {
		tmpl := parse(t, head+c.value+"}}")
		_, err := tmpl.Output("o").Value.Resolve(bind(t, tmpl, nil))
		if c.class == "" {
			if err != nil {
				t.Errorf("%s: got %v", c.value, err)
			}
			continue
		}
		refused(t, c.value, err, c.class, c.path, c.contains)
	}
}

// TestHOT checks that HOT templates go to hot.
func TestHOT(t *testing.T) {
	tmpl := parse(t, "heat_template_version: 2018-08-31\noutputs: {o: {value: {list_join: [a, [b, c]]}}}")
	if got, err := tmpl.Output("o").Value.Resolve(bind(t, tmpl, nil)); got != "bac" || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
}

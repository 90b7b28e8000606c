package heat_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestVersionsAndFunctions(t *testing.T) {
	w := newWorld(t)
	list := w.do("GET", "/template_versions", nil).want(t, 200)
	for _, want := range []string{
		`{"aliases":["heat_template_version.rocky"],"type":"hot","version":"heat_template_version.2018-08-31"}`,
		`{"aliases":[],"type":"cfn","version":"HeatTemplateFormatVersion.2012-12-12"}`,
		`{"aliases":[],"type":"cfn","version":"AWSTemplateFormatVersion.2010-09-09"}`,
	} {
		if !strings.Contains(list.text, want) {
			t.Errorf("the list of versions lacks %s:\n%s", want, list.text)
		}
	}
	has := func(version, name string) bool {
		t.Helper()
		a := w.do("GET", "/template_versions/"+version, nil).want(t, 200)
		return strings.Contains(a.text, fmt.Sprintf(`"functions":%q`, name))
	}
	for _, tt := range []struct {
		version, name string
		want          bool
	}{
		{"heat_template_version.2013-05-23/functions", "Fn::Join", true},
		{"heat_template_version.2014-10-16/functions", "Fn::Join", false},
		{"heat_template_version.rocky/functions", "make_url", true},
		{"heat_template_version.rocky/functions", "equals", false},
		{"heat_template_version.rocky/functions?with_condition_func=true", "equals", true},
		{"HeatTemplateFormatVersion.2012-12-12/functions?with_condition_func=true", "Fn::If", false},
		{"AWSTemplateFormatVersion.2010-09-09/functions", "Fn::If", true},
	} {
		if got := has(tt.version, tt.name); got != tt.want {
			t.Errorf("%s has %s: got %v, want %v", tt.version, tt.name, got, tt.want)
		}
	}
	for _, none := range []string{"heat_template_version.2000-01-01", "rocky", "x."} {
		w.do("GET", "/template_versions/"+none+"/functions", nil).wantFault(t, 404, "NotFound", none)
	}
	w.do("GET", "/template_versions/heat_template_version.rocky/functions?with_condition_func=2", nil).wantFault(t, 400, "HTTPBadRequest", "with_condition_func")
}

func TestServices(t *testing.T) {
	w := newWorld(t)
	w.do("GET", "/services", nil).wantFault(t, 403, "Forbidden", "")
	a := w.as(rootToken, "GET", "/v1/admin/services", nil).want(t, 200)
	for path, want := range map[string]any{"status": "up", "binary": "heat-engine", "hostname": "here", "created_at": "2026-01-02T03:04:05Z"} {
		if got := a.value(t, "services.0."+path); got != want {
			t.Errorf("%s: got %v, want %v", path, got, want)
		}
	}
}

// TestGeneratedTemplates wants them to be valid in both languages, for every type
// whose properties can be left to their defaults.
func TestGeneratedTemplates(t *testing.T) {
	w := newWorld(t)
	for _, kind := range []string{"", "?template_type=cfn", "?template_type=hot"} {
		for _, name := range []string{"OS::Heat::RandomString", "OS::Heat::ResourceGroup", "OS::Heat::ScalingPolicy"} {
			generated := w.do("GET", "/resource_types/"+name+"/template"+kind, nil).want(t, 200)
			w.do("POST", "/validate", `{"template": `+generated.text+`}`).want(t, 200)
			if cfn := kind != "?template_type=hot"; cfn != strings.Contains(generated.text, "HeatTemplateFormatVersion") {
				t.Errorf("%s%s: got %s", name, kind, generated.text)
			}
		}
	}
	a := w.do("GET", "/resource_types/OS::Heat::AutoScalingGroup/template", nil).want(t, 200)
	if got := a.value(t, "Outputs.current_size.Value"); fmt.Sprint(got) != "map[Fn::GetAtt:[AutoScalingGroup current_size]]" {
		t.Errorf("got output %v", got)
	}
	a = w.do("GET", "/resource_types/OS::Heat::ResourceGroup/template", nil).want(t, 200)
	if got := a.value(t, "Resources.ResourceGroup.Properties.removal_policies"); fmt.Sprint(got) != "map[Fn::Split:[, map[Ref:removal_policies]]]" {
		t.Errorf("got property %v", got)
	}
	w.do("GET", "/resource_types/OS::Heat::Value/template?template_type=tosca", nil).wantFault(t, 400, "HTTPBadRequest", "tosca")
}

func TestNestedParameters(t *testing.T) {
	w := newWorld(t)
	inner := `
heat_template_version: 2018-08-31
description: Inside.
parameters:
  size: {type: number, default: 1}
  from: {type: string}
resources:
  deepest: {type: OS::Heat::Value, properties: {value: {get_param: from}}}
`
	root := `
heat_template_version: 2018-08-31
parameters:
  needed: {type: number}
resources:
  a: {type: OS::Heat::RandomString}
  one: {type: inner.yaml, properties: {size: {get_param: needed}, from: {get_attr: [a, value]}}}
  many:
    type: OS::Heat::ResourceGroup
    properties: {count: 3, resource_def: {type: inner.yaml, properties: {from: x, size: 7}}}
`
	body := map[string]any{"template": root, "files": map[string]any{"inner.yaml": inner}}
	if a := w.do("POST", "/validate", body).want(t, 200); strings.Contains(a.text, "NestedParameters") {
		t.Errorf("nobody has asked for nested parameters:\n%s", a.text)
	}
	a := w.do("POST", "/validate?show_nested=true", body).want(t, 200)
	for path, want := range map[string]any{
		"one.Type": "inner.yaml", "one.Description": "Inside.", "one.Parameters.size.Default": 1.0, "one.Parameters.from.Type": "String",
		"many.Type": "OS::Heat::ResourceGroup", "many.NestedParameters.0.Parameters.size.Value": 7.0,
	} {
		if got := a.value(t, "NestedParameters."+path); got != want {
			t.Errorf("%s: got %v, want %v", path, got, want)
		}
	}
	w.do("POST", "/validate?ignore_errors=99001", body).want(t, 200)
	w.do("POST", "/validate?ignore_errors=99001,7", body).wantFault(t, 400, "HTTPBadRequest", "7")
}

func TestTemplateURL(t *testing.T) {
	w := newWorld(t)
	w.fetch = func(_ context.Context, url string) ([]byte, error) {
		switch url {
		case "http://templates/a.yaml":
			return []byte(valueTemplate), nil
		case "http://templates/binary":
			return []byte("\xff"), nil
		}
		return nil, errors.New("the address is not a public one")
	}
	a := w.do("POST", "/stacks/preview", map[string]any{"stack_name": "a", "template_url": "http://templates/a.yaml"}).want(t, 200)
	if got := a.value(t, "stack.resources.0.resource_name"); got != "one" {
		t.Errorf("got %v, want one", got)
	}
	for url, words := range map[string]string{"http://127.0.0.1/": "not a public one", "http://templates/binary": "UTF-8"} {
		w.do("POST", "/stacks", map[string]any{"stack_name": "a", "template_url": url}).wantFault(t, 400, "HTTPBadRequest", words)
	}
}

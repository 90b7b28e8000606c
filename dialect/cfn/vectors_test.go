package cfn_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	stoker "github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/dialect/cfn"
	"github.com/stoker-project/stoker/hot"
	"github.com/stoker-project/stoker/internal/value"
)

// vector is one recorded case of Heat's own behaviour.
type vector struct {
	Name          string            `json:"name"`
	Kind          string            `json:"kind"`
	Template      map[string]any    `json:"template"`
	Snippet       json.RawMessage   `json:"snippet"`
	Params        map[string]any    `json:"params"`
	ParamDefaults map[string]any    `json:"param_defaults"`
	Files         map[string]string `json:"files"`
	Result        json.RawMessage   `json:"result"`
	HasStack      bool              `json:"has_stack"`
	StackTemplate map[string]any    `json:"stack_template"`
	StackName     string            `json:"stack_name"`
	Error         *struct{ Type, Message string }
}

func loadVectors(t *testing.T) []vector {
	t.Helper()
	path := os.Getenv("STOKER_HOT_VECTORS")
	if path == "" {
		path = "../../../shared/vectors/hot-functions.json"
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Skipf("no vectors (set STOKER_HOT_VECTORS): %v", err)
	}
	var vs []vector
	if err := json.Unmarshal(data, &vs); err != nil {
		t.Fatal(err)
	}
	return vs
}

// TestVectors resolves every case that is written in CloudFormation's
// language; those in HOT are hot's.
func TestVectors(t *testing.T) {
	ran := 0
	for i, v := range loadVectors(t) {
		if _, ok := v.Template["heat_template_version"]; ok {
			continue
		}
		ran++
		t.Run(fmt.Sprintf("%d %s", i, v.Name), func(t *testing.T) { v.run(t) })
	}
	if ran < 50 {
		t.Errorf("only %d vectors were run", ran)
	}
}

func (v vector) run(t *testing.T) {
	got, err := v.resolve()
	if v.Error == nil {
		want, decodeErr := value.Decode(v.Result)
		if err != nil || decodeErr != nil || !value.Equal(got, want) {
			t.Errorf("%s: got %#v and error %v, want %s", v.Snippet, got, err, v.Result)
		}
		return
	}
	var e *stoker.Error
	if !errors.As(err, &e) {
		t.Fatalf("%s: got %#v and error %v, want %s: %s", v.Snippet, got, err, v.Error.Type, v.Error.Message)
	}
	if want := v.class(); e.Type != want {
		t.Errorf("%s: got %s: %v, want %s: %s", v.Snippet, e.Type, err, want, v.Error.Message)
	}
	// The path begins with the empty name of the snippet.
	path, message, ok := strings.Cut(v.Error.Message, ": ")
	if !ok || !strings.HasPrefix(path, ".") {
		path, message = "", v.Error.Message
	}
	if path != "" && "."+e.Path != path {
		t.Errorf("%s: got path %q, want %q", v.Snippet, e.Path, path)
	}
	if want, ok := reworded[message]; ok {
		message = want
	}
	if e.Message != message {
		t.Errorf("%s: got message %q, want %q", v.Snippet, e.Message, message)
	}
}

// class is Heat's class of error.
func (v vector) class() string {
	if v.Name == "test_and_invalid_args" {
		// Heat's test resolves the function by itself. Inside a template, where it
		// stands here, Heat's validation finds the unknown name first, with this class.
		return "StackValidationFailed"
	}
	return v.Error.Type
}

// reworded holds our words for messages in which Python speaks.
var reworded = map[string]string{
	"'too many values to unpack (expected 3)'":                `Arguments to "Fn::FindInMap" must be of the form [map_name, key, second_level_key]`,
	"'not enough values to unpack (expected 3, got 1)'":       `Arguments to "Fn::FindInMap" must be of the form [map_name, key, second_level_key]`,
	"string indices must be integers, not 'str'":              "Mappings.MapString is a string, not a map",
	`"Fn::Select": Expecting value: line 1 column 1 (char 0)`: `"Fn::Select": the text to select from is not JSON: invalid character 'o' in literal null (expecting 'u')`,
	"Wrong Arguments try: \"\n            {'Fn::MemberListToMap': ['Name', 'Value',\n                                     ['.member.0.Name=key',\n                                      '.member.0.Value=door']]}\n            \"": `Wrong Arguments try: "{'Fn::MemberListToMap': ['Name', 'Value', ['.member.0.Name=key', '.member.0.Value=door']]}"`,
}

// resolve does what Heat's tests did: a condition stands in the Conditions
// section, anything else is a value inside the stack.
func (v vector) resolve() (any, error) {
	if v.Kind == "condition" {
		return v.resolveCondition()
	}
	tmpl, s, err := v.stack(v.Template)
	if err != nil {
		return nil, err
	}
	snippet, err := value.Decode(v.Snippet)
	if err != nil {
		return nil, err
	}
	expr, err := tmpl.Expr(snippet, "")
	if err != nil {
		return nil, err
	}
	return expr.Resolve(s)
}

func (v vector) resolveCondition() (any, error) {
	doc := value.CloneMap(v.Template)
	doc["Conditions"] = map[string]any{"it": v.Snippet}
	tmpl, s, err := v.stack(doc)
	var e *stoker.Error
	if errors.As(err, &e) {
		here := *e
		here.Path = strings.TrimPrefix(e.Path, "Conditions.it.")
		return nil, &here
	}
	if err != nil {
		return nil, err
	}
	return tmpl.Condition(s, "it")
}

func (v vector) stack(doc map[string]any) (*hot.Template, hot.Scope, error) {
	text, err := json.Marshal(doc)
	if err != nil {
		return nil, nil, err
	}
	tmpl, err := cfn.Parse(text, "")
	if err != nil {
		return nil, nil, err
	}
	bound, err := tmpl.Bind(v.Params, v.ParamDefaults, hot.Pseudo{StackName: v.StackName})
	if err != nil {
		return nil, nil, err
	}
	return tmpl, &scope{Bound: bound, files: v.Files, facade: v.parent(), references: map[string]string{"foo": "bar"}}, nil
}

// parent is the resource that Heat's facade tests run under.
func (v vector) parent() map[string]any {
	f := map[string]any{"metadata": map[string]any{"foo": "bar"}, "deletion_policy": "Retain",
		"update_policy": map[string]any{"blarg": "wibble"}}
	if strings.Contains(v.Name, "missing_deletion_policy") {
		f["deletion_policy"] = "Delete"
	}
	return f
}

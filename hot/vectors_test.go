package hot_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	stoker "github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/hot"
	"github.com/stoker-project/stoker/internal/value"
)

// vector is one recorded case of Heat's own behaviour.
type vector struct {
	Name          string            `json:"name"`
	Template      map[string]any    `json:"template"`
	Snippet       json.RawMessage   `json:"snippet"`
	Params        map[string]any    `json:"params"`
	ParamDefaults map[string]any    `json:"param_defaults"`
	Files         map[string]string `json:"files"`
	Result        json.RawMessage   `json:"result"`
	StackName     string            `json:"stack_name"`
	Error         *struct{ Type, Message string }
}

// skipped lists the vectors that say nothing about this package, with the
// reason; the key is a prefix of "name version".
var skipped = map[string]string{
	"test_if 2016-10-14": "Heat's test replaced the conditions by a mock that is not in the vector",
}

func loadVectors(t *testing.T) []vector {
	path := os.Getenv("STOKER_HOT_VECTORS")
	if path == "" {
		path = "../../shared/vectors/hot-functions.json"
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

func TestVectors(t *testing.T) {
	passed, left := 0, 0
	for i, v := range loadVectors(t) {
		version, ok := v.Template["heat_template_version"].(string)
		if !ok {
			left++ // CloudFormation's functions, or none
			continue
		}
		if reason := reasonToSkip(v.Name + " " + version); reason != "" {
			left++
			continue
		}
		passed++
		t.Run(fmt.Sprintf("%d %s", i, v.Name), func(t *testing.T) { runVector(t, v) })
	}
	t.Logf("%d vectors run, %d left out", passed, left)
	if passed < 144 {
		t.Errorf("only %d vectors were run", passed)
	}
}

func reasonToSkip(name string) string {
	for prefix, reason := range skipped {
		if strings.HasPrefix(name, prefix) {
			return reason
		}
	}
	return ""
}

func runVector(t *testing.T, v vector) {
	got, err := resolveVector(v)
	if v.Error == nil {
		if err != nil {
			t.Fatalf("%s: got error %v, want %s", v.Snippet, err, v.Result)
		}
		want, _ := value.Decode(v.Result)
		if !value.Equal(got, want) {
			t.Errorf("%s: got %#v, want %#v", v.Snippet, got, want)
		}
		return
	}
	var e *stoker.Error
	if !errors.As(err, &e) {
		t.Fatalf("%s: got %#v and error %v, want %s: %s", v.Snippet, got, err, v.Error.Type, v.Error.Message)
	}
	if e.Type != v.Error.Type {
		t.Errorf("%s: got %s: %v, want %s: %s", v.Snippet, e.Type, err, v.Error.Type, v.Error.Message)
	}
	// Heat puts the path, which begins with the empty name of the snippet, in
	// front of what its parser finds.
	if path, _, ok := strings.Cut(v.Error.Message, ": "); ok && strings.HasPrefix(path, ".") && "."+e.Path != path {
		t.Errorf("%s: got path %q, want %q", v.Snippet, e.Path, path)
	}
	if !strings.HasPrefix(v.Error.Message, ".") && e.Message != v.Error.Message && !sameButPlace(e.Message, v.Error.Message) {
		t.Errorf("%s: got message %q, want %q", v.Snippet, e.Message, v.Error.Message)
	}
}

// sameButPlace allows a better place than Heat's "(in unknown)", and to leave
// out the arguments that Heat repeats at the end.
func sameButPlace(got, want string) bool {
	if i := strings.Index(want, " called with "); i >= 0 {
		return got == want[:i]
	}
	i := strings.Index(want, "(in unknown)")
	return i >= 0 && strings.HasPrefix(got, want[:i])
}

func resolveVector(v vector) (any, error) {
	text, err := json.Marshal(v.Template)
	if err != nil {
		return nil, err
	}
	tmpl, err := hot.Parse(text, "")
	if err != nil {
		return nil, err
	}
	bound, err := tmpl.Bind(v.Params, v.ParamDefaults, hot.Pseudo{StackName: v.StackName})
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
	return expr.Resolve(&fakeScope{Bound: bound, files: v.Files, attributes: attributeOfName, facade: heatFacade(v)})
}

// attributeOfName is Heat's GenericResourceType: foo is the resource's name.
func attributeOfName(resource, attr string, path []any) (any, error) {
	switch strings.ToLower(attr) {
	case "foo", "bar":
		return resource, nil
	}
	return nil, hot.UnknownAttribute(resource, attr)
}

// heatFacade is the parent resource of Heat's facade tests.
func heatFacade(v vector) map[string]any {
	f := map[string]any{"metadata": map[string]any{"foo": "bar"}, "deletion_policy": "Retain",
		"update_policy": map[string]any{"blarg": "wibble"}}
	if strings.Contains(v.Name, "missing_deletion_policy") {
		f["deletion_policy"] = "Delete"
	}
	return f
}

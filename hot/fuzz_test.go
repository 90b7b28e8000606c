package hot_test

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"time"

	stoker "github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/hot"
	"github.com/stoker-project/stoker/internal/value"
)

// FuzzParse parses whatever comes and works with what is a template: no panic,
// every error an Invalid one, and JSON understood as encoding/json does.
func FuzzParse(f *testing.F) {
	f.Add([]byte(web))
	f.Add([]byte(`{"heat_template_version": "2021-04-16", "resources": {"a": {"type": "T", "properties": {"x": [1, 2.5, "\u00e9\n", null, true]}}}}`))
	f.Add([]byte("heat_template_version: wallaby\nparameters: {p: {type: json, default: {a: 1}, constraints: [{length: {min: 1}}]}}\noutputs: {o: {value: {if: [{equals: [1, 1]}, {repeat: {template: $x, for_each: {$x: [a, b]}}}]}}}"))
	f.Add([]byte("heat_template_version: pike\noutputs: {o: {value: {make_url: {host: '::1', port: 80, query: {a: b}}}}, p: {value: {str_replace_vstrict: {template: a b, params: {a: x, b: {}}}}}}"))
	f.Add([]byte("a: &a [1]\nb: {<<: *a}\n"))
	f.Add([]byte("? a\n: - b\n  - !!str 1\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		defer watch(text).Stop()
		tmpl, err := hot.Parse(text, "f")
		if err != nil {
			if !stoker.IsKind(err, stoker.Invalid) {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		sameAsJSON(t, text, tmpl.Raw)
		bound, err := tmpl.Bind(nil, nil, hot.Pseudo{StackName: "n"})
		if err != nil {
			return
		}
		s := &fakeScope{Bound: bound}
		_, _ = tmpl.Graph(s)
		for _, r := range tmpl.Resources {
			_, _, _ = r.ResolveProperties(s)
		}
		for _, o := range tmpl.Outputs {
			_, _ = o.Value.Resolve(s)
		}
		bound.Strings()
		hot.Rewrite(tmpl.Raw, func(r hot.Ref) string { return r.Key })
	})
}

// watch makes an input that takes long a finding.
func watch(text []byte) *time.Timer {
	return time.AfterFunc(30*time.Second, func() { panic(fmt.Sprintf("takes longer than 30 s: %q", text)) })
}

func sameAsJSON(t *testing.T, text []byte, raw map[string]any) {
	if !json.Valid(text) {
		return
	}
	want, err := value.Decode(text)
	if err != nil {
		return // a number out of range
	}
	if !value.Equal(any(raw), want) && !hasNaN(raw) {
		t.Fatalf("got %#v, want %#v", raw, want)
	}
}

func hasNaN(v any) bool {
	switch v := v.(type) {
	case float64:
		return math.IsNaN(v)
	case []any:
		for _, item := range v {
			if hasNaN(item) {
				return true
			}
		}
	case map[string]any:
		for _, item := range v {
			if hasNaN(item) {
				return true
			}
		}
	}
	return false
}

// FuzzEnvironment does the same for environments: what is read and encoded
// reads back the same.
func FuzzEnvironment(f *testing.F) {
	f.Add([]byte(registry), "OS::Nova::Server")
	f.Add([]byte(`{"parameters": {"a": [1]}, "parameter_defaults": {"b": null}}`), "A")
	f.Add([]byte("parameter_merge_strategies: {default: deep_merge}\nparameters: {a: {b: 1}}\n"), "*")
	f.Fuzz(func(t *testing.T, text []byte, typeName string) {
		defer watch(text).Stop()
		env, err := hot.ParseEnvironment(text, "f")
		if err != nil {
			if !stoker.IsKind(err, stoker.Invalid) {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		again, err := hot.DecodeEnvironment(env.Encode())
		if err != nil {
			t.Fatalf("an encoded environment is refused: %v", err)
		}
		if a, b := env.Encode(), again.Encode(); !value.Equal(any(a), any(b)) && !hasNaN(a) {
			t.Fatalf("got %v, want %v", b, a)
		}
		_, _ = env.Lookup(typeName, []string{typeName})
		_, _ = env.Merge(again)
		env.Child(typeName).Encode()
		env.Rewrite(func(r hot.Ref) string { return r.Key })
	})
}

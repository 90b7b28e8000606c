package hot_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stoker-project/stoker/hot"
)

// thousand is a generated template: what a group of a thousand members is.
func thousand(tb testing.TB) []byte {
	tb.Helper()
	resources := map[string]any{}
	for i := range 1000 {
		resources[fmt.Sprintf("member%d", i)] = map[string]any{
			"type": "Stoker::Server",
			"properties": map[string]any{
				"image": "web", "flavor": "small", "port": 8080,
				"name":     map[string]any{"list_join": []any{"-", []any{"web", map[string]any{"get_param": "OS::stack_name"}}}},
				"networks": []any{map[string]any{"network": "front"}, map[string]any{"network": "back"}},
				"metadata": map[string]any{"group": "web", "index": i},
			},
		}
	}
	text, err := json.Marshal(map[string]any{"heat_template_version": "2021-04-16", "resources": resources})
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

func BenchmarkParseThousandResourcesJSON(b *testing.B) {
	text := thousand(b)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := hot.Parse(text, ""); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkResolveThousandResources(b *testing.B) {
	tmpl, err := hot.Parse(thousand(b), "")
	if err != nil {
		b.Fatal(err)
	}
	bound, err := tmpl.Bind(nil, nil, hot.Pseudo{StackName: "web"})
	if err != nil {
		b.Fatal(err)
	}
	s := &fakeScope{Bound: bound}
	b.ReportAllocs()
	for b.Loop() {
		for _, r := range tmpl.Resources {
			if _, _, err := r.ResolveProperties(s); err != nil {
				b.Fatal(err)
			}
		}
	}
}

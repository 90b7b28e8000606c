package hot_test

import (
	"encoding/json"
	"fmt"
	"strings"
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

// BenchmarkParseLargestYAML reads as long templates as there may be: a thousand
// resources with long texts, and more of them with many short values.
func BenchmarkParseLargestYAML(b *testing.B) {
	words := strings.Repeat("some words ", 40)
	for name, def := range map[string]string{
		"texts":  "  r%d: {type: OS::Heat::Value, properties: {value: {list_join: ['-', [" + words + "]]}}}\n",
		"values": "  r%d:\n    type: Stoker::Server\n    properties:\n" + "      image: web\n      networks:\n      - network: front\n      - network: back\n      metadata:\n        role: web\n        name: {list_join: ['-', [web, {get_param: \"OS::stack_name\"}]]}\n",
	} {
		var t strings.Builder
		t.WriteString("heat_template_version: 2021-04-16\nresources:\n")
		for i := 0; t.Len() < hot.MaxTemplateSize-1000; i++ {
			fmt.Fprintf(&t, def, i)
		}
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(t.Len()))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := hot.Parse([]byte(t.String()), "large.yaml"); err != nil {
					b.Fatal(err)
				}
			}
		})
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

package hot_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stoker-project/stoker/hot"
)

// TestDocumentedSnippets parses and resolves what the documentation shows.
func TestDocumentedSnippets(t *testing.T) {
	text, err := os.ReadFile("../docs/template-language.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(text), "```yaml\n")[1:]
	if len(blocks) < 6 {
		t.Fatalf("found %d snippets, want at least 6", len(blocks))
	}
	for _, block := range blocks {
		snippet, _, _ := strings.Cut(block, "```")
		if !strings.Contains(snippet, "heat_template_version") {
			environment(t, snippet)
			continue
		}
		resolveAll(t, parse(t, snippet))
	}
}

func resolveAll(t *testing.T, tmpl *hot.Template) {
	t.Helper()
	s := bind(t, tmpl, nil)
	s.references = map[string]string{"web": "id", "backup": "id"}
	s.attributes = func(resource, attr string, path []any) (any, error) { return attr, nil }
	for _, o := range tmpl.Outputs {
		if v, err := o.Value.Resolve(s); err != nil || v == nil {
			t.Errorf("output %s: got %v, %v", o.Name, v, err)
		}
	}
	if _, err := tmpl.Graph(s); err != nil {
		t.Error(err)
	}
}

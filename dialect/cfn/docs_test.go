package cfn_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stoker-project/stoker/dialect/cfn"
)

// TestDocumentedTemplates parses and resolves what the documentation shows.
func TestDocumentedTemplates(t *testing.T) {
	text, err := os.ReadFile("../../docs/cloudformation.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(text), "```yaml\n")[1:]
	if len(blocks) != 2 {
		t.Fatalf("found %d templates, want 2", len(blocks))
	}
	for _, block := range blocks {
		snippet, _, _ := strings.Cut(block, "```")
		tmpl, err := cfn.Parse([]byte(snippet), "")
		if err != nil {
			t.Errorf("%v in\n%s", err, snippet)
			continue
		}
		s := bind(t, tmpl, nil)
		if _, err := tmpl.Graph(s); err != nil {
			t.Error(err)
		}
		for _, o := range tmpl.Outputs {
			if v, err := o.Value.Resolve(s); err != nil || v == nil || v == "" {
				t.Errorf("output %s: got %v, %v", o.Name, v, err)
			}
		}
		for _, r := range tmpl.Resources {
			if _, unknown, err := r.ResolveProperties(s); err != nil || len(unknown) > 0 {
				t.Errorf("resource %s: %v, %v", r.Name, unknown, err)
			}
		}
	}
}

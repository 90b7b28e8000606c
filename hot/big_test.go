package hot_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stoker-project/stoker/hot"
)

// TestLargeYAML reads the largest honest template: a thousand resources.
func TestLargeYAML(t *testing.T) {
	var b strings.Builder
	b.WriteString("heat_template_version: 2021-04-16\nresources:\n")
	for i := range 1000 {
		fmt.Fprintf(&b, `  web_%d:
    type: Stoker::Server
    depends_on:
    properties:
      image: web
      name: {list_join: ['-', [web, {get_param: "OS::stack_name"}]]}
      networks:
      - network: front
      - network: back
      user_data: |
        #!/bin/sh
        echo %d
      metadata:
        empty:
        role: web
`, i, i)
	}
	tmpl, err := hot.Parse([]byte(b.String()), "big.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(tmpl.Resources) != 1000 || tmpl.Resources[999].Name != "web_999" {
		t.Errorf("got %d resources", len(tmpl.Resources))
	}
	if got := tmpl.Resources[1].Pos.Line; got != 19 {
		t.Errorf("the second resource is at line %d, want 19", got)
	}
}

package schematest

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stoker-project/stoker"
)

// Documented checks that a page of documentation shows each type's properties and
// attributes as they are, between two comments:
//
//	<!-- schema OS::Heat::Value -->
//	<!-- end -->
//
// With the flag -update they are written there; use go test -p 1 then, since several
// packages write one page.
func Documented(t *testing.T, types Types, page string) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before := string(text)
	after := before
	for _, name := range slices.Sorted(maps.Keys(types)) {
		begin := fmt.Sprintf("<!-- schema %s -->\n", name)
		head, rest, ok := strings.Cut(after, begin)
		old, tail, ended := strings.Cut(rest, "<!-- end -->")
		if !ok || !ended {
			t.Errorf("%s has no place for the schema of %s: %q up to %q", page, name, begin, "<!-- end -->")
			continue
		}
		now := "\n" + tables(types[name].Schema()) + "\n"
		if old != now && !updating() {
			t.Errorf("%s does not show %s as it is; go test -run Documented -update writes it", page, name)
		}
		after = head + begin + now + "<!-- end -->" + tail
	}
	if updating() && after != before {
		if err := os.WriteFile(page, []byte(after), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// updating reads the flag -update of the test's package.
func updating() bool {
	f := flag.Lookup("update")
	return f != nil && f.Value.String() == "true"
}

func tables(s *stoker.Schema) string {
	var b strings.Builder
	if s.AnyProperty {
		b.WriteString("Takes any property.\n")
	} else {
		b.WriteString("| property | type | default | changed | |\n|---|---|---|---|---|\n")
		walk(s.Properties, "", func(path string, p *stoker.Property) { row(&b, path, p) })
	}
	if s.UpdatePolicy != nil {
		b.WriteString("\n| update_policy | type | default | | |\n|---|---|---|---|---|\n")
		walk(s.UpdatePolicy, "", func(path string, p *stoker.Property) {
			fmt.Fprintf(&b, "| `%s` | %s | %s | | %s |\n", path, p.Type, shown(p), cell(p.Description))
		})
	}
	b.WriteString("\n| attribute | type | |\n|---|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(s.Attributes)) {
		a := s.Attributes[name]
		kind := a.Type
		if kind == "" {
			kind = stoker.TypeAny
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", name, kind, cell(a.Description))
	}
	return b.String()
}

func row(b *strings.Builder, path string, p *stoker.Property) {
	if strings.HasSuffix(path, "[]") || strings.HasSuffix(path, ".*") {
		return // its fields follow
	}
	changed := ""
	if !strings.ContainsAny(path, ".[") {
		changed = "replaces"
		if p.Update {
			changed = "in place"
		}
	}
	description := p.Description
	for _, c := range p.Constraints {
		if c.AllowedValues != nil {
			description += fmt.Sprintf(" One of %s.", strings.Trim(fmt.Sprint(c.AllowedValues), "[]"))
		}
	}
	fmt.Fprintf(b, "| `%s` | %s | %s | %s | %s |\n", path, p.Type, shown(p), changed, cell(description))
}

// shown is the default, or that there has to be a value.
func shown(p *stoker.Property) string {
	switch {
	case p.Required:
		return "**required**"
	case p.Default == nil || p.Default == "":
		return ""
	}
	if s, ok := p.Default.(string); ok {
		return "`" + s + "`"
	}
	text, err := json.Marshal(p.Default)
	if err != nil {
		return ""
	}
	return "`" + string(text) + "`"
}

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

package heatschema

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stoker-project/stoker"
)

var update = flag.Bool("update", false, "write table.json from the dump of Heat's types")

const dump = "../../../shared/reference/resource-schemas.json"

// dumped is a schema as a dump of Heat's registry has it.
type dumped struct {
	Properties   map[string]*dumpedProperty
	Attributes   map[string]struct{ Type *string }
	UpdatePolicy map[string]*dumpedProperty `json:"update_policy"`
}

type dumpedProperty struct {
	Type          string
	Required      bool
	UpdateAllowed bool `json:"update_allowed"`
	Immutable     bool
	Implemented   bool
	Status        string
	Default       json.RawMessage
	Constraints   []map[string]json.RawMessage
	Schema        map[string]*dumpedProperty // of fields; "*": of items
}

// TestTable holds the table to the dump, or writes it.
func TestTable(t *testing.T) {
	text, err := os.ReadFile(dump)
	if os.IsNotExist(err) {
		t.Skipf("there is no dump of Heat's types at %s", dump)
	}
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]*dumped
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	want := write(t, all)
	if bytes.Equal(want, tableText) {
		return
	}
	if !*update {
		t.Fatal("table.json is not what the dump says; go test -run TestTable -update writes it")
	}
	if err := os.WriteFile("table.json", want, 0o644); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, all map[string]*dumped) []byte {
	var b bytes.Buffer
	for i, name := range slices.Sorted(maps.Keys(all)) {
		b.WriteString(map[bool]string{true: "{\n", false: ",\n"}[i == 0])
		b.Write(compact(t, name))
		b.WriteByte(':')
		d := all[name]
		r := row{Properties: rows(t, d.Properties), Policy: rows(t, d.UpdatePolicy), Attributes: map[string]string{}}
		for a, x := range d.Attributes {
			r.Attributes[a] = ""
			if x.Type != nil {
				r.Attributes[a] = strings.ToLower(*x.Type)
			}
		}
		b.Write(compact(t, r))
	}
	b.WriteString("\n}\n")
	return b.Bytes()
}

func compact(t *testing.T, v any) []byte {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSpace(b.Bytes())
}

func rows(t *testing.T, ps map[string]*dumpedProperty) map[string]*property {
	out := map[string]*property{}
	for name, p := range ps {
		out[name] = rowOf(t, p)
	}
	return out
}

func rowOf(t *testing.T, p *dumpedProperty) *property {
	out := &property{
		Type: stoker.PropertyType(strings.ToLower(p.Type)), Required: p.Required, Update: p.UpdateAllowed,
		Immutable: p.Immutable, Hidden: p.Status == "HIDDEN", Missing: !p.Implemented,
	}
	switch text := string(p.Default); {
	case text == "{}" && out.Type == stoker.TypeList:
		out.Default = json.RawMessage("[]") // Heat's slip; it takes what is empty for its empty list
	case text != "null":
		out.Default = p.Default
	}
	for _, c := range p.Constraints {
		for key, v := range c {
			out.Constraints = append(out.Constraints, constraintRow(t, key, v))
		}
	}
	if item := p.Schema["*"]; item != nil {
		out.Items = rowOf(t, item)
		return out
	}
	out.Fields = rows(t, p.Schema)
	return out
}

func constraintRow(t *testing.T, key string, text json.RawMessage) (c constraint) {
	t.Helper()
	var limits struct{ Min, Max *float64 }
	var err error
	switch key {
	case "range":
		err = json.Unmarshal(text, &limits)
		c.Range = &[2]*float64{limits.Min, limits.Max}
	case "length":
		err = json.Unmarshal(text, &limits)
		c.Length = &[2]*float64{limits.Min, limits.Max}
	case "allowed_values":
		err = json.Unmarshal(text, &c.Allowed)
	case "allowed_pattern":
		err = json.Unmarshal(text, &c.Pattern)
	case "custom_constraint":
		err = json.Unmarshal(text, &c.Custom)
	default:
		t.Errorf("the dump has a constraint %q that the table cannot hold", key)
	}
	if err != nil {
		t.Errorf("constraint %s %s: %v", key, text, err)
	}
	return c
}

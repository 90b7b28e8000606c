package schematest

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/value"
)

// heatSchema is a schema as a dump of Heat's registry of types has it.
type heatSchema struct {
	Properties   map[string]*heatProperty
	Attributes   map[string]struct{ Type *string }
	UpdatePolicy map[string]*heatProperty `json:"update_policy"`
}

type heatProperty struct {
	Type          string
	Required      bool
	UpdateAllowed bool `json:"update_allowed"`
	Immutable     bool
	Status        string
	Default       any
	Constraints   []map[string]any
	Schema        map[string]*heatProperty // of fields; "*": of items
}

// LikeHeat compares the types with those of the same names in a dump of Heat's
// registry, and skips where there is none. differences are meant to be, each with
// its reason: their keys are what LikeHeat would complain of.
func LikeHeat(t *testing.T, types Types, dump string, differences map[string]string) {
	t.Helper()
	text, err := os.ReadFile(dump)
	if os.IsNotExist(err) {
		t.Skipf("there is no dump of Heat's types at %s", dump)
	}
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]*heatSchema
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(types)) {
		theirs := all[string(name)]
		if theirs == nil {
			t.Errorf("Heat has no type %s", name)
			continue
		}
		compare(got, string(name), types[name].Schema(), theirs)
	}
	for _, key := range slices.Sorted(maps.Keys(got)) {
		if differences[key] == "" {
			t.Errorf("%s: %s", key, got[key])
		}
	}
	for _, key := range slices.Sorted(maps.Keys(differences)) {
		if got[key] == "" {
			t.Errorf("%s is no difference (any more)", key)
		}
	}
}

func compare(diffs map[string]string, name string, ours *stoker.Schema, theirs *heatSchema) {
	compareProperties(diffs, name+".", ours.Properties, theirs.Properties)
	compareProperties(diffs, name+".update_policy.", ours.UpdatePolicy, theirs.UpdatePolicy)
	for _, attr := range slices.Sorted(maps.Keys(union(ours.Attributes, theirs.Attributes))) {
		a, h := ours.Attributes[attr], theirs.Attributes[attr]
		_, known := theirs.Attributes[attr]
		at := name + " attribute " + attr
		switch {
		case a == nil:
			diffs[at] = "missing here"
		case !known:
			diffs[at] = "not in Heat"
		case h.Type != nil && !strings.EqualFold(*h.Type, string(a.Type)):
			diffs[at] = fmt.Sprintf("is %s here, %s in Heat", a.Type, *h.Type)
		}
	}
}

func compareProperties(diffs map[string]string, prefix string, ours map[string]*stoker.Property, theirs map[string]*heatProperty) {
	for _, name := range slices.Sorted(maps.Keys(union(ours, theirs))) {
		p, h := ours[name], theirs[name]
		switch {
		case p == nil:
			diffs[prefix+name] = "missing here"
		case h == nil:
			diffs[prefix+name] = "not in Heat"
		default:
			compareProperty(diffs, prefix+name, p, h)
		}
	}
}

func compareProperty(diffs map[string]string, at string, p *stoker.Property, h *heatProperty) {
	differ := func(what string, ours, theirs any) {
		if !value.Equal(ours, theirs) {
			diffs[at+" "+what] = fmt.Sprintf("is %v here, %v in Heat", ours, theirs)
		}
	}
	differ("type", string(p.Type), strings.ToLower(h.Type))
	differ("required", p.Required, h.Required)
	differ("update", p.Update, h.UpdateAllowed)
	differ("immutable", p.Immutable, h.Immutable)
	differ("hidden", p.Hidden, h.Status == "HIDDEN")
	theirs, _ := value.Normal(h.Default)
	differ("default", p.Default, theirs)
	differ("constraints", constraints(p.Constraints), heatConstraints(h.Constraints))
	if item := h.Schema["*"]; item != nil {
		if p.Items == nil {
			diffs[at+"[]"] = "missing here"
			return
		}
		compareProperty(diffs, at+"[]", &stoker.Property{Type: p.Items.Type, Fields: p.Items.Fields}, &heatProperty{Type: item.Type, Schema: item.Schema})
		return
	}
	compareProperties(diffs, at+".", p.Fields, h.Schema)
}

// constraints writes constraints for comparison.
func constraints(cs []stoker.Constraint) string {
	var out []string
	for _, c := range cs {
		switch {
		case c.Range != nil:
			out = append(out, "range "+bounds(c.Range))
		case c.Length != nil:
			out = append(out, "length "+bounds(c.Length))
		case c.AllowedValues != nil:
			out = append(out, fmt.Sprintf("allowed %v", c.AllowedValues))
		case c.Pattern != "":
			out = append(out, "pattern "+c.Pattern)
		case c.Custom != "":
			out = append(out, "custom "+c.Custom)
		default:
			out = append(out, fmt.Sprintf("%+v", c))
		}
	}
	return strings.Join(out, ", ")
}

func bounds(r *stoker.Range) string {
	show := func(f *float64) string {
		if f == nil {
			return ""
		}
		return fmt.Sprint(*f)
	}
	return show(r.Min) + ".." + show(r.Max)
}

func heatConstraints(cs []map[string]any) string {
	var ours []stoker.Constraint
	for _, c := range cs {
		for key, v := range c {
			m, _ := v.(map[string]any)
			limit := func(name string) *float64 {
				if f, ok := m[name].(float64); ok {
					return &f
				}
				return nil
			}
			switch key {
			case "range":
				ours = append(ours, stoker.Constraint{Range: &stoker.Range{Min: limit("min"), Max: limit("max")}})
			case "length":
				ours = append(ours, stoker.Constraint{Length: &stoker.Range{Min: limit("min"), Max: limit("max")}})
			case "allowed_values":
				values, _ := v.([]any)
				ours = append(ours, stoker.Constraint{AllowedValues: values})
			case "allowed_pattern":
				pattern, _ := v.(string)
				ours = append(ours, stoker.Constraint{Pattern: pattern})
			case "custom_constraint":
				name, _ := v.(string)
				ours = append(ours, stoker.Constraint{Custom: name})
			default:
				ours = append(ours, stoker.Constraint{Description: key})
			}
		}
	}
	return constraints(ours)
}

func union[A, B any](a map[string]A, b map[string]B) map[string]bool {
	out := map[string]bool{}
	for k := range a {
		out[k] = true
	}
	for k := range b {
		out[k] = true
	}
	return out
}

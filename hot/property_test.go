package hot_test

import (
	"reflect"
	"strings"
	"testing"

	stoker "github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/hot"
)

func serverSchema() map[string]*stoker.Property {
	one := 1.0
	return map[string]*stoker.Property{
		"image":  {Type: stoker.TypeString, Required: true},
		"port":   {Type: stoker.TypeInteger, Default: int64(80), Constraints: []stoker.Constraint{{Range: &stoker.Range{Min: &one}}}},
		"weight": {Type: stoker.TypeNumber},
		"public": {Type: stoker.TypeBoolean},
		"tags":   {Type: stoker.TypeList, Items: &stoker.Property{Type: stoker.TypeString}},
		"limits": {Type: stoker.TypeMap, Items: &stoker.Property{Type: stoker.TypeInteger}},
		"any":    {Type: stoker.TypeAny},
		"networks": {Type: stoker.TypeList, Items: &stoker.Property{Type: stoker.TypeMap, Fields: map[string]*stoker.Property{
			"network": {Type: stoker.TypeString, Required: true},
			"port":    {Type: stoker.TypeInteger, Default: int64(1)},
		}}},
	}
}

func TestCheckProperties(t *testing.T) {
	got, err := hot.CheckProperties(serverSchema(), map[string]any{
		"image": int64(5), "weight": "1.5", "public": "True", "tags": []any{int64(1), nil, true},
		"limits": map[string]any{"cpu": "2"}, "any": []any{nil}, "port": nil,
		"networks": []any{map[string]any{"network": "n"}},
	}, nil, "resources.x.properties")
	want := map[string]any{
		"image": "5", "weight": 1.5, "public": true, "tags": []any{"1", "", "True"},
		"limits": map[string]any{"cpu": int64(2)}, "any": []any{nil}, "port": int64(80),
		"networks": []any{map[string]any{"network": "n", "port": int64(1)}},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
}

func TestUnknownPropertiesAreTakenToBeThere(t *testing.T) {
	got, err := hot.CheckProperties(serverSchema(), map[string]any{}, []string{"image", "port"}, "p")
	if err != nil || len(got) != 0 {
		t.Errorf("got %v, %v, want nothing", got, err)
	}
	if _, err := hot.CheckProperties(serverSchema(), nil, []string{"imag"}, "p"); err == nil {
		t.Error("an unknown value hid an unknown property")
	}
}

func TestRefusedProperties(t *testing.T) {
	tests := []struct {
		name  string
		value any
		want  string
	}{
		{"y", "x", "Property error: resources.x.properties: Unknown Property y"},
		{"imag", "x", `Property error: resources.x.properties: Unknown Property imag. Did you mean "image"?`},
		{"port", "BAD", "Property error: resources.x.properties.port: Value 'BAD' is not an integer"},
		{"port", 1.5, "Property error: resources.x.properties.port: Value '1.5' is not an integer"},
		{"port", int64(0), "Property error: resources.x.properties.port: 0 is out of range (min: 1, max: None)"},
		{"weight", "heavy", "Property error: resources.x.properties.weight: Value 'heavy' is not a number"},
		{"public", "maybe", `Property error: resources.x.properties.public: "maybe" is not a valid boolean`},
		{"public", int64(1), `Property error: resources.x.properties.public: "1" is not a valid boolean`},
		{"tags", "a,b", `Property error: resources.x.properties.tags: "'a,b'" is not a list`},
		{"tags", []any{[]any{}}, "Property error: resources.x.properties.tags[0]: Value must be a string; got []"},
		{"limits", "x", `Property error: resources.x.properties.limits: "x" is not a map`},
		{"limits", map[string]any{"cpu": "x"}, "Property error: resources.x.properties.limits.cpu: Value 'x' is not an integer"},
		{"networks", []any{map[string]any{}}, "Property error: resources.x.properties.networks[0]: Property network not assigned"},
		{"networks", []any{map[string]any{"network": "n", "z": 1}}, "Property error: resources.x.properties.networks[0]: Unknown Property z"},
		{"image", nil, "Property error: resources.x.properties: Property image not assigned"},
		{"image", map[string]any{}, "Property error: resources.x.properties.image: Value must be a string; got {}"},
	}
	for _, tt := range tests {
		props := map[string]any{"image": "web"}
		props[tt.name] = tt.value
		_, err := hot.CheckProperties(serverSchema(), props, nil, "resources.x.properties")
		e, ok := stoker.AsError(err)
		if !ok || err.Error() != tt.want || e.Type != "StackValidationFailed" || e.Kind != stoker.Invalid || !strings.HasPrefix(e.Path, "resources.x.properties") {
			t.Errorf("%s: got %v, want %s", tt.name, err, tt.want)
		}
	}
}

// TestParameterAsProperty: the parameters of a template are the properties of the
// type it makes.
func TestParameterAsProperty(t *testing.T) {
	tmpl := parse(t, "heat_template_version: 2018-03-02\nparameters:\n  a: {type: number, immutable: true, hidden: true, description: d}\n  b: {type: json, default: {}}")
	want := &stoker.Property{Type: stoker.TypeNumber, Required: true, Update: true, Immutable: true, Secret: true, Description: "d"}
	if got := tmpl.Parameter("a").Property(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if tmpl.Parameter("b").Property().Required {
		t.Error("a parameter with a default is required")
	}
}

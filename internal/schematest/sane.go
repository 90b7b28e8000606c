// Package schematest checks the schemas of resource types: that they are whole,
// that they are Heat's where they bear Heat's names, and that the documentation
// shows them. It is for tests only.
package schematest

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/value"
)

// Types is what a package of resource types offers.
type Types = map[stoker.TypeName]stoker.ResourceType

// Sane checks that each schema is whole, and that its type can do what it says.
func Sane(t *testing.T, types Types) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(types)) {
		t.Run(string(name), func(t *testing.T) { sane(t, types[name]) })
	}
}

func sane(t *testing.T, impl stoker.ResourceType) {
	s := impl.Schema()
	if s != impl.Schema() {
		t.Errorf("the schema is made anew each time it is asked for")
	}
	sentence(t, "the type", s.Description)
	_, updates := impl.(stoker.Updater)
	_, groups := impl.(stoker.Grouper)
	_, attributes := impl.(stoker.Attributer)
	if !attributes && !groups {
		t.Errorf("the type has attributes, but is no Attributer")
	}
	walk(s.Properties, "", func(path string, p *stoker.Property) {
		property(t, path, p)
		if p.Update && !updates && !groups {
			t.Errorf("%s is changed in place, but the type is no Updater", path)
		}
	})
	walk(s.UpdatePolicy, "update_policy.", func(path string, p *stoker.Property) { property(t, path, p) })
	if s.Attributes["show"] == nil {
		t.Errorf("the attribute show is missing")
	}
	for name, a := range s.Attributes {
		sentence(t, "attribute "+name, a.Description)
	}
}

func property(t *testing.T, path string, p *stoker.Property) {
	sentence(t, path, p.Description)
	if p.Required && p.Default != nil {
		t.Errorf("%s is required and has a default", path)
	}
	if p.Default != nil && !fits(p.Type, p.Default) {
		t.Errorf("%s is a %s, but its default is %#v", path, p.Type, p.Default)
	}
	for _, c := range p.Constraints {
		parts := 0
		for _, set := range []bool{c.Length != nil, c.Range != nil, c.Modulo != nil, c.AllowedValues != nil, c.Pattern != "", c.Custom != ""} {
			if set {
				parts++
			}
		}
		if parts != 1 {
			t.Errorf("%s has a constraint of %d parts, want 1", path, parts)
		}
	}
}

func fits(kind stoker.PropertyType, v any) bool {
	switch kind {
	case stoker.TypeInteger:
		_, ok := v.(int64)
		return ok
	case stoker.TypeNumber:
		return value.TypeName(v) == "number"
	case stoker.TypeAny:
		return true
	}
	return value.TypeName(v) == string(kind)
}

func sentence(t *testing.T, what, s string) {
	if len(s) < 5 || !strings.HasSuffix(s, ".") {
		t.Errorf("%s: the description %q is no sentence", what, s)
	}
}

// walk visits properties and those inside them. Items of lists are called
// list[], and those of maps with any keys map.*.
func walk(ps map[string]*stoker.Property, prefix string, visit func(path string, p *stoker.Property)) {
	for _, name := range slices.Sorted(maps.Keys(ps)) {
		p := ps[name]
		path := prefix + name
		visit(path, p)
		walk(p.Fields, path+".", visit)
		if p.Items == nil {
			continue
		}
		item := path + "[]"
		if p.Type == stoker.TypeMap {
			item = path + ".*"
		}
		visit(item, p.Items)
		walk(p.Items.Fields, item+".", visit)
	}
}

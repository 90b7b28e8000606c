package heatschema

import (
	"fmt"
	"maps"
	"slices"

	"github.com/stoker-project/stoker"
)

// Texts are descriptions by their place: a property, list[].field, map.field, or
// attribute:name. What says the same in many types can be looked up elsewhere.
type Texts map[string]string

// Describe gives the schema of a type with a description of everything in it. Those
// that are not in texts are taken from common, by the last name of the place. It
// panics where one is missing, or is of nothing that the type has: the first test
// that makes the types tells.
func (t Table) Describe(name stoker.TypeName, description string, texts, common Texts) *stoker.Schema {
	d := describer{texts: texts, common: common, used: map[string]bool{}}
	s := t.Facts(name).Schema
	s.Description = description
	d.properties(s.Properties, "")
	for attr, a := range s.Attributes {
		a.Description = d.text("attribute:"+attr, "attribute:"+attr)
	}
	for _, place := range slices.Sorted(maps.Keys(texts)) {
		if !d.used[place] {
			d.wrong = append(d.wrong, place+" is not there")
		}
	}
	if d.wrong != nil {
		slices.Sort(d.wrong)
		panic(fmt.Errorf("descriptions of %s: %q", name, d.wrong))
	}
	return s
}

type describer struct {
	texts, common Texts
	used          map[string]bool
	wrong         []string
}

func (d *describer) text(place, last string) string {
	d.used[place] = true
	text, ok := d.texts[place]
	if !ok {
		text, ok = d.common[last]
	}
	if !ok {
		d.wrong = append(d.wrong, place+" has none")
	}
	return text
}

func (d *describer) properties(ps map[string]*stoker.Property, prefix string) {
	for name, p := range ps {
		place := prefix + name
		p.Description = d.text(place, name)
		d.properties(p.Fields, place+".")
		if p.Items != nil {
			p.Items.Description = "An element."
			d.properties(p.Items.Fields, place+"[].")
		}
	}
}

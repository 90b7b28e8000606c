// Package heatschema has the schemas of Heat's resource types: facts only (names,
// types, requirements, defaults, constraints), in table.json, which the package's
// test writes from a dump of Heat's registry. Descriptions are each package's own,
// that makes resources of a type or refuses to. It starts no goroutine.
package heatschema

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/stoker-project/stoker"
)

// Table holds the facts of all visible types of Heat. It may be used from any
// goroutine.
type Table map[stoker.TypeName]json.RawMessage

// Read gives the table. It panics where the table that was built in is broken,
// which the package's test would have told.
func Read() Table {
	var out Table
	if err := json.Unmarshal(tableText, &out); err != nil {
		panic(fmt.Errorf("read the table of Heat's types: %w", err))
	}
	return out
}

// Facts are those of one type.
type Facts struct {
	// Schema has no descriptions; it is the caller's to change.
	Schema *stoker.Schema
	// Missing are the properties that Heat lists and has not implemented, sorted.
	Missing []string
}

// Facts gives those of a type. It panics where there is no such type in the table:
// names are written in programs, not by users.
func (t Table) Facts(name stoker.TypeName) Facts {
	var r row
	text, ok := t[name]
	if !ok {
		panic(fmt.Errorf("type %s is none of Heat's", name))
	}
	err := json.Unmarshal(text, &r)
	if err == nil {
		var s *stoker.Schema
		if s, err = r.schema(); err == nil {
			return Facts{Schema: s, Missing: r.missing()}
		}
	}
	panic(fmt.Errorf("schema of %s: %w", name, err))
}

func (r row) missing() []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(r.Properties)) {
		if r.Properties[name].Missing {
			out = append(out, name)
		}
	}
	return out
}

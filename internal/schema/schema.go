// Package schema has the words that schemas of resource types are written in:
// constraints and the attribute that every type has. It checks nothing.
package schema

import (
	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/request"
)

// Fixed is embedded by a resource type whose schema never changes: engines ask
// for it often.
type Fixed struct{ schema *stoker.Schema }

// Fix holds a schema.
func Fix(s *stoker.Schema) Fixed { return Fixed{s} }

// Hide is the same under a name that lists leave out.
func (f Fixed) Hide() Fixed {
	s := *f.schema
	s.Hidden = true
	return Fixed{&s}
}

// Schema implements part of stoker.ResourceType. The caller may not change it.
func (f Fixed) Schema() *stoker.Schema { return f.schema }

// AtLeast allows numbers from a lowest one on.
func AtLeast(n float64) []stoker.Constraint {
	return []stoker.Constraint{{Range: &stoker.Range{Min: &n}}}
}

// Between allows numbers within inclusive bounds.
func Between(lowest, highest float64) []stoker.Constraint {
	return []stoker.Constraint{{Range: &stoker.Range{Min: &lowest, Max: &highest}}}
}

// LongAtLeast allows texts and lists from a length on.
func LongAtLeast(n float64) []stoker.Constraint {
	return []stoker.Constraint{{Length: &stoker.Range{Min: &n}}}
}

// OneOf allows some strings.
func OneOf(words ...string) []stoker.Constraint {
	values := make([]any, len(words))
	for i, w := range words {
		values[i] = w
	}
	return []stoker.Constraint{{AllowedValues: values}}
}

// Custom asks for a constraint of Heat's registry.
func Custom(name string) []stoker.Constraint { return []stoker.Constraint{{Custom: name}} }

// Duration is a property that is a duration: seconds, or a text with units.
// It can be changed in place.
func Duration(description string, otherwise any) *stoker.Property {
	return &stoker.Property{
		Type: stoker.TypeString, Description: description, Default: otherwise, Update: true,
		Constraints: []stoker.Constraint{{
			Pattern:     request.DurationPattern,
			Description: "A duration is a number of seconds, or has units: 500ms, 30s, 1m30s.",
		}},
	}
}

// Attributes adds to the attributes of a type those that every type has in Heat.
func Attributes(own map[string]*stoker.Attribute) map[string]*stoker.Attribute {
	out := map[string]*stoker.Attribute{
		"show": {Type: stoker.TypeMap, Description: "What the part that made the resource says of it, null where there is no such part."},
	}
	for name, a := range own {
		out[name] = a
	}
	return out
}

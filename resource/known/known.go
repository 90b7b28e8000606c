// Package known has Heat's resource types by their schemas: templates that use
// them validate, and the types can be looked up. It makes no resource of any of
// them; types that have a driver are elsewhere and take the place of those here.
//
// The schemas are facts only (names, types, requirements, defaults, constraints),
// in table.json, which the package's test writes from a dump of Heat's registry. The
// package starts no goroutine.
package known

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/request"
	"github.com/stoker-project/stoker/internal/schema"
	"github.com/stoker-project/stoker/internal/value"
)

// Types gives all visible types of Heat by their names.
func Types() (map[stoker.TypeName]stoker.ResourceType, error) {
	rows, err := readTable()
	if err != nil {
		return nil, err
	}
	out := make(map[stoker.TypeName]stoker.ResourceType, len(rows))
	for name, r := range rows {
		s, err := r.schema(name)
		if err != nil {
			return nil, fmt.Errorf("schema of %s: %w", name, err)
		}
		out[name] = known{Fixed: schema.Fix(s), missing: r.missing()}
	}
	return out, nil
}

// known is a type without a driver. A resource of it can only be one that exists
// elsewhere, by external_id; nothing is known of its attributes.
type known struct {
	schema.Fixed
	missing []string // properties that Heat lists and has not implemented
}

var (
	_ stoker.Validator  = known{}
	_ stoker.Updater    = known{}
	_ stoker.Attributer = known{}
	_ stoker.Refuser    = known{}
)

func (known) Refuse(t stoker.TypeName) error { return noDriver(t) }

func (known) Create(_ context.Context, req *stoker.Request) (stoker.Result, error) {
	return stoker.Result{}, noDriver(req.Type)
}

// Update is for the schema's sake: there never was anything to change.
func (known) Update(_ context.Context, req *stoker.Request) (stoker.Result, error) {
	return stoker.Result{}, noDriver(req.Type)
}

// Delete finds nothing left: nothing was made.
func (known) Delete(context.Context, *stoker.Request) error { return nil }

func noDriver(t stoker.TypeName) error {
	return &stoker.Error{Kind: stoker.Invalid, Type: "ResourceTypeUnavailable",
		Message: fmt.Sprintf("no driver for this type is configured: %s", t),
		Hint:    "Leave the resource out, or map its type to OS::Heat::None or to a template of your own in the environment's resource_registry."}
}

// Validate refuses what Heat's own types refuse.
func (k known) Validate(req *stoker.Request) error {
	v := request.Values(req.Properties)
	for _, name := range k.missing {
		if v.Has(name) && !value.Equal(v[name], k.Schema().Properties[name].Default) {
			return &stoker.Error{Kind: stoker.Invalid, Type: "StackValidationFailed", Path: "properties." + name,
				Message: fmt.Sprintf("Property %s not implemented yet", name)}
		}
	}
	return nil
}

func (k known) Attribute(_ context.Context, req *stoker.Request, name string, path []any) (any, int, error) {
	if _, ok := k.Schema().Attributes[name]; !ok {
		return nil, 0, request.UnknownAttribute(req.Name, name)
	}
	return nil, len(path), nil
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

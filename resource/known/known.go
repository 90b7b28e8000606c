// Package known has Heat's resource types by their schemas: templates that use
// them validate, and the types can be looked up. It makes no resource of any of
// them; types that have a driver are elsewhere and take the place of those here.
//
// The schemas are those of internal/heatschema. The package starts no goroutine.
package known

import (
	"context"
	"fmt"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/heatschema"
	"github.com/stoker-project/stoker/internal/request"
	"github.com/stoker-project/stoker/internal/schema"
	"github.com/stoker-project/stoker/internal/value"
)

// Types gives all visible types of Heat by their names.
func Types() map[stoker.TypeName]stoker.ResourceType {
	table := heatschema.Read()
	out := make(map[stoker.TypeName]stoker.ResourceType, len(table))
	for name := range table {
		f := table.Facts(name)
		f.Schema.Description = fmt.Sprintf("%s as Heat describes it: known by its schema only, there is no driver for it.", name)
		out[name] = known{Fixed: schema.Fix(f.Schema), missing: f.Missing}
	}
	return out
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

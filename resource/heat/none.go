package heat

import (
	"context"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/request"
	"github.com/stoker-project/stoker/internal/schema"
)

// none is OS::Heat::None: it stands in for a type that is to do nothing.
type none struct{ schema.Fixed }

var (
	_ stoker.Updater    = none{}
	_ stoker.Attributer = none{}
)

func noneSchema() *stoker.Schema {
	return &stoker.Schema{
		Description: "Does nothing: takes any property, and every attribute is null. Map a type to it in an environment to leave that type out.",
		Properties:  map[string]*stoker.Property{},
		Attributes:  schema.Attributes(nil),
		AnyProperty: true, AnyAttribute: true,
	}
}

func (none) Create(_ context.Context, req *stoker.Request) (stoker.Result, error) {
	return stoker.Result{PhysicalID: stoker.PhysicalID(request.Name(req))}, nil
}

func (none) Update(context.Context, *stoker.Request) (stoker.Result, error) {
	return stoker.Result{}, nil
}

func (none) Delete(context.Context, *stoker.Request) error { return nil }

func (none) Attribute(_ context.Context, _ *stoker.Request, _ string, path []any) (any, int, error) {
	return nil, len(path), nil
}

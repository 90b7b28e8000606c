package heat

import (
	"context"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/request"
	"github.com/stoker-project/stoker/internal/schema"
)

// accessPolicy is OS::Heat::AccessPolicy: it names the resources whose metadata a
// user of the stack may read. The tokens that servers get here are for one resource
// each, so there is nothing that it could widen.
type accessPolicy struct{ schema.Fixed }

var _ stoker.Attributer = accessPolicy{}

func accessPolicySchema() *stoker.Schema {
	return &stoker.Schema{
		Description: "Names resources that users of the stack may look at. It changes nothing: tokens of servers are for one resource each.",
		Properties: map[string]*stoker.Property{
			"AllowedResources": {Type: stoker.TypeList, Required: true, Description: "Names of resources of the stack."},
		},
		Attributes: schema.Attributes(nil),
	}
}

func (accessPolicy) Create(_ context.Context, req *stoker.Request) (stoker.Result, error) {
	return stoker.Result{PhysicalID: stoker.PhysicalID(request.Name(req))}, nil
}

func (accessPolicy) Delete(context.Context, *stoker.Request) error { return nil }

func (accessPolicy) Attribute(_ context.Context, req *stoker.Request, name string, _ []any) (any, int, error) {
	if name == "show" {
		return nil, 0, nil
	}
	return nil, 0, request.UnknownAttribute(req.Name, name)
}

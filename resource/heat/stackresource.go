package heat

import (
	"context"
	"fmt"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/request"
	"github.com/stoker-project/stoker/internal/schema"
	"github.com/stoker-project/stoker/internal/value"
)

// Stacks makes stacks that stand by themselves.
type Stacks interface {
	// PutStack makes a stack, or updates it when the project has one of the name. It
	// returns when that is accepted; asking twice is harmless.
	PutStack(ctx context.Context, s StandingStack) (stoker.StackID, error)
	// AwaitStack blocks until nothing is under way. A stack that is not complete then
	// is an error that says why.
	AwaitStack(ctx context.Context, id stoker.StackID) error
	// StackOutputs gives the outputs of a stack by their names.
	StackOutputs(ctx context.Context, id stoker.StackID) (map[string]any, error)
	// RemoveStack deletes a stack and blocks until it is gone; nil when there is none.
	RemoveStack(ctx context.Context, project stoker.ProjectID, name string) error
}

// StandingStack is a stack as a resource wants it.
type StandingStack struct {
	Project    stoker.ProjectID
	Admin      bool // an administrator asks for it
	Name       string
	Template   string
	Parameters map[string]any
	Timeout    time.Duration // 0: the engine's
}

// stackResource is OS::Heat::Stack: a stack of its own, made from a template in a
// property. It is in no other stack's tree, but goes when its resource does.
type stackResource struct {
	schema.Fixed
	d Deps
}

var (
	_ stoker.Updater    = stackResource{}
	_ stoker.Awaiter    = stackResource{}
	_ stoker.Attributer = stackResource{}
	_ stoker.Validator  = stackResource{}
)

func stackResourceSchema() *stoker.Schema {
	return &stoker.Schema{
		Description: "A stack of its own, made from a template in a property, in this region.",
		Properties: map[string]*stoker.Property{
			"template":   {Type: stoker.TypeString, Required: true, Update: true, Description: "The template, as a text: get_file of it. Files that it names do not come along."},
			"parameters": {Type: stoker.TypeMap, Default: map[string]any{}, Update: true, Description: "Values of its parameters."},
			"timeout":    {Type: stoker.TypeInteger, Update: true, Description: "Minutes that an operation on it may take."},
			"context": {Type: stoker.TypeMap, Update: true, Description: "Where it is.", Fields: map[string]*stoker.Property{
				"region_name":          {Type: stoker.TypeString, Description: "The region. Only this one is known."},
				"credential_secret_id": {Type: stoker.TypeString, Update: true, Description: "Refused: there is no Barbican."},
				"ca_cert":              {Type: stoker.TypeString, Update: true, Description: "Nothing depends on it."},
				"insecure":             {Type: stoker.TypeBoolean, Default: false, Update: true, Description: "Nothing depends on it."},
			}},
		},
		Attributes: schema.Attributes(map[string]*stoker.Attribute{
			"outputs":    {Type: stoker.TypeMap, Description: "Its outputs, by their names."},
			"stack_name": {Type: stoker.TypeString, Description: "Its name."},
		}),
	}
}

func (s stackResource) Validate(req *stoker.Request) error {
	where := request.Values(req.Properties).Map("context")
	if region := where.String("region_name"); region != "" && region != s.d.Region {
		return &stoker.Error{Kind: stoker.Invalid, Type: "StackValidationFailed", Path: "properties.context.region_name",
			Message: fmt.Sprintf("Cannot establish connection to Heat endpoint at region %q: only %q is known here", region, s.d.Region)}
	}
	if where.Has("credential_secret_id") {
		return invalid("properties.context.credential_secret_id", "there is no Barbican to get credentials from")
	}
	return nil
}

func standing(req *stoker.Request) StandingStack {
	v := request.Values(req.Properties)
	return StandingStack{
		Project: req.Stack.Project, Admin: req.Stack.Admin, Name: request.Name(req), Template: v.String("template"),
		Parameters: value.CloneMap(v.Map("parameters")), Timeout: time.Duration(v.Int("timeout")) * time.Minute,
	}
}

func (s stackResource) Create(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	id, err := s.d.Stacks.PutStack(ctx, standing(req))
	return stoker.Result{PhysicalID: stoker.PhysicalID(id)}, err
}

func (s stackResource) Update(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	return s.Create(ctx, req)
}

func (s stackResource) Await(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	return stoker.Result{}, s.d.Stacks.AwaitStack(ctx, stoker.StackID(req.PhysicalID))
}

func (s stackResource) Delete(ctx context.Context, req *stoker.Request) error {
	if s.d.Stacks == nil {
		return nil // nothing can have been made
	}
	return s.d.Stacks.RemoveStack(ctx, req.Stack.Project, request.Name(req))
}

func (s stackResource) Attribute(ctx context.Context, req *stoker.Request, name string, _ []any) (any, int, error) {
	switch name {
	case "stack_name":
		return request.Name(req), 0, nil
	case "outputs":
		if s.d.Stacks == nil {
			return nil, 0, nil
		}
		out, err := s.d.Stacks.StackOutputs(ctx, stoker.StackID(req.PhysicalID))
		return out, 0, err
	case "show":
		return nil, 0, nil
	}
	return nil, 0, request.UnknownAttribute(req.Name, name)
}

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
	// ActOnStack has a stack checked, suspended or resumed (the action's name, as in Heat's
	// API) and blocks until that is done; asking twice is harmless. NotFound: there is none.
	ActOnStack(ctx context.Context, id stoker.StackID, action string) error
}

// StandingStack is a stack as a resource wants it.
type StandingStack struct {
	Project    stoker.ProjectID
	Admin      bool // an administrator asks for it
	Name       string
	Template   string
	Parameters map[string]any
	// Files and Environment are those of the stack that asks, as for nested stacks.
	Files       map[string]string
	Environment map[string]any
	Timeout     time.Duration // 0: the engine's
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
	_ stoker.Checker    = stackResource{}
	_ stoker.Sleeper    = stackResource{}
	_ stoker.Attributer = stackResource{}
	_ stoker.Validator  = stackResource{}
)

func stackResourceSchema() *stoker.Schema {
	return &stoker.Schema{
		Description: "A stack of its own, made from a template in a property, in this region or another.",
		Properties: map[string]*stoker.Property{
			"template":   {Type: stoker.TypeString, Required: true, Update: true, Description: "The template, as a text: get_file of it. The files and types of this stack come along."},
			"parameters": {Type: stoker.TypeMap, Default: map[string]any{}, Update: true, Description: "Values of its parameters."},
			"timeout":    {Type: stoker.TypeInteger, Update: true, Description: "Minutes that an operation on it may take."},
			"context": {Type: stoker.TypeMap, Update: true, Description: "Where it is.", Fields: map[string]*stoker.Property{
				"region_name":          {Type: stoker.TypeString, Description: "The region: this one by default, or one of the configuration of Stoker."},
				"credential_secret_id": {Type: stoker.TypeString, Update: true, Description: "Refused: there is no Barbican."},
				"ca_cert":              {Type: stoker.TypeString, Update: true, Description: "Nothing depends on it: the configuration says whom to trust."},
				"insecure":             {Type: stoker.TypeBoolean, Default: false, Update: true, Description: "Nothing depends on it: the configuration says whom to trust."},
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
	if _, err := s.at(req); err != nil {
		return &stoker.Error{Kind: stoker.Invalid, Type: "StackValidationFailed", Path: "properties.context.region_name", Err: err,
			Message: fmt.Sprintf("Cannot establish connection to Heat endpoint at region %q", where.String("region_name"))}
	}
	if where.Has("credential_secret_id") {
		return invalid("properties.context.credential_secret_id", "there is no Barbican to get credentials from")
	}
	return nil
}

// at gives who makes stacks in the region that is asked for.
func (s stackResource) at(req *stoker.Request) (Stacks, error) {
	region := request.Values(req.Properties).Map("context").String("region_name")
	switch {
	case region == "" || region == s.d.Region:
		return s.d.Stacks, nil
	case s.d.Regions == nil:
		return nil, stoker.Errorf(stoker.Invalid, "only %q is known here", s.d.Region)
	}
	return s.d.Regions(req.Stack.Project, region)
}

func (s stackResource) standing(ctx context.Context, req *stoker.Request) (StandingStack, error) {
	v := request.Values(req.Properties)
	out := StandingStack{
		Project: req.Stack.Project, Admin: req.Stack.Admin, Name: request.Name(req), Template: v.String("template"),
		Parameters: value.CloneMap(v.Map("parameters")), Timeout: time.Duration(v.Int("timeout")) * time.Minute,
	}
	if s.d.Handed == nil {
		return out, nil
	}
	var err error
	out.Files, out.Environment, err = s.d.Handed(ctx, req.Stack.ID, req.Name)
	return out, err
}

func (s stackResource) Create(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	there, err := s.at(req)
	if err != nil {
		return stoker.Result{}, err
	}
	wanted, err := s.standing(ctx, req)
	if err != nil {
		return stoker.Result{}, err
	}
	id, err := there.PutStack(ctx, wanted)
	return stoker.Result{PhysicalID: stoker.PhysicalID(id)}, err
}

func (s stackResource) Update(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	return s.Create(ctx, req)
}

func (s stackResource) Await(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	there, err := s.at(req)
	if err != nil {
		return stoker.Result{}, err
	}
	return stoker.Result{}, there.AwaitStack(ctx, stoker.StackID(req.PhysicalID))
}

// Check has the stack checked, where it is.
func (s stackResource) Check(ctx context.Context, req *stoker.Request) error {
	return s.act(ctx, req, "check")
}

// Sleep suspends the stack with that of its resource.
func (s stackResource) Sleep(ctx context.Context, req *stoker.Request) error {
	return s.act(ctx, req, "suspend")
}

// Wake resumes it.
func (s stackResource) Wake(ctx context.Context, req *stoker.Request) error {
	return s.act(ctx, req, "resume")
}

func (s stackResource) act(ctx context.Context, req *stoker.Request, action string) error {
	there, err := s.at(req)
	if err != nil {
		return err
	}
	return there.ActOnStack(ctx, stoker.StackID(req.PhysicalID), action)
}

func (s stackResource) Delete(ctx context.Context, req *stoker.Request) error {
	there, err := s.at(req)
	if err != nil {
		return err
	}
	if there == nil {
		return nil // nothing can have been made
	}
	return there.RemoveStack(ctx, req.Stack.Project, request.Name(req))
}

func (s stackResource) Attribute(ctx context.Context, req *stoker.Request, name string, _ []any) (any, int, error) {
	switch name {
	case "stack_name":
		return request.Name(req), 0, nil
	case "outputs":
		there, err := s.at(req)
		if there == nil || err != nil {
			return nil, 0, err
		}
		out, err := there.StackOutputs(ctx, stoker.StackID(req.PhysicalID))
		return out, 0, err
	case "show":
		return nil, 0, nil
	}
	return nil, 0, request.UnknownAttribute(req.Name, name)
}

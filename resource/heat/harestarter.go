package heat

import (
	"context"
	"fmt"
	"strings"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/request"
	"github.com/stoker-project/stoker/internal/schema"
)

// haRestarter is OS::Heat::HARestarter: an alarm that signals it has its stack
// replace a server.
type haRestarter struct {
	schema.Fixed
	d Deps
}

var (
	_ stoker.Signaller  = haRestarter{}
	_ stoker.Updater    = haRestarter{}
	_ stoker.Attributer = haRestarter{}
)

func haRestarterSchema() *stoker.Schema {
	return &stoker.Schema{
		Description: "Has a server, or any other resource of its stack, replaced each time it is signalled.",
		Hidden:      true,
		Properties: map[string]*stoker.Property{
			"InstanceId": {Type: stoker.TypeString, Required: true, Update: true,
				Description: "What is replaced: get_resource of a resource of the same stack."},
		},
		Attributes: schema.Attributes(map[string]*stoker.Attribute{
			"AlarmUrl": {Type: stoker.TypeString, Description: "An address to signal without a token; whoever knows it may."},
		}),
	}
}

func (haRestarter) Create(_ context.Context, req *stoker.Request) (stoker.Result, error) {
	return stoker.Result{PhysicalID: stoker.PhysicalID(request.Name(req))}, nil
}

// Update has nothing to do: the instance is read at each signal. It differs after each
// replacement.
func (haRestarter) Update(context.Context, *stoker.Request) (stoker.Result, error) {
	return stoker.Result{}, nil
}

func (haRestarter) Delete(context.Context, *stoker.Request) error { return nil }

func (h haRestarter) Attribute(_ context.Context, req *stoker.Request, name string, _ []any) (any, int, error) {
	switch name {
	case "AlarmUrl":
		return orNull(h.d.AlarmURL(req.Stack, req.Name)), 0, nil
	case "show":
		return nil, 0, nil
	}
	return nil, 0, request.UnknownAttribute(req.Name, name)
}

// Signal has the instance replaced, unless the signal says that an alarm has ended. As
// in Heat, no instance is nothing to do.
func (h haRestarter) Signal(ctx context.Context, req *stoker.Request, body map[string]any) (stoker.Result, string, error) {
	if state, ok := body["state"].(string); ok && !strings.EqualFold(state, "alarm") {
		return stoker.Result{}, "", nil
	}
	reason := signalReason(body)
	name, err := h.d.Restarter.Restart(ctx, req.Stack.ID, request.Values(req.Properties).String("InstanceId"),
		fmt.Sprintf("%s has it replaced: %s", req.Name, reason))
	if err != nil || name == "" {
		return stoker.Result{}, "", err
	}
	return stoker.Result{}, reason, nil
}

package heat

import (
	"context"
	"fmt"
	"slices"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/request"
	"github.com/stoker-project/stoker/internal/schema"
	"github.com/stoker-project/stoker/internal/softwareconfig"
	"github.com/stoker-project/stoker/internal/value"
)

// deployment is OS::Heat::SoftwareDeployment or StructuredDeployment: a configuration
// for one server, with inputs. It is complete when a signal has told how applying it
// went. Nothing here brings it into the server.
//
//	(none) --> IN_PROGRESS --> COMPLETE
//	    ^            |-------> FAILED
//	    '--- update <---' (from each)
type deployment struct {
	schema.Fixed
	d Deps
	// structured fills inputs into the configuration itself.
	structured bool
}

var (
	_ stoker.Updater    = deployment{}
	_ stoker.Awaiter    = deployment{}
	_ stoker.Signaller  = deployment{}
	_ stoker.Attributer = deployment{}
	_ stoker.Validator  = deployment{}
)

// The keys of a deployment's Data.
const (
	deployStatus  = "status" // IN_PROGRESS, COMPLETE or FAILED
	deployReason  = "reason"
	deployOutputs = "outputs" // by name
	deployDerived = "derived" // the configuration with its inputs
)

// Validate refuses what would be missed if it were ignored.
func (deployment) Validate(req *stoker.Request) error {
	v := request.Values(req.Properties)
	if t := v.String("signal_transport"); t != "" && t != cfnSignal && t != putSignal && t != noSignal {
		return &stoker.Error{Kind: stoker.Invalid, Type: "StackValidationFailed", Path: "properties.signal_transport",
			Message: fmt.Sprintf("%s is not offered here", t), Hint: "Use CFN_SIGNAL, TEMP_URL_SIGNAL or NO_SIGNAL."}
	}
	if slices.Contains(v.Strings("actions"), string(stoker.ActionDelete)) {
		return &stoker.Error{Kind: stoker.Invalid, Type: "StackValidationFailed", Path: "properties.actions",
			Message: "nothing can be deployed at DELETE here", Hint: "Leave DELETE out."}
	}
	return nil
}

func (d deployment) Create(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	res, err := d.deploy(ctx, req, stoker.ActionCreate)
	res.PhysicalID = stoker.PhysicalID(req.ID)
	return res, err
}

// Update deploys anew if the deployment is for updates.
func (d deployment) Update(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	return d.deploy(ctx, req, stoker.ActionUpdate)
}

// deploy states what is to be applied. Asked twice after a crash it takes no
// signal back: who has applied it does not signal again.
func (d deployment) deploy(ctx context.Context, req *stoker.Request, action stoker.Action) (stoker.Result, error) {
	v := request.Values(req.Properties)
	c, err := d.configOf(ctx, req)
	if err != nil || !applies(c, v.Strings("actions"), action) {
		return stoker.Result{}, err
	}
	derived, err := d.derive(req, c, action)
	if err != nil {
		return stoker.Result{}, err
	}
	if value.Equal(req.Data[deployDerived], derived) {
		return stoker.Result{}, nil
	}
	status := stoker.StatusInProgress
	if v.String("signal_transport") == noSignal {
		status = stoker.StatusComplete
	}
	return stoker.Result{Data: map[string]any{
		deployStatus: string(status), deployOutputs: map[string]any{}, deployDerived: derived,
	}}, nil
}

func (deployment) Delete(context.Context, *stoker.Request) error { return nil }

// Await returns when the signal has come. What is recorded may still be from before
// this deployment.
func (d deployment) Await(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	if request.Values(req.Data).String(deployStatus) != string(stoker.StatusInProgress) {
		return stoker.Result{}, failedDeployment(req.Data)
	}
	var now map[string]any
	err := d.d.Data.AwaitData(ctx, req.ID, func(data map[string]any) bool {
		now = data
		return value.Equal(data[deployDerived], req.Data[deployDerived]) &&
			request.Values(data).String(deployStatus) != string(stoker.StatusInProgress)
	})
	if err != nil {
		return stoker.Result{}, fmt.Errorf("wait for the signal of the deployment: %w", err)
	}
	return stoker.Result{}, failedDeployment(now)
}

func failedDeployment(data map[string]any) error {
	v := request.Values(data)
	if v.String(deployStatus) != string(stoker.StatusFailed) {
		return nil
	}
	return &stoker.Error{Kind: stoker.Conflict, Type: "Error", Message: "Deployment to server failed: " + v.String(deployReason)}
}

// Signal takes the outputs. Only the first signal of a deployment counts.
func (deployment) Signal(_ context.Context, req *stoker.Request, body map[string]any) (stoker.Result, string, error) {
	data := request.Values(req.Data)
	if data.String(deployStatus) != string(stoker.StatusInProgress) {
		return stoker.Result{}, "", nil
	}
	out := readOutputs(data.Map(deployDerived).Maps("outputs"), body)
	event := fmt.Sprintf("deployment %s succeeded", req.ID)
	if out.failure != "" {
		event = fmt.Sprintf("deployment %s failed (%s)", req.ID, out.failure)
	}
	return stoker.Result{Data: map[string]any{
		deployStatus: string(out.status), deployReason: out.failure, deployOutputs: out.values, deployDerived: req.Data[deployDerived],
	}}, event, nil
}

func (deployment) Attribute(_ context.Context, req *stoker.Request, name string, _ []any) (any, int, error) {
	data := request.Values(req.Data)
	outputs := data.Map(deployOutputs)
	switch name {
	case "deploy_stdout", "deploy_stderr", "deploy_status_code":
		return value.Clone(outputs[name]), 0, nil
	case "show":
		return map[string]any{
			"id": string(req.PhysicalID), "server_id": req.Properties["server"], "status": data[deployStatus],
			"status_reason": data[deployReason], "output_values": value.Clone(map[string]any(outputs)), "config": value.Clone(data[deployDerived]),
		}, 0, nil
	}
	for _, o := range data.Map(deployDerived).Maps("outputs") {
		if o.String("name") == name {
			return value.Clone(outputs[name]), 0, nil
		}
	}
	return nil, 0, request.UnknownAttribute(req.Name, name)
}

// configOf finds the configuration; without one there is nothing but inputs.
func (d deployment) configOf(ctx context.Context, req *stoker.Request) (softwareconfig.Config, error) {
	id := request.Values(req.Properties).String("config")
	if id == "" {
		return softwareconfig.Config{Group: "Heat::Ungrouped"}, nil
	}
	c, found, err := softwareconfig.Find(ctx, d.d.Data, req, id)
	if err == nil && !found {
		err = &stoker.Error{Kind: stoker.Invalid, Type: "StackValidationFailed", Path: "properties.config",
			Message: fmt.Sprintf("there is no software configuration %q", id), Hint: "Give get_resource of an OS::Heat::SoftwareConfig or one of its relatives."}
	}
	return c, err
}

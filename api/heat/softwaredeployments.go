package heat

import (
	"cmp"
	"context"
	"slices"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/request"
	"github.com/stoker-project/stoker/internal/value"
	"github.com/stoker-project/stoker/stack"
)

// softwareDeployment is a deployment as it is shown. Its configuration is its own: what
// it has made of the one that it was given.
type softwareDeployment struct {
	ID           stoker.ResourceID `json:"id"`
	ConfigID     stoker.ResourceID `json:"config_id"`
	ServerID     string            `json:"server_id"`
	InputValues  any               `json:"input_values"`
	OutputValues any               `json:"output_values"`
	Action       stoker.Action     `json:"action"`
	Status       string            `json:"status"`
	StatusReason string            `json:"status_reason"`
	Created      *string           `json:"creation_time"`
	Updated      *string           `json:"updated_time"`
}

func deploymentOf(v *stack.ResourceView) softwareDeployment {
	data, props := request.Values(v.Data), request.Values(v.Properties)
	return softwareDeployment{
		ID: v.ID, ConfigID: v.ID, ServerID: props.String("server"), InputValues: value.Clone(props["input_values"]),
		OutputValues: value.Clone(data["outputs"]), Action: v.Action,
		Status: cmp.Or(data.String("status"), string(v.Status)), StatusReason: data.String("reason"),
		Created: moment(v.Created), Updated: moment(v.Updated),
	}
}

func (s *server) deployments(ctx context.Context, c *call, server string) ([]stack.ResourceView, error) {
	all, err := s.engine.ResourcesOf(ctx, c.project, deploymentTypes...)
	if server == "" {
		return all, err
	}
	return slices.DeleteFunc(all, func(v stack.ResourceView) bool { return request.Values(v.Properties).String("server") != server }), err
}

func (s *server) listDeployments(ctx context.Context, c *call) (reply, error) {
	all, err := s.deployments(ctx, c, c.URL.Query().Get("server_id"))
	if err != nil {
		return reply{}, err
	}
	out := make([]softwareDeployment, 0, len(all))
	for i := range all {
		out = append(out, deploymentOf(&all[i]))
	}
	return reply{body: map[string]any{"software_deployments": out}}, nil
}

// deploymentMetadata is what a server's agent asks for: the configurations that it
// is to apply, in the order of their names.
func (s *server) deploymentMetadata(ctx context.Context, c *call) (reply, error) {
	list, err := s.engine.Deployments(ctx, c.project, c.PathValue("server"))
	if err != nil {
		return reply{}, err
	}
	return reply{body: map[string]any{"metadata": list}}, nil
}

func (s *server) showDeployment(ctx context.Context, c *call) (reply, error) {
	v, err := s.softwareIn(ctx, c, "deployment", deploymentTypes)
	if err != nil {
		return reply{}, err
	}
	return reply{body: map[string]any{"software_deployment": deploymentOf(v)}}, nil
}

// deploymentBody is what clients send to create or update.
type deploymentBody struct {
	ConfigID     string         `json:"config_id"`
	ServerID     string         `json:"server_id"`
	InputValues  map[string]any `json:"input_values"`
	OutputValues map[string]any `json:"output_values"`
	Action       string         `json:"action"`
	Status       string         `json:"status"`
	StatusReason string         `json:"status_reason"`
}

func (s *server) createDeployment(ctx context.Context, c *call) (reply, error) {
	var b deploymentBody
	if err := s.decodeInto(c, &b); err != nil {
		return reply{}, err
	}
	if b.ServerID == "" || b.ConfigID == "" {
		return reply{}, refuse("HTTPBadRequest", "a deployment needs config_id and server_id")
	}
	if err := s.roomFor(ctx, c, "deployments", s.limits.SoftwareDeployments, deploymentTypes); err != nil {
		return reply{}, err
	}
	props := map[string]any{"config": b.ConfigID, "server": b.ServerID, "actions": []any{"CREATE", "UPDATE"}}
	if b.InputValues != nil {
		props["input_values"] = b.InputValues
	}
	if b.Status == string(stoker.StatusComplete) {
		props["signal_transport"] = "NO_SIGNAL"
	}
	v, err := s.carry(ctx, c, deploymentTypes[0], "", props)
	if err != nil {
		return reply{}, err
	}
	return reply{body: map[string]any{"software_deployment": deploymentOf(v)}}, nil
}

// updateDeployment tells how a deployment went: it is a signal to it.
func (s *server) updateDeployment(ctx context.Context, c *call) (reply, error) {
	var b deploymentBody
	if err := s.decodeInto(c, &b); err != nil {
		return reply{}, err
	}
	v, err := s.softwareIn(ctx, c, "deployment", deploymentTypes)
	if err != nil {
		return reply{}, err
	}
	if b.ConfigID != "" && b.ConfigID != string(v.ID) || b.InputValues != nil {
		return reply{}, refuse("NotSupported", "config_id and input_values of a deployment are changed through its stack")
	}
	switch body := b.OutputValues; b.Status {
	case "", string(stoker.StatusInProgress):
	case string(stoker.StatusComplete), string(stoker.StatusFailed):
		if body == nil {
			body = map[string]any{}
		}
		if _, err := value.Normal(body); err != nil {
			return reply{}, refuse("HTTPBadRequest", "output_values: %w", err)
		}
		if code := request.Values(body).String("deploy_status_code"); b.Status == string(stoker.StatusFailed) && (code == "" || code == "0") {
			body["deploy_status_code"] = int64(1)
		}
		if err := s.engine.Signal(ctx, v.Stack.ID, v.Name, body); err != nil {
			return reply{}, err
		}
	default:
		return reply{}, refuse("HTTPBadRequest", "there is no status %q", b.Status)
	}
	return s.showDeployment(ctx, c)
}

package heat

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/softwareconfig"
	"github.com/stoker-project/stoker/internal/value"
	"github.com/stoker-project/stoker/stack"
)

// Software configurations are resources of stacks. One that comes by this API alone
// gets a stack of its own, a carrier, which is deleted with it.

// CarrierTag marks carriers. Nobody else's stacks may have it.
const CarrierTag = "software-config"

// The defaults of Limits; Heat's.
const mostSoftware = 4096

// roomFor refuses one more of what a project has too many of.
func (s *server) roomFor(ctx context.Context, c *call, what string, most int, types []stoker.TypeName) error {
	if most < 0 {
		return nil
	}
	all, err := s.engine.ResourcesOf(ctx, c.project, types...)
	if err == nil && len(all) >= most {
		err = refuse("RequestLimitExceeded", "You have reached the maximum software %s per tenant, %d. Please delete some %s.", what, most, what)
	}
	return err
}

var (
	configTypes     = []stoker.TypeName{"OS::Heat::SoftwareConfig", "OS::Heat::StructuredConfig", "OS::Heat::CloudConfig", "OS::Heat::MultipartMime", "OS::Heat::SoftwareComponent"}
	deploymentTypes = softwareconfig.DeploymentTypes
)

func (s *server) listConfigs(ctx context.Context, c *call) (reply, error) {
	all, err := s.engine.ResourcesOf(ctx, c.project, configTypes...)
	if err != nil {
		return reply{}, err
	}
	out := make([]softwareconfig.Shown, 0, len(all))
	for i := range all {
		one := softwareconfig.Show(all[i].Resource)
		one.Config, one.Inputs, one.Outputs, one.Options = nil, nil, nil, nil
		out = append(out, one)
	}
	return reply{body: map[string]any{"software_configs": out}}, nil
}

// softwareIn finds the resource of a path.
func (s *server) softwareIn(ctx context.Context, c *call, what string, types []stoker.TypeName) (*stack.ResourceView, error) {
	id := c.PathValue("id")
	v, err := s.engine.ResourceByID(ctx, c.project, stoker.ResourceID(id))
	if err == nil && slices.Contains(types, v.Type) {
		return v, nil
	}
	if err == nil || stoker.IsKind(err, stoker.NotFound) {
		err = &stoker.Error{Kind: stoker.NotFound, Type: "NotFound", Message: "Software " + what + " " + strconv.Quote(id) + " not found"}
	}
	return nil, err
}

func (s *server) showConfig(ctx context.Context, c *call) (reply, error) {
	v, err := s.softwareIn(ctx, c, "config", slices.Concat(configTypes, deploymentTypes))
	if err != nil {
		return reply{}, err
	}
	return reply{body: map[string]any{"software_config": softwareconfig.Show(v.Resource)}}, nil
}

func (s *server) createConfig(ctx context.Context, c *call) (reply, error) {
	var b struct {
		Name    string          `json:"name"`
		Group   string          `json:"group"`
		Config  json.RawMessage `json:"config"`
		Inputs  any             `json:"inputs"`
		Outputs any             `json:"outputs"`
		Options any             `json:"options"`
	}
	if err := s.decodeInto(c, &b); err != nil {
		return reply{}, err
	}
	if err := s.roomFor(ctx, c, "configs", s.limits.SoftwareConfigs, configTypes); err != nil {
		return reply{}, err
	}
	content, err := value.Decode([]byte(cmp.Or(string(b.Config), "null")))
	if err != nil {
		return reply{}, refuse("HTTPBadRequest", "config: %w", err)
	}
	kind := configTypes[0]
	if _, structured := content.(map[string]any); structured {
		kind = configTypes[1]
	}
	props := map[string]any{"config": content, "inputs": b.Inputs, "outputs": b.Outputs, "options": b.Options}
	if b.Group != "" {
		props["group"] = b.Group
	}
	v, err := s.carry(ctx, c, kind, b.Name, props)
	if err != nil {
		return reply{}, err
	}
	return reply{body: map[string]any{"software_config": softwareconfig.Show(v.Resource)}}, nil
}

// deleteSoftware deletes what a carrier carries; what belongs to a stack of the user's goes
// with that.
func (s *server) deleteSoftware(what string, types []stoker.TypeName) handler {
	return func(ctx context.Context, c *call) (reply, error) {
		v, err := s.softwareIn(ctx, c, what, types)
		if err != nil {
			return reply{}, err
		}
		if !slices.Contains(v.Stack.Tags, CarrierTag) {
			return reply{}, refuse("NotSupported", "the software %s belongs to the stack %s, and goes with it", what, v.Stack.Name)
		}
		return reply{status: http.StatusNoContent}, s.engine.Delete(ctx, v.Stack.ID)
	}
}

// carrying is how long a carrier may take to be made: nothing in it takes time.
const carrying = 30 * time.Second

// carry makes a stack for one resource, and gives that.
func (s *server) carry(ctx context.Context, c *call, kind stoker.TypeName, name string, props map[string]any) (*stack.ResourceView, error) {
	ctx, cancel := context.WithTimeout(ctx, carrying)
	defer cancel()
	given := map[string]any{}
	for k, v := range props {
		if v != nil {
			given[k] = map[string]any{"get_param": k} // a value may look like a function
		}
	}
	params := map[string]any{}
	for k := range given {
		params[k] = map[string]any{"type": "json"}
		if _, text := props[k].(string); text {
			params[k] = map[string]any{"type": "string"}
		}
	}
	template, err := json.Marshal(map[string]any{
		"heat_template_version": "2018-08-31", "parameters": params,
		"resources": map[string]any{"it": map[string]any{"type": kind, "properties": given, "metadata": map[string]any{"name": name}}},
	})
	if err != nil {
		return nil, err
	}
	in := stack.Input{Project: c.project, Owner: c.grant.User, Name: CarrierTag + "-" + uuid.NewString(), DisableRollback: true, Tags: []string{CarrierTag}}
	in.Spec = stoker.StackSpec{Template: string(template), Parameters: map[string]any{}}
	for k := range given {
		if in.Spec.Parameters[k], err = value.Normal(props[k]); err != nil {
			return nil, refuse("HTTPBadRequest", "%s: %w", k, err)
		}
	}
	st, err := s.engine.Create(ctx, in)
	if err != nil {
		return nil, err
	}
	return s.carried(ctx, st.ID)
}

// carried waits until the carrier's resource is there. A deployment stays in progress
// until it is signalled, so the end of the operation says nothing.
func (s *server) carried(ctx context.Context, id stoker.StackID) (*stack.ResourceView, error) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		v, err := s.engine.Resource(ctx, id, "it")
		switch {
		case err == nil && v.Status == stoker.StatusFailed:
			_ = s.engine.Delete(ctx, id) // the failure is what counts
			return nil, invalid("%s", v.StatusReason)
		case err == nil && v.PhysicalID != "" && v.Data != nil:
			return v, nil
		case err != nil && !stoker.IsKind(err, stoker.NotFound):
			return nil, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, stoker.Errorf(stoker.Unavailable, "the engine is busy: %w", context.Cause(ctx))
		}
	}
}

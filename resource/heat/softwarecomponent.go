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

// softwareComponent is OS::Heat::SoftwareComponent: a configuration for each step in
// the life of a piece of software. Its deployments choose by their action.
type softwareComponent struct{ configType }

var _ stoker.Validator = softwareComponent{}

// componentGroup is the group of such configurations.
const componentGroup = "component"

func softwareComponentSchema() *stoker.Schema {
	s := softwareConfigSchema()
	s.Description = "Configurations for the steps in the life of a piece of software, to be applied at different actions."
	delete(s.Properties, "group")
	delete(s.Properties, "config")
	s.Properties["configs"] = &stoker.Property{Type: stoker.TypeList, Required: true, Constraints: schema.LongAtLeast(1),
		Description: "The configurations.",
		Items: &stoker.Property{Type: stoker.TypeMap, Description: "A configuration.", Fields: map[string]*stoker.Property{
			"actions": {Type: stoker.TypeList, Default: []any{"CREATE", "UPDATE"}, Constraints: schema.LongAtLeast(1),
				Items: &stoker.Property{Type: stoker.TypeString, Description: "An action."}, Description: "At which actions of a deployment it is applied."},
			"config": {Type: stoker.TypeString, Description: "The text."},
			"tool":   {Type: stoker.TypeString, Required: true, Description: "The tool that is to apply it, by name."},
		}}}
	return s
}

func (softwareComponent) Create(_ context.Context, req *stoker.Request) (stoker.Result, error) {
	named := *req
	named.Properties = value.CloneMap(req.Properties)
	named.Properties["group"] = componentGroup
	content := map[string]any{"configs": value.Clone(req.Properties["configs"])}
	return stoker.Result{PhysicalID: stoker.PhysicalID(req.ID), Data: softwareconfig.Record(&named, content)}, nil
}

// Validate refuses two configurations for one action: nothing says which comes first.
func (softwareComponent) Validate(req *stoker.Request) error {
	seen := map[string]bool{}
	for i, c := range request.Values(req.Properties).Maps("configs") {
		for _, action := range c.Strings("actions") {
			if seen[action] {
				return invalid(fmt.Sprintf("properties.configs[%d].actions", i),
					fmt.Sprintf("Defining more than one configuration for the same action in SoftwareComponent %q is not allowed.", req.Name))
			}
			seen[action] = true
		}
	}
	return nil
}

func (c softwareComponent) Attribute(ctx context.Context, req *stoker.Request, name string, path []any) (any, int, error) {
	if name == "config" {
		content, _ := softwareconfig.Content(req.Data).(map[string]any)
		return content["configs"], 0, nil
	}
	return c.configType.Attribute(ctx, req, name, path)
}

// applies tells whether a configuration is applied at an action: a component says
// so itself, otherwise the deployment does.
func applies(c softwareconfig.Config, actions []string, action stoker.Action) bool {
	if content, ok := c.Config.(map[string]any); ok && c.Group == componentGroup {
		actions = nil
		for _, part := range request.Values(content).Maps("configs") {
			actions = append(actions, part.Strings("actions")...)
		}
	}
	return slices.Contains(actions, string(action))
}

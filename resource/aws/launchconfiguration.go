package aws

import (
	"context"
	"fmt"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/request"
	"github.com/stoker-project/stoker/internal/schema"
	"github.com/stoker-project/stoker/internal/value"
)

// launchConfiguration is AWS::AutoScaling::LaunchConfiguration: what a group's
// instances are made from. It only remembers.
type launchConfiguration struct{ schema.Fixed }

var (
	_ stoker.Attributer = launchConfiguration{}
	_ stoker.Validator  = launchConfiguration{}
)

func launchConfigurationSchema() *stoker.Schema {
	properties := machineProperties()
	properties["ImageId"] = text("What the instances run, by the driver's name for it. Required here.", schema.Custom("glance.image")...)
	properties["InstanceType"] = text("The instances' size: a flavor, by name. Required here.", schema.Custom("nova.flavor")...)
	properties["InstanceId"] = text("A running instance to take the properties from. Refused if given.", schema.Custom("nova.server")...)
	return &stoker.Schema{
		Description: "What the instances of a group are made from. A change makes a new one; what its groups do then is up to their update policies.",
		Properties:  properties,
		Attributes:  schema.Attributes(nil),
	}
}

func (launchConfiguration) Validate(req *stoker.Request) error {
	v := request.Values(req.Properties)
	if v.Has("InstanceId") {
		return refused("InstanceId", "properties cannot be taken from a running instance here", "Give ImageId and InstanceType.")
	}
	if err := volumeless(v); err != nil {
		return err
	}
	return unimplemented(v, "KernelId", "RamDiskId")
}

// Create is where ImageId and InstanceType are missed at the latest: they may not
// have been known when the template was validated.
func (launchConfiguration) Create(_ context.Context, req *stoker.Request) (stoker.Result, error) {
	v := request.Values(req.Properties)
	for _, name := range []string{"ImageId", "InstanceType"} {
		if !v.Has(name) {
			return stoker.Result{}, refused(name, "Property "+name+" not assigned", "Instances are made from it.")
		}
	}
	return stoker.Result{PhysicalID: stoker.PhysicalID(req.ID), Data: launchData(req)}, nil
}

// launchData is what instances look for.
func launchData(req *stoker.Request) map[string]any {
	return map[string]any{"launch": map[string]any{
		"project": string(req.Stack.Project), "properties": value.CloneMap(req.Properties),
	}}
}

// launched gives the properties of a launch configuration of the requester's own
// project. Invalid when there is none of that ID.
func launched(ctx context.Context, d Data, req *stoker.Request, id string) (map[string]any, error) {
	var found request.Values
	err := d.AwaitData(ctx, stoker.ResourceID(id), func(data map[string]any) bool {
		found = request.Values(data).Map("launch")
		return true
	})
	if err != nil && !stoker.IsKind(err, stoker.NotFound) {
		return nil, fmt.Errorf("read launch configuration %s: %w", id, err)
	}
	if err != nil || found == nil || found.String("project") != string(req.Stack.Project) {
		return nil, refused("LaunchConfigurationName", fmt.Sprintf("there is no launch configuration %q", id),
			"Give the reference (Ref or get_resource) of an AWS::AutoScaling::LaunchConfiguration.")
	}
	return value.CloneMap(found.Map("properties")), nil
}

func (launchConfiguration) Delete(context.Context, *stoker.Request) error { return nil }

func (launchConfiguration) Attribute(_ context.Context, req *stoker.Request, name string, _ []any) (any, int, error) {
	if name == "show" {
		return nil, 0, nil
	}
	return nil, 0, request.UnknownAttribute(req.Name, name)
}

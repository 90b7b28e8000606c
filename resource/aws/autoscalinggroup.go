package aws

import (
	"context"
	"maps"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/request"
	"github.com/stoker-project/stoker/internal/schema"
)

// autoScalingGroup is AWS::AutoScaling::AutoScalingGroup: a group of instances
// with bounds, whose number policies and scalers change.
type autoScalingGroup struct {
	schema.Fixed
	group InstanceGroup
}

var (
	_ stoker.Grouper   = autoScalingGroup{}
	_ stoker.Validator = autoScalingGroup{}
)

func autoScalingGroupSchema() *stoker.Schema {
	number := func(description string) *stoker.Property {
		return &stoker.Property{Type: stoker.TypeInteger, Update: true, Description: description}
	}
	return &stoker.Schema{
		Description: "A group of equal instances whose size is changed by scaling policies and scalers.",
		Properties: map[string]*stoker.Property{
			"MinSize":                 required(number("The smallest number of instances.")),
			"MaxSize":                 required(number("The largest number of instances.")),
			"DesiredCapacity":         number("The number of instances to begin with, and to go back to at every update of the stack. 0 counts as not given."),
			"Cooldown":                number("Seconds after a change of size in which scaling policies change nothing."),
			"LaunchConfigurationName": inPlace(text("The launch configuration: Ref of an AWS::AutoScaling::LaunchConfiguration. Required here.")),
			"InstanceId":              text("A running instance to copy. Refused if given.", schema.Custom("nova.server")...),
			"AvailabilityZones":       {Type: stoker.TypeList, Required: true, Description: "The zones to be in. Ignored."},
			"LoadBalancerNames":       {Type: stoker.TypeList, Description: "Load balancers of AWS. Refused unless empty."},
			"VPCZoneIdentifier": {Type: stoker.TypeList, Description: "The subnet to be on, at most one. Ignored.",
				Items: text("A subnet.")},
			"HealthCheckGracePeriod": {Type: stoker.TypeInteger, Description: unlisted},
			"HealthCheckType":        text(unlisted, schema.OneOf("EC2", "ELB")...),
			"Tags":                   tags("Metadata of each instance."),
		},
		Attributes: schema.Attributes(map[string]*stoker.Attribute{
			"InstanceList": {Type: stoker.TypeString, Description: "The addresses of the instances, separated by commas."},
		}),
		UpdatePolicy: map[string]*stoker.Property{
			"AutoScalingRollingUpdate": {Type: stoker.TypeMap, Fields: rollingFields(),
				Description: "How instances are replaced when the launch configuration changes. Without it those that there are stay as they are."},
		},
	}
}

func rollingFields() map[string]*stoker.Property {
	return map[string]*stoker.Property{
		"MinInstancesInService": {Type: stoker.TypeInteger, Default: int64(0),
			Description: "How many instances at least stay in service while others are replaced."},
		"MaxBatchSize": {Type: stoker.TypeInteger, Default: int64(1), Description: "How many instances at most are replaced at once."},
		"PauseTime": {Type: stoker.TypeString, Default: "PT0S",
			Description: "How long to wait between one batch and the next: PT5M30S, at most PT1H."},
	}
}

// instances is the request for the group without its bounds.
func instances(req *stoker.Request) *stoker.Request {
	out := as(req, func(v request.Values) map[string]any {
		p := maps.Clone(map[string]any(v))
		p["Size"] = v["MinSize"]
		return p
	})
	if policy, ok := req.UpdatePolicy["AutoScalingRollingUpdate"]; ok {
		out.UpdatePolicy = map[string]any{"RollingUpdate": policy}
	}
	return out
}

func (g autoScalingGroup) Validate(req *stoker.Request) error {
	v := request.Values(req.Properties)
	if err := unimplemented(v, "HealthCheckGracePeriod", "HealthCheckType"); err != nil {
		return err
	}
	if v.Has("InstanceId") {
		return refused("InstanceId", "a running instance cannot be copied here", "Give LaunchConfigurationName.")
	}
	if zones := v.List("VPCZoneIdentifier"); v.Has("VPCZoneIdentifier") && len(zones) != 1 {
		return refused("VPCZoneIdentifier", "Anything other than one VPCZoneIdentifier is not supported.", "Give one, or none.")
	}
	if err := validateSizes(v); err != nil {
		return err
	}
	return renamedPolicy(g.group.Validate(instances(req)))
}

// validateSizes uses Heat's words.
func validateSizes(v request.Values) error {
	lowest, highest := v.OptionalInt("MinSize"), v.OptionalInt("MaxSize")
	if lowest == nil || highest == nil {
		return nil
	}
	switch n := v.Int("DesiredCapacity"); {
	case *highest < *lowest:
		return refused("MinSize", "MinSize can not be greater than MaxSize", "")
	case *lowest < 0:
		return refused("MinSize", "The size of AutoScalingGroup can not be less than zero", "")
	case n != 0 && (n < *lowest || n > *highest):
		return refused("DesiredCapacity", "DesiredCapacity must be between MinSize and MaxSize", "")
	}
	return nil
}

// renamedPolicy puts the name of our update policy into an error.
func renamedPolicy(err error) error {
	e, ok := stoker.AsError(err)
	if !ok || e.Path != "update_policy.RollingUpdate.PauseTime" {
		return err
	}
	out := *e
	out.Path = "update_policy.AutoScalingRollingUpdate.PauseTime"
	return &out
}

func (g autoScalingGroup) Group(req *stoker.Request) (stoker.GroupSpec, error) {
	v := request.Values(req.Properties)
	if !v.Has("LaunchConfigurationName") {
		return stoker.GroupSpec{}, refused("LaunchConfigurationName", "Either 'InstanceId' or 'LaunchConfigurationName' must be provided.", "")
	}
	spec, err := g.group.Group(instances(req))
	if err != nil {
		return stoker.GroupSpec{}, renamedPolicy(err)
	}
	spec.Min, spec.Max, spec.Cooldown = v.Int("MinSize"), v.Int("MaxSize"), v.SecondsOf("Cooldown")
	spec.Desired = nil
	if n := v.Int("DesiredCapacity"); n != 0 {
		spec.Desired = &n
	}
	return spec, nil
}

func (g autoScalingGroup) GroupAttribute(req *stoker.Request, view stoker.GroupView, name string, path []any) (any, int, error) {
	return g.group.GroupAttribute(req, view, name, path)
}

func (g autoScalingGroup) Create(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	return g.group.Create(ctx, req) // that it is the engine who makes groups
}

func (g autoScalingGroup) Delete(ctx context.Context, req *stoker.Request) error {
	return g.group.Delete(ctx, req)
}

package aws

import (
	"context"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/request"
	"github.com/stoker-project/stoker/internal/schema"
)

// scalingPolicy is AWS::AutoScaling::ScalingPolicy: a signal to it changes the
// size of a group. Its reference is the address to signal.
type scalingPolicy struct {
	schema.Fixed
	d Deps
}

var (
	_ stoker.Signaller  = scalingPolicy{}
	_ stoker.Updater    = scalingPolicy{}
	_ stoker.Attributer = scalingPolicy{}
	_ stoker.Validator  = scalingPolicy{}
	_ stoker.Referencer = scalingPolicy{}
)

// adjustmentTypes translates AWS's words.
func adjustmentTypes() map[string]stoker.AdjustmentType {
	return map[string]stoker.AdjustmentType{
		"ChangeInCapacity": stoker.ChangeInCapacity, "ExactCapacity": stoker.ExactCapacity, "PercentChangeInCapacity": stoker.PercentChangeInCapacity,
	}
}

func scalingPolicySchema() *stoker.Schema {
	number := func(description string) *stoker.Property {
		return &stoker.Property{Type: stoker.TypeInteger, Update: true, Description: description}
	}
	step := number("With PercentChangeInCapacity only: the least number of instances that come or go.")
	step.Constraints = schema.AtLeast(0)
	return &stoker.Schema{
		Description: "Changes the size of a group each time it is signalled.",
		Properties: map[string]*stoker.Property{
			"AutoScalingGroupName": required(text("The group: Ref of an AWS::AutoScaling::AutoScalingGroup.")),
			"AdjustmentType": required(inPlace(text("Whether ScalingAdjustment is added to the size, is the new size, or is a percentage to add.",
				schema.OneOf("ChangeInCapacity", "ExactCapacity", "PercentChangeInCapacity")...))),
			"ScalingAdjustment": required(number("By how much the size changes, or the new size.")),
			"Cooldown":          number("Seconds after a change in which no policy changes the group; without it the group's own Cooldown holds."),
			"MinAdjustmentStep": step,
		},
		Attributes: schema.Attributes(map[string]*stoker.Attribute{
			"AlarmUrl": {Type: stoker.TypeString, Description: "An address to signal without a token; whoever knows it may."},
		}),
	}
}

func policy(v request.Values) map[string]any {
	return map[string]any{
		"auto_scaling_group_id": v["AutoScalingGroupName"], "scaling_adjustment": v["ScalingAdjustment"], "cooldown": v["Cooldown"],
		"adjustment_type": string(adjustmentTypes()[v.String("AdjustmentType")]), "min_adjustment_step": v["MinAdjustmentStep"],
	}
}

func (p scalingPolicy) Create(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	return p.d.ScalingPolicy.Create(ctx, as(req, policy))
}

func (scalingPolicy) Update(context.Context, *stoker.Request) (stoker.Result, error) {
	return stoker.Result{}, nil // the properties are read at each signal
}

func (p scalingPolicy) Delete(ctx context.Context, req *stoker.Request) error {
	return p.d.ScalingPolicy.Delete(ctx, as(req, policy))
}

func (scalingPolicy) Validate(req *stoker.Request) error {
	v := request.Values(req.Properties)
	kind := v.String("AdjustmentType")
	if v.Has("MinAdjustmentStep") && kind != "" && kind != "PercentChangeInCapacity" {
		return &stoker.Error{Kind: stoker.Invalid, Type: "ResourcePropertyValueDependency", Path: "properties.MinAdjustmentStep",
			Message: "MinAdjustmentStep property should only be specified for AdjustmentType with value PercentChangeInCapacity."}
	}
	return nil
}

// Signal scales.
func (p scalingPolicy) Signal(ctx context.Context, req *stoker.Request, body map[string]any) (stoker.Result, string, error) {
	return p.d.ScalingPolicy.Signal(ctx, as(req, policy), body)
}

func (p scalingPolicy) Reference(req *stoker.Request) string {
	return p.d.SignalURL(req.Stack, req.Name)
}

func (p scalingPolicy) Attribute(_ context.Context, req *stoker.Request, name string, _ []any) (any, int, error) {
	switch name {
	case "AlarmUrl":
		return p.Reference(req), 0, nil
	case "show":
		return nil, 0, nil
	}
	return nil, 0, request.UnknownAttribute(req.Name, name)
}

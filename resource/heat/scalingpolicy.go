package heat

import (
	"context"
	"fmt"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/request"
	"github.com/stoker-project/stoker/internal/schema"
)

// scalingPolicy is OS::Heat::ScalingPolicy: a signal to it changes the size of
// a group.
type scalingPolicy struct {
	schema.Fixed
	d Deps
}

var (
	_ stoker.Signaller  = scalingPolicy{}
	_ stoker.Updater    = scalingPolicy{}
	_ stoker.Attributer = scalingPolicy{}
	_ stoker.Validator  = scalingPolicy{}
)

func scalingPolicySchema() *stoker.Schema {
	return &stoker.Schema{
		Description: "Changes the size of a group each time it is signalled.",
		Properties: map[string]*stoker.Property{
			"auto_scaling_group_id": {Type: stoker.TypeString, Required: true,
				Description: "The group: get_resource of an OS::Heat::AutoScalingGroup."},
			"adjustment_type": {Type: stoker.TypeString, Required: true, Update: true,
				Constraints: schema.OneOf(string(stoker.ChangeInCapacity), string(stoker.ExactCapacity), string(stoker.PercentChangeInCapacity)),
				Description: "Whether scaling_adjustment is added to the size, is the new size, or is a percentage to add."},
			"scaling_adjustment": {Type: stoker.TypeNumber, Required: true, Update: true,
				Description: "By how much the size changes, or the new size."},
			"cooldown": {Type: stoker.TypeNumber, Update: true,
				Description: "Seconds after a change in which no policy changes the group; without it the group's own cooldown holds."},
			"min_adjustment_step": {Type: stoker.TypeInteger, Update: true, Constraints: schema.AtLeast(0),
				Description: "With percent_change_in_capacity only: the least number of members that come or go."},
		},
		Attributes: schema.Attributes(map[string]*stoker.Attribute{
			"alarm_url":  {Type: stoker.TypeString, Description: "An address to signal without a token; whoever knows it may."},
			"signal_url": {Type: stoker.TypeString, Description: "The address of the signal in Heat's API; needs a token."},
		}),
	}
}

func (scalingPolicy) Create(_ context.Context, req *stoker.Request) (stoker.Result, error) {
	return stoker.Result{PhysicalID: stoker.PhysicalID(request.Name(req))}, nil
}

func (scalingPolicy) Update(context.Context, *stoker.Request) (stoker.Result, error) {
	return stoker.Result{}, nil // the properties are read at each signal
}

func (scalingPolicy) Delete(context.Context, *stoker.Request) error { return nil }

func (scalingPolicy) Validate(req *stoker.Request) error {
	v := request.Values(req.Properties)
	kind := v.String("adjustment_type")
	if v.Has("min_adjustment_step") && kind != "" && kind != string(stoker.PercentChangeInCapacity) {
		return &stoker.Error{Kind: stoker.Invalid, Type: "ResourcePropertyValueDependency", Path: "properties.min_adjustment_step",
			Message: "min_adjustment_step property should only be specified for adjustment_type with value percent_change_in_capacity."}
	}
	return nil
}

func (p scalingPolicy) Attribute(_ context.Context, req *stoker.Request, name string, _ []any) (any, int, error) {
	switch name {
	case "alarm_url":
		return orNull(p.d.AlarmURL(req.Stack, req.Name)), 0, nil
	case "signal_url":
		return orNull(p.d.SignalURL(req.Stack, req.Name)), 0, nil
	case "show":
		return nil, 0, nil
	}
	return nil, 0, request.UnknownAttribute(req.Name, name)
}

// Signal scales. When there is nothing to do there is no event either, as in Heat.
func (p scalingPolicy) Signal(ctx context.Context, req *stoker.Request, body map[string]any) (stoker.Result, string, error) {
	v := request.Values(req.Properties)
	change := stoker.Adjustment{
		Type:    stoker.AdjustmentType(v.String("adjustment_type")),
		By:      v.Float("scaling_adjustment"),
		MinStep: v.OptionalInt("min_adjustment_step"),
	}
	var cooldown *time.Duration
	if v.Has("cooldown") {
		d := v.SecondsOf("cooldown")
		cooldown = &d
	}
	group := stoker.StackID(v.String("auto_scaling_group_id"))
	g, err := p.d.Groups.Group(ctx, group)
	if err == nil && g.Project != req.Stack.Project { // another's: it is as if there were none
		err = &stoker.Error{Kind: stoker.NotFound, Type: "ResourceNotFound", Message: fmt.Sprintf("there is no group %q", group)}
	}
	if err != nil {
		return stoker.Result{}, "", err
	}
	nothing, err := p.d.Groups.Adjust(ctx, group, change, cooldown)
	if err != nil || nothing != "" {
		return stoker.Result{}, "", err
	}
	return stoker.Result{}, signalReason(body), nil
}

// signalReason words the SIGNAL event as Heat does.
func signalReason(body map[string]any) string {
	if body == nil {
		return "No signal details provided"
	}
	previous, was := body["previous"]
	current, is := body["current"]
	reason, said := body["reason"]
	if was && is && said {
		return fmt.Sprintf("alarm state changed from %v to %v (%v)", previous, current, reason)
	}
	if state, ok := body["state"]; ok {
		return fmt.Sprintf("alarm state changed to %v", state)
	}
	return "Unknown"
}

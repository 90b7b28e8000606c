// Package aws holds the resource types of AWS CloudFormation that Heat has and that
// run on any driver: instances, groups of them, scaling policies, wait
// conditions and stacks. Each is one of OpenStack's types under other names: a request is
// translated and handed on to that type, which comes in Deps.
//
// It makes nothing itself and starts no goroutine.
package aws

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/request"
	"github.com/stoker-project/stoker/internal/schema"
)

// Deps is what the types need of the rest of the house.
type Deps struct {
	Server        Server        // OS::Nova::Server, for EC2::Instance
	InstanceGroup InstanceGroup // OS::Heat::InstanceGroup, for AutoScalingGroup
	ScalingPolicy Policy        // OS::Heat::ScalingPolicy
	WaitCondition Condition     // OS::Heat::WaitCondition
	WaitHandle    Handle        // OS::Heat::WaitConditionHandle
	Stack         Stack         // OS::Heat::Stack
	// Fetch gets the template of a Stack from an address that a stranger names.
	Fetch func(ctx context.Context, address string) ([]byte, error)
	Data  Data // instances of groups, which look at their launch configuration
	// SignalURL is where a policy takes signals from whoever knows the address, and
	// HandleURL where a handle does. They have to be the same each time. nil: nowhere.
	SignalURL, HandleURL func(stack stoker.StackRef, resource stoker.ResourceName) string
}

// Data looks at what resource types have recorded for themselves.
type Data interface {
	// AwaitData blocks until ok is true of a resource's Data; NotFound if there
	// is no such resource.
	AwaitData(ctx context.Context, id stoker.ResourceID, ok func(data map[string]any) bool) error
}

// What the types are translated to, with the abilities that are used.
type (
	// Server makes servers.
	Server interface {
		stoker.ResourceType
		stoker.Updater
		stoker.Awaiter
		stoker.Checker
		stoker.Watcher
		stoker.Sleeper
		stoker.Attributer
		stoker.Validator
	}
	// InstanceGroup describes groups of instances.
	InstanceGroup interface {
		stoker.ResourceType
		stoker.Grouper
		stoker.Validator
	}
	// Policy scales a group when it is signalled.
	Policy interface {
		stoker.ResourceType
		stoker.Signaller
	}
	// Condition waits for signals.
	Condition interface {
		stoker.ResourceType
		stoker.Updater
		stoker.Awaiter
		stoker.Attributer
	}
	// Stack makes stacks.
	Stack interface {
		stoker.ResourceType
		stoker.Updater
		stoker.Awaiter
		stoker.Attributer
	}
	// Handle takes signals.
	Handle interface {
		stoker.ResourceType
		stoker.Signaller
	}
)

// Types gives the types by their names. Hidden among them is the type of the
// instances in groups.
func Types(d Deps) map[stoker.TypeName]stoker.ResourceType {
	nowhere := func(stoker.StackRef, stoker.ResourceName) string { return "" }
	if d.SignalURL == nil {
		d.SignalURL = nowhere
	}
	if d.HandleURL == nil {
		d.HandleURL = nowhere
	}
	return map[stoker.TypeName]stoker.ResourceType{
		"AWS::EC2::Instance":                       instance{schema.Fix(instanceSchema()), d.Server},
		"OS::Heat::ScaledResource":                 scaledInstance{instance{schema.Fix(scaledSchema()), d.Server}, d.Data},
		"AWS::AutoScaling::LaunchConfiguration":    launchConfiguration{schema.Fix(launchConfigurationSchema())},
		"AWS::AutoScaling::AutoScalingGroup":       autoScalingGroup{schema.Fix(autoScalingGroupSchema()), d.InstanceGroup},
		"AWS::AutoScaling::ScalingPolicy":          scalingPolicy{schema.Fix(scalingPolicySchema()), d},
		"AWS::CloudFormation::Stack":               stackType{schema.Fix(stackSchema()), d.Stack, d.Fetch},
		"AWS::CloudFormation::WaitCondition":       waitCondition{schema.Fix(waitConditionSchema()), d.WaitCondition},
		"AWS::CloudFormation::WaitConditionHandle": waitHandle{schema.Fix(waitHandleSchema()), d},
		"OS::Heat::UpdateWaitConditionHandle":      updateHandle{waitHandle{schema.Fix(updateHandleSchema()), d}},
	}
}

// as is a request with other properties.
func as(req *stoker.Request, translate func(request.Values) map[string]any) *stoker.Request {
	out := *req
	out.Properties = translate(req.Properties)
	if req.OldProperties != nil {
		out.OldProperties = translate(req.OldProperties)
	}
	return &out
}

// renamed puts our name of a property into an error that names theirs.
func renamed(err error, names map[string]string) error {
	e, ok := stoker.AsError(err)
	if !ok {
		return err
	}
	rest, in := strings.CutPrefix(e.Path, "properties.")
	if !in || names[rest] == "" {
		return err
	}
	out := *e
	out.Path = "properties." + names[rest]
	return &out
}

// unimplemented refuses properties that Heat lists and has not implemented.
func unimplemented(v request.Values, names ...string) error {
	i := slices.IndexFunc(names, v.Has)
	if i < 0 {
		return nil
	}
	return refused(names[i], fmt.Sprintf("Property %s not implemented yet", names[i]), "Leave it out.")
}

func refused(property, what, hint string) error {
	return &stoker.Error{Kind: stoker.Invalid, Type: "StackValidationFailed",
		Path: "properties." + property, Message: what, Hint: hint}
}

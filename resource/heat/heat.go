// Package heat holds the OS::Heat resource types that need no cloud: groups,
// scaling policies, wait conditions, random strings, values and test resources,
// with Heat's properties, attributes and words.
//
// It changes nothing in the world: what a policy or a wait condition does, it
// asks of the engine through Deps. Group types are descriptions only; the engine
// runs the members. No type starts a goroutine.
package heat

import (
	"context"
	"maps"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/schema"
)

// Deps is what the types need of the rest of the house. A nil part is needed only
// by the types that name it.
type Deps struct {
	Groups Groups // ScalingPolicy
	Data   Data   // WaitCondition, MultipartMime, the deployments
	Stacks Stacks // Stack
	// Regions makes stacks of a project in another region; nil: there is none. Errors:
	// Invalid for one that is not known, Forbidden.
	Regions func(project stoker.ProjectID, region string) (Stacks, error)
	// Handed gives the files and the environment that a stack hands to one that a resource
	// of it makes; nil: none.
	Handed func(ctx context.Context, stack stoker.StackID, resource stoker.ResourceName) (map[string]string, map[string]any, error)
	// Restarter is needed by HARestarter.
	Restarter Restarter
	// Region is what this region is called.
	Region string
	// SignalURL is where a resource takes signals, with a token. It has to be the same
	// each time, also after a restart: user data contains it.
	SignalURL func(stack stoker.StackRef, resource stoker.ResourceName) string
	// AlarmURL takes signals without a token because it is signed. nil: as SignalURL.
	AlarmURL func(stack stoker.StackRef, resource stoker.ResourceName) string
	// HandleURL takes signals by PUT, without a token. nil: as AlarmURL.
	HandleURL func(stack stoker.StackRef, resource stoker.ResourceName) string
	// Polling is how the agent of a DeployedServer gets at the resource's metadata; the
	// same each time. nil: it cannot.
	Polling func(stack stoker.StackRef, resource stoker.ResourceName) Polling
	// Token allows signalling that one resource; the same each time. nil: there
	// is none.
	Token func(stack stoker.StackRef, resource stoker.ResourceName) string
}

// Groups changes the size of groups.
type Groups interface {
	// Group gives a group. NotFound if there is none.
	Group(ctx context.Context, id stoker.StackID) (*stoker.Group, error)
	// Adjust changes a group's capacity as a scaling policy does. nothing says why
	// there was nothing to do. A nil cooldown is the group's own.
	Adjust(ctx context.Context, id stoker.StackID, a stoker.Adjustment, cooldown *time.Duration) (nothing string, err error)
}

// Data looks at what resource types have recorded for themselves.
type Data interface {
	// AwaitData blocks until ok is true of a resource's Data; NotFound if there
	// is no such resource.
	AwaitData(ctx context.Context, id stoker.ResourceID, ok func(data map[string]any) bool) error
	// Owner gives the project of a resource. NotFound if there is none.
	Owner(ctx context.Context, id stoker.ResourceID) (stoker.ProjectID, error)
}

// Restarter has stacks replace what they hold.
type Restarter interface {
	// Restart has a stack replace the resource that get_resource gives reference
	// for, and does not wait for that. The name is empty when there was nothing to do.
	Restart(ctx context.Context, id stoker.StackID, reference, reason string) (stoker.ResourceName, error)
}

// Types gives the types by their names.
func Types(d Deps) map[stoker.TypeName]stoker.ResourceType {
	if d.SignalURL == nil {
		d.SignalURL = nowhere
	}
	if d.AlarmURL == nil {
		d.AlarmURL = d.SignalURL
	}
	if d.HandleURL == nil {
		d.HandleURL = d.AlarmURL
	}
	if d.Token == nil {
		d.Token = nowhere
	}
	if d.Polling == nil {
		d.Polling = func(stoker.StackRef, stoker.ResourceName) Polling { return Polling{} }
	}
	types := map[stoker.TypeName]stoker.ResourceType{
		"OS::Heat::AutoScalingGroup":          autoScalingGroup{Fixed: schema.Fix(autoScalingGroupSchema())},
		"OS::Heat::ResourceGroup":             resourceGroup{Fixed: schema.Fix(resourceGroupSchema())},
		"OS::Heat::InstanceGroup":             instanceGroup{Fixed: schema.Fix(instanceGroupSchema())},
		"OS::Heat::ScalingPolicy":             scalingPolicy{schema.Fix(scalingPolicySchema()), d},
		"OS::Heat::SoftwareConfig":            configType{schema.Fix(softwareConfigSchema()), asGiven},
		"OS::Heat::StructuredConfig":          configType{schema.Fix(structuredConfigSchema()), asGiven},
		"OS::Heat::CloudConfig":               configType{schema.Fix(cloudConfigSchema()), cloudConfig},
		"OS::Heat::MultipartMime":             configType{schema.Fix(multipartMimeSchema()), multipartMime(d.Data)},
		"OS::Heat::SoftwareDeployment":        deployment{schema.Fix(softwareDeploymentSchema()), d, false},
		"OS::Heat::StructuredDeployment":      deployment{schema.Fix(structuredDeploymentSchema()), d, true},
		"OS::Heat::SoftwareComponent":         softwareComponent{configType{Fixed: schema.Fix(softwareComponentSchema())}},
		"OS::Heat::ResourceChain":             resourceChain{Fixed: schema.Fix(resourceChainSchema())},
		"OS::Heat::SoftwareDeploymentGroup":   deploymentGroup{Fixed: schema.Fix(groupSchema(softwareDeploymentSchema(), "A configuration for several servers, as a deployment for each.")), member: "OS::Heat::SoftwareDeployment"},
		"OS::Heat::StructuredDeploymentGroup": deploymentGroup{Fixed: schema.Fix(groupSchema(structuredDeploymentSchema(), "A structured configuration for several servers, as a deployment for each.")), member: "OS::Heat::StructuredDeployment"},
		"OS::Heat::DeployedServer":            deployedServer{schema.Fix(deployedServerSchema()), d.Polling},
		"OS::Heat::SwiftSignalHandle":         swiftSignalHandle{waitHandle{schema.Fix(swiftSignalHandleSchema()), d}},
		"OS::Heat::SwiftSignal":               swiftSignal{waitCondition{schema.Fix(swiftSignalSchema()), d.Data}},
		"OS::Heat::Stack":                     stackResource{schema.Fix(stackResourceSchema()), d},
		"OS::Heat::HARestarter":               haRestarter{schema.Fix(haRestarterSchema()), d},
		"OS::Heat::AccessPolicy":              accessPolicy{schema.Fix(accessPolicySchema())},
		"OS::Heat::Delay":                     delay{schema.Fix(delaySchema())},
		"OS::Heat::RandomString":              randomString{schema.Fix(randomStringSchema())},
		"OS::Heat::None":                      none{schema.Fix(noneSchema())},
		"OS::Heat::Value":                     valueType{schema.Fix(valueTypeSchema())},
		"OS::Heat::TestResource":              testResource{schema.Fix(testResourceSchema())},
		"OS::Heat::WaitConditionHandle":       waitHandle{schema.Fix(waitHandleSchema()), d},
		"OS::Heat::WaitCondition":             waitCondition{schema.Fix(waitConditionSchema()), d.Data},
	}
	maps.Copy(types, oldNames(types))
	return types
}

// oldNames are those that Heat still takes and lists no more. Of the alarm that combined
// others it has left a placeholder.
func oldNames(types map[stoker.TypeName]stoker.ResourceType) map[stoker.TypeName]stoker.ResourceType {
	several := func(name stoker.TypeName) deploymentGroup {
		g := types[name].(deploymentGroup)
		g.Fixed = g.Hide()
		return g
	}
	return map[stoker.TypeName]stoker.ResourceType{
		"OS::Heat::SoftwareDeployments":   several("OS::Heat::SoftwareDeploymentGroup"),
		"OS::Heat::StructuredDeployments": several("OS::Heat::StructuredDeploymentGroup"),
		"OS::Aodh::CombinationAlarm":      none{types["OS::Heat::None"].(none).Hide()},
	}
}

func nowhere(stoker.StackRef, stoker.ResourceName) string { return "" }

// invalid is what Heat calls StackValidationFailed.
func invalid(path, message string) error {
	return &stoker.Error{Kind: stoker.Invalid, Type: "StackValidationFailed", Path: path, Message: message}
}

// orNull gives null for a text that there is not.
func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

package heat

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/request"
	"github.com/stoker-project/stoker/internal/schema"
	"github.com/stoker-project/stoker/internal/value"
)

// instanceGroup is OS::Heat::InstanceGroup: a number of instances, all made from
// one launch configuration.
type instanceGroup struct {
	schema.Fixed
	engineMakes
}

var (
	_ stoker.Grouper   = instanceGroup{}
	_ stoker.Validator = instanceGroup{}
)

// scaledResource is the type of a group's instances. An environment may map it to a
// template, which then has the parameters LaunchConfigurationName and Tags.
const scaledResource = "OS::Heat::ScaledResource"

const maxPause = time.Hour

func instanceGroupSchema() *stoker.Schema {
	text := func(required bool, description string) *stoker.Property {
		return &stoker.Property{Type: stoker.TypeString, Required: required, Description: description}
	}
	return &stoker.Schema{
		Description: "A number of equal instances, made from a launch configuration.",
		Properties: map[string]*stoker.Property{
			"Size": {Type: stoker.TypeInteger, Required: true, Update: true, Description: "How many instances there are."},
			"LaunchConfigurationName": {Type: stoker.TypeString, Required: true, Update: true,
				Description: "The launch configuration: get_resource of an AWS::AutoScaling::LaunchConfiguration."},
			"AvailabilityZones": {Type: stoker.TypeList, Required: true, Description: "The zones to be in. Ignored."},
			"LoadBalancerNames": {Type: stoker.TypeList, Description: "Load balancers of AWS. Refused unless empty."},
			"Tags": {Type: stoker.TypeList, Description: "Metadata of each instance.",
				Items: &stoker.Property{Type: stoker.TypeMap, Description: "A tag.", Fields: map[string]*stoker.Property{
					"Key": text(true, "Its name."), "Value": text(true, "Its value."),
				}}},
		},
		Attributes: schema.Attributes(map[string]*stoker.Attribute{
			"InstanceList": {Type: stoker.TypeString, Description: "The addresses of the instances, separated by commas."},
		}),
		UpdatePolicy: map[string]*stoker.Property{
			"RollingUpdate": {Type: stoker.TypeMap, Fields: instanceRollingFields(),
				Description: "How instances are replaced when the launch configuration changes. Without it those that there are stay as they are."},
		},
	}
}

func instanceRollingFields() map[string]*stoker.Property {
	return map[string]*stoker.Property{
		"MinInstancesInService": {Type: stoker.TypeInteger, Default: int64(0),
			Description: "How many instances at least stay in service while others are replaced."},
		"MaxBatchSize": {Type: stoker.TypeInteger, Default: int64(1), Description: "How many instances at most are replaced at once."},
		"PauseTime":    {Type: stoker.TypeString, Default: "PT0S", Description: "How long to wait between one batch and the next: PT5M30S, at most PT1H."},
	}
}

// Validate checks what Heat checks, and that nothing is asked for that cannot be
// done here.
func (instanceGroup) Validate(req *stoker.Request) error {
	if len(request.Values(req.Properties).List("LoadBalancerNames")) > 0 {
		return &stoker.Error{Kind: stoker.Invalid, Type: "StackValidationFailed", Path: "properties.LoadBalancerNames",
			Message: "there are no load balancers of AWS here",
			Hint:    "Use an OS::Heat::AutoScalingGroup whose members have a Stoker::PoolMember."}
	}
	_, err := instanceRolling(req)
	return err
}

// instanceRolling reads the update policy; nil where there is none.
func instanceRolling(req *stoker.Request) (*stoker.RollingUpdate, error) {
	v := request.Values(req.UpdatePolicy).Map("RollingUpdate")
	if v == nil {
		return nil, nil
	}
	out := &stoker.RollingUpdate{MinInService: v.Int("MinInstancesInService"), MaxBatch: v.IntOr("MaxBatchSize", 1)}
	if s := v.String("PauseTime"); s != "" {
		d, err := request.ISODuration(s)
		if err != nil {
			return nil, invalid("update_policy.RollingUpdate.PauseTime", err.Error())
		}
		if d > maxPause {
			return nil, invalid("update_policy.RollingUpdate.PauseTime", "Maximum PauseTime is 1 hour.")
		}
		out.Pause = d
	}
	return out, nil
}

// Group leaves it to the instances to read the launch configuration when they are
// made; a change of it is another one, and so another definition.
func (instanceGroup) Group(req *stoker.Request) (stoker.GroupSpec, error) {
	v := request.Values(req.Properties)
	policy, err := instanceRolling(req)
	if err != nil {
		return stoker.GroupSpec{}, err
	}
	member := map[string]any{"LaunchConfigurationName": v["LaunchConfigurationName"]}
	if tags := v.List("Tags"); len(tags) > 0 {
		member["Tags"] = value.Clone(tags)
	}
	size := v.Int("Size")
	return stoker.GroupSpec{
		Member:  map[string]any{"type": scaledResource, "properties": member},
		Version: membersVersion,
		Max:     math.MaxInt32,
		Desired: &size,
		Names:   stoker.ByRandom,
		Rolling: policy,
		KeepOld: policy == nil,
	}, nil
}

func (instanceGroup) GroupAttribute(req *stoker.Request, view stoker.GroupView, name string, _ []any) (any, int, error) {
	switch name {
	case "InstanceList":
		addresses, err := allMembers(req, view).usable().each([]any{"PublicIp"})
		if err != nil {
			return nil, 0, err
		}
		return commas(addresses), 0, nil
	case "show":
		return nil, 0, nil
	}
	return nil, 0, request.UnknownAttribute(req.Name, name)
}

func commas(values []any) string {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = fmt.Sprint(v)
	}
	return strings.Join(words, ",")
}

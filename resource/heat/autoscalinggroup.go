package heat

import (
	"strings"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/request"
	"github.com/stoker-project/stoker/internal/schema"
	"github.com/stoker-project/stoker/internal/value"
)

// autoScalingGroup is OS::Heat::AutoScalingGroup: members with random names whose
// number policies and scalers change.
type autoScalingGroup struct {
	schema.Fixed
	engineMakes
}

var (
	_ stoker.Grouper   = autoScalingGroup{}
	_ stoker.Validator = autoScalingGroup{}
)

func autoScalingGroupSchema() *stoker.Schema {
	return &stoker.Schema{
		Description: "A group of equal resources whose size is changed by scaling policies and scalers.",
		Properties: map[string]*stoker.Property{
			"resource": {Type: stoker.TypeMap, Required: true, Update: true,
				Description: "The definition of each member, as in a template's resources section: type, properties, metadata."},
			"min_size": {Type: stoker.TypeInteger, Required: true, Update: true, Constraints: schema.AtLeast(0),
				Description: "The smallest number of members."},
			"max_size": {Type: stoker.TypeInteger, Required: true, Update: true, Constraints: schema.AtLeast(0),
				Description: "The largest number of members."},
			"desired_capacity": {Type: stoker.TypeInteger, Update: true,
				Description: "The number of members to begin with, and to go back to at every update of the stack. 0 counts as not given."},
			"cooldown": {Type: stoker.TypeInteger, Update: true,
				Description: "Seconds after a change of size in which scaling policies change nothing."},
			"rolling_updates": {Type: stoker.TypeMap, Update: true, Fields: rollingFields(),
				Default:     map[string]any{"min_in_service": int64(0), "max_batch_size": int64(1), "pause_time": int64(0)},
				Description: "How members are replaced when their definition changes."},
		},
		Attributes: schema.Attributes(map[string]*stoker.Attribute{
			"outputs":      {Type: stoker.TypeMap, Description: "An attribute of every member, by the member's name: [group, outputs, attribute]."},
			"outputs_list": {Type: stoker.TypeList, Description: "An attribute of every member, oldest member first: [group, outputs_list, attribute]."},
			"current_size": {Type: stoker.TypeInteger, Description: "The number of members, without failed ones."},
			"refs":         {Type: stoker.TypeList, Description: "What get_resource gives for each member, oldest first."},
			"refs_map":     {Type: stoker.TypeMap, Description: "What get_resource gives for each member, by name."},
		}),
		AnyAttribute: true, // resource.<position>.<attribute>
	}
}

func (autoScalingGroup) Group(req *stoker.Request) (stoker.GroupSpec, error) {
	v := request.Values(req.Properties)
	spec := stoker.GroupSpec{
		Member:   value.CloneMap(v.Map("resource")),
		Version:  membersVersion,
		Min:      v.Int("min_size"),
		Max:      v.Int("max_size"),
		Cooldown: v.SecondsOf("cooldown"),
		Names:    stoker.ByRandom,
		Rolling:  rolling(v.Map("rolling_updates")),
	}
	if spec.Rolling == nil {
		spec.Rolling = &stoker.RollingUpdate{MaxBatch: 1}
	}
	if n := v.Int("desired_capacity"); n != 0 {
		spec.Desired = &n
	}
	return spec, nil
}

func (autoScalingGroup) Validate(req *stoker.Request) error {
	v := request.Values(req.Properties)
	lowest, highest := v.OptionalInt("min_size"), v.OptionalInt("max_size")
	if lowest == nil || highest == nil {
		return nil
	}
	if *highest < *lowest {
		return invalid("properties.min_size", "MinSize can not be greater than MaxSize")
	}
	if n := v.Int("desired_capacity"); n != 0 && (n < *lowest || n > *highest) {
		return invalid("properties.desired_capacity", "DesiredCapacity must be between MinSize and MaxSize")
	}
	return nil
}

func (autoScalingGroup) GroupAttribute(req *stoker.Request, view stoker.GroupView, name string, path []any) (any, int, error) {
	m := allMembers(req, view).usable()
	switch {
	case name == "current_size":
		return int64(len(m.list)), 0, nil
	case name == "refs":
		return m.refs(), 0, nil
	case name == "refs_map":
		return m.refsMap(), 0, nil
	case name == "show":
		return nil, 0, nil
	case name == "outputs" && len(path) > 0:
		v, err := m.eachNamed(path)
		return v, len(path), err
	case name == "outputs_list" && len(path) > 0:
		v, err := m.each(path)
		return v, len(path), err
	case strings.HasPrefix(name, "resource."):
		v, err := m.single(name, path, m.byPosition)
		return v, len(path), err
	}
	return nil, 0, request.UnknownAttribute(req.Name, name)
}

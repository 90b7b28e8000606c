package heat

import (
	"math"
	"strings"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/request"
	"github.com/stoker-project/stoker/internal/schema"
	"github.com/stoker-project/stoker/internal/value"
)

// resourceGroup is OS::Heat::ResourceGroup: as many members as the template says,
// called 0, 1, 2 and so on.
type resourceGroup struct {
	schema.Fixed
	engineMakes
}

var _ stoker.Grouper = resourceGroup{}

func resourceGroupSchema() *stoker.Schema {
	return &stoker.Schema{
		Description: "A number of equal resources, called 0, 1, 2 and so on.",
		Properties: map[string]*stoker.Property{
			"count": {Type: stoker.TypeInteger, Default: int64(1), Update: true, Constraints: schema.AtLeast(0),
				Description: "How many members there are."},
			"resource_def": {Type: stoker.TypeMap, Required: true, Update: true,
				Description: "The definition of each member, as in a template's resources section.",
				Fields: map[string]*stoker.Property{
					"type":       {Type: stoker.TypeString, Required: true, Description: "The members' resource type."},
					"properties": {Type: stoker.TypeMap, Description: "The members' properties."},
					"metadata":   {Type: stoker.TypeMap, Description: "The members' metadata."},
				}},
			"index_var": {Type: stoker.TypeString, Default: "%index%", Constraints: schema.LongAtLeast(3),
				Description: "A text that stands for the member's own name in the values of its properties."},
			"removal_policies": {Type: stoker.TypeList, Default: []any{}, Update: true,
				Description: "Members to remove at an update, whatever the count; others take their place under new names.",
				Items: &stoker.Property{Type: stoker.TypeMap, Description: "Members to remove.", Fields: map[string]*stoker.Property{
					"resource_list": {Type: stoker.TypeList, Default: []any{},
						Description: "Members by their names or by what get_resource gives for them. Their names are never used again."},
				}}},
			"removal_policies_mode": {Type: stoker.TypeString, Default: "append", Update: true, Constraints: schema.OneOf("append", "update"),
				Description: "Whether names removed earlier stay out of use (append), or only those removed now (update)."},
		},
		Attributes: schema.Attributes(map[string]*stoker.Attribute{
			"refs":              {Type: stoker.TypeList, Description: "What get_resource gives for each member, by index."},
			"refs_map":          {Type: stoker.TypeMap, Description: "What get_resource gives for each member, by name."},
			"attributes":        {Type: stoker.TypeMap, Description: "An attribute of every member, by the member's name: [group, attributes, attribute]."},
			"removed_rsrc_list": {Type: stoker.TypeList, Description: "Names that removal policies have put out of use."},
		}),
		UpdatePolicy: map[string]*stoker.Property{
			"rolling_update": {Type: stoker.TypeMap, Fields: rollingFields(),
				Description: "How members are replaced when their definition changes; without it all at once."},
			"batch_create": {Type: stoker.TypeMap, Fields: batchFields(),
				Description: "How members are made at first; without it all at once."},
		},
		AnyAttribute: true, // every attribute of the members, and resource.<name>
	}
}

func batchFields() map[string]*stoker.Property {
	f := rollingFields()
	delete(f, "min_in_service")
	return f
}

func (resourceGroup) Group(req *stoker.Request) (stoker.GroupSpec, error) {
	v := request.Values(req.Properties)
	policy := request.Values(req.UpdatePolicy)
	count := v.IntOr("count", 1)
	spec := stoker.GroupSpec{
		Member:        memberOf(v.Map("resource_def")),
		Version:       membersVersion,
		Max:           math.MaxInt32,
		Desired:       &count,
		Names:         stoker.ByIndex,
		IndexVar:      v.String("index_var"),
		RemoveMode:    v.String("removal_policies_mode"),
		Rolling:       rolling(policy.Map("rolling_update")),
		RollingCreate: rolling(policy.Map("batch_create")),
	}
	for _, p := range v.Maps("removal_policies") {
		spec.Remove = append(spec.Remove, p.Strings("resource_list")...)
	}
	return spec, nil
}

// memberOf leaves out what the definition does not give.
func memberOf(def request.Values) map[string]any {
	out := map[string]any{}
	for k, x := range def {
		if x != nil {
			out[k] = value.Clone(x)
		}
	}
	return out
}

func (resourceGroup) GroupAttribute(req *stoker.Request, view stoker.GroupView, name string, path []any) (any, int, error) {
	m := allMembers(req, view)
	switch {
	case name == "refs":
		return m.refs(), 0, nil
	case name == "refs_map":
		return m.refsMap(), 0, nil
	case name == "show":
		return nil, 0, nil
	case name == "removed_rsrc_list":
		return removed(view.Group()), 0, nil
	case name == "attributes":
		if len(path) == 0 {
			return nil, 0, request.UnknownAttribute(req.Name, name)
		}
		v, err := m.eachNamed(path)
		return v, len(path), err
	case strings.HasPrefix(name, "resource."):
		v, err := m.single(name, path, m.byName)
		return v, len(path), err
	}
	v, err := m.each(append([]any{name}, path...))
	return v, len(path), err
}

func removed(g *stoker.Group) []any {
	out := make([]any, len(g.Skip))
	for i, name := range g.Skip {
		out[i] = string(name)
	}
	return out
}

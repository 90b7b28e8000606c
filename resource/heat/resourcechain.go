package heat

import (
	"strconv"
	"strings"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/request"
	"github.com/stoker-project/stoker/internal/schema"
	"github.com/stoker-project/stoker/internal/value"
)

// resourceChain is OS::Heat::ResourceChain: one resource of each of several types,
// called 0, 1, 2 and so on, made one after the other.
type resourceChain struct {
	schema.Fixed
	engineMakes
}

var _ stoker.Grouper = resourceChain{}

func resourceChainSchema() *stoker.Schema {
	return &stoker.Schema{
		Description: "One resource of each of several types, called 0, 1, 2 and so on, with the same properties, made one after the other.",
		Properties: map[string]*stoker.Property{
			"resources": {Type: stoker.TypeList, Required: true, Update: true, Description: "The types, in the order in which they are made."},
			"concurrent": {Type: stoker.TypeBoolean, Default: false,
				Description: "Whether they are made all at once."},
			"resource_properties": {Type: stoker.TypeMap, Description: "The properties of each of them."},
		},
		Attributes: schema.Attributes(map[string]*stoker.Attribute{
			"refs":       {Type: stoker.TypeList, Description: "What get_resource gives for each resource, in order."},
			"attributes": {Type: stoker.TypeMap, Description: "An attribute of every resource, by the resource's name: [chain, attributes, attribute]."},
		}),
		AnyAttribute: true, // every attribute of the resources, and resource.<name>
	}
}

func (resourceChain) Group(req *stoker.Request) (stoker.GroupSpec, error) {
	v := request.Values(req.Properties)
	var each []stoker.MemberSpec
	for i, t := range v.Strings("resources") {
		def := map[string]any{"type": t}
		if props := v.Map("resource_properties"); props != nil {
			def["properties"] = value.CloneMap(props)
		}
		if i > 0 && !v.Bool("concurrent") {
			def["depends_on"] = []any{strconv.Itoa(i - 1)}
		}
		each = append(each, stoker.MemberSpec{Name: stoker.ResourceName(strconv.Itoa(i)), Def: def})
	}
	return listOf(each), nil
}

// listOf is a group of members with definitions of their own.
func listOf(each []stoker.MemberSpec) stoker.GroupSpec {
	n := len(each)
	return stoker.GroupSpec{Version: membersVersion, Names: stoker.ByList, Each: each, Min: n, Max: n, Desired: &n}
}

func (resourceChain) GroupAttribute(req *stoker.Request, view stoker.GroupView, name string, path []any) (any, int, error) {
	m := allMembers(req, view)
	switch {
	case name == "refs":
		return m.refs(), 0, nil
	case name == "show":
		return nil, 0, nil
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

package heat

import (
	"maps"
	"slices"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/request"
	"github.com/stoker-project/stoker/internal/schema"
	"github.com/stoker-project/stoker/internal/value"
)

// deploymentGroup is OS::Heat::SoftwareDeploymentGroup or StructuredDeploymentGroup:
// one configuration for several servers, as a deployment for each.
type deploymentGroup struct {
	schema.Fixed
	engineMakes
	member stoker.TypeName
}

var (
	_ stoker.Grouper   = deploymentGroup{}
	_ stoker.Validator = deploymentGroup{}
)

// groupSchema makes the schema of a group of one of a deployment.
func groupSchema(s *stoker.Schema, description string) *stoker.Schema {
	delete(s.Properties, "server")
	s.Properties["servers"] = &stoker.Property{Type: stoker.TypeMap, Required: true, Update: true,
		Description: "The servers: a map from names of your own to get_resource of each."}
	s.Description = description
	s.Attributes = schema.Attributes(map[string]*stoker.Attribute{
		"deploy_stdouts":      {Type: stoker.TypeMap, Description: "What the configuration wrote to its standard output, by server."},
		"deploy_stderrs":      {Type: stoker.TypeMap, Description: "What it wrote to its standard error, by server."},
		"deploy_status_codes": {Type: stoker.TypeMap, Description: "How it ended, by server; 0 is success."},
	})
	s.UpdatePolicy = map[string]*stoker.Property{
		"rolling_update": {Type: stoker.TypeMap, Fields: batchFields(),
			Description: "To how many servers a change goes at once; without it to all."},
		"batch_create": {Type: stoker.TypeMap, Fields: batchFields(),
			Description: "To how many servers the configuration goes at once at first; without it to all."},
	}
	return s
}

func (g deploymentGroup) Group(req *stoker.Request) (stoker.GroupSpec, error) {
	v := request.Values(req.Properties)
	servers := v.Map("servers")
	var each []stoker.MemberSpec
	for _, name := range slices.Sorted(maps.Keys(servers)) {
		props := map[string]any{}
		for k, x := range v {
			if x != nil && k != "servers" {
				props[k] = value.Clone(x)
			}
		}
		props["server"] = servers[name]
		each = append(each, stoker.MemberSpec{Name: stoker.ResourceName(name), Def: map[string]any{"type": string(g.member), "properties": props}})
	}
	spec := listOf(each)
	policy := request.Values(req.UpdatePolicy)
	spec.Rolling, spec.RollingCreate = rolling(policy.Map("rolling_update")), rolling(policy.Map("batch_create"))
	return spec, nil
}

// Validate refuses what no deployment can do, before it is said of one of them.
func (deploymentGroup) Validate(req *stoker.Request) error { return deployment{}.Validate(req) }

func (deploymentGroup) GroupAttribute(req *stoker.Request, view stoker.GroupView, name string, path []any) (any, int, error) {
	m := allMembers(req, view)
	single := map[string]string{"deploy_stdouts": "deploy_stdout", "deploy_stderrs": "deploy_stderr", "deploy_status_codes": "deploy_status_code"}
	if name == "show" {
		return nil, 0, nil
	}
	if one, ok := single[name]; ok {
		name = one
	}
	v, err := m.eachNamed([]any{name}) // the rest of the path leads into the map
	return v, 0, err
}

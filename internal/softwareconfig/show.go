package softwareconfig

import (
	"cmp"
	"slices"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/request"
	"github.com/stoker-project/stoker/internal/value"
)

// The types that bring configurations into servers, and the one of servers that were
// there before, whose agents look for theirs in the resource's metadata.
var (
	DeploymentTypes                 = []stoker.TypeName{"OS::Heat::SoftwareDeployment", "OS::Heat::StructuredDeployment"}
	DeployedServer  stoker.TypeName = "OS::Heat::DeployedServer"
)

// Shown is a configuration as clients and agents read it. Lists leave out what it says.
type Shown struct {
	ID      stoker.ResourceID `json:"id"`
	Name    string            `json:"name"`
	Group   any               `json:"group"`
	Config  any               `json:"config,omitempty"`
	Inputs  any               `json:"inputs,omitempty"`
	Outputs any               `json:"outputs,omitempty"`
	Options any               `json:"options,omitempty"`
	Created string            `json:"creation_time"`
}

// Show shows a configuration, or what a deployment has made of one.
func Show(r *stoker.Resource) Shown {
	data := request.Values(r.Data)
	c := data.Map("software_config")
	if derived := data.Map("derived"); derived != nil {
		c = derived
	}
	return Shown{
		ID: r.ID, Name: cmp.Or(c.String("name"), request.Values(r.Metadata).String("name"), string(r.Name)), Group: c["group"],
		Config: value.Clone(c["config"]), Inputs: listOr(c["inputs"]), Outputs: listOr(c["outputs"]), Options: value.Clone(c["options"]),
		Created: r.Created.UTC().Format(time.RFC3339),
	}
}

func listOr(v any) any {
	if v == nil {
		return []any{}
	}
	return value.Clone(v)
}

// For gives what a server is to apply, of some deployments, in the order of the names.
func For(server string, deployments []*stoker.Resource) []Shown {
	out := []Shown{}
	for _, d := range deployments {
		if request.Values(d.Properties).String("server") == server && request.Values(d.Data).Map("derived") != nil {
			out = append(out, Show(d))
		}
	}
	slices.SortStableFunc(out, func(a, b Shown) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

package openstack

import (
	"context"
	"fmt"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/heatschema"
	"github.com/stoker-project/stoker/internal/request"
	"github.com/stoker-project/stoker/internal/schema"
)

// serverGroup is OS::Nova::ServerGroup: a wish about where servers are. All servers
// are on one machine, so nothing is done about it; who is in the group is known.
type serverGroup struct {
	schema.Fixed
	groups *groups
}

// groups are the server groups, and the servers that are in them by their ID.
type groups struct {
	policies *shelf[string]
	members  *shelf[member]
}

type member struct {
	group  string
	server stoker.PhysicalID
}

func newGroups() *groups {
	return &groups{policies: newShelf[string]("server group"), members: newShelf[member]("server")}
}

var (
	_ stoker.Attributer = serverGroup{}
	_ stoker.Validator  = serverGroup{}
	_ stoker.Resumer    = serverGroup{}
)

func serverGroupSchema(t heatschema.Table) *stoker.Schema {
	return t.Describe("OS::Nova::ServerGroup", "A wish that servers are together or apart. Servers join it by scheduler_hints: {group: ...}. All servers are on one machine: affinity is always met, anti-affinity never, which the servers' notes say.",
		heatschema.Texts{
			"name":                      "Its name; by default stack, resource and a short ID.",
			"policies":                  "Exactly one of anti-affinity, affinity, soft-anti-affinity and soft-affinity.",
			"rules":                     "More about the policy. Kept, with no effect.",
			"rules.max_server_per_host": "How many servers may be on one machine.",
			"attribute:show":            "A map with id, name, policies, rules, and members, the IDs of the servers.",
		}, nil)
}

// Validate wants one policy, as Nova does.
func (serverGroup) Validate(req *stoker.Request) error {
	v := request.Values(req.Properties)
	if n := len(v.List("policies")); v.Has("policies") && n != 1 {
		return refused("policies", fmt.Sprintf("there are %d policies", n), "Give exactly one.")
	}
	return nil
}

func (g serverGroup) Create(_ context.Context, req *stoker.Request) (stoker.Result, error) {
	g.put(req)
	return stoker.Result{PhysicalID: stoker.PhysicalID(req.ID)}, nil
}

func (g serverGroup) put(req *stoker.Request) {
	g.groups.policies.put(thing[string]{id: string(req.ID), name: nameOf(req), project: req.Stack.Project, owner: ownerOf(req), value: policyOf(req)})
}

func policyOf(req *stoker.Request) string {
	if all := request.Values(req.Properties).Strings("policies"); len(all) == 1 {
		return all[0]
	}
	return ""
}

func (g serverGroup) Resume(_ context.Context, req *stoker.Request) error {
	g.put(req)
	return nil
}

func (g serverGroup) Delete(_ context.Context, req *stoker.Request) error {
	g.groups.policies.remove(string(req.ID))
	return nil
}

func (g serverGroup) Attribute(_ context.Context, req *stoker.Request, name string, _ []any) (any, int, error) {
	if name != "show" {
		return nil, 0, request.UnknownAttribute(req.Name, name)
	}
	members := []any{}
	for _, m := range g.groups.in(string(req.ID)) {
		members = append(members, string(m.value.server))
	}
	v := request.Values(req.Properties)
	rules := map[string]any{}
	if n := v.Map("rules"); n.Has("max_server_per_host") {
		rules["max_server_per_host"] = int64(n.Int("max_server_per_host"))
	}
	return map[string]any{
		"id": string(req.ID), "name": nameOf(req), "project_id": string(req.Stack.Project), "members": members,
		"policies": append([]any{}, v.List("policies")...), "policy": policyOf(req), "rules": rules, "metadata": map[string]any{},
	}, 0, nil
}

func (g *groups) in(group string) []thing[member] {
	return g.members.where(func(t thing[member]) bool { return t.value.group == group })
}

// join makes a server a member of the group that its hints name. The note tells where
// the group's policy cannot be met. A group that is not known here is left to the cloud
// that the template comes from.
func (g *groups) join(req *stoker.Request, id stoker.PhysicalID) (note string) {
	hint := request.Values(req.Properties).Map("scheduler_hints").String("group")
	if hint == "" {
		return ""
	}
	group, err := g.policies.find(req.Stack.Project, hint)
	if err != nil {
		return ""
	}
	g.members.put(thing[member]{id: string(req.ID), project: req.Stack.Project, owner: ownerOf(req), value: member{group.id, id}})
	if group.value == "anti-affinity" && len(g.in(group.id)) > 1 {
		return fmt.Sprintf("the policy anti-affinity of server group %s cannot be met: all servers are on one machine", group.name)
	}
	return ""
}

func (g *groups) leave(req *stoker.Request) { g.members.remove(string(req.ID)) }

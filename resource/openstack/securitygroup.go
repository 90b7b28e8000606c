package openstack

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/neutron"
	"github.com/stoker-project/stoker/internal/request"
)

// securityGroup is OS::Neutron::SecurityGroup: what the ports that have it let pass.
type securityGroup struct{ networked }

var (
	_ stoker.Updater    = securityGroup{}
	_ stoker.Resumer    = securityGroup{}
	_ stoker.Validator  = securityGroup{}
	_ stoker.Attributer = securityGroup{}
	_ stoker.Refuser    = securityGroup{}
)

// passing chooses what concerns security groups.
func passing(s subject) bool { return s.kind == "filter" || s.kind == "floating" }

func (g securityGroup) Create(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	for i, r := range request.Values(req.Properties).Maps("rules") {
		if name := r.String("remote_group_id"); name != "" && r.String("remote_mode") == "remote_group_id" && name != string(req.ID) {
			if _, err := g.Group(req.Stack.Project, name); err != nil {
				return stoker.Result{}, in(fmt.Sprintf("rules.%d.remote_group_id", i), err)
			}
		}
	}
	made, err := g.put(req)
	if err != nil {
		return stoker.Result{}, err
	}
	return stoker.Result{PhysicalID: physical(made.Object)}, g.settle(ctx, passing)
}

// Update changes the rules of all ports that have the group.
func (g securityGroup) Update(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	return g.Create(ctx, req)
}

func (g securityGroup) Resume(_ context.Context, req *stoker.Request) error {
	_, err := g.put(req)
	return err
}

func (g securityGroup) put(req *stoker.Request) (neutron.Group, error) {
	v := request.Values(req.Properties)
	made := neutron.Group{Object: object(req), Description: v.String("description")}
	if made.Name == "default" {
		return made, refused("name", "Default security group already exists", "Give another name.")
	}
	leaves := false
	for i, r := range v.Maps("rules") {
		rule, err := g.rule(req, r, made.ID, fmt.Sprintf("rules.%d.", i))
		if err != nil {
			return made, err
		}
		made.Rules = append(made.Rules, rule)
		leaves = leaves || rule.Egress
	}
	if !leaves {
		made.Rules = append(neutron.AnyEgress(), made.Rules...)
	}
	g.PutGroup(made)
	return made, nil
}

// rule reads a rule of a group's list. Create has looked whether a group that is named
// is there; when groups are resumed it may not be yet, and is found by its ID.
func (g securityGroup) rule(req *stoker.Request, v request.Values, own neutron.ID, at string) (neutron.Rule, error) {
	r, err := ruleOf(v, at)
	if err != nil || v.String("remote_mode") != "remote_group_id" {
		return r, err
	}
	r.Remote, r.Members = netip.Prefix{}, own
	if name := v.String("remote_group_id"); name != "" {
		r.Members = g.groupNamed(req.Stack.Project, name)
	}
	return r, nil
}

// groupNamed is the ID of a group by its name, or what is an ID already.
func (c *cloud) groupNamed(p stoker.ProjectID, name string) neutron.ID {
	if other, err := c.Group(p, name); err == nil {
		return other.ID
	}
	return neutron.ID(name)
}

// ruleOf reads what all rules have.
func ruleOf(v request.Values, at string) (neutron.Rule, error) {
	r := neutron.Rule{
		Egress: v.String("direction") == "egress", IPv6: v.String("ethertype") == "IPv6", Protocol: v.String("protocol"),
		Min: v.OptionalInt("port_range_min"), Max: v.OptionalInt("port_range_max"),
	}
	if r.Min == nil && r.Max != nil && r.Protocol != "icmp" {
		r.Min = r.Max
	}
	if r.Min != nil && r.Max != nil && *r.Min > *r.Max && r.Protocol != "icmp" {
		return r, refused(at+"port_range_min", fmt.Sprintf("%d is more than port_range_max, %d", *r.Min, *r.Max), "")
	}
	if r.Min != nil && r.Protocol == "" {
		return r, refused(at+"protocol", "Must also specify protocol if port range is given", "")
	}
	text := v.String("remote_ip_prefix")
	if text == "" {
		return r, nil
	}
	var err error
	if r.Remote, err = netip.ParsePrefix(text); err != nil {
		ip, failed := netip.ParseAddr(text)
		if failed != nil {
			return r, refused(at+"remote_ip_prefix", fmt.Sprintf("%q is no range of addresses", text), "")
		}
		r.Remote = netip.PrefixFrom(ip, ip.BitLen())
	}
	return r, nil
}

func (securityGroup) Validate(req *stoker.Request) error {
	for i, r := range request.Values(req.Properties).Maps("rules") {
		if _, err := ruleOf(r, fmt.Sprintf("rules.%d.", i)); err != nil {
			return err
		}
	}
	return nil
}

func (g securityGroup) Delete(ctx context.Context, req *stoker.Request) error {
	if err := g.RemoveGroup(idOf(req)); err != nil {
		return err
	}
	return g.settle(ctx, nothing)
}

func (g securityGroup) Attribute(_ context.Context, req *stoker.Request, name string, _ []any) (any, int, error) {
	made, err := g.Group(req.Stack.Project, string(req.PhysicalID))
	if err != nil {
		return nil, 0, nil
	}
	rules := []any{}
	for _, r := range made.Rules {
		rules = append(rules, showRule(r))
	}
	return attributes(req, common(made.Object, req, map[string]any{
		"security_group_rules": rules, "stateful": true,
	}), name)
}

func showRule(r neutron.Rule) map[string]any {
	direction, ethertype := "ingress", "IPv4"
	if r.Egress {
		direction = "egress"
	}
	if r.IPv6 {
		ethertype = "IPv6"
	}
	number := func(n *int) any {
		if n == nil {
			return nil
		}
		return int64(*n)
	}
	var remote any
	if r.Remote.IsValid() {
		remote = r.Remote.String()
	}
	return map[string]any{
		"direction": direction, "ethertype": ethertype, "protocol": orNil(r.Protocol), "remote_ip_prefix": remote,
		"remote_group_id": orNil(string(r.Members)), "port_range_min": number(r.Min), "port_range_max": number(r.Max),
	}
}

// securityGroupRule is OS::Neutron::SecurityGroupRule: one more rule of a group.
type securityGroupRule struct{ networked }

var (
	_ stoker.Resumer    = securityGroupRule{}
	_ stoker.Validator  = securityGroupRule{}
	_ stoker.Attributer = securityGroupRule{}
	_ stoker.Completer  = securityGroupRule{}
	_ stoker.Refuser    = securityGroupRule{}
)

// Completes says that the ports of a group come after its rules.
func (securityGroupRule) Completes() []stoker.TypeName {
	return []stoker.TypeName{"OS::Neutron::SecurityGroup"}
}

func (r securityGroupRule) Create(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	v := request.Values(req.Properties)
	g, err := r.Group(req.Stack.Project, v.String("security_group"))
	if err != nil {
		return stoker.Result{}, in("security_group", err)
	}
	made, err := ruleOf(v, "")
	if err != nil {
		return stoker.Result{}, err
	}
	made.Object, made.Group = object(req), g.ID
	if name := v.String("remote_group"); name != "" {
		other, err := r.Group(req.Stack.Project, name)
		if err != nil {
			return stoker.Result{}, in("remote_group", err)
		}
		made.Members = other.ID
	}
	r.PutRule(made)
	return stoker.Result{
		PhysicalID: physical(made.Object),
		Data:       map[string]any{"group": string(made.Group), "members": string(made.Members)},
	}, r.settle(ctx, passing)
}

func (r securityGroupRule) Resume(_ context.Context, req *stoker.Request) error {
	made, err := ruleOf(req.Properties, "")
	if err != nil {
		return err
	}
	data := request.Values(req.Data)
	made.Object, made.Group, made.Members = object(req), neutron.ID(data.String("group")), neutron.ID(data.String("members"))
	r.PutRule(made)
	return nil
}

func (securityGroupRule) Validate(req *stoker.Request) error {
	v := request.Values(req.Properties)
	if v.Has("remote_group") && v.Has("remote_ip_prefix") {
		return refused("remote_group", "remote_ip_prefix is given too", "Give one of them.")
	}
	_, err := ruleOf(v, "")
	return err
}

func (r securityGroupRule) Delete(ctx context.Context, req *stoker.Request) error {
	r.RemoveRule(idOf(req))
	return r.settle(ctx, nothing)
}

func (r securityGroupRule) Attribute(_ context.Context, req *stoker.Request, name string, _ []any) (any, int, error) {
	made, err := ruleOf(req.Properties, "")
	if err != nil {
		return nil, 0, nil
	}
	data := request.Values(req.Data)
	made.Object, made.Members = object(req), neutron.ID(data.String("members"))
	shown := showRule(made)
	shown["security_group_id"] = data.String("group")
	return attributes(req, common(made.Object, req, shown), name)
}

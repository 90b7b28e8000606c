package openstack

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/neutron"
	"github.com/stoker-project/stoker/internal/request"
	"github.com/stoker-project/stoker/internal/value"
)

// port is OS::Neutron::Port: an address that is kept, and what passes to it. A server
// takes the port over by its networks.
type port struct{ networked }

var (
	_ stoker.Updater    = port{}
	_ stoker.Resumer    = port{}
	_ stoker.Validator  = port{}
	_ stoker.Attributer = port{}
	_ stoker.Refuser    = port{}
)

func (p port) Create(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	made, err := p.deal(req)
	if err != nil {
		return stoker.Result{}, err
	}
	if err := p.PutPort(made); err != nil {
		return stoker.Result{}, err
	}
	return stoker.Result{PhysicalID: physical(made.Object), Data: portData(made)}, p.settle(ctx, nothing)
}

// deal makes the port of what is wanted, with an address.
func (p port) deal(req *stoker.Request) (neutron.Port, error) {
	v := request.Values(req.Properties)
	made := neutron.Port{Object: object(req), MAC: v.String("mac_address"), Owner: v.String("device_owner")}
	name, err := required(v, "network", "network_id")
	if err != nil {
		return made, err
	}
	n, err := p.Net(req.Stack.Project, name)
	if err != nil {
		return made, in("network", err)
	}
	if n.External {
		return made, refused("network", "there are no ports on the external network here", "Use a floating address.")
	}
	made.Net = n.ID
	if made.MAC == "" {
		made.MAC = neutron.MAC(made.ID)
	}
	if made.Groups, made.Open, err = p.security(req.Stack.Project, v, n); err != nil {
		return made, err
	}
	return p.addressed(made, req, v)
}

// addressed deals the address that is wanted.
func (p port) addressed(made neutron.Port, req *stoker.Request, v request.Values) (neutron.Port, error) {
	fixed := v.Maps("fixed_ips")
	if v.Bool("no_fixed_ips") || len(fixed) == 0 && !p.HasSubnets(made.Net) {
		return made, nil
	}
	var want netip.Addr
	if len(fixed) > 0 {
		var err error
		if want, err = address(fixed[0], "ip_address"); err != nil {
			return made, in("fixed_ips.0.ip_address", err)
		}
		if name := ref(fixed[0], "subnet", "subnet_id"); name != "" {
			s, err := p.Subnet(req.Stack.Project, name)
			if err == nil && s.Net != made.Net {
				err = stoker.Errorf(stoker.Invalid, "subnet %s is not of the port's network", name)
			}
			if err != nil {
				return made, in("fixed_ips.0.subnet", err)
			}
			made.Subnet = s.ID
		}
	}
	made, err := p.Place(made, want)
	return made, in("fixed_ips", err)
}

// security reads what passes a port: its groups, the project's "default" where none
// are named, or everything where its security is off.
func (c *cloud) security(project stoker.ProjectID, v request.Values, n neutron.Net) (groups []neutron.ID, open bool, err error) {
	open = n.Open
	if v.Has("port_security_enabled") {
		open = !v.Bool("port_security_enabled")
	}
	if open {
		if len(v.List("security_groups")) > 0 {
			return nil, true, refused("security_groups", "the port's security is off", "Leave them out, or set port_security_enabled.")
		}
		return nil, true, nil
	}
	names := v.Strings("security_groups")
	if !v.Has("security_groups") {
		names = []string{"default"}
	}
	groups, err = c.groupIDs(project, names)
	return groups, false, err
}

func (c *cloud) groupIDs(project stoker.ProjectID, names []string) ([]neutron.ID, error) {
	out := []neutron.ID{}
	for i, name := range names {
		g, err := c.Group(project, name)
		if err != nil {
			return nil, in(fmt.Sprintf("security_groups.%d", i), err)
		}
		out = append(out, g.ID)
	}
	return out, nil
}

// portData is what brings a port back.
func portData(p neutron.Port) map[string]any {
	return map[string]any{
		"id": string(p.ID), "name": p.Name, "network_id": string(p.Net), "subnet_id": string(p.Subnet),
		"ip": text(p.IP), "mac": p.MAC, "groups": texts(p.Groups), "open": p.Open, "owner": p.Owner, "alone": p.Alone,
	}
}

func text(ip netip.Addr) string {
	if !ip.IsValid() {
		return ""
	}
	return ip.String()
}

func portOf(project stoker.ProjectID, data request.Values) neutron.Port {
	ip, _ := netip.ParseAddr(data.String("ip"))
	var groups []neutron.ID
	for _, g := range data.Strings("groups") {
		groups = append(groups, neutron.ID(g))
	}
	return neutron.Port{
		Object: neutron.Object{ID: neutron.ID(data.String("id")), Name: data.String("name"), Project: project},
		Net:    neutron.ID(data.String("network_id")), Subnet: neutron.ID(data.String("subnet_id")), IP: ip, MAC: data.String("mac"),
		Groups: groups, Open: data.Bool("open"), Owner: data.String("owner"), Alone: data.Bool("alone"),
	}
}

// Validate refuses what a port cannot have here.
func (port) Validate(req *stoker.Request) error {
	v := request.Values(req.Properties)
	if len(v.List("fixed_ips")) > 1 {
		return refused("fixed_ips", "a port has one address here", "Make a port for each.")
	}
	if v.Bool("no_fixed_ips") && len(v.List("fixed_ips")) > 0 {
		return refused("no_fixed_ips", "fixed_ips are given too", "Leave one of them out.")
	}
	return nil
}

// Update changes what passes, and the name. Another address needs another port.
func (p port) Update(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	v := request.Values(req.Properties)
	made := portOf(req.Stack.Project, req.Data)
	if v.String("replacement_policy") == "REPLACE_ALWAYS" || v.Changed(req.OldProperties, "no_fixed_ips") || !p.fits(made, req) {
		return stoker.Result{}, stoker.ErrReplace
	}
	n, err := p.Net(req.Stack.Project, string(made.Net))
	if err != nil {
		return stoker.Result{}, in("network", err)
	}
	made.Name, made.Owner = nameOf(req), v.String("device_owner")
	if made.Groups, made.Open, err = p.security(req.Stack.Project, v, n); err != nil {
		return stoker.Result{}, err
	}
	if err := p.PutPort(made); err != nil {
		return stoker.Result{}, err
	}
	return stoker.Result{Data: portData(made)}, p.settle(ctx, func(s subject) bool { return s.kind == "filter" || s.kind == "floating" })
}

// fits tells whether a port's address is one that is wanted.
func (p port) fits(made neutron.Port, req *stoker.Request) bool {
	fixed := request.Values(req.Properties).Maps("fixed_ips")
	if len(fixed) == 0 {
		return true
	}
	if want := fixed[0].String("ip_address"); want != "" && want != text(made.IP) {
		return false
	}
	name := ref(fixed[0], "subnet", "subnet_id")
	if name == "" {
		return true
	}
	s, err := p.Subnet(req.Stack.Project, name)
	return err == nil && s.ID == made.Subnet
}

func (p port) Resume(_ context.Context, req *stoker.Request) error {
	return p.PutPort(portOf(req.Stack.Project, req.Data))
}

func (p port) Delete(ctx context.Context, req *stoker.Request) error {
	p.RemovePort(idOf(req))
	return p.settle(ctx, nothing)
}

func (p port) Attribute(_ context.Context, req *stoker.Request, name string, _ []any) (any, int, error) {
	made, err := p.Port(req.Stack.Project, string(req.PhysicalID))
	if err != nil {
		return nil, 0, nil
	}
	switch name {
	case "subnets":
		subnets := []any{}
		if s, ok := p.SubnetByID(made.Subnet); ok {
			subnets = append(subnets, showSubnet(s, &stoker.Request{}))
		}
		return subnets, 0, nil
	case "network":
		n, err := p.Net(req.Stack.Project, string(made.Net))
		if err != nil {
			return nil, 0, nil
		}
		return p.showNet(n, &stoker.Request{}), 0, nil
	}
	return attributes(req, showPort(made, req), name)
}

func showPort(made neutron.Port, req *stoker.Request) map[string]any {
	v := request.Values(req.Properties)
	fixed := []any{}
	if made.IP.IsValid() {
		fixed = append(fixed, map[string]any{"subnet_id": string(made.Subnet), "ip_address": made.IP.String()})
	}
	status, device := "DOWN", v.String("device_id")
	if made.Server != "" {
		status, device = "ACTIVE", string(made.Server)
	}
	pairs, _ := value.Clone(req.Properties["allowed_address_pairs"]).([]any)
	return common(made.Object, req, map[string]any{
		"admin_state_up": !v.Has("admin_state_up") || v.Bool("admin_state_up"), "allowed_address_pairs": append([]any{}, pairs...),
		"device_id": device, "device_owner": owner(made), "dns_assignment": nil, "fixed_ips": fixed,
		"mac_address": made.MAC, "network_id": string(made.Net), "port_security_enabled": !made.Open,
		"propagate_uplink_status": v.Bool("propagate_uplink_status"), "qos_policy_id": nil,
		"security_groups": texts(made.Groups), "status": status,
	})
}

func owner(p neutron.Port) string {
	if p.Owner == "" && p.Server != "" {
		return "compute:nova"
	}
	return p.Owner
}

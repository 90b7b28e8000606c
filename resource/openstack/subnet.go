package openstack

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/neutron"
	"github.com/stoker-project/stoker/internal/request"
)

// subnet is OS::Neutron::Subnet: one network of the driver.
type subnet struct{ networked }

var (
	_ stoker.Updater    = subnet{}
	_ stoker.Resumer    = subnet{}
	_ stoker.Validator  = subnet{}
	_ stoker.Attributer = subnet{}
	_ stoker.Completer  = subnet{}
	_ stoker.Refuser    = subnet{}
)

// Completes says that a network's ports come after its subnets.
func (subnet) Completes() []stoker.TypeName { return []stoker.TypeName{"OS::Neutron::Net"} }

func (s subnet) Create(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	made, err := s.wanted(req)
	if err != nil {
		return stoker.Result{}, err
	}
	err = s.networks.CreateNetwork(ctx, stoker.NetworkSpec{
		Token: stoker.NetworkToken(made.ID), Name: s.NameOf(made.Net), Project: made.Project,
		Prefix: made.Prefix, Gateway: made.Machine(),
	})
	if err != nil {
		return stoker.Result{}, doing(err, "create subnet %s (%s)", made.Name, made.Prefix)
	}
	if err := s.PutSubnet(made); err != nil {
		return stoker.Result{}, err
	}
	return stoker.Result{PhysicalID: physical(made.Object), Data: map[string]any{"network_id": string(made.Net)}}, nil
}

// wanted reads what is wanted of a subnet.
func (s subnet) wanted(req *stoker.Request) (neutron.Subnet, error) {
	v := request.Values(req.Properties)
	out, err := subnetOf(req)
	if err != nil {
		return out, err
	}
	name, err := required(v, "network", "network_id")
	if err != nil {
		return out, err
	}
	n, err := s.Net(req.Stack.Project, name)
	if err != nil {
		return out, in("network", err)
	}
	if n.External {
		return out, refused("network", "the external network takes no more subnets", "Its addresses are configured; see external in docs/configuration.md.")
	}
	out.Net = n.ID
	return out, nil
}

// subnetOf reads all but the net.
func subnetOf(req *stoker.Request) (neutron.Subnet, error) {
	v := request.Values(req.Properties)
	out := neutron.Subnet{Object: object(req)}
	prefix, err := netip.ParsePrefix(v.String("cidr"))
	if err != nil {
		return out, refused("cidr", fmt.Sprintf("%q is no range of addresses", v.String("cidr")), "Give one like 10.0.0.0/24; there are no subnet pools here.")
	}
	out.Prefix = prefix.Masked()
	if out.Prefix.Addr().Is6() {
		return out, refused("cidr", "subnets of IPv6 are not made here", "Give an IPv4 range.")
	}
	if out.Prefix.Bits() > 30 {
		return out, refused("cidr", fmt.Sprintf("%s has no addresses for servers", out.Prefix), "Give a larger range.")
	}
	if out.Gateway, err = gateway(v, out); err != nil {
		return out, err
	}
	for i, p := range v.Maps("allocation_pools") {
		start, err1 := netip.ParseAddr(p.String("start"))
		end, err2 := netip.ParseAddr(p.String("end"))
		if err1 != nil || err2 != nil {
			return out, refused(fmt.Sprintf("allocation_pools.%d", i), "start and end must be IP addresses", "")
		}
		out.Pools = append(out.Pools, neutron.Range{Start: start, End: end})
	}
	return out, out.CheckRanges()
}

// gateway is the first address where none is given, and none where an empty one is.
func gateway(v request.Values, s neutron.Subnet) (netip.Addr, error) {
	if !v.Has("gateway_ip") {
		return s.Machine(), nil
	}
	ip, err := address(v, "gateway_ip")
	if err == nil && ip.IsValid() && !s.Prefix.Contains(ip) {
		err = refused("gateway_ip", fmt.Sprintf("%s is not in the subnet %s", ip, s.Prefix), "")
	}
	return ip, err
}

// Validate checks what needs no other object.
func (subnet) Validate(req *stoker.Request) error {
	v := request.Values(req.Properties)
	if v.Int("ip_version") == 6 {
		return refused("ip_version", "subnets of IPv6 are not made here", "Use 4.")
	}
	for _, name := range []string{"subnetpool", "prefixlen", "segment", "ipv6_address_mode", "ipv6_ra_mode"} {
		if v.Has(name) {
			return refused(name, "there are no subnet pools, segments and modes of IPv6 here", "Give cidr.")
		}
	}
	if !v.Has("cidr") {
		return nil // or not known yet
	}
	_, err := subnetOf(req)
	return err
}

// Update changes names and pools. The driver's network stays, and so its gateway.
func (s subnet) Update(_ context.Context, req *stoker.Request) (stoker.Result, error) {
	now := request.Values(req.Properties)
	if now.Changed(req.OldProperties, "gateway_ip") {
		before, err := subnetOf(&stoker.Request{ID: req.ID, Properties: req.OldProperties})
		after, err2 := subnetOf(req)
		if err != nil || err2 != nil || before.Gateway != after.Gateway {
			return stoker.Result{}, refused("gateway_ip", "the gateway of a subnet that exists does not change here", "Make another subnet.")
		}
	}
	return stoker.Result{}, s.put(req)
}

// put makes the model's subnet as recorded.
func (s subnet) put(req *stoker.Request) error {
	made, err := subnetOf(req)
	if err != nil {
		return err
	}
	made.Net = neutron.ID(request.Values(req.Data).String("network_id"))
	return s.PutSubnet(made)
}

// Resume also asks for the driver's network again: after a restart of the machine it
// may want to be put in order.
func (s subnet) Resume(ctx context.Context, req *stoker.Request) error {
	if err := s.put(req); err != nil {
		return err
	}
	made, _ := s.SubnetByID(idOf(req))
	return s.networks.CreateNetwork(ctx, stoker.NetworkSpec{
		Token: stoker.NetworkToken(made.ID), Name: s.NameOf(made.Net), Project: made.Project,
		Prefix: made.Prefix, Gateway: made.Machine(),
	})
}

func (s subnet) Delete(ctx context.Context, req *stoker.Request) error {
	id := idOf(req)
	if err := s.RemovableSubnet(id); err != nil {
		return err
	}
	if s.networks != nil {
		if err := s.networks.DestroyNetwork(ctx, stoker.NetworkToken(id)); err != nil {
			return doing(err, "delete subnet %s", nameOf(req))
		}
	}
	s.RemoveSubnet(id)
	return nil
}

func (s subnet) Attribute(_ context.Context, req *stoker.Request, name string, _ []any) (any, int, error) {
	made, err := s.Subnet(req.Stack.Project, string(req.PhysicalID))
	if err != nil {
		return nil, 0, nil
	}
	return attributes(req, showSubnet(made, req), name)
}

func showSubnet(made neutron.Subnet, req *stoker.Request) map[string]any {
	v := request.Values(req.Properties)
	pools := []any{}
	for _, r := range made.Ranges() {
		pools = append(pools, map[string]any{"start": r.Start.String(), "end": r.End.String()})
	}
	return common(made.Object, req, map[string]any{
		"allocation_pools": pools, "cidr": made.Prefix.String(), "gateway_ip": addressText(made.Gateway),
		"dns_nameservers": append([]any{}, v.List("dns_nameservers")...), "host_routes": append([]any{}, v.List("host_routes")...),
		"enable_dhcp": true, "ip_version": int64(4), "network_id": string(made.Net),
	})
}

package openstack

import (
	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/heatschema"
	"github.com/stoker-project/stoker/internal/schema"
)

// commonTexts describe what means the same in many types.
func commonTexts() heatschema.Texts {
	return heatschema.Texts{
		"admin_state_up": "Whether it is on. Ignored: it always is.",
		"description":    "Words for people.",
		"name":           "Its name, which need not be unique; by default stack, resource and a short ID.",
		"tags":           "Tags, for people.",
		"tenant_id":      "The project. Ignored: it is the stack's.",
		"value_specs":    "More values for Neutron. Ignored.",
		"qos_policy":     "A policy of quality of service. Ignored.",
		"dns_name":       "A name for DNS. Ignored.",
		"dns_domain":     "A domain for DNS. Ignored.",
		"network":        "The network, by name or ID.", "network_id": "The older name of network.",
		"subnet": "The subnet, by name or ID.", "subnet_id": "The older name of subnet.",
		"attribute:show":                  "All that is known of it, as Neutron shows it.",
		"attribute:name":                  "Its name.",
		"attribute:status":                "Its state.",
		"attribute:tenant_id":             "The project.",
		"attribute:admin_state_up":        "Whether it is on.",
		"attribute:port_security_enabled": "Whether security groups filter its ports.",
		"attribute:qos_policy_id":         "Null: there are no such policies.",
		"attribute:network_id":            "The network's ID.",
	}
}

func netSchema(t heatschema.Table) *stoker.Schema {
	return t.Describe("OS::Neutron::Net", "A network: what is in its subnets belongs together.", heatschema.Texts{
		"availability_zone_hints": "Where to schedule it. Ignored.",
		"dhcp_agent_ids":          "Agents of DHCP. Ignored: there are none.",
		"port_security_enabled":   "Whether security groups filter the ports of the network; on by default.",
		"shared":                  "Whether other projects see it. Ignored: they do not.",
		"attribute:l2_adjacency":  "True.",
		"attribute:mtu":           "The largest packet's size.",
		"attribute:segments":      "Null.",
		"attribute:subnets":       "The IDs of its subnets.",
	}, commonTexts())
}

func subnetSchema(t heatschema.Table) *stoker.Schema {
	s := t.Describe("OS::Neutron::Subnet", "A range of addresses of a network; with Docker a network of its own.", heatschema.Texts{
		"allocation_pools":           "What addresses are dealt from; by default all of the range but the gateway. Others can be asked for by name.",
		"allocation_pools[].start":   "The first address.",
		"allocation_pools[].end":     "The last address.",
		"cidr":                       "The range, of IPv4. It must not overlap another network of the machine.",
		"dns_nameservers":            "Servers of DNS. Ignored: the driver's are used.",
		"enable_dhcp":                "Whether servers are told their address. Ignored: they have it from the start.",
		"gateway_ip":                 "The routers' address, the first of the range by default; an empty one means that no router can join.",
		"host_routes":                "More routes of servers. Ignored.",
		"host_routes[].destination":  "Where they lead.",
		"host_routes[].nexthop":      "By which address.",
		"ip_version":                 "4; 6 is refused.",
		"ipv6_address_mode":          "A mode of IPv6. Refused.",
		"ipv6_ra_mode":               "A mode of IPv6. Refused.",
		"prefixlen":                  "The length of a range from a pool. Refused.",
		"segment":                    "The segment. Refused.",
		"subnetpool":                 "The pool to take a range from. Refused.",
		"attribute:allocation_pools": "What addresses are dealt from: maps of start and end.",
		"attribute:cidr":             "The range.",
		"attribute:dns_nameservers":  "The property of that name.",
		"attribute:enable_dhcp":      "True.",
		"attribute:gateway_ip":       "The routers' address; null without one.",
		"attribute:host_routes":      "The property of that name.",
		"attribute:ip_version":       "The version of IP, 4.",
	}, commonTexts())
	s.Properties["network"].Required = false // network_id is as good
	return s
}

func routerSchema(t heatschema.Table) *stoker.Schema {
	return t.Describe("OS::Neutron::Router", "A router: its subnets reach each other, and the outside if it has a gateway.", heatschema.Texts{
		"availability_zone_hints":                               "Where to schedule it. Ignored.",
		"distributed":                                           "Whether it runs everywhere. Ignored.",
		"external_gateway_info":                                 "The way out; without it there is none.",
		"external_gateway_info.network":                         "The external network.",
		"external_gateway_info.enable_snat":                     "Whether servers are hidden behind the gateway. Ignored: they are.",
		"external_gateway_info.external_fixed_ips":              "The gateway's own addresses. Ignored.",
		"external_gateway_info.external_fixed_ips[].ip_address": "An address.",
		"external_gateway_info.external_fixed_ips[].subnet":     "Its subnet.",
		"ha":                              "Whether there are two of it. Ignored.",
		"l3_agent_id":                     "The agent it runs on. Ignored.",
		"l3_agent_ids":                    "The agents it runs on. Ignored.",
		"attribute:external_gateway_info": "The way out; null if there is none.",
	}, commonTexts())
}

func routerInterfaceSchema(t heatschema.Table) *stoker.Schema {
	s := t.Describe("OS::Neutron::RouterInterface", "A subnet's place at a router. What is in the subnet's network is made after it.", heatschema.Texts{
		"port":      "A port of the subnet, instead of the subnet.",
		"port_id":   "The older name of port.",
		"router":    "The router, by name or ID.",
		"router_id": "The older name of router.",
	}, commonTexts())
	s.Properties["router"].Required = false // router_id is as good
	return s
}

// routerGatewaySchema is not in Heat's list any more.
func routerGatewaySchema() *stoker.Schema {
	return &stoker.Schema{
		Description: "A router's way out, as a resource. external_gateway_info of OS::Neutron::Router is its newer form.", Hidden: true,
		Properties: map[string]*stoker.Property{
			"router_id":  {Type: stoker.TypeString, Required: true, Constraints: schema.Custom("neutron.router"), Description: "The router, by name or ID."},
			"network":    {Type: stoker.TypeString, Constraints: schema.Custom("neutron.network"), Description: "The external network."},
			"network_id": {Type: stoker.TypeString, Hidden: true, Constraints: schema.Custom("neutron.network"), Description: "The older name of network."},
		},
		Attributes: schema.Attributes(nil),
	}
}

func portSchema(t heatschema.Table) *stoker.Schema {
	s := t.Describe("OS::Neutron::Port", "A place in a network: an address that stays, whatever server has it, and what passes to it.", heatschema.Texts{
		"allowed_address_pairs":               "More addresses that may pass. Ignored.",
		"allowed_address_pairs[].ip_address":  "An address.",
		"allowed_address_pairs[].mac_address": "A MAC address.",
		"binding:vnic_type":                   "The kind of interface. Ignored.",
		"device_id":                           "The device's ID. Ignored: a server takes the port by its networks.",
		"device_owner":                        "What the port is for, for people.",
		"fixed_ips":                           "The address to have, at most one; by default any of a subnet of the network.",
		"fixed_ips[].ip_address":              "The address.",
		"mac_address":                         "The MAC address; by default one that follows from the port's ID.",
		"no_fixed_ips":                        "Whether the port has no address. A server cannot have such a port.",
		"port_security_enabled":               "Whether security groups filter the port; by default as the network says.",
		"propagate_uplink_status":             "Whether the link's state is handed on. Ignored.",
		"replacement_policy":                  "AUTO changes what can be changed; REPLACE_ALWAYS makes a new port with each update.",
		"security_groups":                     "The security groups, by name or ID; by default the project's group default. An empty list lets nothing pass.",
		"attribute:allowed_address_pairs":     "The property of that name.",
		"attribute:device_id":                 "The server that has the port.",
		"attribute:device_owner":              "What the port is for: compute:nova if a server has it.",
		"attribute:dns_assignment":            "Null: there is no DNS.",
		"attribute:fixed_ips":                 "The addresses: maps of subnet_id and ip_address.",
		"attribute:mac_address":               "The MAC address.",
		"attribute:network":                   "What is known of the network.",
		"attribute:propagate_uplink_status":   "The property of that name.",
		"attribute:security_groups":           "The IDs of the security groups.",
		"attribute:subnets":                   "What is known of the port's subnet, in a list.",
	}, commonTexts())
	s.Properties["network"].Required = false // network_id is as good
	return s
}

// ruleTexts describe what rules of both kinds have.
func ruleTexts(prefix string) heatschema.Texts {
	return heatschema.Texts{
		prefix + "direction":        "ingress is what others may send to the port, egress what the port may send.",
		prefix + "ethertype":        "Rules of IPv6 are taken and let nothing pass: subnets are of IPv4.",
		prefix + "port_range_min":   "The first port of TCP or UDP, or the type of ICMP; by default any.",
		prefix + "port_range_max":   "The last port, or the code of ICMP.",
		prefix + "protocol":         "The protocol, by name or number.",
		prefix + "remote_ip_prefix": "The addresses at the other end; by default any.",
	}
}

func securityGroupSchema(t heatschema.Table) *stoker.Schema {
	texts := ruleTexts("rules[].")
	texts["rules"] = "What passes, beside answers. Without a rule for egress everything may leave. Changed for the ports that have the group, too."
	texts["rules[].remote_group_id"] = "With remote_mode remote_group_id: the group whose members are at the other end; by default the group itself."
	texts["rules[].remote_mode"] = "Whether remote_ip_prefix or remote_group_id says who is at the other end."
	texts["stateful"] = "Whether answers pass by themselves. Ignored: they do."
	return t.Describe("OS::Neutron::SecurityGroup", "Rules of what passes the ports that have the group. Those of groups with rules about members are changed as members come and go.", texts, commonTexts())
}

func securityGroupRuleSchema(t heatschema.Table) *stoker.Schema {
	texts := ruleTexts("")
	texts["remote_group"] = "The group whose members are at the other end."
	texts["security_group"] = "The group that the rule is added to, by name or ID."
	return t.Describe("OS::Neutron::SecurityGroupRule", "One more rule of a security group. What has the group is made after it.", texts, commonTexts())
}

func floatingIPSchema(t heatschema.Table) *stoker.Schema {
	s := t.Describe("OS::Neutron::FloatingIP", "An address of the external network. The balancer listens on it for the port that has it, on the TCP ports that the port's security groups let in from anywhere.", heatschema.Texts{
		"fixed_ip_address":              "The address of the port; it has one only.",
		"floating_ip_address":           "The address to have; by default any that is free.",
		"floating_network":              "The external network, by name or ID.",
		"floating_network_id":           "The older name of floating_network.",
		"floating_subnet":               "The subnet of the external network. Ignored: it has one only.",
		"port_id":                       "The port that has the address.",
		"attribute:fixed_ip_address":    "The address of the port that has it.",
		"attribute:floating_ip_address": "The address.",
		"attribute:floating_network_id": "The external network's ID.",
		"attribute:port_id":             "The port that has it.",
		"attribute:router_id":           "The router of the port's subnet.",
	}, commonTexts())
	s.Properties["floating_network"].Required = false // floating_network_id is as good
	return s
}

func floatingIPAssociationSchema(t heatschema.Table) *stoker.Schema {
	return t.Describe("OS::Neutron::FloatingIPAssociation", "Gives a floating address to a port.", heatschema.Texts{
		"fixed_ip_address": "The address of the port; it has one only.",
		"floatingip_id":    "The floating address, by its ID.",
		"port_id":          "The port, by name or ID.",
	}, commonTexts())
}

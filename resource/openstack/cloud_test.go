package openstack_test

import (
	"strings"
	"testing"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/driver/drivertest"
	"github.com/stoker-project/stoker/resource/openstack"
	"github.com/stoker-project/stoker/stack"
)

// private is a network with a way out, written with the older names of properties. The
// server stands first, and names only the network: it comes after the rest all the same.
const private = `
resources:
  server:
    type: OS::Nova::Server
    properties:
      name: web
      image: hello
      networks: [{ network: { get_attr: [net, name] } }]
      security_groups: [{ get_resource: web }]
  net: { type: OS::Neutron::Net }
  subnet:
    type: OS::Neutron::Subnet
    properties: { network_id: { get_resource: net }, cidr: 10.20.0.0/24, allocation_pools: [{ start: 10.20.0.10, end: 10.20.0.20 }] }
  router:
    type: OS::Neutron::Router
    properties: { external_gateway_info: { network: public } }
  interface:
    type: OS::Neutron::RouterInterface
    properties: { router_id: { get_resource: router }, subnet_id: { get_resource: subnet } }
  web:
    type: OS::Neutron::SecurityGroup
    properties:
      name: web
      rules: [{ protocol: tcp, port_range_min: 8080, port_range_max: 8080 }]
outputs:
  first: { value: { get_attr: [server, first_address] } }
  by_name: { value: { get_attr: [server, networks, { get_attr: [net, name] }, 0] } }
  by_id: { value: { get_attr: [server, networks, { get_resource: net }, 0] } }
  port: { value: { get_attr: [server, addresses, { get_attr: [net, name] }, 0, port] } }
  gateway: { value: { get_attr: [subnet, gateway_ip] } }
  subnets: { value: { get_attr: [net, subnets, 0] } }
`

func TestPrivateNetwork(t *testing.T) {
	c := newCloud(t)
	st := c.make("s", private)
	c.want("networks", c.driver.prefixes(), "10.20.0.0/24 [outside]")
	for name, want := range map[string]any{"first": "10.20.0.10", "by_name": "10.20.0.10", "by_id": "10.20.0.10", "gateway": "10.20.0.1"} {
		if got := c.output(st, name); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	if got, _ := c.output(st, "port").(string); len(got) != 36 {
		t.Errorf("the server's port is %q, want an ID", got)
	}
	for _, tt := range []struct {
		port int
		want bool
	}{{8080, true}, {22, false}} {
		if got := c.driver.passes("10.20.0.10", tt.port, "192.0.2.1"); got != tt.want {
			t.Errorf("port %d passes: got %v, want %v", tt.port, got, tt.want)
		}
	}
	c.remove(st)
	c.want("networks", c.driver.prefixes())
}

func TestSubnetsOfARouterReachEachOther(t *testing.T) {
	c := newCloud(t)
	const two = `
resources:
  net: { type: OS::Neutron::Net }
  a: { type: OS::Neutron::Subnet, properties: { network: { get_resource: net }, cidr: 10.1.0.0/24 } }
  b: { type: OS::Neutron::Subnet, properties: { network: { get_resource: net }, cidr: 10.2.0.0/24 } }
  router: { type: OS::Neutron::Router }
  at_a: { type: OS::Neutron::RouterInterface, properties: { router: { get_resource: router }, subnet: { get_resource: a } } }
`
	st := c.make("s", two)
	c.want("one at the router", c.driver.prefixes(), "10.1.0.0/24 []", "10.2.0.0/24 []")
	both := two + "  at_b: { type: OS::Neutron::RouterInterface, properties: { router: { get_resource: router }, subnet: { get_resource: b } } }\n"
	c.change(st, both)
	c.want("both at the router", c.driver.prefixes(), "10.1.0.0/24 [10.2.0.0/24]", "10.2.0.0/24 [10.1.0.0/24]")
	c.change(st, both+"  gate: { type: OS::Neutron::RouterGateway, properties: { router_id: { get_resource: router }, network_id: public } }\n")
	c.want("with a way out", c.driver.prefixes(), "10.1.0.0/24 [10.2.0.0/24 outside]", "10.2.0.0/24 [10.1.0.0/24 outside]")
	c.restart()
	c.change(st, two)
	c.want("after a restart, one at the router", c.driver.prefixes(), "10.1.0.0/24 []", "10.2.0.0/24 []")
}

const members = `
resources:
  net: { type: OS::Neutron::Net }
  subnet: { type: OS::Neutron::Subnet, properties: { network: { get_resource: net }, cidr: 10.3.0.0/24 } }
  web: { type: OS::Neutron::SecurityGroup }
  db:
    type: OS::Neutron::SecurityGroup
    properties: { rules: [{ protocol: tcp, port_range_min: 5432, port_range_max: 5432, remote_mode: remote_group_id, remote_group_id: { get_resource: web } }] }
  db_port:
    type: OS::Neutron::Port
    properties: { network: { get_resource: net }, fixed_ips: [{ ip_address: 10.3.0.100 }], security_groups: [{ get_resource: db }] }
  db_server: { type: OS::Nova::Server, properties: { image: hello, networks: [{ port: { get_resource: db_port } }] } }
  webs:
    type: OS::Heat::ResourceGroup
    depends_on: subnet
    properties:
      count: %d
      resource_def:
        type: OS::Nova::Server
        properties: { image: hello, networks: [{ network: { get_resource: net } }], security_groups: [{ get_resource: web }] }
outputs:
  ips: { value: { get_attr: [webs, first_address] } }
  port: { value: { get_attr: [db_port, show] } }
`

func TestMembersOfAGroup(t *testing.T) {
	c := newCloud(t)
	of := func(n string) string { return strings.Replace(members, "%d", n, 1) }
	st := c.make("s", of("2"))
	ips, _ := c.output(st, "ips").([]any)
	if len(ips) != 2 || !c.driver.passes("10.3.0.100", 5432, ips[0].(string)) || !c.driver.passes("10.3.0.100", 5432, ips[1].(string)) {
		t.Fatalf("members %v do not come through", ips)
	}
	if c.driver.passes("10.3.0.100", 5432, "10.3.0.77") || c.driver.passes("10.3.0.100", 22, ips[0].(string)) {
		t.Error("others come through")
	}
	shown, _ := c.output(st, "port").(map[string]any)
	if shown["status"] != "ACTIVE" || shown["device_owner"] != "compute:nova" || !strings.HasPrefix(shown["mac_address"].(string), "fa:16:3e:") {
		t.Errorf("the port is shown as %v", shown)
	}
	c.restart()
	c.change(st, of("1"))
	left, _ := c.output(st, "ips").([]any)
	if len(left) != 1 || !c.driver.passes("10.3.0.100", 5432, left[0].(string)) {
		t.Fatalf("the member that stays, %v, does not come through", left)
	}
	for _, ip := range ips {
		if ip != left[0] && c.driver.passes("10.3.0.100", 5432, ip.(string)) {
			t.Errorf("%v comes through after it has left", ip)
		}
	}
}

// TestServerKeepsItsPort replaces a server: the new one has the old one's address.
func TestServerKeepsItsPort(t *testing.T) {
	c := newCloud(t)
	const body = `
resources:
  net: { type: OS::Neutron::Net, properties: { name: n } }
  subnet: { type: OS::Neutron::Subnet, properties: { network: { get_resource: net }, cidr: 10.4.0.0/24 } }
  port: { type: OS::Neutron::Port, properties: { network: { get_resource: net } }, depends_on: subnet }
  server: { type: OS::Nova::Server, properties: { image: one, name: it, networks: [{ port: { get_resource: port } }] } }
`
	st := c.make("s", body)
	c.want("one", c.driver.addresses()["it"], "n 10.4.0.2")
	c.change(st, strings.Replace(body, "image: one", "image: two", 1))
	c.want("two", c.driver.addresses()["it"], "n 10.4.0.2")
	second := "resources:\n  server: { type: OS::Nova::Server, properties: { image: one, networks: [{ port: PORT }] } }\n"
	rs, err := c.Resources(t.Context(), st.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rs {
		second = strings.Replace(second, "PORT", map[bool]string{true: string(r.PhysicalID), false: "PORT"}[r.Name == "port"], 1)
	}
	thief, err := c.Create(t.Context(), stack.Input{Name: "thief", Project: "p", Spec: stoker.StackSpec{Template: version + second}, DisableRollback: true})
	if err != nil {
		t.Fatal(err)
	}
	if got := c.done(thief, "CREATE_FAILED"); !strings.Contains(got.StatusReason, "in use by another server") {
		t.Errorf("got %s", got.StatusReason)
	}
	c.want("still two", c.driver.addresses()["it"], "n 10.4.0.2")
}

func TestDriversOwnNetwork(t *testing.T) {
	c := newCloud(t)
	for i, networks := range []string{"", "networks: [{ network: private }]", "networks: [{ network: public }]", "networks: [{ allocate_network: auto }]"} {
		st := c.make("s"+string(rune('0'+i)), "resources:\n  it: { type: OS::Nova::Server, properties: { name: it, image: hello, "+networks+" } }\n")
		got := c.driver.addresses()["it"]
		if len(got) != 1 || !strings.HasPrefix(got[0], "fake ") {
			t.Errorf("%q: the server has %q, want the driver's own network", networks, got)
		}
		c.remove(st)
	}
}

func TestWhatIsRefused(t *testing.T) {
	c := newCloud(t)
	c.makeIn("q", "theirs", "resources:\n  net: { type: OS::Neutron::Net, properties: { name: foreign } }\n")
	c.make("ours", "resources:\n  a: { type: OS::Neutron::Net, properties: { name: twice } }\n  b: { type: OS::Neutron::Net, properties: { name: twice } }\n")
	const server = "type: OS::Nova::Server, properties: { image: hello, networks: [{ "
	for body, want := range map[string]string{
		"type: OS::Neutron::Subnet, properties: { network: foreign, cidr: 10.0.0.0/24 }":                                     "could not be found",
		"type: OS::Neutron::Subnet, properties: { network: twice, cidr: 10.0.0.0/24 }":                                       "2 objects",
		"type: OS::Neutron::Subnet, properties: { network: public, cidr: 10.0.0.0/24 }":                                      "external",
		"type: OS::Neutron::Subnet, properties: { cidr: 10.0.0.0/24 }":                                                       "Property network not assigned",
		"type: OS::Neutron::Subnet, properties: { network: twice, cidr: '2001:db8::/64', ip_version: 6 }":                    "IPv6",
		"type: OS::Neutron::Subnet, properties: { network: twice, cidr: 10.0.0.0/24, gateway_ip: 10.1.0.1 }":                 "not in the subnet",
		"type: OS::Neutron::Subnet, properties: { network: twice, subnetpool: x }":                                           "subnet pools",
		"type: OS::Neutron::Router, properties: { external_gateway_info: { network: nowhere } }":                             "called public",
		"type: OS::Neutron::FloatingIP, properties: { floating_network: foreign }":                                           "The network (foreign) could not be found.",
		"type: OS::Neutron::FloatingIP, properties: { floating_network: public, floating_ip_address: 192.0.2.1 }":            "not a valid IP",
		"type: OS::Neutron::Port, properties: { network: public }":                                                           "external",
		"type: OS::Neutron::SecurityGroup, properties: { rules: [{ protocol: tcp, port_range_min: 9, port_range_max: 8 }] }": "more than",
		"type: OS::Neutron::SecurityGroup, properties: { rules: [{ port_range_min: 9 }] }":                                   "protocol",
		"type: OS::Neutron::SecurityGroup, properties: { rules: [{ remote_mode: remote_group_id, remote_group_id: none }] }": "could not be found",
		"type: OS::Neutron::SecurityGroupRule, properties: { security_group: none }":                                         "could not be found",
		server + "port: none }] }":   "could not be found",
		server + "subnet: none }] }": "could not be found",
	} {
		in := stack.Input{Name: "s", Project: "p", Spec: stoker.StackSpec{Template: version + "resources:\n  it: { " + body + " }\n"}, DisableRollback: true}
		st, err := c.Create(t.Context(), in)
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			got = c.done(st, "CREATE_FAILED").StatusReason
			c.remove(st)
		}
		if !strings.Contains(got, want) {
			t.Errorf("%s: got %s, want %q", body, got, want)
		}
	}
}

func TestDriverWithoutNetworks(t *testing.T) {
	types := openstack.Types(openstack.Deps{Driver: plain{&drivertest.Fake{}}})
	err := types["OS::Neutron::Port"].(stoker.Refuser).Refuse("OS::Neutron::Port")
	if !stoker.IsKind(err, stoker.Invalid) || !strings.Contains(err.Error(), "--driver docker") {
		t.Errorf("got %v, want that it says which driver can", err)
	}
}

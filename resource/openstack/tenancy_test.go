package openstack_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/hot"
	"github.com/stoker-project/stoker/resource/openstack"
	"github.com/stoker-project/stoker/stack"
)

// estateOf makes one object of each kind that others can name. Its names are the resources'.
const estateOf = `
resources:
  network: { type: OS::Neutron::Net, properties: { name: its-network } }
  subnet: { type: OS::Neutron::Subnet, properties: { name: its-subnet, network: { get_resource: network }, cidr: 10.77.0.0/24 } }
  router: { type: OS::Neutron::Router, properties: { name: its-router } }
  port: { type: OS::Neutron::Port, properties: { name: its-port, network: { get_resource: network } }, depends_on: subnet }
  security_group: { type: OS::Neutron::SecurityGroup, properties: { name: its-security_group } }
  floating: { type: OS::Neutron::FloatingIP, properties: { floating_network: public } }
  volume: { type: OS::Cinder::Volume, properties: { name: its-volume, size: 1 } }
  keypair: { type: OS::Nova::KeyPair, properties: { name: its-keypair, public_key: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPSXRKDwW3ohOMoNSD/ke8HwWzY6zQA/6qg/7ylq6mWK a" } }
  group: { type: OS::Nova::ServerGroup, properties: { name: its-group } }
  server: { type: OS::Nova::Server, properties: { name: its-server, image: hello } }
  loadbalancer: { type: OS::Octavia::LoadBalancer, properties: { name: its-loadbalancer, vip_subnet: { get_resource: subnet } } }
  listener: { type: OS::Octavia::Listener, properties: { name: its-listener, loadbalancer: { get_resource: loadbalancer }, protocol: HTTP, protocol_port: 80 } }
  pool: { type: OS::Octavia::Pool, properties: { name: its-pool, listener: { get_resource: listener }, protocol: HTTP, lb_algorithm: ROUND_ROBIN } }
  l7policy: { type: OS::Octavia::L7Policy, properties: { name: its-l7policy, listener: { get_resource: listener }, action: REJECT } }
  old_monitor: { type: OS::Neutron::HealthMonitor, properties: { type: TCP, delay: 1, timeout: 1, max_retries: 1 } }
  old_pool:
    type: OS::Neutron::Pool
    properties: { name: its-old_pool, subnet: { get_resource: subnet }, protocol: HTTP, lb_method: ROUND_ROBIN, vip: { protocol_port: 81 } }
`

// owned are the IDs of an estate, by the names of its resources.
func (c *cloud) owned(project stoker.ProjectID) map[string]string {
	c.t.Helper()
	st := c.makeIn(project, "estate", estateOf)
	rs, err := c.Resources(c.t.Context(), st.ID, 0)
	if err != nil {
		c.t.Fatal(err)
	}
	out := map[string]string{}
	for _, r := range rs {
		out[string(r.Name)] = string(r.PhysicalID)
	}
	return out
}

// unasked are constraints of driven types that nothing is asked about before a resource
// is made, and why.
var unasked = map[string]string{
	"glance.image":    "drivers have images, for all projects",
	"nova.flavor":     "flavors are for all projects, and looked for by the server",
	"nova.keypair":    "keys may be ignored; a foreign key is as none: TestForeignUnconstrained",
	"nova.server":     "servers are looked for when volumes are attached",
	"cinder.snapshot": "refused", "cinder.backup": "refused", "cinder.vtype": "ignored",
	"neutron.qos_policy": "ignored", "neutron.subnetpool": "refused", "neutron.segment": "ignored", "neutron.address_scope": "ignored",
	"keystone.user":    "ignored",
	"keystone.project": "projects are the configuration's",
}

// What a constraint of Heat's registry asks for has one answer for what is another
// project's and for what is not there.
func TestForeignIsNotThere(t *testing.T) {
	c := newCloud(t)
	foreign := c.owned("q")
	types := openstack.Types(openstack.Deps{Driver: c.driver, Balancer: c.balancer})
	// The engine's own, which know the estate.
	finds := c.types["OS::Nova::Server"].(stoker.Finder).Finds()
	asked := 0
	for _, name := range slices.Sorted(maps.Keys(types)) {
		var walk func(path string, p *stoker.Property, wrap func(any) map[string]any)
		walk = func(path string, p *stoker.Property, wrap func(any) map[string]any) {
			for _, k := range p.Constraints {
				if k.Custom == "" || finds[k.Custom] == nil {
					if _, ok := unasked[k.Custom]; !ok && strings.Contains(k.Custom, ".") {
						t.Errorf("%s.%s: nothing is asked about %s, and unasked does not say why", name, path, k.Custom)
					}
					continue
				}
				_, kind, _ := strings.Cut(k.Custom, ".")
				if kind == "project" || name == "OS::Nova::Server" && kind == "network" || strings.HasPrefix(kind, "flavor") || strings.HasPrefix(kind, "availability") {
					continue // for all projects; servers name networks that nobody knows
				}
				says := func(project stoker.ProjectID, ref string) string {
					err := hot.LookUpProperties(types[name].Schema().Properties, wrap(ref), "p", func(constraint, value string) error {
						return finds[constraint](project, name, value)
					})
					if err == nil {
						return ""
					}
					return strings.ReplaceAll(err.Error(), ref, "REF")
				}
				nope := says("p", "nope")
				if !strings.Contains(nope, "could not be found.") {
					t.Errorf("%s.%s: nope: got %q", name, path, nope)
				}
				for _, ref := range []string{foreign[kind], "its-" + kind} {
					if ref == "" {
						t.Errorf("the estate has no %s", kind)
						continue
					}
					if got := says("p", ref); got != nope {
						t.Errorf("%s.%s: a foreign %s: got %q, want %q", name, path, kind, got, nope)
					}
					if got := says("q", ref); got != "" {
						t.Errorf("%s.%s: one's own %s: got %q", name, path, kind, got)
					}
				}
				asked++
			}
			if p.Items != nil {
				walk(path+"[]", p.Items, func(v any) map[string]any { return wrap([]any{v}) })
			}
			for _, f := range slices.Sorted(maps.Keys(p.Fields)) {
				walk(path+"."+f, p.Fields[f], func(v any) map[string]any { return wrap(map[string]any{f: v}) })
			}
		}
		for prop, p := range types[name].Schema().Properties {
			walk(prop, p, func(v any) map[string]any { return map[string]any{prop: v} })
		}
	}
	if asked < 25 {
		t.Errorf("only %d properties were asked about", asked)
	}
}

// Properties that name something without such a constraint have one answer too.
func TestForeignUnconstrained(t *testing.T) {
	c := newCloud(t)
	foreign := c.owned("q")
	c.make("mine", `
resources:
  network: { type: OS::Neutron::Net, properties: { name: mine } }
  subnet: { type: OS::Neutron::Subnet, properties: { name: mine, network: { get_resource: network }, cidr: 10.78.0.0/24 } }
  port: { type: OS::Neutron::Port, properties: { name: mine, network: { get_resource: network } }, depends_on: subnet }
  volume: { type: OS::Cinder::Volume, properties: { name: mine, size: 1 } }
`)
	for _, x := range []struct{ kind, body string }{
		{"floating", "type: OS::Neutron::FloatingIPAssociation, properties: { floatingip_id: REF, port_id: mine }"},
		{"server", "type: OS::Cinder::VolumeAttachment, properties: { instance_uuid: REF, volume_id: mine }"},
		{"security_group", "type: OS::Neutron::Port, properties: { network: mine, security_groups: [REF] }"},
		{"security_group", "type: OS::Nova::Server, properties: { image: hello, networks: [{ network: mine }], security_groups: [REF] }"},
		{"subnet", "type: OS::Nova::Server, properties: { image: hello, networks: [{ subnet: REF }] }"},
		{"floating", "type: OS::Nova::Server, properties: { image: hello, networks: [{ network: mine, floating_ip: REF }] }"},
		{"port", "type: OS::Nova::Server, properties: { image: hello, networks: [{ port: REF }] }"},
		{"volume", "type: OS::Nova::Server, properties: { image: hello, block_device_mapping: [{ device_name: vdb, volume_id: REF }] }"},
		{"group", "type: OS::Nova::Server, properties: { image: hello, scheduler_hints: { group: REF } }"},
		{"keypair", "type: OS::Nova::Server, properties: { image: hello, key_name: REF }"},
		{"old_pool", "type: OS::Neutron::PoolMember, properties: { pool_id: REF, address: 10.0.0.1, protocol_port: 80 }"},
		{"old_monitor", "type: OS::Neutron::Pool, properties: { subnet: mine, protocol: HTTP, lb_method: ROUND_ROBIN, monitors: [REF], vip: { protocol_port: 82 } }"},
		{"old_pool", "type: OS::Neutron::LoadBalancer, properties: { pool_id: REF, protocol_port: 80 }"},
	} {
		says := func(ref string) string {
			in := stack.Input{Name: "s", Project: "p", Spec: stoker.StackSpec{Template: version + strings.ReplaceAll("resources:\n  it: { "+x.body+" }\n", "REF", ref)}, DisableRollback: true}
			st, err := c.Create(t.Context(), in)
			if err != nil {
				return strings.ReplaceAll(err.Error(), ref, "REF")
			}
			st, err = c.Await(t.Context(), st.ID)
			if err != nil {
				t.Fatal(err)
			}
			reason := fmt.Sprint(st.State(), ": ", strings.ReplaceAll(st.StatusReason, ref, "REF"))
			c.remove(st)
			return reason
		}
		nope := says("nope")
		for _, ref := range []string{foreign[x.kind], "its-" + x.kind} {
			if got := says(ref); got != nope {
				t.Errorf("%s\nof %s: got %q\nof nothing: %q", x.body, ref, got, nope)
			}
		}
	}
}

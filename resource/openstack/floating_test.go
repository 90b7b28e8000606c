package openstack_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/balancer/balancertest"
	"github.com/stoker-project/stoker/stack"
)

const floating = `
resources:
  net: { type: OS::Neutron::Net }
  subnet: { type: OS::Neutron::Subnet, properties: { network: { get_resource: net }, cidr: 10.5.0.0/24 } }
  web:
    type: OS::Neutron::SecurityGroup
    properties: { rules: [{ protocol: tcp, port_range_min: 8080, port_range_max: 8080 }, { protocol: icmp }, { protocol: udp }] }
  port: { type: OS::Neutron::Port, properties: { network: { get_resource: net }, security_groups: [{ get_resource: web }] } }
  server: { type: OS::Nova::Server, properties: { image: hello, networks: [{ port: { get_resource: port } }] } }
  address: { type: OS::Neutron::FloatingIP, properties: { floating_network: public } }
  given:
    type: OS::Neutron::FloatingIPAssociation
    properties: { floatingip_id: { get_resource: address }, port_id: { get_resource: port } }
outputs:
  ip: { value: { get_attr: [address, floating_ip_address] } }
  shown: { value: { get_attr: [address, show] } }
  networks: { value: { get_attr: [server, networks, { get_resource: net }] } }
`

func TestFloatingAddressPublishes(t *testing.T) {
	c := newCloud(t)
	st := c.make("s", floating)
	c.want("listeners", c.listeners(), "tcp 127.0.100.1:8080 [10.5.0.2:8080*1]")
	if got := c.output(st, "ip"); got != "127.0.100.1" {
		t.Errorf("the address is %v", got)
	}
	shown, _ := c.output(st, "shown").(map[string]any)
	notes, _ := shown["notes"].([]any)
	if shown["fixed_ip_address"] != "10.5.0.2" || shown["status"] != "ACTIVE" || len(notes) != 1 || !strings.Contains(notes[0].(string), "UDP") {
		t.Errorf("it is shown as %v", shown)
	}
	if got, _ := c.output(st, "networks").([]any); len(got) != 2 || got[0] != "10.5.0.2" || got[1] != "127.0.100.1" {
		t.Errorf("the server's addresses are %v", got)
	}
	c.restart()
	c.want("listeners after a restart", c.listeners(), "tcp 127.0.100.1:8080 [10.5.0.2:8080*1]")
	wider := strings.Replace(floating, "{ protocol: icmp }", "{ protocol: tcp, port_range_min: 9000, port_range_max: 9001 }", 1)
	c.change(st, wider)
	c.want("with more ports", c.listeners(), "tcp 127.0.100.1:8080 [10.5.0.2:8080*1]", "tcp 127.0.100.1:9000 [10.5.0.2:9000*1]", "tcp 127.0.100.1:9001 [10.5.0.2:9001*1]")
	c.change(st, floating)
	c.want("with one again", c.listeners(), "tcp 127.0.100.1:8080 [10.5.0.2:8080*1]")
	other := c.make("other", "resources:\n  a: { type: OS::Neutron::FloatingIP, properties: { floating_network: public } }\noutputs: { ip: { value: { get_attr: [a, floating_ip_address] } } }\n")
	if got := c.output(other, "ip"); got != "127.0.100.2" {
		t.Errorf("another address is %v, want the next", got)
	}
	c.remove(st)
	c.want("listeners in the end", c.listeners())
}

func TestServersOwnFloatingAddress(t *testing.T) {
	c := newCloud(t)
	body := strings.Replace(floating[:strings.Index(floating, "  given:")], "[{ port: { get_resource: port } }] } }",
		"[{ network: { get_resource: net }, floating_ip: { get_resource: address } }], security_groups: [{ get_resource: web }] }, depends_on: port }", 1)
	st := c.make("s", body)
	want := "tcp 127.0.100.1:8080 [10.5.0.3:8080*1]" // .2 is the port's
	c.want("listeners", c.listeners(), want)
	c.restart()
	c.want("listeners after a restart", c.listeners(), want)
	c.remove(st)
	c.want("listeners in the end", c.listeners())
}

// TestTakenListener wants the one who asks for it to hear of it, and nobody else.
func TestTakenListener(t *testing.T) {
	c := newCloud(t)
	c.balancer.Before(func(_ context.Context, call balancertest.Call) error {
		for _, l := range call.Set.Listeners {
			if l.Port == 8080 {
				return stoker.Errorf(stoker.Conflict, "address 8080 is in use")
			}
		}
		return nil
	})
	st, err := c.Create(t.Context(), stack.Input{Name: "s", Project: "p", Spec: stoker.StackSpec{Template: version + floating}, DisableRollback: true})
	if err != nil {
		t.Fatal(err)
	}
	if got := c.done(st, "CREATE_FAILED"); !strings.Contains(got.StatusReason, "publish 127.0.100.1:8080") {
		t.Errorf("got %s", got.StatusReason)
	}
	c.make("other", "resources:\n  net: { type: OS::Neutron::Net }\n  r: { type: OS::Neutron::Router }\n")
	c.balancer.Before(nil)
	c.make("third", "resources:\n  r: { type: OS::Neutron::Router }\n")
	c.want("listeners", c.listeners(), "tcp 127.0.100.1:8080 [10.5.0.2:8080*1]")
}

// TestEndsAfterACrash has a Stoker end what another one has published: its record
// says that it is being deleted, and so nothing of it was resumed.
func TestEndsAfterACrash(t *testing.T) {
	c := newCloud(t)
	before := c.balancer
	before.Before(func(_ context.Context, call balancertest.Call) error {
		if call.Method == "RemovePool" || call.Method == "RemoveMember" {
			return stoker.Errorf(stoker.Unavailable, "not now")
		}
		return nil
	})
	st := c.make("s", floating)
	c.want("listeners", c.listeners(), "tcp 127.0.100.1:8080 [10.5.0.2:8080*1]")
	if err := c.Delete(t.Context(), st.ID); err != nil {
		t.Fatal(err)
	}
	c.done(st, "DELETE_FAILED")
	c.stop()
	before.Before(nil)
	c.startWith(before) // a balancer that has outlived Stoker
	c.remove(st)
	c.want("listeners in the end", c.listeners())
}

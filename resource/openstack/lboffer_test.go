package openstack_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/stack"
)

const offered = `
resources:
  profile: { type: OS::Octavia::FlavorProfile, properties: { flavor_data: '{"retries": 7, "queue_timeout": 60, "drain_timeout": 90}' } }
  gold: { type: OS::Octavia::Flavor, properties: { name: gold, description: best, flavor_profile: { get_resource: profile } } }
  zoned: { type: OS::Octavia::AvailabilityZoneProfile, properties: { provider_name: amphora, availability_zone_data: '{"compute_zone": "az1"}' } }
  zone: { type: OS::Octavia::AvailabilityZone, properties: { name: az1, availability_zone_profile: { get_resource: zoned } } }
outputs:
  gold: { value: { get_attr: [gold, show] } }
  profile: { value: { get_attr: [gold, flavor_profile_id] } }
  made: { value: { get_resource: profile } }
`

// chosen is the template of TestLoadBalancer, by a flavor and in a zone.
func chosen(flavor, zone string) string {
	return strings.Replace(balanced, "vip_address: 10.6.0.99 }", "vip_address: 10.6.0.99, flavor: "+flavor+", availability_zone: "+zone+" }", 1) +
		"  flavor: { value: { get_attr: [lb, flavor_id] } }\n"
}

// refused wants a stack to fail, and leaves nothing of it.
func (c *cloud) refused(project stoker.ProjectID, body, want string) {
	c.t.Helper()
	in := stack.Input{Name: "refused", Project: project, Spec: stoker.StackSpec{Template: version + body}, DisableRollback: true}
	st, err := c.Create(c.t.Context(), in)
	got := ""
	if err != nil {
		got = err.Error()
	} else {
		got = c.done(st, "CREATE_FAILED").StatusReason
		c.remove(st)
	}
	if !strings.Contains(got, want) {
		c.t.Errorf("got %s, want %q", got, want)
	}
}

func TestFlavorsOfLoadBalancers(t *testing.T) {
	c := newCloud(t)
	st := c.makeIn("of administrators", "offers", offered)
	gold, _ := c.output(st, "gold").(map[string]any)
	if gold["name"] != "gold" || gold["enabled"] != true || gold["description"] != "best" || c.output(st, "profile") != c.output(st, "made") {
		t.Errorf("the flavor shows %v, its profile %v", gold, c.output(st, "profile"))
	}
	c.refused("p", chosen("silver", "az1"), "The flavor (silver) could not be found")
	c.refused("p", chosen("gold", "moon"), "The availabilityzone (moon) could not be found")
	user := c.make("s", chosen("gold", "az1"))
	if c.output(user, "flavor") != gold["id"] {
		t.Errorf("the load balancer's flavor: got %v, want %v", c.output(user, "flavor"), gold["id"])
	}
	asked := func(retries int, queue time.Duration) {
		t.Helper()
		if _, p := c.onlyPool(); p.Retries != retries || p.QueueTimeout != queue {
			t.Errorf("the pool: got retries %d, queue %s, want %d, %s", p.Retries, p.QueueTimeout, retries, queue)
		}
	}
	asked(7, time.Minute)
	c.restart()
	asked(7, time.Minute)
	c.change(st, strings.Replace(offered, `"retries": 7, "queue_timeout": 60`, `"retries": 1`, 1))
	asked(1, 5*time.Second)

	body := chosen("gold", "az1")
	c.change(user, strings.Replace(body, ", weight: 2", ", weight: 0", 1))
	drained := false
	for _, call := range c.balancer.Calls() {
		drained = drained || call.Drain == 90*time.Second
	}
	if !drained {
		t.Error("no member was let go with the flavor's time")
	}
	c.change(st, strings.Replace(strings.Replace(offered, "name: gold", "name: gold, enabled: false", 1), `"retries": 7, "queue_timeout": 60`, `"retries": 1`, 1))
	c.refused("p", strings.ReplaceAll(chosen("gold", "az1"), "10.6.", "10.7."), "The selected flavor is not allowed in this deployment: gold")
	if err := c.Delete(t.Context(), st.ID); err != nil {
		t.Fatal(err)
	}
	if got := c.done(st, "DELETE_FAILED").StatusReason; !strings.Contains(got, "is in use and cannot be modified") {
		t.Errorf("deleting what is in use: got %s", got)
	}
	c.remove(user)
	c.remove(st)
}

func TestAvailabilityZoneOfLoadBalancers(t *testing.T) {
	c := newCloud(t)
	zone := func(networks string) string {
		return "\nresources:\n  zoned: { type: OS::Octavia::AvailabilityZoneProfile, properties: { availability_zone_data: '{\"valid_vip_networks\": [" + networks + "]}' } }\n" +
			"  zone: { type: OS::Octavia::AvailabilityZone, properties: { name: az, availability_zone_profile: { get_resource: zoned } } }\n"
	}
	offers := c.make("offers", zone(`"nowhere"`))
	nets := c.make("nets", `
resources:
  net: { type: OS::Neutron::Net }
  subnet: { type: OS::Neutron::Subnet, properties: { name: front, network: { get_resource: net }, cidr: 10.6.0.0/24 } }
outputs:
  net: { value: { get_resource: net } }
`)
	const lb = "\nresources:\n  lb: { type: OS::Octavia::LoadBalancer, properties: { vip_subnet: front, availability_zone: az } }\n"
	c.refused("p", lb, "the availability zone has no addresses in network")
	c.change(offers, zone(`"`+c.output(nets, "net").(string)+`"`))
	c.remove(c.make("s", lb))
}

func TestQuotaOfLoadBalancers(t *testing.T) {
	c := newCloud(t)
	const quota = "\nresources:\n  quota: { type: OS::Octavia::Quota, properties: { project: p, member: 1, pool: -1 } }\noutputs:\n  show: { value: { get_attr: [quota, show] } }\n"
	st := c.makeIn("of administrators", "quotas", quota)
	if show, _ := c.output(st, "show").(map[string]any); show["member"] != int64(1) || show["listener"] != int64(-1) {
		t.Errorf("the quota shows %v", show)
	}
	c.refused("p", balanced, "Quota has been met for resources: Member")
	c.restart()
	c.refused("p", balanced, "Quota has been met for resources: Member")
	c.remove(c.makeIn("another", "s", balanced))
	c.change(st, strings.Replace(quota, "member: 1", "member: 2", 1))
	user := c.make("s", balanced)
	c.change(st, quota) // what there is stays
	c.restart()
	if got := c.listeners(); len(got) != 1 || strings.Count(got[0], "8080") != 2 {
		t.Errorf("listeners: %q", got)
	}
	c.remove(user)
	c.remove(st)
	c.remove(c.make("s", balanced))
	c.refused("p", "\nresources:\n  quota: { type: OS::Octavia::Quota, properties: { project: p } }\n",
		"At least one of the following properties must be specified: healthmonitor, listener, loadbalancer, member, pool.")
}

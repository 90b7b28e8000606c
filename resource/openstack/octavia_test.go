package openstack_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/driver/drivertest"
	"github.com/stoker-project/stoker/resource/openstack"
	"github.com/stoker-project/stoker/stack"
)

const balanced = `
resources:
  net: { type: OS::Neutron::Net }
  subnet: { type: OS::Neutron::Subnet, properties: { network: { get_resource: net }, cidr: 10.6.0.0/24 } }
  lb: { type: OS::Octavia::LoadBalancer, properties: { vip_subnet: { get_resource: subnet }, vip_address: 10.6.0.99 } }
  http: { type: OS::Octavia::Listener, properties: { loadbalancer: { get_resource: lb }, protocol: HTTP, protocol_port: 80 } }
  pool:
    type: OS::Octavia::Pool
    properties: { listener: { get_resource: http }, protocol: HTTP, lb_algorithm: LEAST_CONNECTIONS, session_persistence: { type: HTTP_COOKIE } }
  monitor:
    type: OS::Octavia::HealthMonitor
    properties: { pool: { get_resource: pool }, type: HTTP, url_path: /health, expected_codes: 200-201, delay: 2, timeout: 3, max_retries: 4 }
  a: { type: OS::Octavia::PoolMember, properties: { pool: { get_resource: pool }, address: 10.6.0.5, protocol_port: 8080, weight: 2 } }
  b: { type: OS::Octavia::PoolMember, properties: { pool: { get_resource: pool }, address: 10.6.0.6, protocol_port: 8080 } }
outputs:
  vip: { value: { get_attr: [lb, vip_address] } }
  members: { value: { get_attr: [pool, members] } }
  monitor: { value: { get_attr: [pool, healthmonitor_id] } }
  default: { value: { get_attr: [http, default_pool_id] } }
  pool: { value: { get_resource: pool } }
`

// onlyPool is the one pool that the balancer has.
func (c *cloud) onlyPool() (stoker.PoolID, stoker.Pool) {
	c.t.Helper()
	for _, call := range c.balancer.Calls() {
		if p, ok := c.balancer.Pool(call.Pool); ok {
			return call.Pool, p
		}
	}
	c.t.Fatal("the balancer has no pool")
	return "", stoker.Pool{}
}

func TestLoadBalancer(t *testing.T) {
	c := newCloud(t)
	st := c.make("s", balanced)
	both := "http 10.6.0.99:80 [10.6.0.5:8080*2 10.6.0.6:8080*1]"
	ab := "http 10.6.0.99:80 [10.6.0.6:8080*1 10.6.0.5:8080*2]" // members are sorted by their IDs
	if got := c.listeners(); len(got) != 1 || got[0] != both && got[0] != ab {
		t.Errorf("listeners: got %q, want %q", got, both)
	}
	c.want("addresses of the machine", c.driver.hosts(), "10.6.0.99")
	_, p := c.onlyPool()
	h := p.Health
	if p.Algorithm != stoker.LeastConn || p.StickyCookie != "SRV" || h.Protocol != stoker.ProtocolHTTP || h.Path != "/health" ||
		len(h.Status) != 2 || h.Interval != 2*time.Second || h.Timeout != 3*time.Second || h.Rise != 4 {
		t.Errorf("the pool is %+v", p)
	}
	members, _ := c.output(st, "members").([]any)
	if c.output(st, "vip") != "10.6.0.99" || len(members) != 2 || c.output(st, "default") != c.output(st, "pool") || c.output(st, "monitor") == nil {
		t.Errorf("outputs: %v, %v, %v, %v", c.output(st, "vip"), members, c.output(st, "default"), c.output(st, "monitor"))
	}
	c.restart()
	if got := c.listeners(); len(got) != 1 || got[0] != both && got[0] != ab {
		t.Errorf("listeners after a restart: got %q, want %q", got, both)
	}
	c.change(st, strings.NewReplacer(", weight: 2", ", weight: 0", "port: 80 }", "port: 81 }", "delay: 2", "delay: 9").Replace(balanced))
	c.want("listeners after an update", c.listeners(), "http 10.6.0.99:81 [10.6.0.6:8080*1]")
	if _, p := c.onlyPool(); p.Health.Interval != 9*time.Second {
		t.Errorf("the monitor has not changed: %+v", p.Health)
	}
	if !c.drained("10.6.0.5:8080") {
		t.Error("a member that is to get nothing more was not drained")
	}
	c.remove(st)
	c.want("listeners in the end", c.listeners())
	c.want("addresses in the end", c.driver.hosts())
}

// drained tells whether a member was let go with time to end what it does.
func (c *cloud) drained(address string) bool {
	ids := map[stoker.MemberID]bool{}
	for _, call := range c.balancer.Calls() {
		if call.Member.Address == address {
			ids[call.Member.ID] = true
		}
		if call.Drain > 0 && ids[call.ID] {
			return true
		}
	}
	return false
}

func TestLoadBalancerWithFloatingAddress(t *testing.T) {
	c := newCloud(t)
	st := c.make("s", balanced[:strings.Index(balanced, "outputs:")]+`
  address: { type: OS::Neutron::FloatingIP, properties: { floating_network: public, port_id: { get_attr: [lb, vip_port_id] } } }
`)
	got := c.listeners()
	if len(got) != 2 || !strings.HasPrefix(got[0], "http 10.6.0.99:80") || !strings.HasPrefix(got[1], "http 127.0.100.1:80") {
		t.Errorf("listeners: %q, want one at each address", got)
	}
	c.remove(st)
	c.want("listeners in the end", c.listeners())
}

// TestLoadBalancerWithoutNetworks uses an address of the external network, under the
// older names of the types.
func TestLoadBalancerWithoutNetworks(t *testing.T) {
	c := newCloud(t)
	c.stop()
	types := openstack.Types(openstack.Deps{Driver: plain{&drivertest.Fake{}}, Balancer: c.balancer})
	c.Engine = stack.New(stack.Config{Store: c.store})
	c.Register(types)
	c.run()
	st := c.make("s", strings.ReplaceAll(`
resources:
  lb: { type: OS::Octavia::LoadBalancer, properties: { vip_subnet: private } }
  pool: { type: OS::Octavia::Pool, properties: { loadbalancer: { get_resource: lb }, protocol: TCP, lb_algorithm: ROUND_ROBIN } }
  tcp: { type: OS::Octavia::Listener, properties: { loadbalancer: { get_resource: lb }, protocol: TCP, protocol_port: 5432, default_pool: { get_resource: pool } } }
  a: { type: OS::Octavia::PoolMember, properties: { pool: { get_resource: pool }, address: 127.64.0.1, protocol_port: 5432 } }
`, "Octavia", "Neutron::LBaaS"))
	c.want("listeners", c.listeners(), "tcp 127.0.100.1:5432 [127.64.0.1:5432*1]")
	c.remove(st)
}

func TestRefusedOfOctavia(t *testing.T) {
	c := newCloud(t)
	for body, want := range map[string]string{
		"Listener, properties: { loadbalancer: x, protocol: UDP, protocol_port: 1 }":                                              "not balanced",
		"Listener, properties: { loadbalancer: none, protocol: TCP, protocol_port: 1 }":                                           "could not be found",
		"Listener, properties: { loadbalancer: x, protocol: TCP, protocol_port: 1, allowed_cidrs: [10.0.0.0/8] }":                 "open to all",
		"Listener, properties: { loadbalancer: x, protocol: TERMINATED_HTTPS, protocol_port: 1, default_tls_container_ref: 'x' }": "Barbican",
		"Pool, properties: { protocol: HTTP, lb_algorithm: SOURCE_IP }":                                                           "not offered",
		"Pool, properties: { protocol: HTTP, lb_algorithm: ROUND_ROBIN, session_persistence: { type: SOURCE_IP } }":               "by their address",
		"Pool, properties: { protocol: TCP, lb_algorithm: ROUND_ROBIN, session_persistence: { type: HTTP_COOKIE } }":              "only pools of HTTP",
		"Pool, properties: { protocol: HTTP, lb_algorithm: ROUND_ROBIN }":                                                         "at least one",
		"HealthMonitor, properties: { pool: p, type: HTTP, delay: 1, timeout: 1, max_retries: 1, expected_codes: all }":           "no list of statuses",
		"HealthMonitor, properties: { pool: p, type: UDP-CONNECT, delay: 1, timeout: 1, max_retries: 1 }":                         "UDP",
		"L7Policy, properties: { listener: x, action: REJECT, redirect_url: 'http://a/' }":                                        "are not required when action",
		"L7Policy, properties: { listener: x, action: REDIRECT_TO_POOL, redirect_url: 'http://a/' }":                              "redirect_url property can only be specified",
		"L7Policy, properties: { listener: x, action: REDIRECT_TO_URL, redirect_url: '/a' }":                                      "no address to lead to",
		"L7Policy, properties: { listener: none, action: REJECT }":                                                                "could not be found",
		"L7Rule, properties: { l7policy: none, type: PATH, compare_type: EQUAL_TO, value: / }":                                    "could not be found",
		"L7Rule, properties: { l7policy: none, type: PATH, compare_type: REGEX, value: '(' }":                                     "error parsing regexp",
		"L7Rule, properties: { l7policy: none, type: HEADER, key: 'a b', compare_type: REGEX, value: x }":                         "not a name for a header",
		"LoadBalancer, properties: { vip_subnet: nowhere }":                                                                       "could not be found",
		"PoolMember, properties: { pool: nowhere, address: 10.0.0.1, protocol_port: 1 }":                                          "could not be found",
	} {
		in := stack.Input{Name: "s", Project: "p", Spec: stoker.StackSpec{Template: version + "resources:\n  it: { type: OS::Octavia::" + body + " }\n"}, DisableRollback: true}
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

func TestMemberWaitsForItsHealth(t *testing.T) {
	c := newCloud(t)
	c.balancer.Hold(true)
	st, err := c.Create(t.Context(), stack.Input{Name: "s", Project: "p", Spec: stoker.StackSpec{Template: version + balanced}, DisableRollback: true})
	if err != nil {
		t.Fatal(err)
	}
	up := func() (done bool) {
		rs, err := c.Resources(t.Context(), st.ID, 0)
		if err != nil {
			t.Fatal(err)
		}
		waiting := 0
		for _, r := range rs {
			if r.Type == "OS::Octavia::PoolMember" && r.PhysicalID != "" && r.Status == stoker.StatusInProgress {
				waiting++
			}
		}
		return waiting == 2
	}
	for deadline := time.Now().Add(10 * time.Second); !up(); {
		if time.Now().After(deadline) {
			t.Fatal("the members are not awaited")
		}
	}
	id, _ := c.onlyPool()
	stats, err := c.balancer.Stats(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range stats.Members {
		c.balancer.SetState(id, m.ID, stoker.MemberUp, "")
	}
	c.done(st, "CREATE_COMPLETE")
}

// TestFirstLBaaS has the oldest types, with servers as members.
func TestFirstLBaaS(t *testing.T) {
	c := newCloud(t)
	const body = `
resources:
  net: { type: OS::Neutron::Net }
  subnet: { type: OS::Neutron::Subnet, properties: { network: { get_resource: net }, cidr: 10.7.0.0/24 } }
  monitor: { type: OS::Neutron::HealthMonitor, properties: { type: HTTP, delay: 3, timeout: 1, max_retries: 2, url_path: /up } }
  pool:
    type: OS::Neutron::Pool
    properties:
      protocol: HTTP
      subnet_id: { get_resource: subnet }
      lb_method: ROUND_ROBIN
      monitors: [{ get_resource: monitor }]
      vip: { protocol_port: 80, address: 10.7.0.99, session_persistence: { type: APP_COOKIE, cookie_name: id } }
  a: { type: OS::Nova::Server, properties: { image: hello, networks: [{ subnet: { get_resource: subnet }, fixed_ip: 10.7.0.11 }] } }
  b: { type: OS::Nova::Server, properties: { image: hello, networks: [{ subnet: { get_resource: subnet }, fixed_ip: 10.7.0.12 }] } }
  balancer:
    type: OS::Neutron::LoadBalancer
    properties: { pool_id: { get_resource: pool }, protocol_port: 8080, members: [{ get_resource: a }, { get_resource: b }] }
  member: { type: OS::Neutron::PoolMember, properties: { pool_id: { get_resource: pool }, address: 10.7.0.13, protocol_port: 8080, weight: 3 } }
outputs:
  vip: { value: { get_attr: [pool, vip, address] } }
`
	st := c.make("s", body)
	check := func(when string, want ...string) {
		t.Helper()
		got := c.listeners()
		if len(got) != 1 || !strings.HasPrefix(got[0], "http 10.7.0.99:80 ") || strings.Count(got[0], "8080") != len(want) {
			t.Fatalf("%s: got %q", when, got)
		}
		for _, m := range want {
			if !strings.Contains(got[0], m) {
				t.Errorf("%s: %q is not in %q", when, m, got[0])
			}
		}
	}
	check("made", "10.7.0.11:8080*1", "10.7.0.12:8080*1", "10.7.0.13:8080*3")
	if _, p := c.onlyPool(); p.Health.Path != "/up" || p.StickyCookie != "SRV-id" || c.output(st, "vip") != "10.7.0.99" {
		t.Errorf("the pool is %+v at %v", p, c.output(st, "vip"))
	}
	c.restart()
	check("after a restart", "10.7.0.11:8080*1", "10.7.0.12:8080*1", "10.7.0.13:8080*3")
	c.change(st, strings.Replace(body, "[{ get_resource: a }, { get_resource: b }]", "[{ get_resource: b }]", 1))
	check("with one server", "10.7.0.12:8080*1", "10.7.0.13:8080*3")
	c.remove(st)
	c.want("listeners in the end", c.listeners())
}

func TestMembersRest(t *testing.T) {
	c := newCloud(t)
	st := c.make("s", balanced)
	if err := c.Suspend(t.Context(), st.ID); err != nil {
		t.Fatal(err)
	}
	c.done(st, "SUSPEND_COMPLETE")
	c.want("listeners of a stack that rests", c.listeners(), "http 10.6.0.99:80 []")
	if err := c.Engine.Resume(t.Context(), st.ID); err != nil {
		t.Fatal(err)
	}
	c.done(st, "RESUME_COMPLETE")
	if got := c.listeners(); len(got) != 1 || strings.Count(got[0], "8080") != 2 {
		t.Errorf("listeners of a stack that goes on: got %q, want both members", got)
	}
}

const policed = `
resources:
  net: { type: OS::Neutron::Net }
  subnet: { type: OS::Neutron::Subnet, properties: { network: { get_resource: net }, cidr: 10.6.0.0/24 } }
  lb: { type: OS::Octavia::LoadBalancer, properties: { vip_subnet: { get_resource: subnet }, vip_address: 10.6.0.99 } }
  http: { type: OS::Octavia::Listener, properties: { loadbalancer: { get_resource: lb }, protocol: HTTP, protocol_port: 80 } }
  web: { type: OS::Octavia::Pool, properties: { listener: { get_resource: http }, protocol: HTTP, lb_algorithm: ROUND_ROBIN } }
  api: { type: OS::Octavia::Pool, properties: { loadbalancer: { get_resource: lb }, protocol: HTTP, lb_algorithm: ROUND_ROBIN } }
  a: { type: OS::Octavia::PoolMember, properties: { pool: { get_resource: api }, address: 10.6.0.5, protocol_port: 8080 } }
  to_api: { type: OS::Octavia::L7Policy, properties: { listener: { get_resource: http }, action: REDIRECT_TO_POOL, redirect_pool: { get_resource: api }, position: 1 } }
  api_path: { type: OS::Octavia::L7Rule, properties: { l7policy: { get_resource: to_api }, type: PATH, compare_type: STARTS_WITH, value: /api/ } }
  moved: { type: OS::Octavia::L7Policy, properties: { listener: { get_resource: http }, action: REDIRECT_TO_URL, redirect_url: 'https://new.example/', position: 2 } }
  old: { type: OS::Octavia::L7Rule, properties: { l7policy: { get_resource: moved }, type: HOST_NAME, compare_type: EQUAL_TO, value: old.example, key: ignored } }
  second: { type: OS::Octavia::L7Policy, properties: { listener: { get_resource: http }, action: REJECT, position: 4 } }
  hidden: { type: OS::Octavia::L7Rule, properties: { l7policy: { get_resource: second }, type: FILE_TYPE, compare_type: REGEX, value: '^(env|git)$' } }
  first: { type: OS::Octavia::L7Policy, properties: { listener: { get_resource: http }, action: REJECT, position: 3, name: no admin } }
  admin: { type: OS::Octavia::L7Rule, properties: { l7policy: { get_resource: first }, type: PATH, compare_type: STARTS_WITH, value: /admin } }
  token: { type: OS::Octavia::L7Rule, properties: { l7policy: { get_resource: first }, type: HEADER, key: X-Token, compare_type: EQUAL_TO, value: secret, invert: true } }
  bare: { type: OS::Octavia::L7Policy, properties: { listener: { get_resource: http }, action: REJECT, position: 1 } }
outputs:
  rules: { value: { get_attr: [first, rules] } }
  action: { value: { get_attr: [first, show, action] } }
  type: { value: { get_attr: [token, show, type] } }
`

// policies tells what the listener of the pool with one does, in order.
func (c *cloud) policies() []string {
	c.t.Helper()
	var out []string
	for _, call := range c.balancer.Calls() {
		p, ok := c.balancer.Pool(call.Pool)
		if !ok || len(p.Listeners) == 0 {
			continue
		}
		out = nil
		for _, l := range p.Listeners[0].Policies {
			var rules []string
			for _, r := range l.Rules {
				text := string(r.Type) + r.Key + " " + string(r.Compare) + " " + r.Value
				if r.Invert {
					text = "not " + text
				}
				rules = append(rules, text)
			}
			slices.Sort(rules)
			to := l.URL
			if l.Pool != "" {
				if target, ok := c.balancer.Pool(l.Pool); ok {
					to = "a pool with " + strconv.Itoa(len(target.Listeners)) + " listeners"
				}
			}
			out = append(out, strings.TrimSpace(string(l.Action)+" "+to)+": "+strings.Join(rules, ", "))
		}
	}
	return out
}

func TestL7Policies(t *testing.T) {
	c := newCloud(t)
	st := c.make("s", policed)
	all := []string{
		"reject: not headerX-Token equal_to secret, path starts_with /admin",
		"reject: file_type regex ^(env|git)$",
		"redirect https://new.example/: host_name equal_to old.example",
		"pool a pool with 0 listeners: path starts_with /api/",
	}
	c.want("policies", c.policies(), all...)
	rules, _ := c.output(st, "rules").([]any)
	if len(rules) != 2 || c.output(st, "action") != "REJECT" || c.output(st, "type") != "HEADER" {
		t.Errorf("outputs: %v, %v, %v", rules, c.output(st, "action"), c.output(st, "type"))
	}
	c.restart()
	c.want("policies after a restart", c.policies(), all...)
	c.change(st, strings.NewReplacer(
		"value: /api/", "value: /v2/", "position: 4", "position: 1",
		"action: REDIRECT_TO_URL, redirect_url: 'https://new.example/', position: 2", "action: REJECT, admin_state_up: true, position: 9",
		"value: secret, invert: true", "value: secret, admin_state_up: false",
	).Replace(policed))
	c.want("policies after an update", c.policies(),
		"reject: file_type regex ^(env|git)$",
		"reject: path starts_with /admin",
		"reject: host_name equal_to old.example",
		"pool a pool with 0 listeners: path starts_with /v2/",
	)
	c.change(st, strings.NewReplacer("position: 3, name", "position: 3, admin_state_up: false, name", "position: 4", "admin_state_up: false").Replace(policed))
	c.want("policies, two of them off", c.policies(), all[2], all[3])
	c.remove(st)
	if got := c.listeners(); len(got) != 0 {
		t.Errorf("listeners in the end: %q", got)
	}
}

// A listener that only has policies answers the rest itself.
func TestL7PoliciesWithoutDefaultPool(t *testing.T) {
	c := newCloud(t)
	body := strings.Replace(policed, "listener: { get_resource: http }, protocol: HTTP, lb", "loadbalancer: { get_resource: lb }, protocol: HTTP, lb", 1)
	st := c.make("s", strings.ReplaceAll(body, "Octavia", "Neutron::LBaaS"))
	if got := c.policies(); len(got) != 4 {
		t.Errorf("policies: got %q, want all 4", got)
	}
	c.remove(st)
}

func TestL7PolicyRefused(t *testing.T) {
	c := newCloud(t)
	for from, to := range map[string]string{
		"action: REDIRECT_TO_POOL, redirect_pool: { get_resource: api }":        "action: REDIRECT_TO_POOL",
		"action: REDIRECT_TO_URL, redirect_url: 'https://new.example/'":         "action: REDIRECT_TO_URL",
		"type: HEADER, key: X-Token":                                            "type: HEADER",
		"loadbalancer: { get_resource: lb }, protocol: HTTP, lb_algorithm":      "loadbalancer: { get_resource: lb }, protocol: TCP, lb_algorithm",
		"loadbalancer: { get_resource: lb }, protocol: HTTP, protocol_port: 80": "loadbalancer: { get_resource: lb }, protocol: TCP, protocol_port: 80",
	} {
		body := strings.Replace(policed, from, to, 1)
		if body == policed {
			t.Fatalf("nothing is replaced by %s", to)
		}
		st, err := c.Create(t.Context(), stack.Input{Name: "s", Project: "p", Spec: stoker.StackSpec{Template: version + body}, DisableRollback: true})
		if err != nil {
			t.Errorf("%s: %v", to, err)
			continue
		}
		got := c.done(st, "CREATE_FAILED").StatusReason
		if !strings.Contains(got, "is required when action type") && !strings.Contains(got, "Property key is missing") && !strings.Contains(got, "not of HTTP") {
			t.Errorf("%s: got %s", to, got)
		}
		c.remove(st)
	}
}

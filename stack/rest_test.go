package stack_test

import (
	"context"
	"testing"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/driver/drivertest"
	"github.com/stoker-project/stoker/stack"
	"github.com/stoker-project/stoker/store/storetest"
)

const octaviaApp = `
resources:
  lb: {type: OS::Octavia::LoadBalancer, properties: {vip_subnet: public-subnet}}
  pool: {type: OS::Octavia::Pool, properties: {loadbalancer: {get_resource: lb}, protocol: TCP, lb_algorithm: ROUND_ROBIN}}
  tcp: {type: OS::Octavia::Listener, properties: {loadbalancer: {get_resource: lb}, protocol: TCP, protocol_port: 5432, default_pool: {get_resource: pool}}}
  server: {type: OS::Nova::Server, properties: {image: one, flavor: any}}
  member: {type: OS::Octavia::PoolMember, properties: {pool: {get_resource: pool}, address: {get_attr: [server, first_address]}, protocol_port: 5432}}
`

const nativeApp = `
resources:
  lb: {type: Stoker::LoadBalancer, properties: {listeners: [{protocol: tcp, port: 0}]}}
  server: {type: OS::Nova::Server, properties: {image: one, flavor: any}}
  member: {type: Stoker::PoolMember, properties: {pool: {get_resource: lb}, server: {get_resource: server}, address: {get_attr: [server, first_address]}, port: 5432}}
`

// A new process does not put members back whose servers rest; they join when
// those have woken. crashBalancer tells of one that is early.
func TestMembersRestWithTheirServersOverARestart(t *testing.T) {
	for name, body := range map[string]string{"octavia": octaviaApp, "native": nativeApp} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			m := &machine{t: t, servers: &drivertest.Fake{}, store: storetest.NewMemory()}
			m.boot(0)
			create := func(ctx context.Context, m *machine) error {
				_, err := m.engine.Create(ctx, stack.Input{Name: "app", Spec: template(body), DisableRollback: true})
				return err
			}
			if err := steps(create, suspend)(ctx, m); err != nil {
				t.Fatal(err)
			}
			if n := m.joined(); n != 1 {
				m.dump(ctx)
				t.Fatalf("%d members joined, want 1", n)
			}
			m.stop()
			m.boot(0)
			if n := m.joined(); n != 0 {
				t.Errorf("after the restart %d members joined, want none", n)
			}
			if err := steps(resume)(ctx, m); err != nil {
				t.Fatal(err)
			}
			defer m.stop()
			if n := m.joined(); n != 1 {
				t.Errorf("after the server woke %d members joined, want 1", n)
			}
			st, err := m.find(ctx)
			if err != nil {
				t.Fatal(err)
			}
			want(t, st, "RESUME_COMPLETE")
		})
	}
}

// joined counts the members that this process has told the balancer of.
func (m *machine) joined() int {
	seen := map[stoker.MemberID]bool{}
	for _, c := range m.balancer.Calls() {
		if c.Method == "SetMember" {
			seen[c.ID] = true
		}
	}
	return len(seen)
}

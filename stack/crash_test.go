package stack_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/balancer/balancertest"
	"github.com/stoker-project/stoker/driver/drivertest"
	"github.com/stoker-project/stoker/resource/heat"
	"github.com/stoker-project/stoker/resource/native"
	"github.com/stoker-project/stoker/resource/openstack"
	"github.com/stoker-project/stoker/stack"
	"github.com/stoker-project/stoker/store/storetest"
)

// errCrash is what a call gets when the process dies in it.
var errCrash = errors.New("the process died here")

// crasher kills a process at its n-th step: before or after a write, before or
// after a call to the driver or the balancer. What is called afterwards does
// nothing.
type crasher struct {
	mu      sync.Mutex
	at      int // 0: never
	steps   int
	where   string
	dead    bool
	crashed chan struct{}
	kill    func()
}

func (c *crasher) step(what string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead {
		return errCrash
	}
	c.steps++
	if c.steps != c.at {
		return nil
	}
	c.dead, c.where = true, what
	c.kill()
	close(c.crashed)
	return errCrash
}

func (c *crasher) isDead() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dead
}

// around dies before or after f.
func (c *crasher) around(what string, f func() error) error {
	if err := c.step("before " + what); err != nil {
		return err
	}
	err := f()
	if crash := c.step("after " + what); crash != nil {
		return crash
	}
	return err
}

// crashDriver and crashBalancer are the world's, seen from a mortal process.
type crashDriver struct {
	*drivertest.Fake
	c *crasher
}

func (d crashDriver) Create(ctx context.Context, s stoker.ServerSpec) (out stoker.Server, err error) {
	err = d.c.around("driver create", func() error { out, err = d.Fake.Create(ctx, s); return err })
	return out, err
}

func (d crashDriver) Destroy(ctx context.Context, t stoker.ServerToken, grace time.Duration) error {
	return d.c.around("driver destroy", func() error { return d.Fake.Destroy(ctx, t, grace) })
}

type crashBalancer struct {
	*balancertest.Fake
	c       *crasher
	servers *drivertest.Fake
	// early is told of members that join while their server rests.
	early func(stoker.Member)
}

func (b crashBalancer) SetPool(ctx context.Context, p stoker.Pool) (out stoker.PoolStatus, err error) {
	err = b.c.around("set pool", func() error { out, err = b.Fake.SetPool(ctx, p); return err })
	return out, err
}

func (b crashBalancer) RemovePool(ctx context.Context, id stoker.PoolID) error {
	return b.c.around("remove pool", func() error { return b.Fake.RemovePool(ctx, id) })
}

func (b crashBalancer) SetMember(ctx context.Context, p stoker.PoolID, m stoker.Member) error {
	return b.c.around("set member", func() error {
		for _, s := range b.servers.Servers() {
			if s.State == stoker.ServerPaused && len(s.Addresses) > 0 && strings.HasPrefix(m.Address, s.Addresses[0].IP+":") {
				b.early(m)
			}
		}
		return b.Fake.SetMember(ctx, p, m)
	})
}

func (b crashBalancer) RemoveMember(ctx context.Context, p stoker.PoolID, id stoker.MemberID, drain time.Duration) error {
	return b.c.around("remove member", func() error { return b.Fake.RemoveMember(ctx, p, id, drain) })
}

// noScalers stands for the scaler, which these stacks do not use.
type noScalers struct{}

func (noScalers) Put(context.Context, stoker.Policy) error      { return errors.New("no scaler here") }
func (noScalers) Remove(context.Context, stoker.ScalerID) error { return nil }

// machine is what outlives a process: the servers and the database. The built-in
// balancer dies with its process.
type machine struct {
	t       *testing.T
	servers *drivertest.Fake
	store   *storetest.Memory

	app  stoker.StackID // the first one that was called app
	data map[string]any // what was abandoned

	balancer *balancertest.Fake
	engine   *stack.Engine
	crasher  *crasher
	stop     func()
}

// boot starts a process that dies at a step; 0: never.
func (m *machine) boot(at int) {
	m.t.Helper()
	m.crasher = &crasher{at: at, crashed: make(chan struct{})}
	c := m.crasher
	store := m.store.Reopen()
	m.store = store
	c.kill = func() { m.store = store.Reopen() }
	store.BeforeCommit = func(int, stoker.Batch) error { return c.step("before a write") }
	store.AfterCommit = func(int, stoker.Batch) error { return c.step("after a write") }
	m.balancer = balancertest.NewFake()
	driver := crashDriver{m.servers, c}
	balancer := crashBalancer{m.balancer, c, m.servers, func(member stoker.Member) {
		m.t.Errorf("member %s joined while its server rests", member.Address)
	}}
	m.engine = stack.New(stack.Config{Store: store})
	m.engine.Register(heat.Types(heat.Deps{Groups: m.engine, Data: m.engine}))
	m.engine.Register(openstack.Types(openstack.Deps{Driver: driver, Balancer: balancer, Flavors: func(string) (stoker.Flavor, error) { return stoker.Flavor{}, nil }}))
	m.engine.Register(native.Types(native.Deps{Balancer: balancer, Scalers: noScalers{}, Driver: driver}))
	ctx, cancel := context.WithCancel(context.Background())
	done, ready := make(chan error, 1), make(chan struct{})
	go func() { done <- m.engine.Run(ctx, ready) }()
	m.stop = func() { cancel(); <-done }
	select {
	case <-ready:
	case <-c.crashed:
	}
}

const crashTemplate = `heat_template_version: 2021-04-16
resources:
  lb:
    type: Stoker::LoadBalancer
    properties:
      listeners: [{protocol: http, port: 0}]
  web:
    type: OS::Heat::AutoScalingGroup
    properties:
      min_size: 1
      max_size: 5
      resource: {type: web.yaml, properties: {pool: {get_resource: lb}, image: one}}
outputs:
  group: {value: {get_resource: web}}
`

const crashMember = `heat_template_version: 2021-04-16
parameters: {pool: {type: string}, image: {type: string}}
resources:
  server: {type: OS::Nova::Server, properties: {image: {get_param: image}, flavor: any}}
  member:
    type: Stoker::PoolMember
    properties: {pool: {get_param: pool}, server: {get_resource: server}, address: {get_attr: [server, first_address]}, port: 8080}
`

func crashInput(image string) stack.Input {
	return stack.Input{Name: "app", DisableRollback: true, Spec: stoker.StackSpec{
		Template: strings.Replace(crashTemplate, "image: one", "image: "+image, 1),
		Files:    map[string]string{"web.yaml": crashMember},
	}}
}

// A story is one operation and what it must lead to, whatever happens in it.
type story struct {
	name    string
	prepare func(ctx context.Context, m *machine) error
	// do asks for the operation; it is asked again after the crash, as a user would
	// who got no answer.
	do      func(ctx context.Context, m *machine) error
	servers int
	image   string
	asleep  bool // the servers rest and serve nothing
	left    bool // no stack has the servers, and they serve
}

func (m *machine) find(ctx context.Context) (*stoker.Stack, error) {
	return m.engine.Find(ctx, "", "app")
}

func (m *machine) group(ctx context.Context) (stoker.StackID, error) {
	gs, err := m.engine.Groups(ctx, "", true)
	if err != nil || len(gs) != 1 {
		return "", fmt.Errorf("%d groups: %w", len(gs), err)
	}
	return gs[0].ID, nil
}

func createApp(ctx context.Context, m *machine) error {
	if _, err := m.find(ctx); err == nil {
		return nil
	}
	_, err := m.engine.Create(ctx, crashInput("one"))
	return err
}

func resizeTo(n int) func(context.Context, *machine) error {
	return func(ctx context.Context, m *machine) error {
		g, err := m.group(ctx)
		if err != nil {
			return err
		}
		return m.engine.Resize(ctx, g, n, "test")
	}
}

func updateApp(ctx context.Context, m *machine) error {
	st, err := m.find(ctx)
	if err != nil {
		return err
	}
	if strings.Contains(st.Spec.Template, "image: two") {
		return nil
	}
	return m.engine.Update(ctx, st.ID, crashInput("two"))
}

func deleteApp(ctx context.Context, m *machine) error {
	st, err := m.find(ctx)
	if stoker.IsKind(err, stoker.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	err = m.engine.Delete(ctx, st.ID)
	if stoker.IsKind(err, stoker.NotFound) {
		return nil // the deletion that was under way has ended meanwhile
	}
	return err
}

func steps(fs ...func(context.Context, *machine) error) func(context.Context, *machine) error {
	return func(ctx context.Context, m *machine) error {
		for _, f := range fs {
			if err := f(ctx, m); err != nil {
				return err
			}
			if err := m.settle(ctx); err != nil {
				return err
			}
		}
		return nil
	}
}

func stories() []story {
	return []story{
		{name: "create", prepare: steps(), do: createApp, servers: 1, image: "one"},
		{name: "scale out", prepare: steps(createApp), do: resizeTo(3), servers: 3, image: "one"},
		{name: "scale in", prepare: steps(createApp, resizeTo(3)), do: resizeTo(1), servers: 1, image: "one"},
		{name: "replace", prepare: steps(createApp, resizeTo(2)), do: updateApp, servers: 2, image: "two"},
		{name: "delete", prepare: steps(createApp, resizeTo(2)), do: deleteApp, servers: 0},
	}
}

// settle waits until nothing is under way in any stack.
func (m *machine) settle(ctx context.Context) error {
	for {
		sts, err := m.engine.Stacks(ctx, stoker.StackFilter{AllProjects: true, Nested: true, InProgress: true, Brief: true})
		if err != nil || len(sts) == 0 {
			return err
		}
		if _, err := m.engine.Await(ctx, sts[0].ID); err != nil && !stoker.IsKind(err, stoker.NotFound) {
			return err
		}
	}
}

// TestCrashPoints kills the process at every step of every story: around each
// write and around each call to the driver and the balancer. A new process must
// bring the operation to its end, with nothing made twice and nothing left over.
func TestCrashPoints(t *testing.T) {
	for _, s := range slices.Concat(stories(), actionStories()) {
		t.Run(s.name, func(t *testing.T) {
			points := 0
			for at := 1; crashAt(t, s, at); at++ {
				points++
			}
			if points < 10 {
				t.Errorf("only %d crash points: the story does nothing", points)
			}
			t.Logf("%d crash points", points)
		})
	}
}

// crashAt plays a story with a crash at a step; false when it ended before.
func crashAt(t *testing.T, s story, at int) bool {
	t.Helper()
	m := &machine{t: t, servers: &drivertest.Fake{}, store: storetest.NewMemory()}
	died, where := m.play(s, at)
	defer m.stop()
	m.check(t.Context(), s, fmt.Sprintf("step %d (%s)", at, where))
	if t.Failed() {
		t.FailNow()
	}
	return died
}

// play plays a story with a crash at a step, and again after that in a process that the caller
// stops.
func (m *machine) play(s story, at int) (died bool, where string) {
	t := m.t
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	m.boot(0)
	if err := s.prepare(ctx, m); err != nil {
		t.Fatalf("prepare: %v", err)
	}
	m.stop()
	m.boot(at)
	ended := make(chan error, 1)
	running, halt := context.WithCancel(ctx)
	go func() {
		err := s.do(running, m)
		if err == nil {
			err = m.settle(running)
		}
		ended <- err
	}()
	select {
	case err := <-ended:
		if died = m.crasher.isDead(); !died && err != nil {
			t.Fatalf("without a crash: %v", err)
		}
	case <-m.crasher.crashed:
		died = true
		halt()
		<-ended
	}
	halt()
	m.stop()
	where = m.crasher.where
	m.boot(0)
	err := s.do(ctx, m)
	if err == nil {
		err = m.settle(ctx)
	}
	if err != nil {
		m.dump(t.Context())
		t.Fatalf("step %d (%s): after the restart: %v", at, where, err)
	}
	return died, where
}

// check compares stacks, servers and balancer with what the story wants.
func (m *machine) check(ctx context.Context, s story, where string) {
	m.t.Helper()
	sts, err := m.engine.Stacks(ctx, stoker.StackFilter{AllProjects: true, Nested: true})
	if err != nil {
		m.t.Fatal(err)
	}
	tokens := map[stoker.ServerToken]bool{}
	members := map[stoker.MemberID]bool{}
	for _, st := range sts {
		if st.Status != stoker.StatusComplete || st.Phase != stoker.PhaseDone {
			m.t.Errorf("%s: stack %s is %s: %s", where, st.Name, st.State(), st.StatusReason)
		}
		rs, err := m.engine.Resources(ctx, st.ID, 0)
		if err != nil {
			m.t.Fatal(err)
		}
		for _, r := range rs {
			switch r.Type {
			case "OS::Nova::Server":
				tokens[stoker.ServerToken(r.ID)] = true
			case "Stoker::PoolMember":
				members[stoker.MemberID(r.ID)] = true
			}
		}
	}
	defer func() {
		if m.t.Failed() {
			m.dump(ctx)
		}
	}()
	made := m.servers.Servers()
	for token, server := range made {
		spec, _ := m.servers.Spec(token)
		if tokens[token] == s.left || spec.Image != s.image {
			m.t.Errorf("%s: server %s (%s, image %s) belongs to nobody", where, token, server.Name, spec.Image)
		}
		if paused := server.State == stoker.ServerPaused; paused != s.asleep {
			m.t.Errorf("%s: server %s is %s", where, token, server.State)
		}
	}
	recorded := s.servers
	if s.left {
		recorded = 0
	}
	if len(made) != s.servers || len(tokens) != recorded {
		m.t.Errorf("%s: %d servers, %d recorded, want %d and %d", where, len(made), len(tokens), s.servers, recorded)
	}
	serving := s.servers
	if s.asleep {
		serving = 0
	}
	m.checkBalancer(ctx, where, members, serving)
}

func (m *machine) checkBalancer(ctx context.Context, where string, members map[stoker.MemberID]bool, n int) {
	m.t.Helper()
	var got []string
	pools := 0
	for _, id := range m.pools(ctx) {
		stats, err := m.balancer.Stats(ctx, id)
		if err != nil {
			continue
		}
		pools++
		for _, x := range stats.Members {
			got = append(got, string(x.ID))
			if len(members) > 0 && !members[x.ID] || x.State != stoker.MemberUp {
				m.t.Errorf("%s: member %s is %s and recorded: %v", where, x.ID, x.State, members[x.ID])
			}
		}
	}
	slices.Sort(got)
	if len(got) != n || len(slices.Compact(got)) != n {
		m.t.Errorf("%s: the balancer has %d members, want %d", where, len(got), n)
	}
	if n > 0 && pools != 1 {
		m.t.Errorf("%s: %d pools, want 1", where, pools)
	}
}

// pools lists the pools that this process's balancer was ever told of.
func (m *machine) pools(ctx context.Context) []stoker.PoolID {
	seen := map[stoker.PoolID]bool{}
	for _, c := range m.balancer.Calls() {
		seen[c.Pool] = true
	}
	var out []stoker.PoolID
	for id := range seen {
		out = append(out, id)
	}
	return out
}

// dump tells what has happened, for people.
func (m *machine) dump(ctx context.Context) {
	sts, err := m.engine.Stacks(ctx, stoker.StackFilter{AllProjects: true, Nested: true, Deleted: true})
	if err != nil {
		m.t.Log(err)
		return
	}
	for _, st := range sts {
		m.t.Logf("stack %s %s generation %d: %s", st.Name, st.State(), st.Generation, st.StatusReason)
		es, err := m.engine.Events(ctx, st.ID, 0, stoker.EventFilter{})
		if err != nil {
			m.t.Log(err)
		}
		for _, e := range es {
			m.t.Logf("   %d %s %s: %s", e.Seq, e.Resource, stoker.State(e.Action, e.Status), e.Reason)
		}
	}
}

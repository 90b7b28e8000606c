package openstack_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/balancer/balancertest"
	"github.com/stoker-project/stoker/driver/drivertest"
	"github.com/stoker-project/stoker/internal/neutron"
	"github.com/stoker-project/stoker/resource/heat"
	"github.com/stoker-project/stoker/resource/openstack"
	"github.com/stoker-project/stoker/stack"
	"github.com/stoker-project/stoker/store/storetest"
)

// cloud is an engine on a driver with networks. Driver and records outlive it.
type cloud struct {
	*stack.Engine
	t        *testing.T
	driver   netFake
	types    map[stoker.TypeName]stoker.ResourceType
	balancer *balancertest.Fake
	store    *storetest.Memory
	stop     func()
}

func newCloud(t *testing.T) *cloud {
	c := &cloud{t: t, driver: netFake{&drivertest.Fake{}}, store: storetest.NewMemory()}
	c.start()
	return c
}

// start starts an engine, with a balancer that knows nothing.
func (c *cloud) start() {
	c.t.Helper()
	c.startWith(balancertest.NewFake())
}

func (c *cloud) startWith(b *balancertest.Fake) {
	c.t.Helper()
	c.balancer = b
	c.Engine = stack.New(stack.Config{Store: c.store})
	c.Register(heat.Types(heat.Deps{Groups: c.Engine, Data: c.Engine}))
	c.types = openstack.Types(openstack.Deps{Driver: c.driver, Balancer: c.balancer, Grace: time.Second,
		External: neutron.External{Name: "public"}})
	c.Register(c.types)
	c.run()
}

// run runs the engine; it ends with the test.
func (c *cloud) run() {
	c.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done, ready := make(chan error, 1), make(chan struct{})
	engine := c.Engine
	go func() { done <- engine.Run(ctx, ready) }()
	<-ready
	stopped := false
	c.stop = func() {
		if !stopped {
			stopped = true
			cancel()
			<-done
		}
	}
	c.t.Cleanup(c.stop)
}

func (c *cloud) restart() {
	c.stop()
	c.start()
}

const version = "heat_template_version: 2018-08-31\n"

func (c *cloud) make(name, body string) *stoker.Stack {
	c.t.Helper()
	return c.makeIn("p", name, body)
}

func (c *cloud) makeIn(project stoker.ProjectID, name, body string) *stoker.Stack {
	c.t.Helper()
	st, err := c.Create(c.t.Context(), stack.Input{Name: name, Project: project, Spec: stoker.StackSpec{Template: version + body}, DisableRollback: true})
	if err != nil {
		c.t.Fatal(err)
	}
	return c.done(st, "CREATE_COMPLETE")
}

func (c *cloud) change(st *stoker.Stack, body string) {
	c.t.Helper()
	if err := c.Update(c.t.Context(), st.ID, stack.Input{Spec: stoker.StackSpec{Template: version + body}, DisableRollback: true}); err != nil {
		c.t.Fatal(err)
	}
	c.done(st, "UPDATE_COMPLETE")
}

func (c *cloud) remove(st *stoker.Stack) {
	c.t.Helper()
	if err := c.Delete(c.t.Context(), st.ID); err != nil {
		c.t.Fatal(err)
	}
	c.done(st, "DELETE_COMPLETE")
}

func (c *cloud) done(st *stoker.Stack, state string) *stoker.Stack {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 20*time.Second)
	defer cancel()
	got, err := c.Await(ctx, st.ID)
	if err != nil {
		c.t.Fatal(err)
	}
	if got.State() != state {
		c.t.Fatalf("stack is %s (%s), want %s", got.State(), got.StatusReason, state)
	}
	return got
}

func (c *cloud) output(st *stoker.Stack, name string) any {
	c.t.Helper()
	v, err := c.Show(c.t.Context(), st.ID)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, o := range v.Outputs {
		if o.Name == name {
			return cmp.Or[any](o.Err, o.Value)
		}
	}
	c.t.Fatalf("there is no output %s", name)
	return nil
}

// listeners lists what the balancer listens on, with the members behind it.
func (c *cloud) listeners() []string {
	c.t.Helper()
	ids := map[stoker.PoolID]bool{}
	for _, call := range c.balancer.Calls() {
		ids[call.Pool] = true
	}
	var out []string
	for id := range maps.Keys(ids) {
		p, ok := c.balancer.Pool(id)
		if !ok {
			continue
		}
		stats, err := c.balancer.Stats(c.t.Context(), id)
		if err != nil {
			c.t.Fatal(err)
		}
		var members []string
		for _, m := range stats.Members {
			members = append(members, fmt.Sprint(m.Address, "*", m.Weight))
		}
		for _, l := range p.Listeners {
			out = append(out, fmt.Sprintf("%s %s:%d %v", l.Protocol, l.Address, l.Port, members))
		}
	}
	slices.Sort(out)
	return out
}

func (c *cloud) want(what string, got []string, want ...string) {
	c.t.Helper()
	if !slices.Equal(got, want) {
		c.t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

package aws_test

import (
	"context"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/dialect/cfn"
	"github.com/stoker-project/stoker/driver/drivertest"
	"github.com/stoker-project/stoker/hot"
	"github.com/stoker-project/stoker/resource/aws"
	"github.com/stoker-project/stoker/resource/heat"
	"github.com/stoker-project/stoker/resource/openstack"
	"github.com/stoker-project/stoker/stack"
	"github.com/stoker-project/stoker/store/storetest"
)

// world is an engine with the types as they are put together in earnest, and a
// driver without machines.
type world struct {
	*stack.Engine
	t      *testing.T
	driver *drivertest.Fake
	types  map[stoker.TypeName]stoker.ResourceType
	stacks stacks
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, driver: &drivertest.Fake{}}
	w.Engine = stack.New(stack.Config{Store: storetest.NewMemory(), Parse: cfn.Parse})
	theirs := heat.Types(heat.Deps{Groups: w.Engine, Data: w.Engine, Stacks: &w.stacks})
	servers := openstack.Types(openstack.Deps{Driver: w.driver, Grace: time.Second})
	w.types = aws.Types(aws.Deps{
		Server:        servers["OS::Nova::Server"].(aws.Server),
		InstanceGroup: theirs["OS::Heat::InstanceGroup"].(aws.InstanceGroup),
		ScalingPolicy: theirs["OS::Heat::ScalingPolicy"].(aws.Policy),
		WaitCondition: theirs["OS::Heat::WaitCondition"].(aws.Condition),
		WaitHandle:    theirs["OS::Heat::WaitConditionHandle"].(aws.Handle),
		Stack:         theirs["OS::Heat::Stack"].(aws.Stack),
		Fetch:         fetch,
		Data:          w.Engine,
		SignalURL:     at("http://signal/"),
		HandleURL:     at("http://handle/"),
	})
	w.Register(theirs)
	w.Register(servers)
	w.Register(w.types)
	return w
}

func at(where string) func(stoker.StackRef, stoker.ResourceName) string {
	return func(s stoker.StackRef, r stoker.ResourceName) string {
		return where + s.Name + "/" + string(r) + "?signature=x"
	}
}

// run starts the engine; it ends with the test.
func (w *world) run() {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done, ready := make(chan error, 1), make(chan struct{})
	go func() { done <- w.Run(ctx, ready) }()
	<-ready
	w.t.Cleanup(func() { cancel(); <-done })
}

func spec(template string) stoker.StackSpec { return stoker.StackSpec{Template: template} }

func (w *world) create(template string) *stoker.Stack {
	w.t.Helper()
	st, err := w.Create(w.t.Context(), stack.Input{Name: "shop", Project: "p", Spec: spec(template), DisableRollback: true})
	if err != nil {
		w.t.Fatal(err)
	}
	return st
}

func (w *world) update(st *stoker.Stack, template string) {
	w.t.Helper()
	if err := w.Update(w.t.Context(), st.ID, stack.Input{Spec: spec(template), DisableRollback: true}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) want(st *stoker.Stack, state string) {
	w.t.Helper()
	got, err := w.Await(w.t.Context(), st.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	if got.State() != state {
		w.t.Fatalf("stack is %s (%s), want %s", got.State(), got.StatusReason, state)
	}
}

func (w *world) output(st *stoker.Stack, name string) string {
	w.t.Helper()
	v, err := w.Show(w.t.Context(), st.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, o := range v.Outputs {
		if o.Name == name {
			s, _ := o.Value.(string)
			return s
		}
	}
	w.t.Fatalf("there is no output %s", name)
	return ""
}

// specs are the servers as they were asked for.
func (w *world) specs() []stoker.ServerSpec {
	var out []stoker.ServerSpec
	for t := range w.driver.Servers() {
		if s, ok := w.driver.Spec(t); ok {
			out = append(out, s)
		}
	}
	return out
}

// images counts the servers by what they run.
func (w *world) images() map[string]int {
	out := map[string]int{}
	for _, s := range w.specs() {
		out[s.Image]++
	}
	return out
}

// request makes a request as an engine does.
func request(t *testing.T, impl stoker.ResourceType, props map[string]any) *stoker.Request {
	t.Helper()
	checked, err := hot.CheckProperties(impl.Schema().Properties, props, nil, "resources.it.properties")
	if err != nil {
		t.Fatal(err)
	}
	return &stoker.Request{
		Stack: stoker.StackRef{ID: "s", Name: "shop", Project: "p", Path: []stoker.StackID{"s"}},
		Name:  "it", ID: "0f0e0d0c-0b0a-0908-0706-050403020100", Properties: checked,
	}
}

func create(t *testing.T, impl stoker.ResourceType, req *stoker.Request) {
	t.Helper()
	res, err := impl.Create(t.Context(), req)
	if err != nil {
		t.Fatalf("create: %v", err)
	}
	req.PhysicalID, req.Data = res.PhysicalID, res.Data
}

func attribute(t *testing.T, impl stoker.ResourceType, req *stoker.Request, name string) any {
	t.Helper()
	v, _, err := impl.(stoker.Attributer).Attribute(t.Context(), req, name, nil)
	if err != nil {
		t.Fatalf("attribute %s: %v", name, err)
	}
	return v
}

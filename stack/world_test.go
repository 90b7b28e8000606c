package stack_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/stack"
	"github.com/stoker-project/stoker/store/storetest"
)

// world is the reality that engines in tests act on. It outlives them.
type world struct {
	mu     sync.Mutex
	things map[stoker.ResourceID]map[string]any
	log    []string                 // what was asked, in order
	fail   map[string]error         // by "verb name"
	gates  map[string]chan struct{} // by "verb name", or "verb *": the call waits for it
	ends   map[stoker.ResourceID]chan error
	kept   map[string]any                    // by key
	allow  func(stoker.TypeName, bool) error // who may have which types; nil: everybody
	sink   stoker.EventSink                  // nil: there is none
}

func newWorld() *world {
	return &world{
		things: map[stoker.ResourceID]map[string]any{}, fail: map[string]error{},
		gates: map[string]chan struct{}{}, kept: map[string]any{}, ends: map[stoker.ResourceID]chan error{},
	}
}

func (w *world) call(ctx context.Context, verb string, req *stoker.Request) error {
	key := verb + " " + string(req.Name)
	w.mu.Lock()
	w.log = append(w.log, key)
	gate, err := w.gates[key], w.fail[key]
	if gate == nil {
		gate = w.gates[verb+" *"]
	}
	w.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return err
}

func (w *world) calls(verb string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []string
	for _, l := range w.log {
		if name, ok := strings.CutPrefix(l, verb+" "); ok {
			out = append(out, name)
		}
	}
	return out
}

// end waits until something is watched, and ends it.
func (w *world) end(err error) {
	for {
		w.mu.Lock()
		for _, end := range w.ends {
			end <- err
			w.mu.Unlock()
			return
		}
		w.mu.Unlock()
		runtime.Gosched()
	}
}

func (w *world) clearLog() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.log = nil
}

func (w *world) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.things)
}

func (w *world) before(t *testing.T, first, second string) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	i, j := slices.Index(w.log, first), slices.Index(w.log, second)
	if i < 0 || j < 0 || i > j {
		t.Errorf("want %q before %q in %q", first, second, w.log)
	}
}

// thing is a type whose resources are entries of the world. value changes in
// place, kind replaces.
type thing struct{ w *world }

func (thing) Schema() *stoker.Schema {
	return &stoker.Schema{
		Properties: map[string]*stoker.Property{
			"value": {Type: stoker.TypeAny, Update: true},
			"kind":  {Type: stoker.TypeString},
		},
		Attributes: map[string]*stoker.Attribute{"value": {}, "id": {}},
	}
}

func (t thing) Create(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	if err := t.w.call(ctx, "create", req); err != nil {
		return stoker.Result{}, err
	}
	t.w.mu.Lock()
	defer t.w.mu.Unlock()
	t.w.things[req.ID] = req.Properties
	return stoker.Result{PhysicalID: "thing-" + stoker.PhysicalID(req.ID)}, nil
}

func (t thing) Update(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	if err := t.w.call(ctx, "update", req); err != nil {
		return stoker.Result{}, err
	}
	t.w.mu.Lock()
	defer t.w.mu.Unlock()
	t.w.things[req.ID] = req.Properties
	return stoker.Result{}, nil
}

func (t thing) Delete(ctx context.Context, req *stoker.Request) error {
	if err := t.w.call(ctx, "delete", req); err != nil {
		return err
	}
	t.w.mu.Lock()
	defer t.w.mu.Unlock()
	delete(t.w.things, req.ID)
	return nil
}

func (t thing) Attribute(_ context.Context, req *stoker.Request, name string, _ []any) (any, int, error) {
	switch name {
	case "value":
		return req.Properties["value"], 0, nil
	case "id":
		return string(req.ID), 0, nil
	}
	return nil, 0, stoker.Errorf(stoker.Invalid, "no attribute %s", name)
}

// waitingThing is a thing that is complete when the gate "await <name>" opens.
type waitingThing struct{ thing }

func (t waitingThing) Await(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	return stoker.Result{}, t.w.call(ctx, "await", req)
}

// checkedThing is a thing that can be looked at.
type checkedThing struct{ thing }

func (t checkedThing) Check(ctx context.Context, req *stoker.Request) error {
	return t.w.call(ctx, "check", req)
}

// sleepyThing is a thing that rests while its stack is suspended.
type sleepyThing struct{ waitingThing }

func (t sleepyThing) Sleep(ctx context.Context, req *stoker.Request) error {
	return t.w.call(ctx, "sleep", req)
}

func (t sleepyThing) Wake(ctx context.Context, req *stoker.Request) error {
	return t.w.call(ctx, "wake", req)
}

// watchedThing fails when the test ends it.
type watchedThing struct{ thing }

func (t watchedThing) Watch(ctx context.Context, req *stoker.Request) error {
	t.w.mu.Lock()
	end := t.w.ends[req.ID]
	if end == nil {
		end = make(chan error, 1)
		t.w.ends[req.ID] = end
	}
	t.w.mu.Unlock()
	select {
	case err := <-end:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// heldThing lives in a process, as a pool of a balancer does.
type heldThing struct{ thing }

func (t heldThing) Resume(ctx context.Context, req *stoker.Request) error {
	return t.w.call(ctx, "resume", req)
}

// actingThing acts by itself in a process, as a scaler does.
type actingThing struct{ heldThing }

func (t actingThing) Abandon(ctx context.Context, req *stoker.Request) error {
	return t.w.call(ctx, "abandon", req)
}

// group is a group of whatever "resource" is.
type group struct{}

func (group) Schema() *stoker.Schema {
	return &stoker.Schema{Properties: map[string]*stoker.Property{
		"resource": {Type: stoker.TypeMap, Update: true}, "min": {Type: stoker.TypeInteger, Update: true},
		"max": {Type: stoker.TypeInteger, Update: true}, "desired": {Type: stoker.TypeInteger, Update: true},
		"batch": {Type: stoker.TypeInteger, Update: true}, "pause": {Type: stoker.TypeInteger, Update: true},
	}, Attributes: map[string]*stoker.Attribute{"values": {}}}
}
func (group) Create(context.Context, *stoker.Request) (stoker.Result, error) {
	panic("a group is a stack")
}
func (group) Delete(context.Context, *stoker.Request) error { panic("a group is a stack") }

func (group) Group(req *stoker.Request) (stoker.GroupSpec, error) {
	n := func(k string, d int) int {
		if v, ok := req.Properties[k].(int64); ok {
			return int(v)
		}
		return d
	}
	s := stoker.GroupSpec{Member: req.Properties["resource"].(map[string]any), Min: n("min", 0), Max: n("max", 10), Names: stoker.ByRandom}
	if v, ok := req.Properties["desired"].(int64); ok {
		d := int(v)
		s.Desired = &d
	}
	if b := n("batch", 0); b > 0 {
		s.Rolling = &stoker.RollingUpdate{MaxBatch: b, Pause: time.Duration(n("pause", 0)) * time.Second}
	}
	return s, nil
}

func (group) GroupAttribute(_ *stoker.Request, v stoker.GroupView, name string, path []any) (any, int, error) {
	var out []any
	for _, m := range v.Group().Members {
		x, err := v.MemberAttribute(m.Name, []any{"value"})
		if err != nil {
			return nil, 0, err
		}
		out = append(out, x)
	}
	return out, 0, nil
}

// refusedThing is a type of which nothing can be made.
type refusedThing struct{ thing }

func (refusedThing) Refuse(t stoker.TypeName) error {
	return stoker.Errorf(stoker.Invalid, "no driver for %s", t)
}

// bed is an engine that runs on a world and a store.
type bed struct {
	*stack.Engine
	t     *testing.T
	w     *world
	store *storetest.Memory
	stop  func()
}

// called waits until the world was asked for something.
func (b *bed) called(id stoker.StackID, verb string) {
	b.t.Helper()
	for len(b.w.calls(verb)) == 0 {
		if _, err := b.Resources(b.t.Context(), id, 0); err != nil {
			b.t.Fatal(err)
		}
	}
}

func start(t *testing.T, w *world, store *storetest.Memory, limits ...stack.Limits) *bed {
	t.Helper()
	cfg := stack.Config{Store: store}
	if len(limits) > 0 {
		cfg.Limits = limits[0]
	}
	cfg.Allow, cfg.Sink = w.allow, w.sink
	e := stack.New(cfg)
	e.Register(map[stoker.TypeName]stoker.ResourceType{
		"T::Thing": thing{w}, "T::Refused": refusedThing{thing{w}}, "T::Waiting": waitingThing{thing{w}}, "T::Watched": watchedThing{thing{w}}, "T::Group": group{},
		"T::Part": completing{thing{w}}, "T::Settling": settling{thing{w}},
		"T::Held": heldThing{thing{w}}, "T::Acting": actingThing{heldThing{thing{w}}},
		"T::Kept": keptThing{thing{w}}, "T::Checked": checkedThing{thing{w}}, "T::Finding": findingThing{thing{w}}, "T::Sleepy": sleepyThing{waitingThing{thing{w}}},
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	ready := make(chan struct{})
	go func() { done <- e.Run(ctx, ready) }()
	select {
	case <-ready:
	case err := <-done:
		t.Fatalf("engine ended: %v", err)
	}
	b := &bed{Engine: e, t: t, w: w, store: store}
	var once sync.Once
	b.stop = func() { once.Do(func() { cancel(); <-done }) }
	t.Cleanup(b.stop)
	return b
}

func template(body string) stoker.StackSpec {
	return stoker.StackSpec{Template: "heat_template_version: 2021-04-16\n" + body}
}

func (b *bed) create(name, body string, files ...string) *stoker.Stack {
	b.t.Helper()
	st, err := b.Create(b.t.Context(), stack.Input{Name: name, Spec: withFiles(template(body), files), DisableRollback: true})
	if err != nil {
		b.t.Fatal(err)
	}
	return b.await(st.ID)
}

func withFiles(s stoker.StackSpec, files []string) stoker.StackSpec {
	s.Files = map[string]string{}
	for i := 0; i+1 < len(files); i += 2 {
		s.Files[files[i]] = "heat_template_version: 2021-04-16\n" + files[i+1]
	}
	return s
}

func (b *bed) update(id stoker.StackID, body string, files ...string) *stoker.Stack {
	b.t.Helper()
	if err := b.Update(b.t.Context(), id, stack.Input{Spec: withFiles(template(body), files), DisableRollback: true}); err != nil {
		b.t.Fatal(err)
	}
	return b.await(id)
}

func (b *bed) await(id stoker.StackID) *stoker.Stack {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 10*time.Second)
	defer cancel()
	st, err := b.Await(ctx, id)
	if err != nil {
		b.t.Fatal(err)
	}
	return st
}

func (b *bed) outputs(id stoker.StackID) map[string]string {
	b.t.Helper()
	v, err := b.Show(b.t.Context(), id)
	if err != nil {
		b.t.Fatal(err)
	}
	out := map[string]string{}
	for _, o := range v.Outputs {
		out[o.Name] = fmt.Sprint(o.Value)
		if o.Err != nil {
			out[o.Name] = "error: " + o.Err.Error()
		}
	}
	return out
}

func want(t *testing.T, st *stoker.Stack, state string) {
	t.Helper()
	if st.State() != state {
		t.Fatalf("stack is %s (%s), want %s", st.State(), st.StatusReason, state)
	}
}

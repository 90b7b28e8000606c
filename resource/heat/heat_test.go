package heat_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/hot"
	"github.com/stoker-project/stoker/resource/heat"
)

// engine is as much of one as the types need.
type engine struct {
	mu      sync.Mutex
	data    map[stoker.ResourceID]map[string]any
	changed chan struct{} // closed and replaced by each change

	project  stoker.ProjectID // whose everything is
	adjusted []adjustment
	nothing  string // what Adjust answers
	err      error
}

type adjustment struct {
	group    stoker.StackID
	change   stoker.Adjustment
	cooldown *time.Duration
}

func newEngine() *engine {
	return &engine{data: map[stoker.ResourceID]map[string]any{}, changed: make(chan struct{}), project: "p1"}
}

func (e *engine) Adjust(_ context.Context, id stoker.StackID, a stoker.Adjustment, cooldown *time.Duration) (string, error) {
	e.adjusted = append(e.adjusted, adjustment{id, a, cooldown})
	return e.nothing, e.err
}

func (e *engine) record(id stoker.ResourceID, data map[string]any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.data[id] = data
	close(e.changed)
	e.changed = make(chan struct{})
}

// Owner says that everything is the one project's.
func (e *engine) Owner(_ context.Context, id stoker.ResourceID) (stoker.ProjectID, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, there := e.data[id]; !there {
		return "", stoker.Errorf(stoker.NotFound, "there is no resource %s", id)
	}
	return e.project, nil
}

func (e *engine) Group(_ context.Context, id stoker.StackID) (*stoker.Group, error) {
	return &stoker.Group{ID: id, Project: e.project}, nil
}

func (e *engine) AwaitData(ctx context.Context, id stoker.ResourceID, ok func(map[string]any) bool) error {
	for {
		e.mu.Lock()
		data, there := e.data[id]
		changed := e.changed
		e.mu.Unlock()
		if !there {
			return stoker.Errorf(stoker.NotFound, "there is no resource %s", id)
		}
		if ok(data) {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-changed:
		}
	}
}

// stacks has every stack, complete, with one output.
type stacks struct{}

func (stacks) PutStack(_ context.Context, s heat.StandingStack) (stoker.StackID, error) {
	return stoker.StackID("id of " + s.Name), nil
}
func (stacks) AwaitStack(context.Context, stoker.StackID) error { return nil }
func (stacks) StackOutputs(context.Context, stoker.StackID) (map[string]any, error) {
	return map[string]any{"o": int64(1)}, nil
}
func (stacks) ActOnStack(context.Context, stoker.StackID, string) error    { return nil }
func (stacks) RemoveStack(context.Context, stoker.ProjectID, string) error { return nil }

func (e *engine) types() map[stoker.TypeName]stoker.ResourceType {
	at := func(kind string) func(stoker.StackRef, stoker.ResourceName) string {
		return func(s stoker.StackRef, r stoker.ResourceName) string {
			return kind + "/" + s.Name + "/" + string(r)
		}
	}
	return heat.Types(heat.Deps{Stacks: stacks{},
		Groups: e, Data: e, SignalURL: at("http://signal"), AlarmURL: at("http://alarm"), Token: at("token"),
	})
}

// request makes a request as an engine does: properties are checked, defaults
// filled in.
func request(t *testing.T, impl stoker.ResourceType, props map[string]any) *stoker.Request {
	t.Helper()
	req := &stoker.Request{
		Stack: stoker.StackRef{ID: "stack-id", Name: "shop", Project: "p1", Path: []stoker.StackID{"stack-id"}},
		Name:  "it", ID: "0f0e0d0c-0b0a-0908-0706-050403020100", Properties: props,
	}
	if s := impl.Schema(); !s.AnyProperty {
		checked, err := hot.CheckProperties(s.Properties, props, nil, "resources.it.properties")
		if err != nil {
			t.Fatal(err)
		}
		req.Properties = checked
	}
	return req
}

// create makes the resource and leaves in req what an engine records.
func create(t *testing.T, impl stoker.ResourceType, req *stoker.Request) {
	t.Helper()
	res, err := impl.Create(t.Context(), req)
	if err != nil {
		t.Fatalf("create: %v", err)
	}
	keep(req, res)
}

func keep(req *stoker.Request, res stoker.Result) {
	if res.PhysicalID != "" {
		req.PhysicalID = res.PhysicalID
	}
	if res.Data != nil {
		req.Data = res.Data
	}
}

func attribute(t *testing.T, impl stoker.ResourceType, req *stoker.Request, name string) any {
	t.Helper()
	v, _, err := impl.(stoker.Attributer).Attribute(t.Context(), req, name, nil)
	if err != nil {
		t.Fatalf("attribute %s: %v", name, err)
	}
	return v
}

// wantType checks an error's kind and Heat's class of it.
func wantType(t *testing.T, err error, class, message string) {
	t.Helper()
	e, ok := stoker.AsError(err)
	if !ok {
		t.Fatalf("got error %v, want one of type %s", err, class)
	}
	if e.Type != class || e.Message != message {
		t.Errorf("got %s: %q, want %s: %q", e.Type, e.Message, class, message)
	}
}

func TestEveryAttributeResolves(t *testing.T) {
	e := newEngine()
	e.record("h", map[string]any{})
	given := map[stoker.TypeName]map[string]any{
		"OS::Heat::ScalingPolicy":      {"auto_scaling_group_id": "g", "adjustment_type": "exact_capacity", "scaling_adjustment": int64(1)},
		"OS::Heat::Value":              {"value": "x"},
		"OS::Heat::HARestarter":        {"InstanceId": "x"},
		"OS::Heat::WaitCondition":      {"handle": "h", "timeout": int64(1)},
		"OS::Heat::SoftwareDeployment": {"server": "s"}, "OS::Heat::StructuredDeployment": {"server": "s"},
		"OS::Heat::SoftwareComponent": {"configs": []any{map[string]any{"tool": "script", "config": "x"}}},
		"OS::Heat::SwiftSignal":       {"handle": "http://here/#h", "timeout": int64(1)},
		"OS::Heat::Stack":             {"template": "x"},
		"OS::Heat::AccessPolicy":      {"AllowedResources": []any{"a"}},
	}
	for name, impl := range e.types() {
		a, ok := impl.(stoker.Attributer)
		if !ok {
			continue
		}
		req := request(t, impl, given[name])
		create(t, impl, req)
		for attr := range impl.Schema().Attributes {
			attribute(t, impl, req, attr)
		}
		_, _, err := a.Attribute(t.Context(), req, "nonsense", nil)
		if _, outputs := impl.Schema().Attributes["deploy_stdout"]; impl.Schema().AnyAttribute && !outputs {
			if err != nil {
				t.Errorf("%s: attribute nonsense: %v, want none", name, err)
			}
			continue
		}
		wantType(t, err, "InvalidTemplateAttribute", "The Referenced Attribute (it nonsense) is incorrect.")
	}
}

func TestDeletingTwiceIsHarmless(t *testing.T) {
	for name, impl := range newEngine().types() {
		if _, ok := impl.(stoker.Grouper); ok {
			continue
		}
		for range 2 {
			if err := impl.Delete(t.Context(), &stoker.Request{Name: "it", ID: "never made"}); err != nil {
				t.Errorf("%s: delete: %v", name, err)
			}
		}
	}
}

func TestGroupsAreNotMadeByTheirTypes(t *testing.T) {
	for name, impl := range newEngine().types() {
		if _, ok := impl.(stoker.Grouper); !ok {
			continue
		}
		if _, err := impl.Create(t.Context(), &stoker.Request{}); err == nil {
			t.Errorf("%s was created", name)
		}
		if err := impl.Delete(t.Context(), &stoker.Request{}); err == nil {
			t.Errorf("%s was deleted", name)
		}
	}
}

func TestNoneTakesAnything(t *testing.T) {
	impl := newEngine().types()["OS::Heat::None"]
	req := request(t, impl, map[string]any{"whatever": []any{int64(1)}})
	create(t, impl, req)
	req.OldProperties = map[string]any{}
	if _, err := impl.(stoker.Updater).Update(t.Context(), req); errors.Is(err, stoker.ErrReplace) || err != nil {
		t.Errorf("update: %v", err)
	}
	if got := attribute(t, impl, req, "anything"); got != nil {
		t.Errorf("attribute: got %v, want null", got)
	}
}

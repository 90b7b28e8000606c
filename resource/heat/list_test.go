package heat_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/resource/heat"
	"github.com/stoker-project/stoker/stack"
	"github.com/stoker-project/stoker/store/storetest"
)

// house is a real engine in a bubble.
type house struct {
	t *testing.T
	e *stack.Engine
}

func withHouse(t *testing.T, f func(h *house)) {
	synctest.Test(t, func(t *testing.T) {
		e := stack.New(stack.Config{Store: storetest.NewMemory()})
		url := func(st stoker.StackRef, r stoker.ResourceName) string {
			return "http://here/" + string(st.ID) + "/" + string(r)
		}
		e.Register(heat.Types(heat.Deps{Groups: e, Data: e, SignalURL: url}))
		ctx, cancel := context.WithCancel(context.Background())
		done, ready := make(chan error, 1), make(chan struct{})
		go func() { done <- e.Run(ctx, ready) }()
		<-ready
		defer func() { cancel(); <-done }()
		f(&house{t, e})
	})
}

func input(template string) stack.Input {
	in := stack.Input{Name: "shop", Project: "p", DisableRollback: true}
	in.Spec.Template = "heat_template_version: 2021-04-16\n" + template
	return in
}

func (h *house) create(template string) stoker.StackID {
	h.t.Helper()
	st, err := h.e.Create(h.t.Context(), input(template))
	if err != nil {
		h.t.Fatal(err)
	}
	return st.ID
}

func (h *house) update(id stoker.StackID, template string) {
	h.t.Helper()
	if err := h.e.Update(h.t.Context(), id, input(template)); err != nil {
		h.t.Fatal(err)
	}
}

// complete waits for the end of an operation, and gives the outputs.
func (h *house) complete(id stoker.StackID) map[string]any {
	h.t.Helper()
	st, err := h.e.Await(h.t.Context(), id)
	if err != nil || st.Status != stoker.StatusComplete {
		h.t.Fatalf("the stack is %s (%s, %v)", st.State(), st.StatusReason, err)
	}
	v, err := h.e.Show(h.t.Context(), id)
	if err != nil {
		h.t.Fatal(err)
	}
	out := map[string]any{}
	for _, o := range v.Outputs {
		if o.Err != nil {
			h.t.Errorf("output %s: %v", o.Name, o.Err)
		}
		out[o.Name] = o.Value
	}
	return out
}

// inside lists the resources of nested stacks, sorted: name, type and state.
func (h *house) inside(id stoker.StackID) []string {
	h.t.Helper()
	all, err := h.e.Resources(h.t.Context(), id, 1)
	if err != nil {
		h.t.Fatal(err)
	}
	var out []string
	for _, r := range all {
		if r.Stack.ID != id {
			out = append(out, fmt.Sprintf("%s %s %s", r.Name, r.Type, r.State()))
		}
	}
	slices.Sort(out)
	return out
}

// signal signals a member of the stack's one group.
func (h *house) signal(id stoker.StackID, member string, body map[string]any) {
	h.t.Helper()
	all, err := h.e.Resources(h.t.Context(), id, 1)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, r := range all {
		if string(r.Name) == member && r.Stack.ID != id {
			if err := h.e.Signal(h.t.Context(), r.Stack.ID, r.Name, body); err != nil {
				h.t.Fatal(err)
			}
			return
		}
	}
	h.t.Fatalf("there is no member %s", member)
}

func TestResourceChain(t *testing.T) {
	const chain = `
resources:
  chain:
    type: OS::Heat::ResourceChain
    properties:
      resources: [%s]
      resource_properties: {wait_secs: 5, value: x}
outputs:
  refs: {value: {get_attr: [chain, refs]}}
  all: {value: {get_attr: [chain, output]}}
  named: {value: {get_attr: [chain, attributes, output]}}
  one: {value: {get_attr: [chain, resource.1, output]}}
`
	two := "'OS::Heat::TestResource', 'OS::Heat::TestResource'"
	withHouse(t, func(h *house) {
		id := h.create(fmt.Sprintf(chain, two))
		synctest.Wait()
		if got := h.inside(id); len(got) > 0 && strings.HasPrefix(got[len(got)-1], "1 OS::Heat::TestResource CREATE_") {
			t.Errorf("the second is made before the first is complete: %v", got)
		}
		out := h.complete(id)
		if got := fmt.Sprintf("%v %v %v %d", out["all"], out["named"], out["one"], len(out["refs"].([]any))); got != "[x x] map[0:x 1:x] x 2" {
			t.Errorf("got %s", got)
		}
		h.update(id, fmt.Sprintf(chain, two+", 'OS::Heat::TestResource'"))
		if out := h.complete(id); fmt.Sprint(out["all"]) != "[x x x]" {
			t.Errorf("after one more: got %v", out["all"])
		}
		h.update(id, strings.Replace(fmt.Sprintf(chain, "'OS::Heat::None', 'OS::Heat::TestResource'"), "[chain, output]", "[chain, resource.0]", 1))
		h.complete(id)
		if got := h.inside(id); len(got) != 2 || !strings.HasPrefix(got[0], "0 OS::Heat::None") {
			t.Errorf("got %v, want the first of another type, and no third", got)
		}
	})
}

func TestChainsAreValidated(t *testing.T) {
	withHouse(t, func(h *house) {
		for _, tt := range []struct{ resources, props, words string }{
			{"'OS::Heat::None', 'OS::No::Such'", "{}", "OS::No::Such"},
			{"'OS::Heat::None', 'OS::Heat::TestResource'", "{nonsense: 1}", "nonsense"},
			{"'OS::Heat::None', 'OS::Heat::TestResource'", "{wait_secs: {get_attr: [r, value]}, nonsense: 1}", "nonsense"},
		} {
			_, err := h.e.Create(h.t.Context(), input(fmt.Sprintf(
				"resources:\n  r: {type: OS::Heat::RandomString}\n  c: {type: OS::Heat::ResourceChain, properties: {resources: [%s], resource_properties: %s}}\n", tt.resources, tt.props)))
			if err == nil || !strings.Contains(err.Error(), tt.words) || !strings.Contains(err.Error(), "resources.c") {
				t.Errorf("%v: got %v, want the path of %s", tt.resources, err, tt.words)
			}
		}
	})
}

const groupDeployment = `
resources:
  config:
    type: OS::Heat::SoftwareConfig
    properties: {config: "%s", outputs: [{name: result}]}
  one: {type: OS::Heat::RandomString}
  group:
    type: OS::Heat::SoftwareDeploymentGroup
    update_policy: {rolling_update: {max_batch_size: 1, pause_time: 3}}
    properties:
      config: {get_resource: config}
      servers: {%s}
outputs:
  stdouts: {value: {get_attr: [group, deploy_stdouts]}}
  codes: {value: {get_attr: [group, deploy_status_codes]}}
  results: {value: {get_attr: [group, result]}}
  only: {value: {get_attr: [group, deploy_stdouts, a]}}
`

func TestDeploymentGroup(t *testing.T) {
	done := func(out string) map[string]any {
		return map[string]any{"deploy_status_code": int64(0), "deploy_stdout": out, "result": "r " + out}
	}
	withHouse(t, func(h *house) {
		id := h.create(fmt.Sprintf(groupDeployment, "v1", "a: {get_resource: one}, b: two"))
		synctest.Wait()
		h.signal(id, "a", done("A"))
		h.signal(id, "b", done("B"))
		out := h.complete(id)
		if got := fmt.Sprintf("%v %v %v %v", out["stdouts"], out["codes"], out["results"], out["only"]); got != "map[a:A b:B] map[a:0 b:0] map[a:r A b:r B] A" {
			t.Errorf("got %s", got)
		}
		// One after the other: the second has nothing to do before the first has signalled.
		h.update(id, fmt.Sprintf(groupDeployment, "v2", "a: {get_resource: one}, b: two"))
		synctest.Wait()
		if got := h.inside(id); !strings.HasSuffix(got[0], "UPDATE_IN_PROGRESS") || !strings.HasSuffix(got[1], "CREATE_COMPLETE") {
			t.Errorf("while the first is updated: %v", got)
		}
		h.signal(id, "a", done("A2"))
		synctest.Wait()
		if got := h.inside(id); !strings.HasSuffix(got[1], "CREATE_COMPLETE") {
			t.Errorf("during the pause: %v", got)
		}
		for !strings.HasSuffix(h.inside(id)[1], "IN_PROGRESS") {
			tick(h)
		}
		h.signal(id, "b", done("B2"))
		if out := h.complete(id); fmt.Sprint(out["stdouts"]) != "map[a:A2 b:B2]" {
			t.Errorf("got %v", out["stdouts"])
		}
		// A server more, another gone: who stays is left alone.
		h.update(id, fmt.Sprintf(groupDeployment, "v2", "a: {get_resource: one}, c: three"))
		synctest.Wait()
		h.signal(id, "c", done("C"))
		if out := h.complete(id); fmt.Sprint(out["stdouts"]) != "map[a:A2 c:C]" {
			t.Errorf("got %v", out["stdouts"])
		}
	})
}

func TestComponent(t *testing.T) {
	const template = `
resources:
  shop:
    type: OS::Heat::SoftwareComponent
    properties:
      configs: [{tool: script, config: install, actions: [CREATE]}, {tool: script, config: remove, actions: [DELETE]}]
  deployed:
    type: OS::Heat::SoftwareDeployment
    properties: {config: {get_resource: shop}, server: s, input_values: {n: "%s"}}
outputs:
  configs: {value: {get_attr: [shop, config]}}
  group: {value: {get_attr: [deployed, show, config, group]}}
  action: {value: {get_attr: [deployed, show, config, inputs, 2, value]}}
`
	withHouse(t, func(h *house) {
		id := h.create(fmt.Sprintf(template, "1"))
		synctest.Wait()
		if err := h.e.Signal(h.t.Context(), id, "deployed", nil); err != nil {
			t.Fatal(err)
		}
		out := h.complete(id)
		if got := len(out["configs"].([]any)); got != 2 || out["group"] != "component" || out["action"] != "CREATE" {
			t.Errorf("got %v", out)
		}
		h.update(id, fmt.Sprintf(template, "2")) // nothing is applied at UPDATE, so nobody signals
		if out := h.complete(id); out["action"] != "CREATE" {
			t.Errorf("got %v", out)
		}
		_, err := h.e.Create(h.t.Context(), input("resources: {c: {type: OS::Heat::SoftwareComponent, properties: {configs: [{tool: a}, {tool: b}]}}}"))
		if err == nil || !strings.Contains(err.Error(), "more than one configuration") {
			t.Errorf("got %v", err)
		}
	})
}

func TestSwiftSignal(t *testing.T) {
	const template = `
resources:
  handle: {type: OS::Heat::SwiftSignalHandle}
  wait: {type: OS::Heat::SwiftSignal, properties: {handle: {get_resource: handle}, timeout: 10, count: 2}}
outputs:
  data: {value: {get_attr: [wait, data]}}
  curl: {value: {get_attr: [handle, curl_cli]}}
`
	withHouse(t, func(h *house) {
		id := h.create(template)
		synctest.Wait()
		for _, body := range []map[string]any{{"id": "a", "data": "x"}, nil} {
			if err := h.e.Signal(h.t.Context(), id, "handle", body); err != nil {
				t.Fatal(err)
			}
		}
		out := h.complete(id)
		if out["data"] != `{"2":null,"a":"x"}` || out["curl"] != "curl -i -X PUT 'http://here/"+string(id)+"/handle'" {
			t.Errorf("got %v", out)
		}
		if err := h.e.Delete(h.t.Context(), id); err != nil {
			t.Fatal(err)
		}
		h.complete(id)
		id = h.create(template)
		synctest.Wait() // the handle is there
		if err := h.e.Signal(h.t.Context(), id, "handle", nil); err != nil {
			t.Fatal(err)
		}
		st, err := h.e.Await(h.t.Context(), id)
		if err != nil || !strings.Contains(st.StatusReason, "SwiftSignalTimeout") || !strings.Contains(st.StatusReason, "1 of 2 received") {
			t.Errorf("got %s: %v", st.StatusReason, err)
		}
	})
}

// tick lets a second go by.
func tick(h *house) {
	ctx, cancel := context.WithTimeout(h.t.Context(), time.Second)
	defer cancel()
	<-ctx.Done()
	synctest.Wait()
}

// Package examples_test runs the examples on an engine whose driver and balancer
// are in memory.
package examples_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/balancer/balancertest"
	"github.com/stoker-project/stoker/driver/drivertest"
	"github.com/stoker-project/stoker/hot"
	"github.com/stoker-project/stoker/internal/value"
	"github.com/stoker-project/stoker/resource/alarm"
	"github.com/stoker-project/stoker/resource/aws"
	"github.com/stoker-project/stoker/resource/heat"
	"github.com/stoker-project/stoker/resource/native"
	"github.com/stoker-project/stoker/resource/openstack"
	"github.com/stoker-project/stoker/scale"
	"github.com/stoker-project/stoker/stack"
	"github.com/stoker-project/stoker/store/storetest"
)

// house is a whole Stoker in memory, but for its scalers' signals.
type house struct {
	store    *storetest.Memory
	engine   *stack.Engine
	driver   *drivertest.Fake
	balancer *balancertest.Fake
	scalers  *scalers
}

// scalers keeps policies instead of running them.
type scalers struct {
	put map[stoker.ScalerID]stoker.Policy
}

func (s *scalers) Put(_ context.Context, p stoker.Policy) error {
	s.put[p.ID] = p
	return scale.Validate(p)
}

func (s *scalers) Remove(_ context.Context, id stoker.ScalerID) error {
	delete(s.put, id)
	return nil
}

func newHouse() *house {
	return &house{store: storetest.NewMemory(), driver: &drivertest.Fake{}}
}

// start starts an engine, and a balancer that knows nothing yet; stop ends it.
func (h *house) start(t *testing.T) (stop func()) {
	t.Helper()
	h.balancer, h.scalers = balancertest.NewFake(), &scalers{put: map[stoker.ScalerID]stoker.Policy{}}
	h.engine = stack.New(stack.Config{Store: h.store})
	h.engine.Register(heat.Types(heat.Deps{Groups: h.engine, Data: h.engine}))
	h.engine.Register(openstack.Types(openstack.Deps{Driver: h.driver}))
	h.engine.Register(native.Types(native.Deps{Balancer: h.balancer, Driver: h.driver, Scalers: h.scalers, CheckPolicy: scale.Validate}))
	ctx, cancel := context.WithCancel(t.Context())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- h.engine.Run(ctx, ready) }()
	<-ready
	return func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	}
}

func text(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func hello(t *testing.T, parameters map[string]any) stack.Input {
	return stack.Input{Project: "p", Name: "hello", Spec: stoker.StackSpec{
		Template: text(t, "hello/hello.yaml"), File: "hello.yaml",
		Files:      map[string]string{"web.yaml": text(t, "hello/web.yaml")},
		Parameters: parameters,
	}}
}

// settled waits for the end of the operation and wants it to be good.
func (h *house) settled(t *testing.T, id stoker.StackID) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	st, err := h.engine.Await(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	if st.Status != stoker.StatusComplete {
		t.Fatalf("%s: %s", st.State(), st.StatusReason)
	}
}

func (h *house) outputs(t *testing.T, id stoker.StackID) map[string]any {
	t.Helper()
	v, err := h.engine.Show(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]any{}
	for _, o := range v.Outputs {
		out[o.Name] = o.Value
	}
	return out
}

// size wants so many servers, all of them up behind the balancer.
func (h *house) size(t *testing.T, want int) {
	t.Helper()
	servers := h.driver.Servers()
	if len(servers) != want {
		t.Errorf("%d servers, want %d", len(servers), want)
	}
	addresses := map[string]bool{}
	for _, s := range servers {
		addresses[s.Addresses[0].IP] = true
	}
	for _, p := range h.scalers.put {
		stats, err := h.balancer.Stats(t.Context(), p.Signals["busy"].Pool)
		if err != nil {
			t.Fatal(err)
		}
		if len(stats.Members) != want {
			t.Errorf("%d members, want %d", len(stats.Members), want)
		}
		for _, m := range stats.Members {
			host, _, err := net.SplitHostPort(m.Address)
			if err != nil || m.State != stoker.MemberUp || !addresses[host] {
				t.Errorf("member %+v belongs to no server", m)
			}
		}
	}
}

func TestHello(t *testing.T) {
	in := hello(t, map[string]any{"message": "hi"})
	grown := hello(t, map[string]any{"message": "hi", "min": int64(4)})
	changed := hello(t, map[string]any{"message": "changed", "min": int64(4)})
	synctest.Test(t, func(t *testing.T) {
		h := newHouse()
		stop := h.start(t)
		st, err := h.engine.Create(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		h.settled(t, st.ID)
		h.size(t, 1)
		outputs := h.outputs(t, st.ID)
		url, _ := outputs["url"].(string)
		if !strings.HasPrefix(url, "http://127.0.0.1:") || outputs["size"] != int64(1) {
			t.Errorf("outputs %v", outputs)
		}
		if n := len(h.scalers.put); n != 1 {
			t.Fatalf("%d scalers, want 1", n)
		}
		for _, p := range h.scalers.put {
			if _, err := h.engine.Group(t.Context(), p.Group); err != nil {
				t.Errorf("the scaler's group: %v", err)
			}
		}

		if err := h.engine.Update(t.Context(), st.ID, grown); err != nil {
			t.Fatal(err)
		}
		h.settled(t, st.ID)
		h.size(t, 4)

		stop() // the application goes on; only its balancer was ours
		stop = h.start(t)
		h.size(t, 4)
		if got := h.outputs(t, st.ID)["url"]; got != url {
			t.Errorf("after a restart the address is %v, want %s", got, url)
		}

		if err := h.engine.Update(t.Context(), st.ID, changed); err != nil {
			t.Fatal(err)
		}
		h.settled(t, st.ID)
		h.size(t, 4)
		for token := range h.driver.Servers() {
			if spec, _ := h.driver.Spec(token); spec.Metadata["HELLO_MESSAGE"] != "changed" {
				t.Errorf("a server says %q", spec.Metadata["HELLO_MESSAGE"])
			}
		}

		if err := h.engine.Delete(t.Context(), st.ID); err != nil {
			t.Fatal(err)
		}
		h.settled(t, st.ID)
		if n, m := len(h.driver.Servers()), len(h.scalers.put); n+m != 0 {
			t.Errorf("%d servers and %d scalers are left", n, m)
		}
		stop()
	})
}

func TestHelloHealsItself(t *testing.T) {
	in := hello(t, map[string]any{"min": int64(2)})
	synctest.Test(t, func(t *testing.T) {
		h := newHouse()
		stop := h.start(t)
		st, err := h.engine.Create(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		h.settled(t, st.ID)
		for token := range h.driver.Servers() {
			h.driver.Die(token, "out of memory")
			<-time.After(time.Minute) // of the bubble
			if _, there := h.driver.Servers()[token]; there {
				t.Errorf("the dead server %s is still there", token)
			}
			h.size(t, 2)
		}
		h.settled(t, st.ID)
		stop()
	})
}

// TestSnippets checks the YAML in the documentation of resource types: every type and
// property in it exists.
func TestSnippets(t *testing.T) {
	h := newHouse()
	stop := h.start(t)
	defer stop()
	types := h.engine.Types()
	for _, others := range []map[stoker.TypeName]stoker.ResourceType{alarm.Types(alarm.Deps{}), aws.Types(aws.Deps{})} {
		for name, other := range others {
			// AWS's types are shown in CloudFormation's language, which is not looked at here.
			if name == "OS::Heat::UpdateWaitConditionHandle" || !other.Schema().Hidden && !strings.HasPrefix(string(name), "AWS::") || name == "AWS::CloudWatch::Alarm" {
				types[name] = other.Schema()
			}
		}
	}
	found := map[stoker.TypeName]bool{}
	page := text(t, filepath.Join("..", "docs", "resource-types.md"))
	for i, part := range strings.Split(page, "```") {
		snippet, ok := strings.CutPrefix(part, "yaml\n")
		if i%2 == 0 || !ok {
			continue
		}
		var v any
		if err := yaml.Unmarshal([]byte(snippet), &v); err != nil {
			t.Errorf("snippet %q: %v", snippet, err)
			continue
		}
		v, err := value.Normal(v)
		if err != nil {
			t.Fatal(err)
		}
		resources, _ := v.(map[string]any)
		for name, r := range resources {
			checkSnippet(t, types, name, r, found)
		}
	}
	for name, schema := range types {
		if !found[name] && name != "OS::Heat::None" && !schema.Hidden {
			t.Errorf("there is no snippet of %s", name)
		}
	}
}

func checkSnippet(t *testing.T, types map[stoker.TypeName]*stoker.Schema, name string, v any, found map[stoker.TypeName]bool) {
	r, _ := v.(map[string]any)
	typ, _ := r["type"].(string)
	if typ == "" {
		return // not a resource
	}
	schema := types[stoker.TypeName(typ)]
	if schema == nil {
		t.Errorf("snippet %s: there is no type %s", name, typ)
		return
	}
	found[stoker.TypeName(typ)] = true
	props, _ := r["properties"].(map[string]any)
	var unknown []string // properties that hold functions
	known := map[string]any{}
	for k, v := range props {
		if hasFunction(v) {
			unknown = append(unknown, k)
		} else {
			known[k] = v
		}
	}
	if _, err := hot.CheckProperties(schema.Properties, known, unknown, name); err != nil {
		t.Errorf("snippet %s: %v", name, err)
	}
}

func hasFunction(v any) bool {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			if hasFunction(x) {
				return true
			}
		}
	case map[string]any:
		for k, x := range v {
			if strings.HasPrefix(k, "get_") || k == "str_replace" || hasFunction(x) {
				return true
			}
		}
	}
	return false
}

package cfn_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	stoker "github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/dialect/cfn"
	"github.com/stoker-project/stoker/internal/value"
	"github.com/stoker-project/stoker/stack"
	"github.com/stoker-project/stoker/store/storetest"
)

// generic is Heat's GenericResourceType: it does nothing, its reference is bar, and
// its attributes are its name.
type generic struct{}

func (generic) Schema() *stoker.Schema {
	props := map[string]*stoker.Property{}
	for _, name := range []string{"flavor", "user_data", "kind"} {
		props[name] = &stoker.Property{Type: stoker.TypeString}
	}
	return &stoker.Schema{Properties: props, AnyAttribute: true}
}

func (generic) Create(context.Context, *stoker.Request) (stoker.Result, error) {
	return stoker.Result{PhysicalID: "bar"}, nil
}

func (generic) Delete(context.Context, *stoker.Request) error { return nil }

func (generic) Attribute(_ context.Context, r *stoker.Request, _ string, _ []any) (any, int, error) {
	return string(r.Name), 0, nil
}

func newEngine(t *testing.T) *stack.Engine {
	t.Helper()
	e := stack.New(stack.Config{Store: storetest.NewMemory(), Parse: cfn.Parse})
	e.Register(map[stoker.TypeName]stoker.ResourceType{"GenericResourceType": generic{}})
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- e.Run(ctx, ready) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	<-ready
	return e
}

// build creates a stack and gives its outputs.
func build(t *testing.T, e *stack.Engine, name string, spec stoker.StackSpec) (map[string]any, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	st, err := e.Create(ctx, stack.Input{Name: name, Project: "p", Spec: spec, DisableRollback: true})
	if err != nil {
		return nil, err
	}
	if st, err = e.Await(ctx, st.ID); err != nil {
		return nil, err
	}
	if st.State() != "CREATE_COMPLETE" {
		return nil, errors.New(st.State() + ": " + st.StatusReason)
	}
	v, err := e.Show(ctx, st.ID)
	if err != nil {
		return nil, err
	}
	out := map[string]any{}
	for _, o := range v.Outputs {
		if o.Err != nil {
			return nil, o.Err
		}
		out[o.Name] = o.Value
	}
	return out, nil
}

func TestStack(t *testing.T) {
	e := newEngine(t)
	text := strings.NewReplacer("Type: Net", "Type: GenericResourceType", "Type: Server", "Type: GenericResourceType").Replace(shop)
	out, err := build(t, e, "shop", stoker.StackSpec{Template: text, Parameters: map[string]any{"Environment": "production"}})
	if err != nil {
		t.Fatal(err)
	}
	id := fmt.Sprint(out["Stack"])
	if out["Id"] != "bar" || out["Backup"] != "bar" || !strings.HasPrefix(id, "arn:openstack:heat::p:stacks/shop/") {
		t.Errorf("got outputs %v", out)
	}
}

// TestNested has a HOT template in a CloudFormation one, and the other way round.
func TestNested(t *testing.T) {
	files := map[string]string{
		"hot.yaml": "heat_template_version: 2018-08-31\nparameters: {p: {type: string}}\noutputs: {o: {value: {get_param: p}}}",
		"cfn.yaml": "HeatTemplateFormatVersion: 2012-12-12\nParameters: {P: {Type: String}}\nResources: {In: {Type: hot.yaml, Properties: {p: {Ref: P}}}}\nOutputs: {O: {Value: {'Fn::GetAtt': [In, o]}}}",
	}
	out, err := build(t, newEngine(t), "outer", stoker.StackSpec{Files: files,
		Template: "heat_template_version: 2018-08-31\nresources: {in: {type: cfn.yaml, properties: {P: deep}}}\noutputs: {o: {value: {get_attr: [in, O]}}}"})
	if err != nil || out["o"] != "deep" {
		t.Errorf("got %v, %v", out, err)
	}
}

// needsParent lists the vectors that say nothing about one stack by itself.
func needsParent(name string) string {
	switch {
	case strings.HasPrefix(name, "test_resource_facade"):
		return "the resource in the parent stack is a mock of Heat's test; TestVectors has its values"
	case name == "test_if":
		return "Heat's test replaced the conditions by a mock that is not in the vector"
	}
	return ""
}

// TestVectorsInStacks resolves the recorded cases of both languages that need a
// stack in a real one, as an output.
func TestVectorsInStacks(t *testing.T) {
	e := newEngine(t)
	ran := 0
	for i, v := range loadVectors(t) {
		if !v.HasStack || v.Error != nil {
			continue
		}
		t.Run(fmt.Sprintf("%d %s", i, v.Name), func(t *testing.T) {
			if reason := needsParent(v.Name); reason != "" {
				t.Skip(reason)
			}
			ran++
			got, err := build(t, e, fmt.Sprintf("s%d", i), v.spec(t))
			want, decodeErr := value.Decode(v.Result)
			if err != nil || decodeErr != nil || !value.Equal(got["it"], want) {
				t.Errorf("%s: got %v, %v, want %s", v.Snippet, got["it"], err, v.Result)
			}
		})
	}
	if ran < 25 {
		t.Errorf("only %d vectors were run", ran)
	}
}

// spec makes an output of the snippet; of a condition, by Fn::If.
func (v vector) spec(t *testing.T) stoker.StackSpec {
	doc := value.CloneMap(v.StackTemplate)
	var snippet any = v.Snippet
	if v.Kind == "condition" {
		doc["Conditions"] = map[string]any{"it": snippet}
		snippet = map[string]any{"Fn::If": []any{"it", true, false}}
	}
	if _, isHOT := doc["heat_template_version"]; isHOT {
		doc["outputs"] = map[string]any{"it": map[string]any{"value": snippet}}
	} else {
		doc["Outputs"] = map[string]any{"it": map[string]any{"Value": snippet}}
	}
	text, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return stoker.StackSpec{Template: string(text), Files: v.Files, Parameters: v.Params,
		Environment: map[string]any{"parameter_defaults": v.ParamDefaults}}
}

package aws_test

import (
	"context"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/resource/heat"
)

// stacks remembers what it was asked for, and has one output in each.
type stacks struct{ put []heat.StandingStack }

func (s *stacks) PutStack(_ context.Context, w heat.StandingStack) (stoker.StackID, error) {
	s.put = append(s.put, w)
	return stoker.StackID("id of " + w.Name), nil
}
func (*stacks) AwaitStack(context.Context, stoker.StackID) error { return nil }
func (*stacks) StackOutputs(context.Context, stoker.StackID) (map[string]any, error) {
	return map[string]any{"Address": "10.0.0.4"}, nil
}
func (*stacks) ActOnStack(context.Context, stoker.StackID, string) error    { return nil }
func (*stacks) RemoveStack(context.Context, stoker.ProjectID, string) error { return nil }

// fetch finds something at every address but one.
func fetch(_ context.Context, address string) ([]byte, error) {
	if address == "http://nothing/" {
		return nil, stoker.Errorf(stoker.Invalid, "there is nothing")
	}
	return []byte("from " + address), nil
}

func TestStackIsFetched(t *testing.T) {
	w := newWorld(t)
	impl := w.types["AWS::CloudFormation::Stack"]
	req := request(t, impl, map[string]any{
		"TemplateURL": "http://here/a", "Parameters": map[string]any{"Size": int64(2)}, "TimeoutInMinutes": int64(3)})
	create(t, impl, req)
	if len(w.stacks.put) != 1 {
		t.Fatalf("asked for %+v, want one stack", w.stacks.put)
	}
	got := w.stacks.put[0]
	if got.Template != "from http://here/a" || got.Parameters["Size"] != int64(2) || got.Timeout != 3*time.Minute {
		t.Errorf("asked for %+v", got)
	}
	if v := attribute(t, impl, req, "Outputs.Address"); v != "10.0.0.4" {
		t.Errorf("the output is %v", v)
	}
	for _, name := range []string{"Outputs.", "Outputs.Other", "Address"} {
		if v, _, err := impl.(stoker.Attributer).Attribute(t.Context(), req, name, nil); err == nil {
			t.Errorf("%s is %v", name, v)
		}
	}
	req.Properties["TemplateURL"] = "http://nothing/"
	if _, err := impl.(stoker.Updater).Update(t.Context(), req); !stoker.IsKind(err, stoker.Invalid) || len(w.stacks.put) != 1 {
		t.Errorf("nothing to fetch: %v, asked for %+v", err, w.stacks.put)
	}
}

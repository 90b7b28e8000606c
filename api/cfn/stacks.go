package cfn

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/stack"
)

// moment is a time as AWS writes it.
func moment(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

func (s *Server) listStacks(ctx context.Context, c *call) (any, error) {
	var want []string
	for name, values := range c.params {
		if strings.HasPrefix(name, "StackStatusFilter.member.") {
			want = append(want, values...)
		}
	}
	all, err := s.Engine.Stacks(ctx, stoker.StackFilter{Project: c.grant.Project, Brief: true, Deleted: slices.Contains(want, "DELETE_COMPLETE")})
	if err != nil {
		return nil, err
	}
	out := []object{}
	for _, st := range all {
		if len(want) > 0 && !slices.Contains(want, st.State()) {
			continue
		}
		o := object{
			{"StackId", arnOf(st)}, {"StackName", st.Name}, {"TemplateDescription", ""},
			{"StackStatus", st.State()}, {"StackStatusReason", st.StatusReason}, {"CreationTime", moment(st.Created)},
		}
		o = o.withTime("LastUpdatedTime", st.Updated).withTime("DeletionTime", st.Deleted)
		out = append(out, o)
	}
	return object{{"StackSummaries", out}}, nil
}

func (o object) withTime(name string, t time.Time) object {
	if t.IsZero() {
		return o
	}
	return append(o, member{name, moment(t)})
}

// describeStacks shows one stack, or all.
func (s *Server) describeStacks(ctx context.Context, c *call) (any, error) {
	var stacks []*stoker.Stack
	var err error
	if c.params.Get("StackName") == "" {
		stacks, err = s.Engine.Stacks(ctx, stoker.StackFilter{Project: c.grant.Project, Brief: true})
	} else {
		var st *stoker.Stack
		st, err = s.stackOf(ctx, c)
		stacks = []*stoker.Stack{st}
	}
	if err != nil {
		return nil, err
	}
	out := []object{}
	for _, st := range stacks {
		v, err := s.Engine.Show(ctx, st.ID)
		if stoker.IsKind(err, stoker.NotFound) && len(stacks) > 1 {
			continue // gone meanwhile
		}
		if err != nil {
			return nil, err
		}
		out = append(out, described(v))
	}
	return object{{"Stacks", out}}, nil
}

func described(v *stack.View) object {
	st := v.Stack
	params, outputs := []object{}, []object{}
	for _, name := range slices.Sorted(maps.Keys(v.Parameters)) {
		params = append(params, object{{"ParameterKey", name}, {"ParameterValue", v.Parameters[name]}})
	}
	for _, o := range v.Outputs {
		if o.Err == nil {
			outputs = append(outputs, object{{"OutputKey", o.Name}, {"OutputValue", asText(o.Value)}, {"Description", o.Description}})
		}
	}
	o := object{
		{"StackId", arnOf(st)}, {"StackName", st.Name}, {"Description", v.Description},
		{"StackStatus", st.State()}, {"StackStatusReason", st.StatusReason},
		{"DisableRollback", st.DisableRollback}, {"CreationTime", moment(st.Created)},
		{"Parameters", params}, {"Outputs", outputs}, {"Capabilities", []string{}}, {"NotificationARNs", []string{}},
	}
	if st.Timeout > 0 { // an empty number stops boto
		o = append(o, member{"TimeoutInMinutes", int(st.Timeout.Minutes())})
	}
	return o.withTime("LastUpdatedTime", st.Updated)
}

// asText gives a value that has to be text: what is none, as JSON.
func asText(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	text, err := json.Marshal(v)
	if err != nil { // values of templates have a JSON form
		return ""
	}
	return string(text)
}

func (s *Server) createStack(ctx context.Context, c *call) (any, error) {
	in, err := c.input()
	switch {
	case err != nil:
		return nil, err
	case in.Name == "":
		return nil, missing("StackName")
	case in.Spec.Template == "":
		return nil, missing("TemplateBody")
	}
	st, err := s.Engine.Create(ctx, in)
	if err != nil {
		return nil, err
	}
	return object{{"StackId", arnOf(st)}}, nil
}

// updateStack replaces the template, or with UsePreviousTemplate only the
// parameters that are named.
func (s *Server) updateStack(ctx context.Context, c *call) (any, error) {
	st, err := s.changing(ctx, c)
	if err != nil {
		return nil, err
	}
	in, err := c.input()
	if err != nil {
		return nil, err
	}
	if !c.params.Has("DisableRollback") && !c.params.Has("OnFailure") {
		in.DisableRollback = st.DisableRollback
	}
	switch {
	case strings.EqualFold(c.params.Get("UsePreviousTemplate"), "true"):
		in.Spec.Template = ""
		err = s.Engine.Patch(ctx, st.ID, in, nil)
	case in.Spec.Template == "":
		return nil, missing("TemplateBody")
	default:
		in.Tags = st.Tags
		err = s.Engine.Update(ctx, st.ID, in)
	}
	if err != nil {
		return nil, err
	}
	return object{{"StackId", arnOf(st)}}, nil
}

func (s *Server) deleteStack(ctx context.Context, c *call) (any, error) {
	st, err := s.changing(ctx, c)
	if err == nil {
		err = s.Engine.Delete(ctx, st.ID)
	}
	return nil, err
}

// cancelUpdate gives an update up; the stack goes back to what was before it.
func (s *Server) cancelUpdate(ctx context.Context, c *call) (any, error) {
	st, err := s.changing(ctx, c)
	if err == nil {
		err = s.Engine.CancelUpdate(ctx, st.ID)
	}
	return nil, err
}

// changing finds the stack as stackOf does. It is Forbidden where a resource is not for
// whoever wants to change it.
func (s *Server) changing(ctx context.Context, c *call) (*stoker.Stack, error) {
	st, err := s.stackOf(ctx, c)
	if err == nil && !c.grant.Admin {
		err = s.Engine.Permit(ctx, st.ID)
	}
	return st, err
}

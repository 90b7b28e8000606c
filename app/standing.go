package app

import (
	"cmp"
	"context"
	"strings"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/resource/heat"
	"github.com/stoker-project/stoker/stack"
)

// standing makes the stacks of OS::Heat::Stack with our own engine.
type standing struct{ *stack.Engine }

var _ heat.Stacks = standing{}

const defaultRegion = "RegionOne"

// region is what clients find this Stoker under.
func (a *parts) region() string { return cmp.Or(a.People.Identity.Region, defaultRegion) }

// PutStack implements heat.Stacks.
func (s standing) PutStack(ctx context.Context, w heat.StandingStack) (stoker.StackID, error) {
	return s.Put(ctx, stack.Input{
		Project: w.Project, Name: w.Name, Timeout: w.Timeout, DisableRollback: true,
		Spec: stoker.StackSpec{Template: w.Template, Files: w.Files, Parameters: w.Parameters, Environment: w.Environment, Admin: w.Admin},
	})
}

// AwaitStack implements heat.Stacks.
func (s standing) AwaitStack(ctx context.Context, id stoker.StackID) error {
	return s.Complete(ctx, id)
}

// ActOnStack implements heat.Stacks.
func (s standing) ActOnStack(ctx context.Context, id stoker.StackID, action string) error {
	begin := map[string]func(context.Context, stoker.StackID) error{"check": s.Check, "suspend": s.Suspend, "resume": s.Resume}[action]
	st, err := s.Await(ctx, id)
	if err != nil {
		return err
	}
	if done(action, st.State()) {
		return nil
	}
	if err := begin(ctx, id); err != nil {
		return err
	}
	return s.Complete(ctx, id)
}

// done tells whether a stack rests, or is awake, already.
func done(action, state string) bool {
	rests := strings.HasPrefix(state, string(stoker.ActionSuspend)+"_")
	return action == "suspend" && state == "SUSPEND_COMPLETE" || action == "resume" && !rests
}

// StackOutputs implements heat.Stacks.
func (s standing) StackOutputs(ctx context.Context, id stoker.StackID) (map[string]any, error) {
	v, err := s.Show(ctx, id)
	if err != nil {
		return nil, err
	}
	out := map[string]any{}
	for _, o := range v.Outputs {
		out[o.Name] = o.Value
	}
	return out, nil
}

// RemoveStack implements heat.Stacks.
func (s standing) RemoveStack(ctx context.Context, project stoker.ProjectID, name string) error {
	return s.Remove(ctx, project, name)
}

package cfn

import (
	"cmp"
	"context"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/stack"
)

// changed is when a resource changed last.
func changed(v *stack.ResourceView) string {
	if v.Updated.IsZero() {
		return moment(v.Created)
	}
	return moment(v.Updated)
}

func (s *Server) describeResource(ctx context.Context, c *call) (any, error) {
	name := stoker.ResourceName(c.params.Get("LogicalResourceId"))
	if name == "" {
		return nil, missing("LogicalResourceId")
	}
	st, err := s.stackOf(ctx, c)
	if err != nil {
		return nil, err
	}
	v, err := s.Engine.Resource(ctx, st.ID, name)
	if err != nil {
		return nil, err
	}
	meta, err := s.Engine.AgentMetadata(ctx, v)
	if err != nil {
		return nil, err
	}
	return object{{"StackResourceDetail", append(resourceOf(v),
		member{"LastUpdatedTimestamp", changed(v)}, member{"Metadata", document{meta}})}}, nil
}

func resourceOf(v *stack.ResourceView) object {
	return object{
		{"StackId", arnOf(v.Stack)}, {"StackName", v.Stack.Name}, {"LogicalResourceId", v.Name},
		{"PhysicalResourceId", v.PhysicalID}, {"ResourceType", v.Type},
		{"ResourceStatus", v.State()}, {"ResourceStatusReason", v.StatusReason}, {"Description", v.Description},
	}
}

// describeResources shows the resources of a stack, or of the one that has a
// resource of the physical ID.
func (s *Server) describeResources(ctx context.Context, c *call) (any, error) {
	id := stoker.PhysicalID(c.params.Get("PhysicalResourceId"))
	if id != "" && c.params.Get("StackName") != "" {
		return nil, &problem{400, "InvalidParameterCombination", "Use `StackName` or `PhysicalResourceId` but not both"}
	}
	st, err := s.holder(ctx, c, id)
	if err != nil {
		return nil, err
	}
	all, err := s.Engine.Resources(ctx, st.ID, 0)
	if err != nil {
		return nil, err
	}
	name := stoker.ResourceName(c.params.Get("LogicalResourceId"))
	out := []object{}
	for i := range all {
		if name == "" || all[i].Name == name {
			out = append(out, append(resourceOf(&all[i]), member{"Timestamp", changed(&all[i])}))
		}
	}
	return object{{"StackResources", out}}, nil
}

// holder is the stack that is named, or that holds the physical ID.
func (s *Server) holder(ctx context.Context, c *call, id stoker.PhysicalID) (*stoker.Stack, error) {
	if id == "" {
		return s.stackOf(ctx, c)
	}
	stacks, err := s.Engine.Stacks(ctx, stoker.StackFilter{Project: c.grant.Project, Nested: true, Brief: true})
	if err != nil {
		return nil, err
	}
	for _, st := range stacks {
		all, err := s.Engine.Resources(ctx, st.ID, 0)
		if err != nil && !stoker.IsKind(err, stoker.NotFound) {
			return nil, err
		}
		for i := range all {
			if all[i].PhysicalID == id {
				return st, nil
			}
		}
	}
	return nil, stoker.Errorf(stoker.NotFound, "The Resource (%s) could not be found.", id)
}

func (s *Server) listResources(ctx context.Context, c *call) (any, error) {
	st, err := s.stackOf(ctx, c)
	if err != nil {
		return nil, err
	}
	all, err := s.Engine.Resources(ctx, st.ID, 0)
	if err != nil {
		return nil, err
	}
	out := []object{}
	for i := range all {
		v := &all[i]
		out = append(out, object{
			{"LogicalResourceId", v.Name}, {"PhysicalResourceId", v.PhysicalID}, {"ResourceType", v.Type},
			{"ResourceStatus", v.State()}, {"ResourceStatusReason", v.StatusReason}, {"LastUpdatedTimestamp", changed(v)},
		})
	}
	return object{{"StackResourceSummaries", out}}, nil
}

// describeEvents shows a stack's events, the newest first.
func (s *Server) describeEvents(ctx context.Context, c *call) (any, error) {
	st, err := s.stackOf(ctx, c)
	if err != nil {
		return nil, err
	}
	events, err := s.Engine.Events(ctx, st.ID, 0, stoker.EventFilter{Descending: true})
	if err != nil {
		return nil, err
	}
	out := []object{}
	for _, e := range events {
		out = append(out, object{
			{"EventId", e.ID}, {"StackId", arnOf(st)}, {"StackName", st.Name},
			{"LogicalResourceId", cmp.Or(e.Resource, stoker.ResourceName(st.Name))}, {"PhysicalResourceId", e.PhysicalID}, {"ResourceType", e.Type},
			{"ResourceStatus", stoker.State(e.Action, e.Status)}, {"ResourceStatusReason", e.Reason}, {"Timestamp", moment(e.Time)},
		})
	}
	return object{{"StackEvents", out}}, nil
}

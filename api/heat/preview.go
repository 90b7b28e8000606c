package heat

import (
	"context"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/secret"
	"github.com/stoker-project/stoker/stack"
)

// previewed is a resource as previews show it. resource_id and what follows
// it are null for what does not exist yet.
type previewed struct {
	Name          stoker.ResourceName `json:"resource_name"`
	Action        string              `json:"resource_action"`
	Status        string              `json:"resource_status"`
	StatusReason  string              `json:"resource_status_reason"`
	Type          stoker.TypeName     `json:"resource_type"`
	PhysicalID    stoker.PhysicalID   `json:"physical_resource_id"`
	Properties    map[string]any      `json:"properties"`
	Attributes    map[string]any      `json:"attributes"`
	Metadata      map[string]any      `json:"metadata"`
	RequiredBy    []string            `json:"required_by"`
	Description   string              `json:"description"`
	Created       *string             `json:"creation_time"`
	Updated       *string             `json:"updated_time"`
	StackName     string              `json:"stack_name"`
	StackIdentity map[string]string   `json:"stack_identity"`
	Identity      map[string]string   `json:"resource_identity"`
	// Changed is Stoker's own: the properties that would change.
	Changed []string `json:"changed,omitempty"`
}

func (s *server) previewedOf(st *stoker.Stack, step stack.Step) previewed {
	p := previewed{
		Name: step.Name, Action: string(stoker.ActionInit), Status: string(stoker.StatusComplete), Type: step.Type,
		Properties: secret.Properties(step.Props, s.engine.Types()[step.Type]), Attributes: map[string]any{}, Metadata: map[string]any{},
		RequiredBy: []string{}, StackName: st.Name, Changed: step.Changed,
		StackIdentity: identity(st, ""), Identity: identity(st, "/resources/"+string(step.Name)),
	}
	if schema := s.engine.Types()[step.Type]; schema != nil {
		for name := range schema.Attributes {
			if name != "show" {
				p.Attributes[name] = nil // not known yet
			}
		}
	}
	if r := step.Current; r != nil {
		p.Action, p.Status, p.StatusReason = string(r.Action), string(r.Status), r.StatusReason
		p.PhysicalID, p.Created, p.Updated = r.PhysicalID, moment(r.Created), moment(r.Updated)
		if step.Props == nil {
			p.Properties = secret.Properties(r.Properties, s.engine.Types()[step.Type])
		}
	}
	return p
}

func identity(st *stoker.Stack, path string) map[string]string {
	return map[string]string{"stack_name": st.Name, "stack_id": string(st.ID), "tenant": string(st.Project), "path": path}
}

// previewCreate shows what a creation would make, nested stacks as nested lists.
func (s *server) previewCreate(ctx context.Context, c *call) (reply, error) {
	b, err := s.decodeStackBody(ctx, c.project, c.Body)
	if err != nil {
		return reply{}, err
	}
	in, err := s.input(c, b, nil)
	if err == nil {
		err = needTemplate(in)
	}
	if err != nil {
		return reply{}, err
	}
	p, err := s.engine.Preview(ctx, in)
	if err != nil {
		return reply{}, err
	}
	shown := struct {
		full
		Resources []any `json:"resources"`
	}{fullOf(c.Request, &stack.View{Stack: p.Stack, Description: p.Description, Parameters: p.Parameters, Outputs: p.Outputs}, true), s.tree(p)}
	return reply{body: map[string]any{"stack": shown}}, nil
}

func (s *server) tree(p *stack.Preview) []any {
	out := make([]any, 0, len(p.Steps))
	for _, step := range p.Steps {
		if step.Nested != nil {
			out = append(out, s.tree(step.Nested))
			continue
		}
		out = append(out, s.previewedOf(p.Stack, step))
	}
	return out
}

// changes sorts the steps of an update by what they do.
type changes struct {
	Unchanged []previewed `json:"unchanged"`
	Updated   []previewed `json:"updated"`
	Replaced  []previewed `json:"replaced"`
	Added     []previewed `json:"added"`
	Deleted   []previewed `json:"deleted"`
}

func (s *server) sorted(p *stack.Preview, nested bool) changes {
	out := changes{[]previewed{}, []previewed{}, []previewed{}, []previewed{}, []previewed{}}
	s.sort(p, nested, &out)
	return out
}

func (s *server) sort(p *stack.Preview, nested bool, out *changes) {
	for _, step := range p.Steps {
		list := map[stack.Verb]*[]previewed{
			stack.Keep: &out.Unchanged, stack.Change: &out.Updated, stack.Continue: &out.Updated,
			stack.Replace: &out.Replaced, stack.Make: &out.Added, stack.Remove: &out.Deleted,
		}[step.Verb]
		*list = append(*list, s.previewedOf(p.Stack, step))
		if nested && step.Nested != nil {
			s.sort(step.Nested, nested, out)
		}
	}
}

func (s *server) previewUpdate(ctx context.Context, c *call) (reply, error) {
	return s.previewChange(ctx, c, func(st *stoker.Stack, in stack.Input, _ []string) (*stack.Preview, error) {
		if err := needTemplate(in); err != nil {
			return nil, err
		}
		return s.engine.PreviewUpdate(ctx, st.ID, in)
	})
}

func (s *server) previewPatch(ctx context.Context, c *call) (reply, error) {
	return s.previewChange(ctx, c, func(st *stoker.Stack, in stack.Input, clear []string) (*stack.Preview, error) {
		return s.engine.PreviewPatch(ctx, st.ID, in, clear)
	})
}

func (s *server) previewChange(ctx context.Context, c *call, ask func(*stoker.Stack, stack.Input, []string) (*stack.Preview, error)) (reply, error) {
	nested, err := queryBool(c.URL.Query(), "show_nested", false)
	if err != nil {
		return reply{}, err
	}
	st, b, in, err := s.change(ctx, c)
	if err != nil {
		return reply{}, err
	}
	p, err := ask(st, in, b.ClearParameters)
	if err != nil {
		return reply{}, err
	}
	return reply{body: map[string]any{"resource_changes": s.sorted(p, nested)}}, nil
}

package heat

import (
	"context"
	"net/http"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/stack"
)

// full is a stack as it is shown alone.
type full struct {
	summary
	TemplateDescription string            `json:"template_description"`
	Parameters          map[string]string `json:"parameters"`
	NotificationTopics  []string          `json:"notification_topics"`
	Capabilities        []string          `json:"capabilities"`
	DisableRollback     bool              `json:"disable_rollback"`
	TimeoutMins         *int              `json:"timeout_mins"`
	Outputs             *[]output         `json:"outputs,omitempty"`
}

func fullOf(r *http.Request, v *stack.View, outputs bool) full {
	f := full{
		summary: summaryOf(r, v.Stack), TemplateDescription: v.Description, Parameters: v.Parameters,
		NotificationTopics: []string{}, Capabilities: []string{},
		DisableRollback: v.Stack.DisableRollback,
	}
	f.Description = v.Description
	if v.Stack.Timeout > 0 {
		n := int(v.Stack.Timeout.Minutes())
		f.TimeoutMins = &n
	}
	if outputs {
		outs := make([]output, 0, len(v.Outputs))
		for _, o := range v.Outputs {
			outs = append(outs, outputOf(o))
		}
		f.Outputs = &outs
	}
	return f
}

// stackOf is the stack in the path of a request. Name and ID must fit together. A request
// that changes something is Forbidden where a resource is not for whoever sends it.
func (s *server) stackOf(ctx context.Context, c *call) (*stoker.Stack, error) {
	id := c.PathValue("id")
	found, err := s.engine.Stacks(ctx, stoker.StackFilter{Project: c.project, ID: stoker.StackID(id), Brief: true})
	if err != nil {
		return nil, err
	}
	if len(found) != 1 || found[0].Name != c.PathValue("name") {
		return nil, &stoker.Error{Kind: stoker.NotFound, Type: "EntityNotFound", Message: "The Stack (" + c.PathValue("name") + ") could not be found."}
	}
	if c.changes && !c.grant.Admin {
		return found[0], s.engine.Permit(ctx, found[0].ID)
	}
	return found[0], nil
}

// redirect sends a client that names a stack by its name or its ID alone to the
// canonical address, with whatever it asked for behind it.
func (s *server) redirect(ctx context.Context, c *call) (reply, error) {
	st, err := s.engine.Find(ctx, c.project, c.PathValue("name"))
	if err != nil {
		return reply{}, err
	}
	to := stackURL(c.Request, st)
	if rest := tail(c.URL.Path, c.PathValue("name")); rest != "" {
		to += "/" + rest
	}
	if c.URL.RawQuery != "" {
		to += "?" + c.URL.RawQuery
	}
	return reply{status: http.StatusFound, location: to}, nil
}

// tail is the word behind the stack's name in a path: resources, events, ...
func tail(path, name string) string {
	last := path[lastSlash(path)+1:]
	if before := path[:lastSlash(path)]; before[lastSlash(before)+1:] == name {
		return last
	}
	return ""
}

func lastSlash(s string) int {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] == '/' {
			return i
		}
	}
	return -1
}

func (s *server) createStack(ctx context.Context, c *call) (reply, error) {
	body := c.Body
	if s.adopt {
		body = c.whole(MaxAdopt)
	}
	b, err := s.decodeStackBody(ctx, c.project, body)
	if err != nil {
		return reply{}, err
	}
	in, err := s.input(c, b, nil)
	if err != nil {
		return reply{}, err
	}
	if in.Name == "" {
		return reply{}, refuse("HTTPBadRequest", "No stack name specified")
	}
	var st *stoker.Stack
	if !absent(b.Adopt) {
		st, err = s.adoptStack(ctx, in, b.Adopt)
	} else if err = needTemplate(in); err == nil {
		st, err = s.engine.Create(ctx, in)
	}
	if err != nil {
		return reply{}, err
	}
	at := stackURL(c.Request, st)
	return reply{status: http.StatusCreated, location: at, body: map[string]any{
		"stack": map[string]any{"id": st.ID, "links": []link{{at, "self"}}},
	}}, nil
}

func needTemplate(in stack.Input) error {
	if in.Spec.Template == "" {
		return refuse("HTTPBadRequest", "No template specified")
	}
	return nil
}

func (s *server) showStack(ctx context.Context, c *call) (reply, error) {
	outputs, err := queryBool(c.URL.Query(), "resolve_outputs", true)
	if err != nil {
		return reply{}, err
	}
	st, err := s.stackOf(ctx, c)
	if err != nil {
		return reply{}, err
	}
	v, err := s.engine.Show(ctx, st.ID)
	if err != nil {
		return reply{}, err
	}
	return reply{body: map[string]any{"stack": fullOf(c.Request, v, outputs && st.Deleted.IsZero())}}, nil
}

// change reads what PUT and PATCH have in common.
func (s *server) change(ctx context.Context, c *call) (*stoker.Stack, *stackBody, stack.Input, error) {
	st, err := s.stackOf(ctx, c)
	if err != nil {
		return nil, nil, stack.Input{}, err
	}
	b, err := s.decodeStackBody(ctx, c.project, c.Body)
	if err != nil {
		return nil, nil, stack.Input{}, err
	}
	in, err := s.input(c, b, st)
	return st, b, in, err
}

func (s *server) updateStack(ctx context.Context, c *call) (reply, error) {
	st, _, in, err := s.change(ctx, c)
	if err == nil {
		err = needTemplate(in)
	}
	if err == nil {
		err = s.engine.Update(ctx, st.ID, in)
	}
	return reply{status: http.StatusAccepted}, err
}

func (s *server) patchStack(ctx context.Context, c *call) (reply, error) {
	st, b, in, err := s.change(ctx, c)
	if err == nil {
		err = s.engine.Patch(ctx, st.ID, in, b.ClearParameters)
	}
	return reply{status: http.StatusAccepted}, err
}

func (s *server) deleteStack(ctx context.Context, c *call) (reply, error) {
	st, err := s.stackOf(ctx, c)
	if err == nil {
		err = s.engine.Delete(ctx, st.ID)
	}
	return reply{status: http.StatusNoContent}, err
}

func (s *server) showTemplate(ctx context.Context, c *call) (reply, error) {
	spec, err := s.spec(ctx, c)
	if err != nil {
		return reply{}, err
	}
	doc, err := s.rawTemplate(spec)
	return reply{body: doc}, err
}

func (s *server) showFiles(ctx context.Context, c *call) (reply, error) {
	spec, err := s.spec(ctx, c)
	if err != nil {
		return reply{}, err
	}
	files := spec.Files
	if files == nil {
		files = map[string]string{}
	}
	return reply{body: files}, nil
}

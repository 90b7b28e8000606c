package heat

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/value"
	"github.com/stoker-project/stoker/stack"
)

// resource is a resource as lists show it.
type resource struct {
	Name         stoker.ResourceName   `json:"resource_name"`
	LogicalID    stoker.ResourceName   `json:"logical_resource_id"`
	PhysicalID   stoker.PhysicalID     `json:"physical_resource_id"`
	Type         stoker.TypeName       `json:"resource_type"`
	Status       string                `json:"resource_status"`
	StatusReason string                `json:"resource_status_reason"`
	Created      *string               `json:"creation_time"`
	Updated      *string               `json:"updated_time"`
	RequiredBy   []stoker.ResourceName `json:"required_by"`
	Links        []link                `json:"links"`
	Parent       stoker.ResourceName   `json:"parent_resource,omitempty"`
	StackName    string                `json:"stack_name,omitempty"`
}

// resourceOf shows a resource; child is the stack that realises it, if one does.
func resourceOf(r *http.Request, v *stack.ResourceView, child *stoker.Stack) resource {
	out := resource{
		Name: v.Name, LogicalID: v.Name, PhysicalID: v.PhysicalID, Type: v.Type,
		Status: v.State(), StatusReason: cmp.Or(v.StatusReason, "state changed"),
		Created: moment(v.Created), Updated: moment(v.Updated), RequiredBy: v.RequiredBy,
		Links:  []link{{resourceURL(r, v.Stack, v.Name), "self"}, {stackURL(r, v.Stack), "stack"}},
		Parent: v.Stack.ParentResource,
	}
	if v.Updated.IsZero() {
		out.Updated = out.Created
	}
	if out.RequiredBy == nil {
		out.RequiredBy = []stoker.ResourceName{}
	}
	if child != nil {
		// Clients cut NAME/ID off the end of it.
		out.Links = append(out.Links, link{stackURL(r, child), "nested"})
	}
	return out
}

// children finds the stacks that realise resources.
func (s *server) children(ctx context.Context, all []stack.ResourceView) (map[stoker.StackID]*stoker.Stack, error) {
	out, asked := map[stoker.StackID]*stoker.Stack{}, map[stoker.StackID]bool{}
	for i := range all {
		parent := all[i].Stack.ID
		if all[i].Child == "" || asked[parent] {
			continue
		}
		asked[parent] = true
		found, err := s.engine.Stacks(ctx, stoker.StackFilter{Project: all[i].Stack.Project, Parent: parent, Brief: true})
		if err != nil {
			return nil, err
		}
		for _, st := range found {
			out[st.ID] = st
		}
	}
	return out, nil
}

// shortURL is an address of a stack whose name is not known; the server sends
// its readers on to the canonical one.
func shortURL(r *http.Request, project stoker.ProjectID, id stoker.StackID) string {
	return base(r) + "/v1/" + url.PathEscape(string(project)) + "/stacks/" + string(id)
}

// resourceFields are the filters of a list of resources.
var resourceFields = map[string]func(*stack.ResourceView) string{
	"type":                 func(v *stack.ResourceView) string { return string(v.Type) },
	"status":               func(v *stack.ResourceView) string { return string(v.Status) },
	"name":                 func(v *stack.ResourceView) string { return string(v.Name) },
	"action":               func(v *stack.ResourceView) string { return string(v.Action) },
	"id":                   func(v *stack.ResourceView) string { return string(v.ID) },
	"physical_resource_id": func(v *stack.ResourceView) string { return string(v.PhysicalID) },
}

func (s *server) listResources(ctx context.Context, c *call) (reply, error) {
	q := c.URL.Query()
	if err := known(q, "nested_depth", "with_detail", "type", "status", "name", "action", "id", "physical_resource_id"); err != nil {
		return reply{}, err
	}
	depth, err := queryDepth(q)
	if err != nil {
		return reply{}, err
	}
	if _, err := queryBool(q, "with_detail", false); err != nil {
		return reply{}, err
	}
	st, err := s.stackOf(ctx, c)
	if err != nil {
		return reply{}, err
	}
	all, err := s.engine.Resources(ctx, st.ID, depth)
	if err != nil {
		return reply{}, err
	}
	children, err := s.children(ctx, all)
	if err != nil {
		return reply{}, err
	}
	out := make([]resource, 0, len(all))
	for i := range all {
		if !matches(&all[i], q) {
			continue
		}
		shown := resourceOf(c.Request, &all[i], children[all[i].Child])
		if depth > 0 {
			shown.StackName = all[i].Stack.Name
		}
		out = append(out, shown)
	}
	return reply{body: map[string]any{"resources": out}}, nil
}

func matches(v *stack.ResourceView, q map[string][]string) bool {
	for name, field := range resourceFields {
		if want := q[name]; len(want) > 0 && !slices.Contains(want, field(v)) {
			return false
		}
	}
	return true
}

// resourceIn finds the resource of a path, by its name or its physical ID.
func (s *server) resourceIn(ctx context.Context, c *call) (*stack.ResourceView, error) {
	st, err := s.stackOf(ctx, c)
	if err != nil {
		return nil, err
	}
	return s.engine.Resource(ctx, st.ID, stoker.ResourceName(c.PathValue("resource")))
}

func (s *server) showResource(ctx context.Context, c *call) (reply, error) {
	v, err := s.resourceIn(ctx, c)
	if err != nil {
		return reply{}, err
	}
	attrs, err := s.engine.Attributes(ctx, v.Stack.ID, v.Name, queryWords(c.URL.Query(), "with_attr"))
	if err != nil {
		return reply{}, err
	}
	children, err := s.children(ctx, []stack.ResourceView{*v})
	if err != nil {
		return reply{}, err
	}
	shown := struct {
		resource
		Description string         `json:"description"`
		Attributes  map[string]any `json:"attributes"`
	}{resourceOf(c.Request, v, children[v.Child]), v.Description, shownAttributes(attrs, c.URL.Query()["with_attr"])}
	return reply{body: map[string]any{"resource": shown}}, nil
}

// shownAttributes are the attributes of a resource as Heat shows them: what the attribute
// show holds, if that is a map, beside those that were asked for; otherwise all others.
func shownAttributes(all map[string]any, asked []string) map[string]any {
	show, ok := all["show"].(map[string]any)
	if !ok {
		delete(all, "show")
		return all
	}
	out := maps.Clone(show)
	for _, name := range asked {
		if _, there := out[name]; !there {
			out[name] = all[name]
		}
	}
	return out
}

func (s *server) showMetadata(ctx context.Context, c *call) (reply, error) {
	v, err := s.resourceIn(ctx, c)
	if err != nil {
		return reply{}, err
	}
	meta, err := s.engine.AgentMetadata(ctx, v)
	return reply{body: map[string]any{"metadata": meta}}, err
}

// signal is POST .../signal: any JSON object, or nothing.
func (s *server) signal(ctx context.Context, c *call) (reply, error) {
	text, err := readBody(c.Body)
	if err != nil {
		return reply{}, err
	}
	body, err := value.DecodeMap([]byte(strings.TrimSpace(string(text))))
	if err != nil {
		return reply{}, refuse("HTTPBadRequest", "the signal's body: %w", err)
	}
	v, err := s.resourceIn(ctx, c)
	if err != nil {
		return reply{}, err
	}
	if hook, ok := body["unset_hook"]; ok {
		if c.grant.Project == "" { // a resource's own token is for its own signals
			return reply{}, &stoker.Error{Kind: stoker.Forbidden, Type: "Forbidden", Message: "A hook is cleared with a token of the project."}
		}
		name, _ := hook.(string)
		return reply{body: null}, s.engine.UnsetHook(ctx, v.Stack.ID, v.Name, name)
	}
	return reply{body: null}, s.engine.Signal(ctx, v.Stack.ID, v.Name, body)
}

package client

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Stack is a stack as the server shows it. Lists leave out Parameters, Outputs
// and what follows them.
type Stack struct {
	ID           string     `json:"id"`
	Name         string     `json:"stack_name"`
	Description  string     `json:"description"`
	Status       string     `json:"stack_status"` // CREATE_COMPLETE
	StatusReason string     `json:"stack_status_reason"`
	Created      *time.Time `json:"creation_time"`
	Updated      *time.Time `json:"updated_time"`
	Deleted      *time.Time `json:"deletion_time"`
	Owner        string     `json:"stack_owner"`
	Parent       string     `json:"parent"`
	Tags         []string   `json:"tags"`

	Parameters      map[string]string `json:"parameters,omitempty"`
	Outputs         []Output          `json:"outputs,omitempty"`
	DisableRollback bool              `json:"disable_rollback"`
	TimeoutMins     *int              `json:"timeout_mins"`
}

// Output is a resolved output of a stack.
type Output struct {
	Key         string `json:"output_key"`
	Description string `json:"description"`
	Value       any    `json:"output_value"`
	Error       string `json:"output_error,omitempty"`
}

// Request is what a stack is created, updated or previewed with.
type Request struct {
	Name            string            `json:"stack_name,omitempty"`
	Template        string            `json:"template,omitempty"`
	TemplateName    string            `json:"template_name,omitempty"`
	Files           map[string]string `json:"files,omitempty"`
	Environment     map[string]any    `json:"environment,omitempty"`
	Parameters      map[string]any    `json:"parameters,omitempty"`
	ClearParameters []string          `json:"clear_parameters,omitempty"` // only with Patch
	Tags            Tags              `json:"tags,omitempty"`
	TimeoutMins     int               `json:"timeout_mins,omitempty"`
	DisableRollback *bool             `json:"disable_rollback,omitempty"` // nil: the server's default
	// Converge has an update look first at what is there.
	Converge bool `json:"converge,omitempty"`
	// Adopt is what Abandon or Export gave: Create makes a stack of that then.
	Adopt json.RawMessage `json:"adopt_stack_data,omitempty"`
}

// Tags are sent as Heat takes them, joined by commas.
type Tags []string

// MarshalJSON implements json.Marshaler.
func (t Tags) MarshalJSON() ([]byte, error) { return json.Marshal(strings.Join(t, ",")) }

// List says which stacks to list.
type List struct {
	Nested  bool
	Deleted bool
	Tags    []string
	// Filters are Heat's: name, status, action, ...
	Filters map[string]string
	Limit   int // 0: all
	Marker  string
}

// Stacks lists stacks, the newest first.
func (c *Client) Stacks(ctx context.Context, l List) ([]Stack, error) {
	q := url.Values{}
	for name, on := range map[string]bool{"show_nested": l.Nested, "show_deleted": l.Deleted} {
		if on {
			q.Set(name, "true")
		}
	}
	for _, t := range l.Tags {
		q.Add("tags", t)
	}
	for k, v := range l.Filters {
		q.Set(k, v)
	}
	if l.Limit > 0 {
		q.Set("limit", strconv.Itoa(l.Limit))
	}
	if l.Marker != "" {
		q.Set("marker", l.Marker)
	}
	var out struct {
		Stacks []Stack `json:"stacks"`
	}
	err := c.do(ctx, http.MethodGet, c.v1(q, "stacks"), nil, &out)
	return out.Stacks, err
}

// Stack shows a living stack by name or ID, or a deleted one by ID.
func (c *Client) Stack(ctx context.Context, ident string) (*Stack, error) {
	return c.find(ctx, ident, nil)
}

// Brief is Stack without outputs, which cost the server time.
func (c *Client) Brief(ctx context.Context, ident string) (*Stack, error) {
	return c.find(ctx, ident, url.Values{"resolve_outputs": {"false"}})
}

// find asks for a stack; the server sends us on to its canonical address.
func (c *Client) find(ctx context.Context, ident string, q url.Values) (*Stack, error) {
	var out struct {
		Stack Stack `json:"stack"`
	}
	err := c.do(ctx, http.MethodGet, c.v1(q, "stacks", ident), nil, &out)
	return &out.Stack, err
}

// at gives the canonical address of something of a stack.
func (c *Client) at(ctx context.Context, ident string, q url.Values, words ...string) (string, error) {
	st, err := c.Brief(ctx, ident)
	if err != nil {
		return "", err
	}
	return c.v1(q, append([]string{"stacks", st.Name, st.ID}, words...)...), nil
}

// stackDo sends a request about something of a stack.
func (c *Client) stackDo(ctx context.Context, method, ident string, q url.Values, body, out any, words ...string) error {
	at, err := c.at(ctx, ident, q, words...)
	if err != nil {
		return err
	}
	return c.do(ctx, method, at, body, out)
}

// Create begins the creation of a stack and gives its ID.
func (c *Client) Create(ctx context.Context, r Request) (string, error) {
	var out struct {
		Stack struct {
			ID string `json:"id"`
		} `json:"stack"`
	}
	err := c.do(ctx, http.MethodPost, c.v1(nil, "stacks"), r, &out)
	return out.Stack.ID, err
}

// Update begins an update with a whole request: what it does not name goes
// back to its default.
func (c *Client) Update(ctx context.Context, ident string, r Request) error {
	return c.stackDo(ctx, http.MethodPut, ident, nil, r, nil)
}

// Patch begins an update in which what the request does not name stays.
func (c *Client) Patch(ctx context.Context, ident string, r Request) error {
	return c.stackDo(ctx, http.MethodPatch, ident, nil, r, nil)
}

// Delete begins the deletion of a stack.
func (c *Client) Delete(ctx context.Context, ident string) error {
	return c.stackDo(ctx, http.MethodDelete, ident, nil, nil, nil)
}

// Outputs resolves the outputs of a stack.
func (c *Client) Outputs(ctx context.Context, ident string) ([]Output, error) {
	st, err := c.Stack(ctx, ident)
	return st.Outputs, err
}

// Template gives a stack's template as a document.
func (c *Client) Template(ctx context.Context, ident string) (json.RawMessage, error) {
	var out json.RawMessage
	err := c.stackDo(ctx, http.MethodGet, ident, nil, nil, &out, "template")
	return out, err
}

// Change is what a preview says of one resource.
type Change struct {
	Resource string         `json:"resource_name"`
	Type     string         `json:"resource_type"`
	Stack    string         `json:"stack_name"`
	Verb     string         `json:"verb"` // create, keep, update, replace, delete
	Changed  []string       `json:"changed,omitempty"`
	Props    map[string]any `json:"properties"`
}

// PreviewCreate tells what Create would make, nested stacks included.
func (c *Client) PreviewCreate(ctx context.Context, r Request) ([]Change, error) {
	var out struct {
		Stack struct {
			Resources []json.RawMessage `json:"resources"`
		} `json:"stack"`
	}
	if err := c.do(ctx, http.MethodPost, c.v1(nil, "stacks", "preview"), r, &out); err != nil {
		return nil, err
	}
	return flatten(out.Stack.Resources)
}

// flatten brings Heat's nested lists into one.
func flatten(tree []json.RawMessage) ([]Change, error) {
	var out []Change
	for _, raw := range tree {
		if raw[0] == '[' {
			var inner []json.RawMessage
			if err := json.Unmarshal(raw, &inner); err != nil {
				return nil, err
			}
			changes, err := flatten(inner)
			if err != nil {
				return nil, err
			}
			out = append(out, changes...)
			continue
		}
		ch := Change{}
		if err := json.Unmarshal(raw, &ch); err != nil {
			return nil, err
		}
		ch.Verb = "create"
		out = append(out, ch)
	}
	return out, nil
}

// PreviewUpdate tells what Update would do; with patch, what Patch would do.
func (c *Client) PreviewUpdate(ctx context.Context, ident string, r Request, patch bool) ([]Change, error) {
	method := http.MethodPut
	if patch {
		method = http.MethodPatch
	}
	var out struct {
		Changes map[string][]Change `json:"resource_changes"`
	}
	if err := c.stackDo(ctx, method, ident, url.Values{"show_nested": {"true"}}, r, &out, "preview"); err != nil {
		return nil, err
	}
	var list []Change
	for _, kind := range []struct{ word, verb string }{
		{"added", "create"}, {"updated", "update"}, {"replaced", "replace"}, {"deleted", "delete"}, {"unchanged", "keep"},
	} {
		for _, ch := range out.Changes[kind.word] {
			ch.Verb = kind.verb
			list = append(list, ch)
		}
	}
	return list, nil
}

// Validation is what a server says of a template that is in order.
type Validation struct {
	Description string               `json:"Description"`
	Parameters  map[string]Parameter `json:"Parameters"`
}

// Parameter describes a parameter of a template.
type Parameter struct {
	Name        string `json:"-"`
	Type        string `json:"Type"`
	Description string `json:"Description"`
	Default     any    `json:"Default,omitempty"`
	Value       any    `json:"Value,omitempty"`
	Hidden      string `json:"NoEcho"` // "true" or "false"
}

// Sorted gives the parameters by name.
func (v *Validation) Sorted() []Parameter {
	var out []Parameter
	for _, name := range slices.Sorted(maps.Keys(v.Parameters)) {
		p := v.Parameters[name]
		p.Name = name
		out = append(out, p)
	}
	return out
}

// Validate checks a template with its environment and parameters.
func (c *Client) Validate(ctx context.Context, r Request) (*Validation, error) {
	out := &Validation{}
	err := c.do(ctx, http.MethodPost, c.v1(nil, "validate"), r, out)
	return out, err
}

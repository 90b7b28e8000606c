package client

import (
	"context"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"time"
)

// Resource is a resource as the server shows it. Lists leave out Attributes.
type Resource struct {
	Name         string         `json:"resource_name"`
	Type         string         `json:"resource_type"`
	PhysicalID   string         `json:"physical_resource_id"`
	Status       string         `json:"resource_status"`
	StatusReason string         `json:"resource_status_reason"`
	Created      *time.Time     `json:"creation_time"`
	Updated      *time.Time     `json:"updated_time"`
	RequiredBy   []string       `json:"required_by"`
	Parent       string         `json:"parent_resource,omitempty"`
	Stack        string         `json:"stack_name,omitempty"` // with a depth only
	Attributes   map[string]any `json:"attributes,omitempty"`
}

// Event tells of one change of state.
type Event struct {
	ID         string    `json:"id"`
	Time       time.Time `json:"event_time"`
	Resource   string    `json:"resource_name"`
	Status     string    `json:"resource_status"`
	Reason     string    `json:"resource_status_reason"`
	PhysicalID string    `json:"physical_resource_id"`
	// Stack is the name of the stack it happened in, a nested one perhaps.
	Stack string `json:"stack_name"`

	Links []link `json:"links,omitempty"`
}

type link struct {
	Href string `json:"href"`
	Rel  string `json:"rel"`
}

// stackName finds the stack's name in Heat's links: .../stacks/NAME/ID.
func (e *Event) stackName() string {
	for _, l := range e.Links {
		u, err := url.Parse(l.Href)
		if err != nil || l.Rel != "stack" {
			continue
		}
		return path.Base(path.Dir(u.Path))
	}
	return ""
}

// Events says which events to list.
type Events struct {
	Resource string // empty: all
	Depth    int    // of nested stacks
	Marker   string // only those after the event of this ID
	Limit    int    // 0: all
}

func depth(n int) url.Values {
	q := url.Values{}
	if n > 0 {
		q.Set("nested_depth", strconv.Itoa(n))
	}
	return q
}

// Resources lists a stack's resources, and those nested in it down to n levels.
func (c *Client) Resources(ctx context.Context, ident string, n int) ([]Resource, error) {
	var out struct {
		Resources []Resource `json:"resources"`
	}
	err := c.stackDo(ctx, http.MethodGet, ident, depth(n), nil, &out, "resources")
	return out.Resources, err
}

// Resource shows a resource with its attributes.
func (c *Client) Resource(ctx context.Context, ident, name string) (*Resource, error) {
	var out struct {
		Resource Resource `json:"resource"`
	}
	err := c.stackDo(ctx, http.MethodGet, ident, nil, nil, &out, "resources", name)
	return &out.Resource, err
}

// Signal sends a signal to a resource.
func (c *Client) Signal(ctx context.Context, ident, name string, body map[string]any) error {
	return c.stackDo(ctx, http.MethodPost, ident, nil, body, nil, "resources", name, "signal")
}

// Events lists events, the oldest first.
func (c *Client) Events(ctx context.Context, ident string, e Events) ([]Event, error) {
	q := depth(e.Depth)
	q.Set("sort_dir", "asc")
	if e.Marker != "" {
		q.Set("marker", e.Marker)
	}
	if e.Limit > 0 {
		q.Set("limit", strconv.Itoa(e.Limit))
	}
	words := []string{"events"}
	if e.Resource != "" {
		words = []string{"resources", e.Resource, "events"}
	}
	var out struct {
		Events []Event `json:"events"`
	}
	err := c.stackDo(ctx, http.MethodGet, ident, q, nil, &out, words...)
	for i := range out.Events {
		out.Events[i].Stack, out.Events[i].Links = out.Events[i].stackName(), nil
	}
	return out.Events, err
}

// Types lists the resource types whose names match a regular expression.
func (c *Client) Types(ctx context.Context, match string) ([]Type, error) {
	q := url.Values{"with_description": {"true"}}
	if match != "" {
		q.Set("name", match)
	}
	var out struct {
		Types []Type `json:"resource_types"`
	}
	err := c.do(ctx, http.MethodGet, c.v1(q, "resource_types"), nil, &out)
	return out.Types, err
}

// Type describes a resource type. Lists leave out properties and attributes.
type Type struct {
	Name        string               `json:"resource_type"`
	Description string               `json:"description"`
	Properties  map[string]Property  `json:"properties,omitempty"`
	Attributes  map[string]Attribute `json:"attributes,omitempty"`
}

// Property describes a property of a resource type.
type Property struct {
	Type        string              `json:"type"`
	Description string              `json:"description"`
	Required    bool                `json:"required"`
	Update      bool                `json:"update_allowed"`
	Immutable   bool                `json:"immutable"`
	Default     any                 `json:"default,omitempty"`
	Schema      map[string]Property `json:"schema,omitempty"`
	Constraints []map[string]any    `json:"constraints,omitempty"`
}

// Attribute describes an attribute of a resource type.
type Attribute struct {
	Type        string `json:"type,omitempty"`
	Description string `json:"description"`
}

// Type shows a resource type.
func (c *Client) Type(ctx context.Context, name string) (*Type, error) {
	out := &Type{}
	err := c.do(ctx, http.MethodGet, c.v1(nil, "resource_types", name), nil, out)
	return out, err
}

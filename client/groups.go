package client

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/stoker-project/stoker/internal/wire"
)

// The nouns of Stoker's own API.
type (
	Status   = wire.Status
	Group    = wire.Group
	Member   = wire.Member
	Decision = wire.Decision
)

// Status tells of the installation.
func (c *Client) Status(ctx context.Context) (*Status, error) {
	out := &Status{}
	err := c.do(ctx, http.MethodGet, c.native(nil, "status"), nil, out)
	return out, err
}

// Groups lists the groups of the project.
func (c *Client) Groups(ctx context.Context) ([]Group, error) {
	var out struct {
		Groups []Group `json:"groups"`
	}
	err := c.do(ctx, http.MethodGet, c.native(nil, "groups"), nil, &out)
	return out.Groups, err
}

// Group shows a group: by its ID, as STACK/RESOURCE, or by the resource's name
// where only one group has it.
func (c *Client) Group(ctx context.Context, ident string) (*Group, error) {
	return c.group(ctx, http.MethodGet, nil, ident)
}

// Resize sets a group's size by hand.
func (c *Client) Resize(ctx context.Context, ident string, size int, reason string) (*Group, error) {
	return c.group(ctx, http.MethodPost, wire.Resize{Size: &size, Reason: reason}, ident, "resize")
}

// Freeze keeps scalers and policies from changing a group until a time; one that
// has passed thaws it.
func (c *Client) Freeze(ctx context.Context, ident string, until time.Time, reason string) (*Group, error) {
	return c.group(ctx, http.MethodPost, wire.Freeze{Until: until, Reason: reason}, ident, "freeze")
}

func (c *Client) group(ctx context.Context, method string, body any, words ...string) (*Group, error) {
	var out struct {
		Group Group `json:"group"`
	}
	err := c.do(ctx, method, c.native(nil, append([]string{"groups"}, words...)...), body, &out)
	return &out.Group, err
}

// Decisions says which decisions to list.
type Decisions struct {
	Since   time.Time // zero: all
	Changes bool      // only those that changed something
	Limit   int       // the newest; 0: the server's limit
}

// Decisions tells why a group has its size, the oldest first.
func (c *Client) Decisions(ctx context.Context, group string, d Decisions) ([]Decision, error) {
	q := url.Values{}
	if !d.Since.IsZero() {
		q.Set("since", d.Since.UTC().Format(time.RFC3339Nano))
	}
	if d.Changes {
		q.Set("changes", "true")
	}
	if d.Limit > 0 {
		q.Set("limit", strconv.Itoa(d.Limit))
	}
	var out struct {
		Decisions []Decision `json:"decisions"`
	}
	err := c.do(ctx, http.MethodGet, c.native(q, "groups", group, "decisions"), nil, &out)
	return out.Decisions, err
}

// Logs gives the output of servers: tail last lines of each (<0: all), and
// with follow what comes after, until they are gone or ctx ends. The caller
// closes it.
func (c *Client) Logs(ctx context.Context, what string, tail int, follow bool) (io.ReadCloser, error) {
	q := url.Values{"tail": {strconv.Itoa(tail)}, "follow": {strconv.FormatBool(follow)}}
	res, err := c.send(ctx, http.MethodGet, c.native(q, "logs", what), nil)
	if err != nil {
		return nil, err
	}
	return res.Body, nil
}

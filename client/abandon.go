package client

import (
	"context"
	"encoding/json"
	"net/http"
)

// Abandon has the server forget a stack and leave all it has as it runs. What comes back is
// what Request.Adopt takes; it may hold secrets. Asked again by ID it is given again.
func (c *Client) Abandon(ctx context.Context, ident string) (json.RawMessage, error) {
	var out json.RawMessage
	return out, c.stackDo(ctx, http.MethodDelete, ident, nil, nil, &out, "abandon")
}

// Export gives what Abandon would, and changes nothing.
func (c *Client) Export(ctx context.Context, ident string) (json.RawMessage, error) {
	var out json.RawMessage
	return out, c.stackDo(ctx, http.MethodGet, ident, nil, nil, &out, "export")
}

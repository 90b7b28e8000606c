package client

import (
	"context"
	"net/http"
)

// Act begins an action on a stack: check, suspend, resume, cancel_update or
// cancel_without_rollback. It does not wait for its end.
func (c *Client) Act(ctx context.Context, ident, action string) error {
	return c.stackDo(ctx, http.MethodPost, ident, nil, map[string]any{action: nil}, nil, "actions")
}

// Mark says of a resource that it is sick, so that the next update replaces it,
// or that it is well after all. The reason is for people.
func (c *Client) Mark(ctx context.Context, ident, resource string, sick bool, reason string) error {
	body := map[string]any{"mark_unhealthy": sick}
	if reason != "" {
		body["resource_status_reason"] = reason
	}
	return c.stackDo(ctx, http.MethodPatch, ident, nil, body, nil, "resources", resource)
}

package client

import (
	"context"
	"net/http"
	"time"
)

// Snapshot is a stack's snapshot as the server shows it.
type Snapshot struct {
	ID           string         `json:"id"`
	Name         string         `json:"name"`
	Status       string         `json:"status"`
	StatusReason string         `json:"status_reason"`
	Created      *time.Time     `json:"creation_time"`
	Data         map[string]any `json:"data,omitempty"`
}

// TakeSnapshot begins to take a snapshot of a stack. The name is for people.
func (c *Client) TakeSnapshot(ctx context.Context, ident, name string) (*Snapshot, error) {
	var out Snapshot
	body := map[string]any{"name": name}
	return &out, c.stackDo(ctx, http.MethodPost, ident, nil, body, &out, "snapshots")
}

// Snapshots lists a stack's snapshots, the oldest first.
func (c *Client) Snapshots(ctx context.Context, ident string) ([]Snapshot, error) {
	var out struct {
		Snapshots []Snapshot `json:"snapshots"`
	}
	err := c.stackDo(ctx, http.MethodGet, ident, nil, nil, &out, "snapshots")
	return out.Snapshots, err
}

// Snapshot gives one by its ID.
func (c *Client) Snapshot(ctx context.Context, ident, snapshot string) (*Snapshot, error) {
	var out struct {
		Snapshot Snapshot `json:"snapshot"`
	}
	return &out.Snapshot, c.stackDo(ctx, http.MethodGet, ident, nil, nil, &out, "snapshots", snapshot)
}

// DeleteSnapshot removes one.
func (c *Client) DeleteSnapshot(ctx context.Context, ident, snapshot string) error {
	return c.stackDo(ctx, http.MethodDelete, ident, nil, nil, nil, "snapshots", snapshot)
}

// Restore begins an update of a stack to what was wanted when a snapshot was
// taken. It does not wait for its end.
func (c *Client) Restore(ctx context.Context, ident, snapshot string) error {
	return c.stackDo(ctx, http.MethodPost, ident, nil, nil, nil, "snapshots", snapshot, "restore")
}

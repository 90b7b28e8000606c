// Package census finds servers by asking their driver for all of them. Many who
// ask at the same time share one listing, so that a thousand servers that are
// waited for cost no more than one. It starts no goroutine.
package census

import (
	"context"
	"fmt"
	"time"

	"github.com/stoker-project/stoker"
)

// Census is the last listing of a driver's servers. Its methods may be called
// concurrently.
type Census struct {
	driver stoker.Driver
	turn   chan struct{} // holds the right to list and to touch what follows

	begun   time.Time // when the listing was asked for
	byToken map[stoker.ServerToken]stoker.Server
	byID    map[stoker.PhysicalID]stoker.Server
}

// New makes a census of a driver's servers.
func New(d stoker.Driver) *Census {
	return &Census{driver: d, turn: make(chan struct{}, 1)}
}

// Server finds the server of a token, as it was at some time after the call; found
// tells whether it was there.
func (c *Census) Server(ctx context.Context, token stoker.ServerToken) (s stoker.Server, found bool, err error) {
	err = c.look(ctx, func() { s, found = c.byToken[token] })
	return s, found, err
}

// ByID finds the server that the driver calls id, in the same way.
func (c *Census) ByID(ctx context.Context, id stoker.PhysicalID) (s stoker.Server, found bool, err error) {
	err = c.look(ctx, func() { s, found = c.byID[id] })
	return s, found, err
}

func (c *Census) look(ctx context.Context, read func()) error {
	asked := time.Now()
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	// A listing that began before we asked may be older than what we ask about.
	if !c.begun.After(asked) {
		if err := c.list(ctx); err != nil {
			return fmt.Errorf("list servers: %w", err)
		}
	}
	read()
	return nil
}

func (c *Census) list(ctx context.Context) error {
	begun := time.Now()
	servers, err := c.driver.List(ctx)
	if err != nil {
		return err
	}
	c.begun = begun
	c.byToken = make(map[stoker.ServerToken]stoker.Server, len(servers))
	c.byID = make(map[stoker.PhysicalID]stoker.Server, len(servers))
	for _, s := range servers {
		c.byToken[s.Token] = s
		c.byID[s.ID] = s
	}
	return nil
}

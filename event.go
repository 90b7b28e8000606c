package stoker

import (
	"context"
	"time"
)

// Event tells of one change of state of a stack or a resource. Events never
// hold properties or other values that may be secret.
type Event struct {
	ID       string // UUID
	Seq      int64  // given by the store, grows over all stacks
	Stack    StackID
	Time     time.Time
	Resource ResourceName // the stack's name for events of the stack itself
	// ResourceID is the incarnation; empty for events of the stack itself.
	ResourceID ResourceID
	PhysicalID PhysicalID
	Type       TypeName
	Action     Action
	Status     Status
	Reason     string
}

// EventFilter selects events. Zero fields select nothing out.
type EventFilter struct {
	Stacks     []StackID
	Resource   ResourceName
	ID         string
	After      int64  // only events with a greater Seq
	Marker     string // start after the event of this ID, in the order asked for
	Limit      int    // 0: all
	Descending bool
}

// EventStore reads events; they are written by StackStore.Commit. The newest of a stack
// are kept, 1,000 unless the store is told otherwise.
type EventStore interface {
	Events(ctx context.Context, f EventFilter) ([]*Event, error)
}

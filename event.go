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

// EventSink takes the events of stacks whose environments name it in event_sinks. What it
// cannot deliver is lost to it, never to the EventStore. Methods may be called concurrently.
type EventSink interface {
	// Check says why a project's events cannot be sent there, as a user is told; nil if they
	// can. It asks no other server.
	Check(project ProjectID, to SinkTarget) error
	// Send hands an event over that is durable, with the properties of its resource, in which
	// nothing is secret any more; nil for events of a stack itself. It does not block. Events
	// for one target arrive in the order in which they were handed over; after a lost answer
	// one may arrive twice.
	Send(project ProjectID, to SinkTarget, ev *Event, properties map[string]any)
}

// SinkTarget is an entry of event_sinks (of the type zaqar-queue, Heat's only one).
type SinkTarget struct {
	Queue string
	TTL   time.Duration // how long a message is kept there; at least a minute
}

// EventStore reads events; they are written by StackStore.Commit. The newest of a stack
// are kept, 1,000 unless the store is told otherwise.
type EventStore interface {
	Events(ctx context.Context, f EventFilter) ([]*Event, error)
}

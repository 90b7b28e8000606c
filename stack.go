package stoker

import (
	"context"
	"time"
)

type (
	// StackID is a stack's UUID.
	StackID string
	// ProjectID is the tenant; no tenant sees another's things.
	ProjectID string
)

// Stack is the record of a stack: what is wanted of it and how far that is.
// Records are values: whoever holds one may not change what its maps hold.
type Stack struct {
	ID      StackID
	Name    string // unique in a project among the living
	Project ProjectID

	// Parent and ParentResource place a nested stack; empty for a root.
	Parent         StackID
	ParentResource ResourceName
	Root           StackID // itself for a root
	Depth          int     // 0 for a root

	Action       Action
	Status       Status
	StatusReason string

	// Spec is what is wanted. Generation counts the accepted operations; an
	// operation with a newer Generation supersedes the one under way.
	Spec       StackSpec
	Generation int64
	// Previous is what a failed update rolls back to; nil: nothing.
	Previous *StackSpec
	// Phase is where the run of Generation is.
	Phase Phase
	// Group is set when the stack's template is made from a group.
	Group *GroupState

	DisableRollback bool
	Timeout         time.Duration // of one operation; 0: the engine's default
	Tags            []string
	Owner           string // who asked for it, for people

	Created time.Time
	Updated time.Time // zero until the first update
	Deleted time.Time // zero while it lives
}

// State is the action and status as clients show it.
func (s *Stack) State() string { return State(s.Action, s.Status) }

// Abandoned tells whether the stack is deleted, and what it had is not.
func (s *Stack) Abandoned() bool { return !s.Deleted.IsZero() && s.Phase == PhaseAbandoned }

// Asked is what a user handed in last, also while and after that is rolled
// back to nothing: then Spec is empty.
func (s *Stack) Asked() StackSpec {
	if s.Spec.Template == "" && s.Previous != nil {
		return *s.Previous
	}
	return s.Spec
}

// StackSpec is what a user hands in: self-contained, so that a stack can be
// worked on by any engine.
type StackSpec struct {
	Template   string // text: YAML or JSON
	File       string // the template's name, for messages; may be empty
	Files      map[string]string
	Parameters map[string]any
	// Environment is the merged environment, in the environment's own format.
	Environment map[string]any
	// Restored holds, for resources that begin with what a snapshot has kept of them, what is
	// told of that. It stays over updates.
	Restored map[string]any
	// Admin says that an administrator asked for it, and that so types of resources may
	// be in it that are for administrators.
	Admin bool
}

// Phase is a step of one run.
//
//	grow -----------------> leave --> (empty)
//	grow-hold --> held -------^
//
// A nested stack that its parent has asked to change holds before it lets go of
// anything, until its parent's word.
type Phase string

// The phases. Deletions of what is not wanted any more come last, after every
// dependent, in the parent stacks too, has seen the new state.
const (
	PhaseDone  Phase = ""
	PhaseGrow  Phase = "grow"
	PhaseHold  Phase = "grow-hold"
	PhaseHeld  Phase = "held"
	PhaseLeave Phase = "leave"
	// PhasePass is all of an operation that goes over what is there: check,
	// suspend, resume, snapshot. PhaseObserve looks at reality before an update grows.
	PhasePass    Phase = "pass"
	PhaseObserve Phase = "observe"
	// PhaseAbandon is a deletion that leaves what there is running. A stack that is
	// deleted and PhaseAbandoned keeps its records for whoever adopts it.
	PhaseAbandon   Phase = "abandon"
	PhaseAbandoned Phase = "abandoned"
)

// Batch is one atomic, durable change. Either all of it is stored or nothing.
type Batch struct {
	// Lease must be the newest on its stack, otherwise ErrLeaseLost. The zero
	// Lease is accepted for a Stack that is not stored yet, and for events only.
	Lease Lease
	// Stack is inserted or replaced, nil leaves it.
	Stack *Stack
	// Resources are inserted or replaced by their ID.
	Resources []*Resource
	// Forget removes resource records.
	Forget []ResourceID
	// Snapshots of the lease's stack are inserted or replaced by their ID,
	// DropSnapshots removes some. A deleted stack has none.
	Snapshots     []*Snapshot
	DropSnapshots []SnapshotID
	Events        []*Event
}

// SnapshotID is a snapshot's UUID.
type SnapshotID string

// Snapshot is what a stack was at one moment.
type Snapshot struct {
	ID           SnapshotID
	Stack        StackID
	Name         string // for people, need not be unique
	Status       Status
	StatusReason string
	// Data is the stack as Heat exports it, nil until Status is COMPLETE. It may
	// hold secrets and is sealed by the store.
	Data    map[string]any
	Created time.Time
}

// StackFilter selects stacks. Zero fields select nothing out.
type StackFilter struct {
	Project     ProjectID
	AllProjects bool // otherwise Project must match, even if empty
	ID          StackID
	Name        string
	Parent      StackID
	Nested      bool     // nested stacks too; implied by Parent and ID
	Deleted     bool     // deleted ones too; implied by ID
	InProgress  bool     // only those with Status IN_PROGRESS
	Tags        []string // all of them
	Marker      StackID  // start after this one
	Limit       int      // 0: all
	Oldest      bool     // sort by creation time ascending, else descending
	// Brief leaves out Spec and Previous, which lists do not show.
	Brief bool
}

// StackStore keeps stacks and their resources. All methods may be called
// concurrently. Reading sees every Commit that has returned.
type StackStore interface {
	// Stack gives a stack, living or deleted, and its resource records by
	// creation. NotFound if there is none.
	Stack(ctx context.Context, id StackID) (*Stack, []*Resource, error)
	Stacks(ctx context.Context, f StackFilter) ([]*Stack, error)
	// Resource gives one record by its ID. NotFound if there is none.
	Resource(ctx context.Context, id ResourceID) (*Resource, error)
	// Snapshots gives those of a stack by creation, brief without their Data.
	Snapshots(ctx context.Context, stack StackID, brief bool) ([]*Snapshot, error)
	// Commit returns after the batch is durable. Exists when another living stack
	// of the project has the Stack's name; ErrLeaseLost; Unavailable
	// when the disk is full or the database does not answer. On every error
	// nothing of it is stored.
	Commit(ctx context.Context, b Batch) error
}

// Lease is the right to work on a stack. Epoch is the fencing token: it grows
// with each Acquire, and only the newest may Commit.
type Lease struct {
	Stack   StackID
	Holder  string
	Epoch   int64
	Expires time.Time
}

// LeaseStore gives leases on stacks. All methods may be called concurrently.
type LeaseStore interface {
	// Acquire gives a new epoch if the lease is free, has expired or belongs to
	// the same holder; otherwise Conflict.
	Acquire(ctx context.Context, stack StackID, holder string, ttl time.Duration) (Lease, error)
	// Renew moves the end; ErrLeaseLost if there is a newer epoch.
	Renew(ctx context.Context, l Lease, ttl time.Duration) (Lease, error)
	// Release ends it; releasing a lost lease is harmless.
	Release(ctx context.Context, l Lease) error
}

// ErrLeaseLost is returned to a holder whose lease another has taken.
var ErrLeaseLost error = &Error{Kind: Conflict, Message: "the lease on the stack was taken by another engine"}

package stoker

import (
	"context"
	"time"
)

type (
	// ResourceName is a resource's name in its template.
	ResourceName string
	// ResourceID names one incarnation of a resource: a replacement has another
	// one. It is chosen and stored before anything is made, so drivers use it as
	// their idempotency token.
	ResourceID string
	// TypeName is the name of a resource type: OS::Heat::Value.
	TypeName string
	// PhysicalID is what the driver calls the thing that it made.
	PhysicalID string
)

// Action is what is, or was last, done to a stack or a resource (Heat's words).
type Action string

// The actions.
const (
	ActionInit     Action = "INIT" // resources only: recorded, nothing made yet
	ActionCreate   Action = "CREATE"
	ActionUpdate   Action = "UPDATE"
	ActionDelete   Action = "DELETE"
	ActionRollback Action = "ROLLBACK" // stacks only
	ActionRestore  Action = "RESTORE"  // stacks only
	ActionSnapshot Action = "SNAPSHOT" // stacks only
	ActionAdopt    Action = "ADOPT"
	ActionCheck    Action = "CHECK"
	ActionSuspend  Action = "SUSPEND"
	ActionResume   Action = "RESUME"
	ActionSignal   Action = "SIGNAL" // events only
)

// Status is how far an action has come (Heat's words).
//
//	(none) --> IN_PROGRESS --> COMPLETE
//	                 |-------> FAILED
type Status string

// The statuses.
const (
	StatusInProgress Status = "IN_PROGRESS"
	StatusComplete   Status = "COMPLETE"
	StatusFailed     Status = "FAILED"
)

// State joins both as clients show it: CREATE_COMPLETE.
func State(a Action, s Status) string { return string(a) + "_" + string(s) }

// Resource is the record of one incarnation of a resource. Records are values:
// whoever holds one may not change what its maps hold.
type Resource struct {
	ID    ResourceID
	Stack StackID
	Name  ResourceName
	Type  TypeName // the type that was resolved through the environment's registry

	Action       Action
	Status       Status
	StatusReason string

	PhysicalID PhysicalID
	// Properties were resolved and checked; they are the ones last applied, or
	// being applied while Status is IN_PROGRESS.
	Properties map[string]any
	Metadata   map[string]any
	// OldProperties and OldMetadata are those from before the update that is under
	// way; nil when none is.
	OldProperties map[string]any
	OldMetadata   map[string]any
	// Data is what the type remembers for itself. Secret values in it are
	// sealed by the store.
	Data map[string]any
	// Requires names the resources that this one was made after, and so must
	// leave before.
	Requires []ResourceName
	// DeletionPolicy is Delete, Retain or Snapshot.
	DeletionPolicy string
	// Replaces is the incarnation this one takes the place of, if any.
	Replaces ResourceID
	// Child is the nested stack that realises the resource, if one does.
	Child StackID
	// Hook is where the resource waits for a person: pre-create; empty: nowhere.
	Hook string

	Created time.Time
	Updated time.Time // zero until the first update
}

// State is the action and status as clients show it.
func (r *Resource) State() string { return State(r.Action, r.Status) }

// PropertyType is the type of a property, attribute or parameter. Its spelling
// is the one of Heat's resource_types API.
type PropertyType string

// The property types.
const (
	TypeString  PropertyType = "string"
	TypeInteger PropertyType = "integer"
	TypeNumber  PropertyType = "number"
	TypeBoolean PropertyType = "boolean"
	TypeList    PropertyType = "list"
	TypeMap     PropertyType = "map"
	TypeAny     PropertyType = "any"
)

// Constraint restricts a value. Exactly one of its parts is set.
type Constraint struct {
	Description   string
	Length        *Range
	Range         *Range
	Modulo        *Modulo
	AllowedValues []any
	Pattern       string // must match the whole string
	Custom        string // a name of Heat's registry of custom constraints: nova.flavor
}

// Range has inclusive bounds; nil is open.
type Range struct{ Min, Max *float64 }

// Modulo demands value % Step == Offset.
type Modulo struct{ Step, Offset int64 }

// Property describes one property of a resource type.
type Property struct {
	Type        PropertyType
	Description string
	Required    bool
	Default     any // nil: none
	// Update tells whether a change is applied in place; otherwise the resource
	// is replaced.
	Update bool
	// Immutable refuses any change.
	Immutable   bool
	Hidden      bool // works, but is left out of lists and documentation
	Secret      bool // its value is shown nowhere
	Constraints []Constraint
	// Items is the schema of a list's items, or of any key of a map; nil allows
	// anything.
	Items *Property
	// Fields is the schema of a map with known keys.
	Fields map[string]*Property
}

// Attribute describes one attribute of a resource type.
type Attribute struct {
	Type        PropertyType // empty: any
	Description string
	Secret      bool
}

// Schema describes a resource type.
type Schema struct {
	Description string
	Properties  map[string]*Property
	Attributes  map[string]*Attribute
	// UpdatePolicy describes the resource's update_policy section, nil for
	// types without one.
	UpdatePolicy map[string]*Property
	// AnyProperty accepts every property unchecked (OS::Heat::None).
	AnyProperty bool
	// AnyAttribute answers every attribute, not only the listed ones.
	AnyAttribute bool
	Hidden       bool // works, but is left out of lists
}

// StackRef says whose resource it is.
type StackRef struct {
	ID      StackID
	Name    string
	Project ProjectID
	// Path lists the stack and its ancestors, the root last.
	Path  []StackID
	Admin bool // as StackSpec has it
}

// RestoredKey is where a Snapshotter finds in Request.Data what a resource was restored from.
const RestoredKey = "restored"

// Request is what an engine asks of a resource type. A type may keep nothing of
// it after it returns, and may change nothing in it.
type Request struct {
	Stack StackRef
	Name  ResourceName
	Type  TypeName
	// ID is the idempotency token.
	ID         ResourceID
	PhysicalID PhysicalID // empty until made
	// Properties are those wanted, checked by the schema, defaults filled in.
	Properties map[string]any
	Metadata   map[string]any
	// UpdatePolicy is the resource's section of that name, checked.
	UpdatePolicy map[string]any
	// OldProperties and OldMetadata are those applied last; in Update only.
	OldProperties map[string]any
	OldMetadata   map[string]any
	// Data is what the type gave back last.
	Data map[string]any
}

// Result is what an action leaves to be recorded. A nil Data keeps the old one,
// an empty PhysicalID too.
type Result struct {
	PhysicalID PhysicalID
	Data       map[string]any
}

// ResourceType makes and deletes the resources of one type. The methods are
// called from many goroutines at once, never twice at once for one resource.
//
// Create and Delete may be called again after a crash or an error whose outcome
// is unknown: asking twice must be harmless, Request.ID is the same each time.
// Delete is also called after a failed or interrupted Create, possibly without
// a PhysicalID, and returns nil when there is nothing left. All block until they are
// done or ctx ends; what waits long belongs into Awaiter.
type ResourceType interface {
	Schema() *Schema
	Create(ctx context.Context, req *Request) (Result, error)
	Delete(ctx context.Context, req *Request) error
}

// Optional abilities of a resource type, found by assertion.
type (
	// Updater applies changed properties, all of them with Property.Update set,
	// or changed metadata, in place. ErrReplace asks for a replacement. Calling
	// it again with the same Request is harmless. A type without it is replaced
	// when a property changes.
	Updater interface {
		Update(ctx context.Context, req *Request) (Result, error)
	}
	// Awaiter blocks until what was created or updated is complete: a server
	// runs, a member is healthy, a signal has come. It may be called again after a
	// restart. It occupies no worker.
	Awaiter interface {
		Await(ctx context.Context, req *Request) (Result, error)
	}
	// Checker observes reality: nil when the resource is as it should be.
	Checker interface {
		Check(ctx context.Context, req *Request) error
	}
	// Sleeper rests while its stack is suspended, keeping what it holds. Both are
	// harmless when asked twice. What is an Awaiter is awaited after Wake.
	Sleeper interface {
		Sleep(ctx context.Context, req *Request) error
		Wake(ctx context.Context, req *Request) error
	}
	// Snapshotter keeps what a resource holds, apart from it. All are harmless when asked
	// twice.
	Snapshotter interface {
		// Snapshots tells whether the driver is able.
		Snapshots() bool
		// TakeSnapshot keeps it under a key, and gives what is told of that. In req.Data,
		// under RestoredKey, is what was told of what the resource itself began with.
		TakeSnapshot(ctx context.Context, req *Request, key string) (data map[string]any, err error)
		DropSnapshot(ctx context.Context, key string) error
		// Restored gives the properties of a resource that is to begin with it, unless they
		// ask for something else than they did then.
		Restored(properties, data map[string]any) map[string]any
	}
	// Watcher blocks until a complete resource has failed by itself and returns
	// why, or ctx.Err() once ctx ends. The engine then replaces the resource.
	Watcher interface {
		Watch(ctx context.Context, req *Request) error
	}
	// Resumer puts back what lives in this process only (pools of the built-in
	// balancer, scalers); called for each complete resource when an engine starts.
	Resumer interface {
		Resume(ctx context.Context, req *Request) error
	}
	// Settler acts once all resources of all types have been resumed, for types whose
	// resources mean something only together. One of the types that share what there
	// is to do may do it for all.
	Settler interface {
		Settle(ctx context.Context) error
	}
	// Abandoner acts on others while Stoker runs, as scalers do: Abandon ends that when
	// its stack is abandoned; Resume begins it again when the stack is adopted.
	Abandoner interface {
		Abandon(ctx context.Context, req *Request) error
	}
	// Completer is a type whose resources complete others of the given types that they
	// depend on: a subnet completes its network. Whoever depends on the other one
	// comes after them too. Pure.
	Completer interface {
		Completes() []TypeName
	}
	// Attributer resolves an attribute of a resource that was created. path is
	// what stands behind the attribute's name in get_attr and may be ignored: the
	// engine walks the rest when consumed is less than len(path).
	Attributer interface {
		Attribute(ctx context.Context, req *Request, name string, path []any) (value any, consumed int, err error)
	}
	// Referencer gives the value of get_resource; without it that is the
	// PhysicalID, or the name of the resource where that is empty.
	Referencer interface {
		Reference(req *Request) string
	}
	// Signaller takes a signal's body. What it returns is recorded; the reason
	// stands in the SIGNAL event, an empty reason means no event (nothing done).
	Signaller interface {
		Signal(ctx context.Context, req *Request, body map[string]any) (res Result, reason string, err error)
	}
	// Grouper is a type whose resources are groups: nested stacks of N copies
	// of another resource, run by the engine. Create and Delete of such a type
	// are never called. Group is pure.
	Grouper interface {
		Group(req *Request) (GroupSpec, error)
		// GroupAttribute resolves an attribute from the members.
		GroupAttribute(req *Request, view GroupView, name string, path []any) (value any, consumed int, err error)
	}
	// Renewer is a type whose resources every update of their stack makes anew.
	Renewer interface {
		ResourceType
		RenewOnUpdate()
	}
	// Refuser is a type that is known, and of which nothing can be made here. A
	// template with it is valid, and can be previewed; to create or update a stack with
	// it is refused before anything is made, with what Refuse says; nil: it can be made.
	Refuser interface {
		Refuse(t TypeName) error
	}
	// Finder is a type that can tell what constraints of Heat's registry ask, by their
	// names: neutron.subnet.
	Finder interface {
		ResourceType
		Finds() map[string]Find
	}
	// Validator checks what a schema cannot say, after the schema. Properties
	// that are not known yet are missing from the Request. Pure.
	Validator interface {
		Validate(req *Request) error
	}
)

// Find tells whether a value names something that a project has, or sees; NotFound, or
// Conflict where it names several, if not. by is the type whose property has the value,
// empty for a parameter.
type Find func(project ProjectID, by TypeName, value string) error

// ErrReplace is returned by an Updater that cannot make this change in place.
var ErrReplace error = &Error{Kind: Conflict, Message: "the change needs a replacement"}

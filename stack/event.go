package stack

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/stoker-project/stoker"
)

// stateChanged is Heat's reason for an ordinary change of state.
const stateChanged = "state changed"

// StackType is the resource type that events of a stack itself carry.
const StackType stoker.TypeName = "OS::Heat::Stack"

func newID() string { return uuid.NewString() }

// newName makes Heat's short name of a group's member: 12 characters of base32.
func newName() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return encode32(b[:])[:12]
}

// physicalName is Heat's for what a resource stands for.
func physicalName(stack string, r stoker.ResourceName, id string) string {
	return fmt.Sprintf("%s-%s-%s", stack, r, shortID(id))
}

// shortID derives such a name from an ID, so that it is the same each time.
func shortID(id string) string {
	u, err := uuid.Parse(id)
	if err != nil {
		return encode32([]byte(id))[:12]
	}
	return encode32(u[:])[:12]
}

func encode32(b []byte) string {
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b))
}

// now is a whole number of microseconds, which every store keeps.
func (o *owner) now() time.Time { return now() }

func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// rowEvent tells of a resource's state with the next write. One that has no physical ID
// yet is told of by the name that such a thing would get, as in Heat (Resource._add_event).
func (o *owner) rowEvent(r *stoker.Resource, reason string) {
	physical := r.PhysicalID
	if physical == "" && r.Action != stoker.ActionInit {
		physical = stoker.PhysicalID(physicalName(o.st.Name, r.Name, string(r.ID)))
	}
	o.pending.Events = append(o.pending.Events, &stoker.Event{
		ID: newID(), Stack: o.id, Time: now(),
		Resource: r.Name, ResourceID: r.ID, PhysicalID: physical, Type: r.Type,
		Action: r.Action, Status: r.Status, Reason: reason,
	})
}

func (o *owner) stackEvent() { o.pending.Events = append(o.pending.Events, o.newStackEvent(o.st)) }

func (o *owner) newStackEvent(st *stoker.Stack) *stoker.Event {
	return &stoker.Event{
		ID: newID(), Stack: st.ID, Time: now(),
		Resource: stoker.ResourceName(st.Name), PhysicalID: stoker.PhysicalID(st.ID), Type: StackType,
		Action: st.Action, Status: st.Status, Reason: st.StatusReason,
	}
}

// located puts resources.<name> in front of an error's path, so that an error
// from deep inside says where it comes from.
func located(err error, name stoker.ResourceName) error {
	here := "resources." + string(name)
	out := stoker.Error{Type: "ResourceInError"}
	e, ok := stoker.AsError(err)
	if ok {
		out = *e
		if out.Message == "" && out.Err == nil {
			out.Message = err.Error()
		}
	} else {
		out.Message = err.Error()
	}
	if out.Type == "" {
		out.Type = "ResourceInError"
	}
	switch {
	case out.Path == here || strings.HasPrefix(out.Path, here+"."):
	case out.Path == "":
		out.Path = here
	default:
		out.Path = here + "." + out.Path
	}
	if !ok {
		return &out
	}
	return rewrapped(err, e, &out)
}

// reasonOf writes an error as Heat does: "Type: path: message".
func reasonOf(err error) string {
	if errors.Is(err, errTimedOut) {
		return "Timed out"
	}
	e, ok := stoker.AsError(err)
	if !ok {
		return err.Error()
	}
	if e.Type == failureType {
		return e.Message
	}
	bare := *e // a record outlives the text that a place is in
	bare.Pos = stoker.Pos{}
	e = &bare
	if e.Type != "" {
		return e.Type + ": " + e.Error()
	}
	return e.Error()
}

// failureType marks an error whose message is a whole status reason.
const failureType = "ResourceFailure"

// resourceFailed makes a stack's status reason of a resource's failure.
func resourceFailed(a stoker.Action, err error) error {
	return &stoker.Error{Kind: stoker.KindOf(err), Type: failureType, Message: fmt.Sprintf("Resource %s failed: %s", a, reasonOf(err))}
}

// failureOf turns a nested stack's status reason back into an error that its
// parent can put its own place in front of.
func failureOf(reason string) error {
	rest := reason
	if s, ok := strings.CutPrefix(rest, "Resource "); ok {
		if _, after, ok := strings.Cut(s, " failed: "); ok {
			rest = after
		}
	}
	kind, after, ok := strings.Cut(rest, ": ")
	if !ok || strings.ContainsAny(kind, " .") {
		return &stoker.Error{Type: "ResourceInError", Message: rest}
	}
	path, msg, ok := strings.Cut(after, ": ")
	if !ok || !strings.HasPrefix(path, "resources.") || strings.Contains(path, " ") {
		return &stoker.Error{Type: kind, Message: after}
	}
	return &stoker.Error{Type: kind, Path: path, Message: msg}
}

func unknownType(t stoker.TypeName, name stoker.ResourceName) error {
	return &stoker.Error{
		Kind: stoker.Invalid, Type: "StackValidationFailed",
		Message: fmt.Sprintf("The Resource Type (%s) could not be found.", t),
		Path:    "resources." + string(name),
		Hint:    "stoker resource-type list shows the types there are.",
	}
}

func withCause(ctx context.Context) (context.Context, context.CancelCauseFunc) {
	return context.WithCancelCause(ctx)
}

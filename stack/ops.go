package stack

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/hot"
)

// Input is what a user hands in to create or update a stack.
type Input struct {
	Project stoker.ProjectID
	Name    string
	Owner   string // who asks, for people
	Spec    stoker.StackSpec
	// DisableRollback keeps what was made of an operation that fails.
	DisableRollback bool
	Timeout         time.Duration // of the operation; 0: Limits.Timeout
	Tags            []string
	// Converge has an update look at what is there before it compares that with
	// what is wanted, and so replace what has been lost.
	Converge bool
}

var stackName = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_.-]{0,254}$`)

// Create accepts a new stack and gives its record in CREATE_IN_PROGRESS. The
// template is validated before: Invalid says what is wrong where. Exists
// when the project has a living stack of that name; NoCapacity at its limit.
func (e *Engine) Create(ctx context.Context, in Input) (*stoker.Stack, error) {
	st, err := e.draft(ctx, in, stoker.ActionCreate)
	if err != nil {
		return nil, err
	}
	if err := e.room(ctx, in); err != nil {
		return nil, err
	}
	var out *stoker.Stack
	err = e.do(ctx, st.ID, func(o *owner) error {
		err := o.operate(st, stoker.ActionCreate, false)
		out = o.st
		return err
	})
	if stoker.IsKind(err, stoker.Exists) {
		err = stackExists(in.Name)
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}

func stackExists(name string) error {
	return &stoker.Error{Kind: stoker.Exists, Type: "StackExists", Message: fmt.Sprintf("The Stack (%s) already exists.", name)}
}

// room refuses one stack more in a project that has as many as it may have.
func (e *Engine) room(ctx context.Context, in Input) error {
	free := func(tags []string) bool {
		return e.limits.Uncounted != "" && slices.Contains(tags, e.limits.Uncounted)
	}
	if free(in.Tags) {
		return nil
	}
	living, err := e.store.Stacks(ctx, stoker.StackFilter{Project: in.Project, Brief: true})
	living = slices.DeleteFunc(slices.Clone(living), func(st *stoker.Stack) bool { return free(st.Tags) })
	if err == nil && len(living) >= e.limits.Stacks {
		err = &stoker.Error{Kind: stoker.NoCapacity, Type: "RequestLimitExceeded",
			Message: fmt.Sprintf("You have reached the maximum stacks per tenant, %d.", e.limits.Stacks), Hint: "Please delete some stacks."}
	}
	return err
}

// draft makes the record of a new stack and checks what is asked for. Without an
// action nothing will be made of it.
func (e *Engine) draft(ctx context.Context, in Input, action stoker.Action) (*stoker.Stack, error) {
	if !stackName.MatchString(in.Name) {
		return nil, &stoker.Error{Kind: stoker.Invalid, Type: "StackValidationFailed",
			Message: fmt.Sprintf("Invalid stack name %s must contain only alphanumeric or \"_-.\" characters, must start with alpha and must be 255 characters or less.", clip(in.Name))}
	}
	id := stoker.StackID(newID())
	st := &stoker.Stack{
		ID: id, Root: id, Name: in.Name, Project: in.Project, Owner: in.Owner, Spec: in.Spec, Action: action,
		DisableRollback: in.DisableRollback, Timeout: in.Timeout, Tags: in.Tags, Created: now(),
	}
	return st, e.validate(ctx, st)
}

func clip(s string) string {
	if len(s) > 255 {
		return s[:255] + "..."
	}
	return s
}

// Validate checks a template, its environment and parameters as Create does.
func (e *Engine) Validate(ctx context.Context, in Input) error {
	if in.Name == "" {
		in.Name = "validate"
	}
	in.Spec.Admin = true // whether it is right is asked, not who may have it
	_, err := e.draft(ctx, in, "")
	return err
}

// Update accepts a new template for a stack, whole: parameters that are not
// given take their defaults. An operation under way is superseded. Name and
// Project of in do not count.
func (e *Engine) Update(ctx context.Context, id stoker.StackID, in Input) error {
	return e.change(ctx, id, stoker.ActionUpdate, func(st *stoker.Stack) error {
		restored := st.Spec.Restored
		st.Spec = in.Spec
		st.Spec.Restored = restored
		st.DisableRollback = in.DisableRollback
		st.Tags = in.Tags
		st.Phase = phaseFor(in)
		if in.Timeout > 0 {
			st.Timeout = in.Timeout
		}
		return nil
	})
}

// Patch accepts a change: what in does not name keeps its value, parameters in
// clear go back to their defaults (Heat's PATCH).
func (e *Engine) Patch(ctx context.Context, id stoker.StackID, in Input, clear []string) error {
	return e.change(ctx, id, stoker.ActionUpdate, func(st *stoker.Stack) error {
		spec, err := merged(st.Asked(), in.Spec, clear)
		st.Spec = spec
		st.Phase = phaseFor(in)
		if in.Tags != nil {
			st.Tags = in.Tags
		}
		if in.Timeout > 0 {
			st.Timeout = in.Timeout
		}
		return err
	})
}

func phaseFor(in Input) stoker.Phase {
	if in.Converge {
		return stoker.PhaseObserve
	}
	return stoker.PhaseDone
}

func merged(old, in stoker.StackSpec, clear []string) (stoker.StackSpec, error) {
	out := old
	out.Admin = in.Admin
	if in.Template != "" {
		out.Template, out.File = in.Template, in.File
	}
	out.Files = maps.Clone(old.Files)
	if out.Files == nil {
		out.Files = map[string]string{}
	}
	maps.Copy(out.Files, in.Files)
	out.Parameters = mergedMap(old.Parameters, in.Parameters)
	env, err := hot.DecodeEnvironment(old.Environment)
	if err != nil {
		return out, err
	}
	add, err := hot.DecodeEnvironment(in.Environment)
	if err != nil {
		return out, err
	}
	out.Environment = env.Patch(add).Encode()
	for _, name := range clear {
		delete(out.Parameters, name)
		if ps, ok := out.Environment["parameters"].(map[string]any); ok {
			delete(ps, name)
		}
	}
	return out, nil
}

func mergedMap(old, in map[string]any) map[string]any {
	out := maps.Clone(old)
	if out == nil {
		out = map[string]any{}
	}
	maps.Copy(out, in)
	return out
}

// change begins an update or a restoration of a root stack, after validating it.
func (e *Engine) change(ctx context.Context, id stoker.StackID, a stoker.Action, edit func(*stoker.Stack) error) error {
	st, err := e.record(ctx, id, false)
	if err != nil {
		return err
	}
	draft := *st
	if err := edit(&draft); err != nil {
		return err
	}
	if err := e.validateUpdate(ctx, st, &draft); err != nil {
		return err
	}
	return e.do(ctx, id, func(o *owner) error {
		if err := o.updatable(id, a); err != nil {
			return err
		}
		next := *o.st
		if err := edit(&next); err != nil {
			return err
		}
		next.Previous = previousOf(o.st)
		return o.operate(&next, a, false)
	})
}

func (o *owner) updatable(id stoker.StackID, a stoker.Action) error {
	switch {
	case o.st == nil || !o.st.Deleted.IsZero():
		return notStack(string(id))
	case (passing(o.st.Action) || a == stoker.ActionRestore) && o.st.Status == stoker.StatusInProgress:
		return underWay(o.st)
	case o.st.Action == stoker.ActionSuspend:
		return notSupported("Updating a stack when it is suspended")
	case o.st.Action == stoker.ActionDelete:
		return &stoker.Error{Kind: stoker.Invalid, Type: "NotSupported", Message: "Updating a stack when deleting is not supported."}
	case o.st.Parent != "":
		return &stoker.Error{Kind: stoker.Invalid, Type: "NotSupported", Message: "a nested stack is updated through its parent"}
	}
	return nil
}

// previousOf is what an update falls back to: the last spec that was complete.
func previousOf(st *stoker.Stack) *stoker.StackSpec {
	if st.Spec.Template == "" {
		return nil // a creation was rolled back: nothing was ever complete
	}
	if passing(st.Action) {
		return st.Previous // a pass says nothing about a spec
	}
	if st.Status == stoker.StatusComplete {
		spec := st.Spec
		return &spec
	}
	if updating(st.Action) && st.Previous != nil {
		return st.Previous
	}
	return nil
}

// Delete begins the deletion of a stack; it is harmless when that is under way.
func (e *Engine) Delete(ctx context.Context, id stoker.StackID) error {
	return e.do(ctx, id, func(o *owner) error {
		if o.st == nil || !o.st.Deleted.IsZero() {
			return notStack(string(id))
		}
		return o.beginDelete()
	})
}

// record reads a stack without its resources, brief without its specs too.
func (e *Engine) record(ctx context.Context, id stoker.StackID, brief bool) (*stoker.Stack, error) {
	sts, err := e.store.Stacks(ctx, stoker.StackFilter{AllProjects: true, ID: id, Brief: brief})
	if err != nil {
		return nil, err
	}
	if len(sts) == 0 {
		return nil, notStack(string(id))
	}
	return sts[0], nil
}

// Await blocks until no operation of a stack is under way and gives its record,
// without specs, then.
func (e *Engine) Await(ctx context.Context, id stoker.StackID) (*stoker.Stack, error) {
	for {
		st, err := e.record(ctx, id, true)
		if err != nil || st.Status != stoker.StatusInProgress {
			return st, err
		}
		var wait *waiter
		look := command{patient: true, done: make(chan error, 1), run: func(o *owner) error {
			wait = o.wait(true)
			return nil
		}}
		if err := e.command(ctx, id, look); err != nil {
			return nil, err
		}
		if wait.get(ctx); ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
}

// Find gives a living stack by name or ID, or a deleted one by ID.
func (e *Engine) Find(ctx context.Context, project stoker.ProjectID, nameOrID string) (*stoker.Stack, error) {
	for _, f := range []stoker.StackFilter{
		{Project: project, Name: nameOrID, Nested: true},
		{Project: project, ID: stoker.StackID(nameOrID)},
	} {
		sts, err := e.store.Stacks(ctx, f)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(sts, func(st *stoker.Stack) bool { return st.Deleted.IsZero() || f.ID != "" })
		if i >= 0 {
			return sts[i], nil
		}
	}
	return nil, notStack(nameOrID)
}

// Stacks lists stacks.
func (e *Engine) Stacks(ctx context.Context, f stoker.StackFilter) ([]*stoker.Stack, error) {
	return e.store.Stacks(ctx, f)
}

// Groups lists the groups of a project, or of all projects.
func (e *Engine) Groups(ctx context.Context, project stoker.ProjectID, all bool) ([]*stoker.Group, error) {
	sts, err := e.store.Stacks(ctx, stoker.StackFilter{Project: project, AllProjects: all, Nested: true, Brief: true, Oldest: true})
	if err != nil {
		return nil, err
	}
	var out []*stoker.Group
	for _, st := range sts {
		if st.Group == nil {
			continue
		}
		g, err := e.Group(ctx, st.ID)
		if stoker.IsKind(err, stoker.NotFound) {
			continue // deleted meanwhile
		}
		if err != nil {
			return nil, err
		}
		out = append(out, g)
	}
	return out, nil
}

package stack

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/hot"
)

// The hooks: where an environment can have a resource wait for a person.
const (
	preCreate  = "pre-create"
	postCreate = "post-create"
	preUpdate  = "pre-update"
	postUpdate = "post-update"
	preDelete  = "pre-delete"
	postDelete = "post-delete"
)

// hookKey names one hook of one resource.
type hookKey struct {
	id   stoker.ResourceID
	hook string
}

// settings is the stack's environment, where it says anything about single
// resources; nil where it does not.
func (o *owner) settings() *hot.Environment {
	if o.run != nil && o.run.graph.env != nil {
		return o.run.graph.env
	}
	raw := o.st.Asked().Environment
	registry, _ := raw["resource_registry"].(map[string]any)
	if registry["resources"] == nil {
		return nil
	}
	env, err := hot.DecodeEnvironment(raw)
	if err != nil {
		return nil // it was refused long ago
	}
	return env
}

func (o *owner) hooked(name stoker.ResourceName, hook string) bool {
	env := o.settings()
	return env != nil && slices.Contains(env.Hooks(string(name)), hook)
}

// waitsAt tells whether a resource must wait at a hook, and makes it wait: the
// hook is recorded, so that it holds over a restart, and told once.
func (o *owner) waitsAt(row *stoker.Resource, hook string, a stoker.Action) bool {
	key := hookKey{row.ID, hook}
	switch {
	case o.cleared[key]:
		delete(o.cleared, key)
		return false
	case !o.hooked(row.Name, hook):
		return false
	case row.Hook == hook:
		return true
	}
	row = o.saveRow(row, func(r *stoker.Resource) { r.Hook = hook })
	o.rowEvent(row, fmt.Sprintf("%s paused until Hook %s is cleared", a, hook))
	return true
}

// hookAfter is the hook behind a creation or an update.
func hookAfter(a stoker.Action) string { return "post-" + strings.ToLower(string(a)) }

// createRecorded makes a resource that waited before it was made, once its hook is
// cleared.
func (o *owner) createRecorded(n *nodeRun, row *stoker.Resource, w *wanted) {
	if row.Hook == preCreate && o.hooked(row.Name, preCreate) {
		return
	}
	row = o.saveRow(row, func(r *stoker.Resource) {
		r.Action, r.Status, r.Hook = stoker.ActionCreate, stoker.StatusInProgress, ""
		r.Properties, r.Metadata, r.Requires, r.DeletionPolicy = w.props, w.metadata, w.requires, w.deletion
	})
	o.rowEvent(row, stateChanged)
	o.start(n, row, w, doCreate)
}

// UnsetHook lets a resource go on that waits at a hook. Invalid when it does not.
func (e *Engine) UnsetHook(ctx context.Context, id stoker.StackID, name stoker.ResourceName, hook string) error {
	return e.do(ctx, id, func(o *owner) error {
		if o.st == nil || !o.st.Deleted.IsZero() {
			return notStack(string(id))
		}
		if len(o.rows.byName[name]) == 0 {
			return notResource(name, o.st.Name)
		}
		return o.unsetHook(name, hook)
	})
}

func (o *owner) unsetHook(name stoker.ResourceName, hook string) error {
	if !slices.Contains([]string{preCreate, postCreate, preUpdate, postUpdate, preDelete, postDelete}, hook) {
		return noHook("Invalid hook type %q for resource %q", hook, name)
	}
	for _, row := range o.rows.byName[name] {
		if row.Hook != hook {
			continue
		}
		row = o.saveRow(row, func(r *stoker.Resource) { r.Hook = "" })
		o.rowEvent(row, fmt.Sprintf("Hook %s is cleared", hook))
		if hook == preUpdate || hook == preDelete {
			o.cleared[hookKey{row.ID, hook}] = true
		}
		if o.run != nil && growing(o.st) {
			if n := o.run.nodes[name]; n != nil && !n.settled {
				o.run.ready = append(o.run.ready, n)
			}
		}
		return o.accept(o.st)
	}
	return noHook("The %q hook is not defined on resource %q", hook, name)
}

func noHook(format string, args ...any) error {
	return &stoker.Error{Kind: stoker.Invalid, Type: "InvalidBreakPointHook", Message: fmt.Sprintf(format, args...)}
}

// restricted says that an environment keeps a resource from being changed or
// replaced.
func (o *owner) restricted(name stoker.ResourceName, v verdict) error {
	env := o.settings()
	if env == nil {
		return nil
	}
	actions := env.RestrictedActions(string(name))
	for verb, word := range map[Verb]string{Change: "update", Replace: "replace"} {
		if v.verb == verb && slices.Contains(actions, word) && (verb == Replace || len(v.changed) > 0) {
			return &stoker.Error{Kind: stoker.Forbidden, Type: "ResourceActionRestricted", Path: "resources." + string(name),
				Message: word + " is restricted for resource."}
		}
	}
	return nil
}

// refuseNode fails a run for a resource that is well, and stays as it is.
func (o *owner) refuseNode(row *stoker.Resource, err error) {
	told := *row
	told.Action, told.Status = stoker.ActionUpdate, stoker.StatusFailed
	o.rowEvent(&told, o.reason(err))
	if o.run.failed == nil {
		o.run.failed = resourceFailed(stoker.ActionUpdate, err)
		o.run.breakOff(errAborted)
	}
}

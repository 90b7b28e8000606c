package stack

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/value"
)

// Verb is what a plan does to a resource.
type Verb string

// The verbs.
const (
	Keep    Verb = "keep"
	Make    Verb = "create"
	Change  Verb = "update"
	Replace Verb = "replace"
	Remove  Verb = "delete"
	// Continue goes on with a creation that was interrupted.
	Continue Verb = "continue"
)

// wanted is one resource as the template wants it now.
type wanted struct {
	name     stoker.ResourceName
	kind     *kind
	props    map[string]any
	unknown  []string // properties that cannot be known yet (previews only)
	metadata map[string]any
	policy   map[string]any // update_policy
	requires []stoker.ResourceName
	deletion string
	// since is when the update began, for a type that every update makes anew.
	since time.Time
	// external is the physical ID of something that exists already and is only
	// referred to (external_id).
	external stoker.PhysicalID
}

// verdict is a verb with its reason.
type verdict struct {
	verb    Verb
	changed []string // properties, sorted; "metadata" too
	err     error
}

// decide compares a record, which may be nil, with what is wanted. It is the
// one place that says what happens to a resource: previews and runs ask it.
func decide(cur *stoker.Resource, w *wanted) verdict {
	switch {
	case cur == nil:
		return verdict{verb: Make}
	case w.external != "" && cur.PhysicalID != w.external && cur.PhysicalID != "":
		return verdict{verb: Replace, err: &stoker.Error{Kind: stoker.Invalid, Type: "NotSupported",
			Path: "resources." + string(w.name) + ".external_id", Message: "the external ID of a resource cannot be changed"}}
	case w.external != "":
		return verdict{verb: Keep}
	case cur.Type != w.kind.name && (cur.Child == "" || !w.kind.nested()):
		return verdict{verb: Replace, changed: []string{"type"}}
	case cur.Action == stoker.ActionDelete || cur.Action == stoker.ActionSuspend && !w.kind.nested():
		return verdict{verb: Replace}
	case cur.Action == stoker.ActionInit:
		return verdict{verb: Continue}
	case w.kind.nested():
		return decideNested(cur, w)
	case cur.Status == stoker.StatusFailed, cur.Created.Before(w.since):
		return verdict{verb: Replace}
	case cur.Status == stoker.StatusInProgress && cur.Action == stoker.ActionCreate:
		return verdict{verb: Continue}
	}
	v := diff(cur, w)
	if v.verb == Keep && cur.Status == stoker.StatusInProgress && !passing(cur.Action) {
		v.verb = Change // an interrupted update is applied again
	}
	return v
}

// decideNested: a nested stack is never replaced; it decides for itself what
// changes inside, and is asked whenever something could have. Members of a group,
// which may be a thousand, are asked only if what they are made from differs.
func decideNested(cur *stoker.Resource, w *wanted) verdict {
	if cur.Status == stoker.StatusInProgress && cur.Action == stoker.ActionCreate {
		return verdict{verb: Continue}
	}
	if cur.Status == stoker.StatusFailed && cur.Data[sickKey] == true {
		return verdict{verb: Replace}
	}
	v := diff(cur, w)
	same := w.kind.source != "" && cur.Data[sourceKey] == w.kind.source
	if same && v.verb == Keep && cur.Status == stoker.StatusComplete {
		return v
	}
	return verdict{verb: Change, changed: v.changed}
}

// sourceKey is where a record keeps kind.source.
const sourceKey = "source"

func diff(cur *stoker.Resource, w *wanted) verdict {
	schema := w.kind.schema
	props, metadata := applied(cur, w)
	v := verdict{verb: Keep, changed: changedKeys(props, w.props)}
	for _, name := range w.unknown {
		if !slices.Contains(v.changed, name) {
			v.changed = append(v.changed, name)
		}
	}
	slices.Sort(v.changed)
	for _, name := range v.changed {
		p := schema.Properties[name]
		switch {
		case p == nil && schema.AnyProperty:
			continue
		case p != nil && p.Immutable:
			return verdict{verb: Replace, changed: v.changed, err: &stoker.Error{
				Kind: stoker.Invalid, Type: "NotSupported",
				Path:    fmt.Sprintf("resources.%s.properties.%s", w.name, name),
				Message: "the property cannot be changed",
			}}
		case p == nil || !p.Update || !w.kind.updates():
			v.verb = Replace
		case v.verb == Keep:
			v.verb = Change
		}
	}
	if v.verb == Keep && !sameMap(metadata, w.metadata) {
		v = verdict{verb: Change, changed: []string{"metadata"}}
	}
	return v
}

// applied gives what a resource was made with, as far as it differs from what
// is wanted. After an interrupted update nobody knows which of the old and the new values
// hold: where either differs from what is wanted, that one is given, so that
// it is changed.
func applied(cur *stoker.Resource, w *wanted) (props, metadata map[string]any) {
	if cur.Action != stoker.ActionUpdate || cur.Status != stoker.StatusInProgress || cur.OldProperties == nil {
		return cur.Properties, cur.Metadata
	}
	metadata = cur.OldMetadata
	if !sameMap(cur.Metadata, w.metadata) {
		metadata = cur.Metadata
	}
	return mixed(cur.OldProperties, cur.Properties, w.props), metadata
}

func mixed(old, begun, want map[string]any) map[string]any {
	out := maps.Clone(old)
	if out == nil {
		out = map[string]any{}
	}
	for _, k := range changedKeys(begun, want) {
		if v, ok := begun[k]; ok {
			out[k] = v
		} else {
			delete(out, k)
		}
	}
	return out
}

func changedKeys(old, now map[string]any) []string {
	var out []string
	for k, v := range now {
		if o, ok := old[k]; !ok && v != nil || ok && !value.Equal(o, v) {
			out = append(out, k)
		}
	}
	for k, v := range old {
		if _, ok := now[k]; !ok && v != nil {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return out
}

func sameMap(a, b map[string]any) bool {
	return len(a) == 0 && len(b) == 0 || maps.EqualFunc(a, b, value.Equal)
}

// choose picks the record of a name that can serve what is wanted: the newest
// that need not be replaced, so that a rollback goes back to the old incarnation
// instead of making a third. A creation under way that was begun for something
// else serves only if nothing older does: a rollback must not wait for it.
func choose(named []*stoker.Resource, w *wanted) (*stoker.Resource, verdict) {
	var newest, begun *stoker.Resource
	var first verdict
	for _, r := range slices.Backward(named) {
		v := decide(r, w)
		switch {
		case v.verb == Continue && begun == nil && !begunFor(r, w):
			begun = r
			continue
		case v.verb != Replace && v.err == nil:
			return r, v
		}
		if newest == nil {
			newest, first = r, v
		}
	}
	switch {
	case begun != nil:
		return begun, decide(begun, w)
	case newest == nil:
		return nil, decide(nil, w)
	}
	return newest, first
}

// begunFor tells whether a creation under way makes what is wanted now. A nested
// stack is told what that is.
func begunFor(r *stoker.Resource, w *wanted) bool {
	return w.kind.nested() || sameMap(r.Properties, w.props)
}

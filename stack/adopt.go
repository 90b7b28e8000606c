package stack

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/stoker-project/stoker"
)

// Adopt makes a stack of what was left of one that the project abandoned, and gives its
// record in ADOPT_IN_PROGRESS. data is what Abandon gave; what in.Spec has counts before
// that. The stack has the ID of the old one. Resources are taken as they run: what data or
// template want otherwise comes with the next update. Invalid says what of data does not
// fit, Conflict that a stack has it; then nothing is touched.
func (e *Engine) Adopt(ctx context.Context, in Input, data map[string]any) (*stoker.Stack, error) {
	was, rs, err := e.left(ctx, in.Project, data)
	if err != nil {
		return nil, err
	}
	if in.Spec, err = merged(Exported(data), in.Spec, nil); err != nil {
		return nil, err
	}
	st, err := e.draft(ctx, in, stoker.ActionAdopt)
	if err != nil {
		return nil, err
	}
	st.ID, st.Root, st.Generation = was.ID, was.ID, was.Generation
	g, err := e.compileSpec(st)
	if err != nil {
		return nil, err
	}
	c, err := claimed(g, newRows(rs), data)
	if err != nil {
		return nil, err
	}
	if err := e.checkInside(ctx, rs, data, c, adoptData); err != nil {
		return nil, err
	}
	if err := e.room(ctx, in); err != nil {
		return nil, err
	}
	var out *stoker.Stack
	err = e.do(ctx, st.ID, func(o *owner) error {
		if o.st == nil || !o.st.Abandoned() || o.st.Generation != st.Generation {
			return owned(in.Name)
		}
		spec := st.Spec
		st.Previous = &spec
		err := o.takeBack(st, c)
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

// adoptData is where errors say that the data is wrong.
const adoptData = "adopt_stack_data"

func badData(path, format string, args ...any) error {
	return &stoker.Error{Kind: stoker.Invalid, Type: "StackValidationFailed", Path: path, Message: fmt.Sprintf(format, args...)}
}

func owned(name string) error {
	return &stoker.Error{Kind: stoker.Conflict, Type: "ActionInProgress", Path: adoptData + ".id",
		Message: fmt.Sprintf("the stack %s has these resources", name), Hint: "A stack is adopted after it was abandoned."}
}

// left finds what data stands for.
func (e *Engine) left(ctx context.Context, project stoker.ProjectID, data map[string]any) (*stoker.Stack, []*stoker.Resource, error) {
	id, _ := data["id"].(string)
	if id == "" {
		return nil, nil, badData(adoptData+".id", "the ID of the stack that was abandoned is missing")
	}
	st, rs, err := e.store.Stack(ctx, stoker.StackID(id))
	switch {
	case err != nil && !stoker.IsKind(err, stoker.NotFound):
		return nil, nil, err
	case err == nil && st.Project == project && st.Deleted.IsZero():
		return nil, nil, owned(st.Name)
	case err != nil || st.Project != project || !st.Abandoned() || st.Parent != "":
		err := badData(adoptData+".id", "no stack %q was abandoned here by this project", id).(*stoker.Error)
		err.Hint = "Only what this Stoker has made can be adopted: the resources of another Heat are not known to its drivers."
		return nil, nil, err
	}
	return st, rs, nil
}

// claims say what becomes of the records of an abandoned stack.
type claims struct {
	names map[stoker.ResourceName]stoker.ResourceName // old to new
	keep  map[stoker.ResourceName]bool                // old names; the others are let alone for good
}

// entries are the resources in an export, each of them a map.
func entries(data map[string]any, path string) (map[string]map[string]any, error) {
	all, ok := data["resources"].(map[string]any)
	if !ok {
		return nil, badData(path+".resources", "the resources must be a map")
	}
	out := make(map[string]map[string]any, len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if out[name], ok = all[name].(map[string]any); !ok {
			return nil, badData(path+".resources."+name, "the resource must be a map")
		}
	}
	return out, nil
}

// claimed finds for every resource of a template the record of what it stands for: that of
// its name, or, when it was renamed, that of its resource_id. Pure.
func claimed(g *graph, rs *rows, data map[string]any) (claims, error) {
	c := claims{map[stoker.ResourceName]stoker.ResourceName{}, map[stoker.ResourceName]bool{}}
	all, err := entries(data, adoptData)
	if err != nil {
		return c, err
	}
	for _, n := range g.nodes {
		path := adoptData + ".resources." + string(n.name)
		entry, there := all[string(n.name)]
		if !there {
			return c, badData(path, "the template has a resource that the data has not")
		}
		r, err := recordOf(rs, n.name, entry, path)
		if err != nil {
			return c, err
		}
		if r.Type != n.kind.name && (r.Child == "" || !n.kind.nested()) {
			return c, badData(path+".type", "it is %s, and the template wants %s", r.Type, n.kind.name)
		}
		if c.keep[r.Name] {
			return c, badData(path+".resource_id", "two resources of the template are the same")
		}
		c.names[r.Name], c.keep[r.Name] = n.name, true
	}
	for name := range all { // what the template has no more leaves with the next update
		if rs.current(stoker.ResourceName(name)) != nil && g.named[stoker.ResourceName(name)] == nil {
			c.keep[stoker.ResourceName(name)] = true
		}
	}
	return c, nil
}

func recordOf(rs *rows, name stoker.ResourceName, entry map[string]any, path string) (*stoker.Resource, error) {
	id, _ := entry["resource_id"].(string)
	kind, _ := entry["type"].(string)
	found := rs.current(name)
	if found == nil || id != "" && string(found.PhysicalID) != id {
		found = nil
		for _, r := range rs.all() {
			if id != "" && string(r.PhysicalID) == id {
				found = r
			}
		}
	}
	switch {
	case found == nil && id == "":
		return nil, badData(path+".resource_id", "Resource ID was not provided.")
	case found == nil:
		return nil, badData(path+".resource_id", "the stack that was abandoned had no resource %q", id)
	case kind != "" && kind != string(found.Type):
		return nil, badData(path+".type", "the resource is %s, not %s", found.Type, kind)
	}
	return found, nil
}

// checkInside makes sure that the stacks nested in what is kept are there, and that data
// has all of what is in them.
func (e *Engine) checkInside(ctx context.Context, rs []*stoker.Resource, data map[string]any, c claims, path string) error {
	all, err := entries(data, path)
	if err != nil {
		return err
	}
	for _, r := range rs {
		name := r.Name
		if now, ok := c.names[name]; ok {
			name = now
		}
		entry, there := all[string(name)]
		at := path + ".resources." + string(name)
		switch {
		case c.keep != nil && !c.keep[r.Name]:
			continue
		case !there:
			return badData(at, "the resource was in the nested stack that was abandoned, and the data has it not")
		case r.Child == "":
			continue
		}
		child, inside, err := e.store.Stack(ctx, r.Child)
		switch {
		case stoker.IsKind(err, stoker.NotFound) && !stable(r):
			continue // it was never made
		case stoker.IsKind(err, stoker.NotFound) || err == nil && !child.Abandoned():
			return badData(at, "the nested stack %s was not abandoned with its parent", r.Child)
		case err != nil:
			return err
		}
		if err := e.checkInside(ctx, inside, entry, claims{}, at); err != nil {
			return err
		}
	}
	return nil
}

// takeBack makes an abandoned stack one that lives; when that cannot be stored,
// nothing has changed.
func (o *owner) takeBack(next *stoker.Stack, c claims) error {
	before := o.rows
	var kept []*stoker.Resource
	for _, r := range before.all() {
		if c.keep != nil && !c.keep[r.Name] {
			o.pending.Forget = append(o.pending.Forget, r.ID)
			continue
		}
		row := *r
		if name, ok := c.names[r.Name]; ok {
			row.Name = name
		}
		row.Requires = slices.Clone(r.Requires)
		for i, name := range row.Requires {
			if now, ok := c.names[name]; ok {
				row.Requires[i] = now
			}
		}
		if taken(r) {
			row.Action, row.Status, row.StatusReason = stoker.ActionAdopt, stoker.StatusInProgress, ""
		}
		kept = append(kept, &row)
	}
	o.rows, o.pending.Resources = newRows(kept), kept
	err := o.operate(next, stoker.ActionAdopt, false)
	if err != nil {
		o.rows, o.pending = before, stoker.Batch{}
	}
	return err
}

// taken tells whether a resource is adopted as well. What has failed is replaced by the
// next update, or goes with it; a nested stack decides for itself.
func taken(r *stoker.Resource) bool {
	if r.Child != "" {
		return r.Action != stoker.ActionDelete && r.Action != stoker.ActionInit
	}
	return made(r) && stable(r)
}

// beginAdopt has a nested stack taken back with its parent; it is harmless when that was
// done, or is under way.
func (o *owner) beginAdopt(as stoker.ResourceName) error {
	st := o.st
	switch {
	case st == nil || st.Deleted.IsZero():
		return nil // never made, or adopted already
	case !st.Abandoned():
		return notStack(string(o.id))
	}
	next := living(st)
	next.ParentResource = as
	return o.takeBack(next, claims{})
}

// living is a copy of an abandoned stack's record that lives again.
func living(st *stoker.Stack) *stoker.Stack {
	next := *st
	if st.Abandoned() {
		next.Phase, next.Deleted = stoker.PhaseDone, time.Time{}
	}
	return &next
}

package stack

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stoker-project/stoker"
)

// A snapshot may hold what resources keep beside their stack, like an image of a server. It
// is kept under a key that follows from the snapshot and the resource. The snapshot's
// record has the keys before anything is kept, so that nothing is left over and nothing is
// kept twice, whatever happens in between. As in Heat, nested stacks keep nothing.

// In a snapshot's data, keptKey holds for a resource the key, and what its type has told.
const (
	keptKey   = "kept"
	keptName  = "key"
	keptWords = "data"
)

func keyOf(s stoker.SnapshotID, r stoker.ResourceID) string { return string(s) + "." + string(r) }

// leavingKey is the key of what a resource keeps when it goes, for good.
func leavingKey(r stoker.ResourceID) string { return "deleted." + string(r) }

// snapshotter gives a type as one that keeps what its resources hold; nil if it, or its
// driver, cannot.
func snapshotter(t stoker.ResourceType) stoker.Snapshotter {
	if s, ok := t.(stoker.Snapshotter); ok && s.Snapshots() {
		return s
	}
	return nil
}

// intend notes in a snapshot's data what will be kept for it.
func (o *owner) intend(s *stoker.Snapshot) {
	s.Data = export(o.st, o.rows.all())
	resources, _ := s.Data["resources"].(map[string]any)
	for name := range resources {
		row := o.rows.current(stoker.ResourceName(name))
		if row == nil || snapshotter(o.e.types[row.Type]) == nil || row.Data[externalKey] == true || !made(row) || !stable(row) {
			continue
		}
		resources[name].(map[string]any)[keptKey] = map[string]any{keptName: keyOf(s.ID, row.ID)}
	}
}

// kept is what a snapshot holds of one resource.
type kept struct {
	name stoker.ResourceName
	typ  stoker.TypeName
	key  string
	data map[string]any // nil until it is kept
}

// keeps lists what a snapshot holds, or is to, by the resources' names.
func keeps(data map[string]any) []kept {
	resources, _ := data["resources"].(map[string]any)
	var out []kept
	for _, name := range slices.Sorted(maps.Keys(resources)) {
		r, _ := resources[name].(map[string]any)
		k, ok := r[keptKey].(map[string]any)
		if !ok {
			continue
		}
		typ, _ := r["type"].(string)
		key, _ := k[keptName].(string)
		words, _ := k[keptWords].(map[string]any)
		out = append(out, kept{stoker.ResourceName(name), stoker.TypeName(typ), key, words})
	}
	return out
}

// Kept gives what types have told of what a snapshot holds of resources, for people: hidden
// parameters are hidden.
func (e *Engine) Kept(data map[string]any) map[stoker.ResourceName]map[string]any {
	spec := Exported(data)
	hidden := e.hiddenOf(&stoker.Stack{}, &spec)
	out := map[stoker.ResourceName]map[string]any{}
	for _, k := range keeps(data) {
		shown := make(map[string]any, len(k.data))
		for name, v := range k.data {
			if text, ok := v.(string); ok {
				v = hidden.Hide(text)
			}
			shown[name] = v
		}
		out[k.name] = shown
	}
	return out
}

// keepingGraph has the resources of which something is to be kept.
func (o *owner) keepingGraph() *graph {
	g := &graph{}
	if o.taking == nil {
		return g
	}
	for _, k := range keeps(o.taking.Data) {
		g.nodes = append(g.nodes, &node{name: k.name, kind: &kind{name: k.typ, impl: o.e.types[k.typ]}})
	}
	return g
}

// keepNode has a worker keep what a resource holds.
func (o *owner) keepNode(n *nodeRun) {
	row, impl := o.rows.current(n.name), snapshotter(n.kind.impl)
	var err error
	switch {
	case row == nil || !made(row):
		err = stoker.Errorf(stoker.NotFound, "it is gone")
	case impl == nil:
		err = stoker.Errorf(stoker.Invalid, "%s keeps nothing any more", n.kind.name)
	}
	if err != nil {
		o.missed(n, row, located(err, n.name))
		return
	}
	key := keyOf(o.taking.ID, row.ID)
	ctx, cancel := withCause(o.base)
	o.track(row.ID, &work{node: n, run: o.run, cancel: cancel, acting: true, key: key})
	req := o.keepRequest(row)
	o.launch = append(o.launch, func() {
		o.e.tasks.Go(func() {
			data, err := impl.TakeSnapshot(ctx, req, key)
			if err != nil && ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			o.send(result{id: row.ID, res: stoker.Result{Data: data}, err: err})
		})
	})
}

// keepRequest tells a type also what the resource itself was restored from.
func (o *owner) keepRequest(row *stoker.Resource) *stoker.Request {
	req := o.request(row, nil)
	if v, ok := o.st.Spec.Restored[string(row.Name)].(map[string]any); ok {
		req.Data = mergedMap(req.Data, map[string]any{stoker.RestoredKey: v[keptWords]})
	}
	return req
}

// keptOne notes the end of that. What a newer operation has broken off is dropped by it, or
// with the snapshot.
func (o *owner) keptOne(w *work, row *stoker.Resource, r result) {
	switch {
	case w.run != o.run || o.run.stopping || o.base.Err() != nil:
	case r.err != nil:
		o.missed(w.node, row, located(r.err, row.Name))
	default:
		o.noteKept(row.Name, r.res.Data)
		o.settle(w.node, row)
	}
}

func (o *owner) noteKept(name stoker.ResourceName, data map[string]any) {
	if o.told == nil {
		o.told = map[stoker.ResourceName]map[string]any{}
	}
	o.told[name] = data
}

// whole puts what was kept into a snapshot's data.
func (o *owner) whole(s *stoker.Snapshot) map[string]any {
	data := export(o.st, o.rows.all())
	resources, _ := data["resources"].(map[string]any)
	for _, k := range keeps(s.Data) {
		if r, ok := resources[string(k.name)].(map[string]any); ok {
			r[keptKey] = map[string]any{keptName: k.key, keptWords: o.told[k.name]}
		}
	}
	o.told = nil
	return data
}

// dropKept removes what a snapshot holds, or was to.
func (e *Engine) dropKept(ctx context.Context, s *stoker.Snapshot) error {
	for _, k := range keeps(s.Data) {
		t, ok := e.types[k.typ].(stoker.Snapshotter)
		if !ok {
			continue // there is no driver for it any more
		}
		if err := t.DropSnapshot(ctx, k.key); err != nil {
			return located(err, k.name)
		}
	}
	return nil
}

// dropLater does the same when nobody waits for it. What stays is dropped with the
// snapshot's record.
func (o *owner) dropLater(s *stoker.Snapshot) {
	if len(keeps(s.Data)) == 0 {
		return
	}
	o.afterStore(func() {
		o.e.tasks.Go(func() {
			if err := o.e.dropKept(o.e.base, s); err != nil && o.e.base.Err() == nil {
				o.e.log.Warn("what a failed snapshot has kept stays until the snapshot is deleted", "stack", s.Stack, "snapshot", s.ID, "err", err)
			}
		})
	})
}

// dropAll removes what all snapshots of a stack that goes hold, beside its run. It is
// true when that is done.
func (o *owner) dropAll() bool {
	r := o.run
	if r.dropping || o.st.Parent != "" {
		return true
	}
	r.dropping = true
	list, err := o.e.store.Snapshots(o.base, o.id, false)
	if err != nil {
		r.failed = err
		return false
	}
	list = slices.DeleteFunc(list, func(s *stoker.Snapshot) bool { return len(keeps(s.Data)) == 0 })
	if len(list) == 0 {
		return true
	}
	o.aside(r, func(ctx context.Context) error {
		for _, s := range list {
			if err := o.e.dropKept(ctx, s); err != nil {
				return fmt.Errorf("drop snapshot %s: %w", s.ID, err)
			}
		}
		return nil
	})
	return false
}

// leavingKept is set in the record of a resource whose deletion is to keep what it holds.
const leavingKept = "keep"

// keepsLeaving tells whether the deletion of a resource keeps what it holds: what
// has failed is not kept, as in Heat.
func keepsLeaving(row *stoker.Resource, t stoker.ResourceType) bool {
	if row.Action == stoker.ActionDelete {
		return row.Data[leavingKept] == true
	}
	return row.DeletionPolicy == "Snapshot" && made(row) && stable(row) && snapshotter(t) != nil
}

// deleteKeeping keeps what a resource holds, and deletes it then. What is not there any
// more cannot be kept.
func deleteKeeping(ctx context.Context, t stoker.ResourceType, req *stoker.Request) (stoker.Result, error) {
	var res stoker.Result
	if s := snapshotter(t); s != nil {
		data, err := s.TakeSnapshot(ctx, req, leavingKey(req.ID))
		if err != nil && !stoker.IsKind(err, stoker.NotFound) {
			return res, err
		}
		res.Data = data
	}
	return res, t.Delete(ctx, req)
}

// keptReason tells people what a deletion has kept.
func (o *owner) keptReason(data map[string]any) string {
	if len(data) == 0 {
		return stateChanged
	}
	return o.e.secrets(o.base, o.st).Hide(stateChanged + ", kept " + string(mustJSON(data)))
}

// restoredFrom gives for resources what a snapshot holds of them.
func restoredFrom(data map[string]any) map[string]any {
	out := map[string]any{}
	for _, k := range keeps(data) {
		out[string(k.name)] = map[string]any{keptName: k.key, keptWords: k.data}
	}
	return out
}

// users lists the resources that were restored from a snapshot, now or before the
// last operation.
func users(st *stoker.Stack, id stoker.SnapshotID) []string {
	out := map[string]bool{}
	specs := []stoker.StackSpec{st.Spec}
	if st.Previous != nil {
		specs = append(specs, *st.Previous)
	}
	for _, spec := range specs {
		for name, v := range spec.Restored {
			k, _ := v.(map[string]any)
			if key, _ := k[keptName].(string); strings.HasPrefix(key, string(id)+".") {
				out[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(out))
}

// restore gives a resource that was restored the properties to begin with.
func (w *wanted) restore(spec stoker.StackSpec) {
	v, _ := spec.Restored[string(w.name)].(map[string]any)
	data, _ := v[keptWords].(map[string]any)
	if s, ok := w.kind.impl.(stoker.Snapshotter); ok && data != nil {
		w.props = s.Restored(w.props, data)
	}
}

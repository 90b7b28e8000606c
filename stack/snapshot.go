package stack

import (
	"context"
	"fmt"
	"strings"

	"github.com/stoker-project/stoker"
)

// Snapshot begins to take a snapshot of a stack, which keeps what is wanted of it
// and what is there, images of servers for one, and gives its record. Resources are left as
// they are. Conflict while
// an operation is under way; NoCapacity at the limit.
func (e *Engine) Snapshot(ctx context.Context, id stoker.StackID, name string) (*stoker.Snapshot, error) {
	s := &stoker.Snapshot{ID: stoker.SnapshotID(newID()), Stack: id, Name: name, Status: stoker.StatusInProgress, Created: now()}
	err := e.do(ctx, id, func(o *owner) error {
		if err := o.snapshottable(); err != nil {
			return err
		}
		return o.beginTaking(s)
	})
	if err != nil {
		return nil, err
	}
	begun := *s
	begun.Data = nil // not what it will be
	return &begun, nil
}

func (o *owner) snapshottable() error {
	st := o.st
	switch {
	case st == nil || !st.Deleted.IsZero():
		return notStack(string(o.id))
	case st.Status == stoker.StatusInProgress:
		return underWay(st)
	case st.Parent != "":
		return notSupported("%s of a nested stack without its parent", stoker.ActionSnapshot)
	case st.Action == stoker.ActionDelete, suspended(st) && st.State() != "RESUME_COMPLETE":
		return notSupported("Snapshot of a stack that is %s", st.State())
	}
	there, err := o.e.store.Snapshots(o.base, o.id, true)
	if most := o.e.limits.Snapshots; err == nil && most >= 0 && len(there) >= most {
		return &stoker.Error{Kind: stoker.NoCapacity, Type: "RequestLimitExceeded",
			Message: fmt.Sprintf("You have reached the maximum snapshots per stack, %d.", most), Hint: "Please delete some snapshots."}
	}
	return err
}

// beginTaking records the intent in one write: the snapshot and the stack's state.
func (o *owner) beginTaking(s *stoker.Snapshot) error {
	o.intend(s)
	next, before := *o.st, o.pending.Snapshots
	next.Previous = previousOf(o.st)
	o.pending.Snapshots = append(before[:len(before):len(before)], s)
	if err := o.operate(&next, stoker.ActionSnapshot, false); err != nil {
		o.pending.Snapshots = before
		return err
	}
	o.taking = s
	return nil
}

// recallTaking finds the snapshot that another owner had begun.
func (o *owner) recallTaking(ctx context.Context) error {
	if !under(o.st, stoker.ActionSnapshot) {
		return nil
	}
	there, err := o.e.store.Snapshots(ctx, o.id, false)
	for _, s := range there {
		if s.Status == stoker.StatusInProgress {
			o.taking = s
		}
	}
	return err
}

// takeSnapshot fills the snapshot that is under way.
func (o *owner) takeSnapshot() {
	if o.taking == nil {
		return
	}
	full := *o.taking
	full.Data = o.whole(o.taking)
	o.taking = &full
	o.endTaking(stoker.StatusComplete, fmt.Sprintf("Stack %s completed successfully", stoker.ActionSnapshot))
}

// endTaking records the end of the snapshot that is under way, if one is.
func (o *owner) endTaking(status stoker.Status, reason string) {
	if o.taking == nil {
		return
	}
	s := *o.taking
	s.Status, s.StatusReason = status, reason
	o.pending.Snapshots = append(o.pending.Snapshots, &s)
	o.taking, o.told = nil, nil
	if status == stoker.StatusFailed {
		o.dropLater(&s)
	}
}

// Snapshots lists a stack's snapshots, the oldest first.
func (e *Engine) Snapshots(ctx context.Context, id stoker.StackID) ([]*stoker.Snapshot, error) {
	return e.store.Snapshots(ctx, id, false)
}

// SnapshotOf gives one snapshot of a stack. NotFound if it has none of that ID.
func (e *Engine) SnapshotOf(ctx context.Context, st *stoker.Stack, id stoker.SnapshotID) (*stoker.Snapshot, error) {
	list, err := e.store.Snapshots(ctx, st.ID, false)
	if err != nil {
		return nil, err
	}
	for _, s := range list {
		if s.ID == id {
			return s, nil
		}
	}
	return nil, notSnapshot(id, st)
}

func notSnapshot(id stoker.SnapshotID, st *stoker.Stack) error {
	return &stoker.Error{Kind: stoker.NotFound, Type: "SnapshotNotFound",
		Message: fmt.Sprintf("The Snapshot (%s) for Stack (%s) could not be found.", id, st.Name)}
}

// DeleteSnapshot removes a snapshot, and what is kept for it. Conflict while an operation of
// the stack is under way, or resources that were restored from it need it. When
// something cannot be removed the snapshot is FAILED, and can be deleted again.
func (e *Engine) DeleteSnapshot(ctx context.Context, st *stoker.Stack, id stoker.SnapshotID) error {
	var found *stoker.Snapshot
	err := e.do(ctx, st.ID, func(o *owner) (err error) {
		if found, err = o.deletable(st, id); err != nil || len(keeps(found.Data)) == 0 {
			return err
		}
		if err := o.unneeded(id); err != nil {
			return err
		}
		failed := *found
		failed.Status, failed.StatusReason = stoker.StatusFailed, "Its deletion has begun"
		return o.commitSnapshots(func(b *stoker.Batch) { b.Snapshots = append(b.Snapshots[:len(b.Snapshots):len(b.Snapshots)], &failed) })
	})
	if err == nil {
		err = e.dropKept(ctx, found)
	}
	if err != nil {
		return err
	}
	return e.do(ctx, st.ID, func(o *owner) error {
		if o.st == nil || !o.st.Deleted.IsZero() {
			return nil // it went with its stack
		}
		return o.commitSnapshots(func(b *stoker.Batch) {
			b.DropSnapshots = append(b.DropSnapshots[:len(b.DropSnapshots):len(b.DropSnapshots)], id)
		})
	})
}

// deletable gives a snapshot that may be deleted.
func (o *owner) deletable(st *stoker.Stack, id stoker.SnapshotID) (*stoker.Snapshot, error) {
	switch {
	case o.st == nil || !o.st.Deleted.IsZero():
		return nil, notSnapshot(id, st)
	case o.st.Status == stoker.StatusInProgress:
		return nil, underWay(o.st)
	}
	there, err := o.e.store.Snapshots(o.base, o.id, false)
	if err != nil {
		return nil, err
	}
	for _, s := range there {
		if s.ID == id {
			return s, nil
		}
	}
	return nil, notSnapshot(id, st)
}

// unneeded refuses when resources were restored from a snapshot: made again, they would
// begin with it again.
func (o *owner) unneeded(id stoker.SnapshotID) error {
	if who := users(o.st, id); len(who) > 0 {
		return &stoker.Error{Kind: stoker.Conflict, Type: "NotSupported",
			Message: fmt.Sprintf("Resources that were restored from the snapshot need it: %s.", strings.Join(who, ", ")),
			Hint:    "Update the stack so that they begin with something else, or delete them."}
	}
	return nil
}

// dropBeforeAbandon removes the snapshots that hold something, since no record of them will be
// left. What resources were restored from stays with them.
func (e *Engine) dropBeforeAbandon(ctx context.Context, st *stoker.Stack) error {
	list, err := e.store.Snapshots(ctx, st.ID, false)
	if err != nil {
		return err
	}
	for _, s := range list {
		if len(keeps(s.Data)) == 0 {
			continue
		}
		err := e.DeleteSnapshot(ctx, st, s.ID)
		if err != nil && !stoker.IsKind(err, stoker.Conflict) && !stoker.IsKind(err, stoker.NotFound) {
			return err
		}
	}
	return nil
}

// commitSnapshots changes snapshots at once; when that cannot be stored, nothing has
// changed.
func (o *owner) commitSnapshots(edit func(*stoker.Batch)) error {
	b := o.takePending()
	edit(&b)
	if err := o.e.store.Commit(o.base, b); err != nil {
		return err
	}
	o.stored(b)
	return nil
}

// Restore begins an update to what was wanted of a stack when a snapshot was
// taken: its template, files, environment and parameters, and resources with what was kept of
// them. It returns when that has begun.
// admin says that an administrator asks.
// Conflict while an operation is under way.
func (e *Engine) Restore(ctx context.Context, st *stoker.Stack, id stoker.SnapshotID, admin bool) error {
	s, err := e.SnapshotOf(ctx, st, id)
	if err != nil {
		return err
	}
	if s.Status != stoker.StatusComplete {
		return notSupported("Restoring a snapshot that is %s", s.Status)
	}
	spec := Exported(s.Data)
	spec.Admin, spec.Restored = admin, restoredFrom(s.Data)
	return e.change(ctx, st.ID, stoker.ActionRestore, func(st *stoker.Stack) error {
		st.Spec = spec
		return nil
	})
}

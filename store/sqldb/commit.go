package sqldb

import (
	"context"
	"encoding/json"

	"github.com/stoker-project/stoker"
)

// Commit stores the batch; see the contract. Records are encoded and sealed in
// the caller's goroutine, the committer only writes.
func (s *Store) Commit(ctx context.Context, b stoker.Batch) error {
	var stack *stackRow
	var err error
	if b.Stack != nil {
		if stack, err = s.encodeStack(b.Stack); err != nil {
			return err
		}
	}
	resources, err := s.encodeResources(b.Resources)
	if err != nil {
		return err
	}
	forget, err := json.Marshal(b.Forget)
	if err != nil {
		return err
	}
	events, err := encodeEvents(b.Events)
	if err != nil {
		return err
	}
	snapshots, err := s.encodeSnapshots(b.Snapshots)
	if err != nil {
		return err
	}
	drop, err := json.Marshal(b.DropSnapshots)
	if err != nil {
		return err
	}
	return s.writer.do(ctx, "store a change", func(t *tx) error {
		if err := t.fence(b); err != nil {
			return err
		}
		if stack != nil {
			if err := t.putStack(stack, b.Lease == (stoker.Lease{})); err != nil {
				return err
			}
		}
		if err := t.insert(insertResource, resourceColumns, replaceResource, resources); err != nil {
			return err
		}
		if err := t.putSnapshots(snapshots, string(drop)); err != nil {
			return err
		}
		if err := t.forget(b, string(forget)); err != nil {
			return err
		}
		t.events = append(t.events, events...)
		return nil
	})
}

// fence holds back those whose lease another has taken; the zero Lease of a new
// stack is looked at by putStack.
func (t *tx) fence(b stoker.Batch) error {
	if b.Lease == (stoker.Lease{}) {
		if b.Stack == nil && len(b.Resources)+len(b.Forget)+len(b.Snapshots)+len(b.DropSnapshots) > 0 {
			return stoker.ErrLeaseLost
		}
		return nil
	}
	var epoch int64
	var holder string
	_, err := t.get("SELECT epoch, holder FROM lease WHERE stack = ?"+t.w.s.d.lockRow,
		[]any{string(b.Lease.Stack)}, &epoch, &holder)
	if err == nil && (epoch == 0 || epoch != b.Lease.Epoch || holder != b.Lease.Holder) {
		return stoker.ErrLeaseLost
	}
	return err
}

const (
	insertStack = `INSERT INTO stack (id, project, name, parent, status, tags, generation, created, deleted, abandoned,
		spec, previous, body, sealed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO `
	replaceStack = `UPDATE SET project = excluded.project, name = excluded.name, parent = excluded.parent,
		status = excluded.status, tags = excluded.tags, generation = excluded.generation,
		created = excluded.created, deleted = excluded.deleted, abandoned = excluded.abandoned, spec = excluded.spec,
		previous = excluded.previous, body = excluded.body, sealed = excluded.sealed
		WHERE stack.generation <= excluded.generation`
)

// putStack inserts or replaces a stack; with fresh it must not be stored yet.
func (t *tx) putStack(row *stackRow, fresh bool) error {
	st := row.stack
	var oldSpec, oldPrevious string
	query := insertStack + "NOTHING"
	if !fresh {
		query = insertStack + replaceStack
		if _, err := t.get("SELECT spec, previous FROM stack WHERE id = ?", []any{string(st.ID)}, &oldSpec, &oldPrevious); err != nil {
			return err
		}
	}
	previous := ""
	if row.previous != nil {
		previous = row.previous.fingerprint
	}
	n, err := t.change(query, string(st.ID), string(st.Project), st.Name, string(st.Parent), string(st.Status), row.tags,
		st.Generation, nanos(st.Created), nanos(st.Deleted), st.Abandoned(), row.spec.fingerprint, previous, row.body, row.sealed)
	switch {
	case err != nil && t.w.s.d.class(err) == unique:
		return stoker.Errorf(stoker.Exists, "a stack named %q exists already", st.Name)
	case err != nil:
		return err
	case n == 0 && fresh:
		return stoker.ErrLeaseLost
	case n == 0:
		return stoker.Errorf(stoker.Conflict, "stack %s is past generation %d already", st.Name, st.Generation)
	}
	t.stacks = true
	if row.spec.fingerprint == oldSpec && previous == oldPrevious {
		return nil
	}
	return t.putSpecs(row, oldSpec, oldPrevious)
}

// putSpecs writes those that are new and drops those nobody refers to.
func (t *tx) putSpecs(row *stackRow, oldSpec, oldPrevious string) error {
	id := string(row.stack.ID)
	previous := ""
	for _, spec := range []*specRow{row.spec, row.previous} {
		if spec == nil || spec.fingerprint == oldSpec || spec.fingerprint == oldPrevious {
			continue
		}
		sealed, err := t.w.s.sealSpec(spec, row.stack.ID)
		if err != nil {
			return err
		}
		if err := t.exec("INSERT INTO spec (stack, fingerprint, sealed) VALUES (?, ?, ?) ON CONFLICT (stack, fingerprint) DO NOTHING",
			id, spec.fingerprint, sealed); err != nil {
			return err
		}
	}
	if row.previous != nil {
		previous = row.previous.fingerprint
	}
	return t.exec("DELETE FROM spec WHERE stack = ? AND fingerprint <> ? AND fingerprint <> ?", id, row.spec.fingerprint, previous)
}

// forget removes resources: those named, and all of a deleted stack that was not
// abandoned, with its snapshots.
func (t *tx) forget(b stoker.Batch, list string) error {
	if len(b.Forget) > 0 {
		if err := t.exec("DELETE FROM resource WHERE id "+t.w.s.d.inList, list); err != nil {
			return err
		}
	}
	if b.Stack == nil || b.Stack.Deleted.IsZero() {
		return nil
	}
	if err := t.exec("DELETE FROM snapshot WHERE stack = ?", string(b.Stack.ID)); err != nil {
		return err
	}
	if b.Stack.Abandoned() {
		return nil
	}
	return t.exec("DELETE FROM resource WHERE stack = ?", string(b.Stack.ID))
}

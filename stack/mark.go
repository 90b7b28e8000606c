package stack

import (
	"cmp"
	"context"

	"github.com/stoker-project/stoker"
)

// Mark says of a resource that it is sick, for whatever reason: the next update
// replaces it. Marking one as well takes that back. Conflict while the
// resource is being changed.
func (e *Engine) Mark(ctx context.Context, id stoker.StackID, name stoker.ResourceName, sick bool, reason string) error {
	return e.do(ctx, id, func(o *owner) error {
		if o.st == nil || !o.st.Deleted.IsZero() {
			return notStack(string(id))
		}
		row := o.rows.current(name)
		switch {
		case row == nil:
			return notResource(name, o.st.Name)
		case o.busy(row) || row.Status == stoker.StatusInProgress:
			return underWay(o.st)
		}
		if !o.mark(row, sick, cmp.Or(reason, "state changed by resource_mark_unhealthy api")) {
			return nil
		}
		return o.accept(o.st)
	})
}

// mark records what somebody says of a resource, and tells whether that changes it.
func (o *owner) mark(row *stoker.Resource, sick bool, reason string) bool {
	status := marked(row, sick)
	if status == "" {
		return false
	}
	row = o.saveRow(row, func(r *stoker.Resource) {
		r.Action, r.Status, r.StatusReason = stoker.ActionCheck, status, reason
		r.Data = mergedMap(r.Data, map[string]any{sickKey: sick})
	})
	o.rowEvent(row, row.StatusReason)
	return true
}

// sickKey is where a record keeps that somebody has called it sick: a nested stack,
// which mends itself otherwise, is replaced then.
const sickKey = "sick"

// marked is the status that marking gives a resource, empty if it changes
// nothing: only what was marked, or failed a check, is taken for well again.
func marked(row *stoker.Resource, sick bool) stoker.Status {
	switch {
	case sick && row.Action != stoker.ActionDelete && made(row):
		return stoker.StatusFailed
	case !sick && row.Action == stoker.ActionCheck && row.Status == stoker.StatusFailed:
		return stoker.StatusComplete
	}
	return ""
}

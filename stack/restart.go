package stack

import (
	"context"

	"github.com/stoker-project/stoker"
)

// Restart has a stack replace the resource that get_resource gives reference for, as
// if somebody had marked it sick, and does not wait for that. It gives the
// resource's name, empty when there is nothing to do: the stack has no such resource, or
// that one is being changed, or waits for being replaced, already. Conflict while
// the stack is being created, or does not heal: suspended, or going away.
func (e *Engine) Restart(ctx context.Context, id stoker.StackID, reference, reason string) (stoker.ResourceName, error) {
	var name stoker.ResourceName
	err := e.do(ctx, id, func(o *owner) error {
		if o.st == nil || !o.st.Deleted.IsZero() {
			return notStack(string(id))
		}
		row := o.referred(reference)
		if row == nil || o.busy(row) || !stable(row) {
			return nil
		}
		if o.coming() || o.passingNow() {
			return underWay(o.st)
		}
		if !o.healable() {
			return notSupported("Restart of a resource after %s", o.st.State())
		}
		name = row.Name
		o.mark(row, true, reason)
		return o.heal()
	})
	return name, err
}

// referred finds the current resource that get_resource gives reference for.
func (o *owner) referred(reference string) *stoker.Resource {
	if reference == "" {
		return nil
	}
	for _, row := range o.rows.byID {
		if o.rows.current(row.Name) == row && made(row) && o.e.reference(o.st, row) == reference {
			return row
		}
	}
	return nil
}

package stack

import (
	"context"
	"slices"

	"github.com/stoker-project/stoker"
)

// Restart has a stack replace the resource that get_resource gives reference for, as
// if somebody had marked it sick, and does not wait for that. It gives the
// resource's name, empty when there is nothing to do: the stack has no such resource, or
// that one is being changed, or waits for being replaced, already. Conflict while
// the stack is being created, or does not heal: suspended, or going away.
func (e *Engine) Restart(ctx context.Context, id stoker.StackID, reference, reason string) (stoker.ResourceName, error) {
	return e.restart(ctx, id, func(o *owner) *stoker.Resource { return o.referred(reference) }, reason)
}

// RestartHolders does the same for those resources of a stack that are, or hold in stacks
// nested in them, one for which sick is true: for the members of a group whose servers
// are. It gives the names of those that are replaced for it.
func (e *Engine) RestartHolders(ctx context.Context, id stoker.StackID, sick func(*stoker.Resource) bool, reason string) ([]stoker.ResourceName, error) {
	direct, err := e.Resources(ctx, id, 0)
	if err != nil {
		return nil, err
	}
	var out []stoker.ResourceName
	for _, v := range direct {
		holds, err := e.holds(ctx, v, sick)
		if err != nil {
			return out, err
		}
		if !holds {
			continue
		}
		name, err := e.restart(ctx, id, func(o *owner) *stoker.Resource { return o.rows.current(v.Name) }, reason)
		if err != nil {
			return out, err
		}
		if name != "" {
			out = append(out, name)
		}
	}
	return out, nil
}

func (e *Engine) holds(ctx context.Context, v ResourceView, sick func(*stoker.Resource) bool) (bool, error) {
	if sick(v.Resource) {
		return true, nil
	}
	if v.Child == "" {
		return false, nil
	}
	inner, err := e.Resources(ctx, v.Child, e.limits.Depth)
	if stoker.IsKind(err, stoker.NotFound) {
		return false, nil
	}
	return slices.ContainsFunc(inner, func(v ResourceView) bool { return sick(v.Resource) }), err
}

func (e *Engine) restart(ctx context.Context, id stoker.StackID, which func(*owner) *stoker.Resource, reason string) (stoker.ResourceName, error) {
	var name stoker.ResourceName
	err := e.do(ctx, id, func(o *owner) error {
		if o.st == nil || !o.st.Deleted.IsZero() {
			return notStack(string(id))
		}
		row := which(o)
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

package stack

import (
	"context"

	"github.com/stoker-project/stoker"
)

// Allow says whether somebody may have resources of a type. Forbidden if not.
func (e *Engine) Allow(t stoker.TypeName, admin bool) error { return e.allow(t, admin) }

// Permit says whether somebody who is no administrator may do something to a stack:
// Forbidden where it, or a stack in it, has a resource of a type that is not for everybody.
func (e *Engine) Permit(ctx context.Context, id stoker.StackID) error {
	st, err := e.record(ctx, id, false)
	if err != nil {
		return err
	}
	if !st.Spec.Admin && (st.Previous == nil || !st.Previous.Admin) {
		return nil // whoever asked for it could have none
	}
	_, rs, err := e.store.Stack(ctx, id)
	if err != nil {
		return err
	}
	for _, r := range rs {
		if err := e.allow(r.Type, false); err != nil {
			return err
		}
		if r.Child == "" {
			continue
		}
		if err := e.Permit(ctx, r.Child); err != nil && !stoker.IsKind(err, stoker.NotFound) {
			return err
		}
	}
	return nil
}

package stack

import (
	"context"
	"fmt"

	"github.com/stoker-project/stoker"
)

// signal is one that was accepted and waits for its turn: a resource handles
// one at a time.
type signal struct {
	body map[string]any
	done chan error // buffered
}

// Signal hands a signal to a resource of a stack and blocks until its type has
// handled it. Invalid when the type takes no signals or the resource is
// being deleted; the texts are Heat's.
func (e *Engine) Signal(ctx context.Context, id stoker.StackID, name stoker.ResourceName, body map[string]any) error {
	s := &signal{body: body, done: make(chan error, 1)}
	err := e.do(ctx, id, func(o *owner) error {
		row, err := o.signalled(name)
		if err != nil {
			return err
		}
		o.signals[row.ID] = append(o.signals[row.ID], s)
		if len(o.signals[row.ID]) == 1 {
			o.handle(row.ID)
		}
		return nil
	})
	if err != nil {
		return err
	}
	select {
	case err := <-s.done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (o *owner) signalled(name stoker.ResourceName) (*stoker.Resource, error) {
	if o.st == nil || !o.st.Deleted.IsZero() {
		return nil, notStack(string(o.id))
	}
	row := o.rows.current(name)
	if row == nil {
		return nil, notResource(name, o.st.Name)
	}
	if _, ok := o.e.types[row.Type].(stoker.Signaller); !ok {
		return nil, &stoker.Error{Kind: stoker.Invalid, Type: "ResourceActionNotSupported", Message: "signal is not supported for resource."}
	}
	for _, a := range []stoker.Action{stoker.ActionDelete, stoker.ActionSuspend} {
		if row.Action == a || o.st.Action == a {
			o.pending.Events = append(o.pending.Events, signalEvent(row, "Cannot signal resource during "+string(a)))
			return nil, notSupported("Signal resource during %s", a)
		}
	}
	return row, nil
}

// handle has a worker handle the first waiting signal of a resource.
func (o *owner) handle(id stoker.ResourceID) {
	row := o.rows.byID[id]
	if row == nil {
		for _, s := range o.signals[id] {
			s.done <- stoker.Errorf(stoker.NotFound, "the resource is gone")
		}
		delete(o.signals, id)
		return
	}
	s := o.signals[id][0]
	t := o.e.types[row.Type].(stoker.Signaller)
	req := o.request(row, nil)
	o.launch = append(o.launch, func() {
		o.e.tasks.Go(func() {
			res, reason, err := t.Signal(o.base, req, s.body)
			o.send(result{do: func(o *owner) { o.handled(id, s, res, reason, err) }})
		})
	})
}

// handled records what a signal has led to; its sender hears of it when that
// is durable.
func (o *owner) handled(id stoker.ResourceID, s *signal, res stoker.Result, reason string, err error) {
	row := o.rows.byID[id]
	if err == nil && row != nil {
		if res.Data != nil || res.PhysicalID != "" {
			row = o.saveRow(row, func(r *stoker.Resource) { keepResult(r, res) })
		}
		if reason != "" {
			o.pending.Events = append(o.pending.Events, signalEvent(row, reason))
		}
	}
	o.afterStore(func() { s.done <- err })
	o.signals[id] = o.signals[id][1:]
	if len(o.signals[id]) == 0 {
		delete(o.signals, id)
		return
	}
	o.handle(id)
}

func signalEvent(r *stoker.Resource, reason string) *stoker.Event {
	return &stoker.Event{
		ID: newID(), Stack: r.Stack, Time: now(),
		Resource: r.Name, ResourceID: r.ID, PhysicalID: r.PhysicalID, Type: r.Type,
		Action: stoker.ActionSignal, Status: stoker.StatusComplete, Reason: reason,
	}
}

func notStack(name string) error {
	return &stoker.Error{Kind: stoker.NotFound, Type: "EntityNotFound", Message: fmt.Sprintf("The Stack (%s) could not be found.", name)}
}

func notResource(name stoker.ResourceName, stack string) error {
	return &stoker.Error{Kind: stoker.NotFound, Type: "ResourceNotFound", Message: fmt.Sprintf("The Resource (%s) could not be found in Stack %s.", name, stack)}
}

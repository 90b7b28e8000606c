package stack

import (
	"cmp"
	"fmt"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/hot"
	"github.com/stoker-project/stoker/internal/secret"
)

// maxSinks bounds what one event costs.
const maxSinks = 10

// checkSinks refuses an environment whose events cannot be sent where it asks.
func (e *Engine) checkSinks(project stoker.ProjectID, env *hot.Environment) error {
	sinks := env.Sinks()
	if len(sinks) == 0 {
		return nil
	}
	if e.sink == nil {
		return &stoker.Error{Kind: stoker.Invalid, Type: "NotSupported", Path: "event_sinks",
			Message: "event_sinks: there is no Zaqar that events could be sent to",
			Hint:    "Leave the section out, and read the stack's events from the API; or name a Zaqar in the configuration of Stoker, under zaqar."}
	}
	if len(sinks) > maxSinks {
		return &stoker.Error{Kind: stoker.Invalid, Type: "RequestLimitExceeded", Path: "event_sinks",
			Message: fmt.Sprintf("event_sinks: %d queues are too many; events go to at most %d", len(sinks), maxSinks)}
	}
	for _, to := range sinks {
		if err := e.sink.Check(project, to); err != nil {
			at, ok := stoker.AsError(err)
			if !ok {
				return err
			}
			out := *at
			out.Path, out.Message = "event_sinks", "event_sinks: "+at.Message
			return &out
		}
	}
	return nil
}

// notify hands the events of a batch that is durable to the sinks of the stack, as Heat's
// stack.dispatch_event does; st is the stack as it is after the batch.
func (o *owner) notify(st *stoker.Stack, b stoker.Batch) {
	if o.e.sink == nil || st == nil {
		return
	}
	if raw := st.Asked(); raw.Template != "" { // the events of a rollback go where those of what failed went
		o.sinks = nil
		if raw.Environment["event_sinks"] != nil {
			o.sinks = raw.Environment
		}
	}
	if o.sinks == nil || len(b.Events) == 0 {
		return
	}
	env, err := hot.DecodeEnvironment(o.sinks)
	if err != nil {
		return // it was refused long ago
	}
	sinks, words := env.Sinks(), o.e.secrets(o.base, st)
	for _, ev := range b.Events {
		props := o.shownProperties(ev, words)
		for _, to := range sinks {
			o.e.sink.Send(st.Project, to, ev, props)
		}
	}
}

// shownProperties are those of an event's resource, without what is secret.
func (o *owner) shownProperties(ev *stoker.Event, words secret.Words) map[string]any {
	if ev.ResourceID == "" {
		return nil
	}
	out := map[string]any{}
	row := cmp.Or(o.rows.byID[ev.ResourceID], o.forgotten[ev.ResourceID])
	if row == nil {
		return out
	}
	var schema *stoker.Schema
	if t := o.e.types[row.Type]; t != nil {
		schema = t.Schema()
	}
	for name, v := range row.Properties {
		if schema != nil && schema.Properties[name] != nil && schema.Properties[name].Secret {
			v = secret.Shown
		}
		out[name] = words.HideIn(v)
	}
	return out
}

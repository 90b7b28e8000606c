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

// audience is who hears of a stack's events, and what they are not told.
type audience struct {
	sinks  []stoker.SinkTarget
	hidden map[string]bool // what nested templates hide, by the parameters' names
}

func (e *Engine) audienceOf(spec stoker.StackSpec) *audience {
	if spec.Environment["event_sinks"] == nil {
		return nil
	}
	env, err := hot.DecodeEnvironment(spec.Environment)
	if err != nil {
		return nil // it was refused long ago
	}
	a := &audience{sinks: env.Sinks(), hidden: map[string]bool{}}
	parse := func(text []byte, file string) (*hot.Template, error) { return e.parsed.get(string(text), file) }
	for _, t := range hot.TemplatesAmong(spec.Files, parse) {
		for _, p := range t.Parameters {
			if p.Hidden {
				a.hidden[p.Name] = true
			}
		}
	}
	return a
}

// notify hands the events of a batch that is durable to the sinks of the stack, as Heat's
// Stack.dispatch_event does; st is the stack as it is after the batch.
func (o *owner) notify(st *stoker.Stack, b stoker.Batch) {
	if o.e.sink == nil || st == nil || len(b.Events) == 0 {
		return
	}
	if o.audience == nil || b.Stack != nil {
		o.audience = o.e.audienceOf(st.Asked())
	}
	if o.audience == nil {
		return
	}
	words := o.e.secrets(o.base, st)
	for _, ev := range b.Events {
		props := o.shownProperties(ev, words)
		for _, to := range o.audience.sinks {
			o.e.sink.Send(st.Project, to, ev, props)
		}
	}
}

// shownProperties are those of an event's resource, without what is secret.
func (o *owner) shownProperties(ev *stoker.Event, words secret.Words) map[string]any {
	if ev.ResourceID == "" {
		return nil
	}
	row := cmp.Or(o.rows.byID[ev.ResourceID], o.forgotten[ev.ResourceID])
	if row == nil {
		return map[string]any{}
	}
	var schema *stoker.Schema
	if t := o.e.types[row.Type]; t != nil {
		schema = t.Schema()
	}
	return o.audience.shown(words.HideIn(secret.Properties(row.Properties, schema))).(map[string]any)
}

// shown gives a value without what is handed to hidden parameters; the value is its own.
func (a *audience) shown(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, item := range v {
			if a.hidden[k] && item != nil {
				v[k] = secret.Shown
			} else {
				v[k] = a.shown(item)
			}
		}
	case []any:
		for i, item := range v {
			v[i] = a.shown(item)
		}
	}
	return v
}

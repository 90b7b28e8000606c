package heat

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/secret"
)

// event is an event as lists show it.
type event struct {
	ID           string              `json:"id"`
	Time         *string             `json:"event_time"`
	Name         stoker.ResourceName `json:"resource_name"`
	LogicalID    stoker.ResourceName `json:"logical_resource_id"`
	Status       string              `json:"resource_status"`
	StatusReason string              `json:"resource_status_reason"`
	PhysicalID   *stoker.PhysicalID  `json:"physical_resource_id"`
	Links        []link              `json:"links"`
}

// eventOf shows an event. In lists that go into nested stacks each has a link
// to the root: clients see by it that the server can do that.
func eventOf(r *http.Request, e *stoker.Event, st *stoker.Stack, nested bool) event {
	at := resourceURL(r, st, e.Resource)
	out := event{
		ID: e.ID, Time: moment(e.Time), Name: e.Resource, LogicalID: e.Resource,
		Status: stoker.State(e.Action, e.Status), StatusReason: e.Reason, PhysicalID: orNull(e.PhysicalID),
		Links: []link{{at + "/events/" + e.ID, "self"}, {at, "resource"}, {stackURL(r, st), "stack"}},
	}
	if nested || st.Root != st.ID {
		out.Links = append(out.Links, link{shortURL(r, st.Project, st.Root), "root_stack"})
	}
	return out
}

// eventFields are the filters of a list of events.
var eventFields = map[string]func(*stoker.Event) string{
	"resource_status": func(e *stoker.Event) string { return string(e.Status) },
	"resource_action": func(e *stoker.Event) string { return string(e.Action) },
	"resource_name":   func(e *stoker.Event) string { return string(e.Resource) },
	"resource_type":   func(e *stoker.Event) string { return string(e.Type) },
}

// listEvents lists a stack's events, or those of one resource.
func (s *server) listEvents(ctx context.Context, c *call) (reply, error) {
	q := c.URL.Query()
	depth, err := queryDepth(q)
	if err != nil {
		return reply{}, err
	}
	limit, err := queryInt(q, "limit")
	if err != nil {
		return reply{}, err
	}
	f := stoker.EventFilter{Resource: stoker.ResourceName(c.PathValue("resource")), Marker: q.Get("marker")}
	if f.Descending, err = queryDescending(q, true); err != nil {
		return reply{}, err
	}
	byType := slices.Contains(queryWords(q, "sort_keys"), "resource_type")
	plain := !byType && !filtered(q)
	if plain {
		f.Limit = limit
	}
	st, err := s.stackOf(ctx, c)
	if err != nil {
		return reply{}, err
	}
	events, err := s.engine.Events(ctx, st.ID, depth, f)
	if err != nil {
		return reply{}, err
	}
	if f.Resource != "" && f.Marker == "" && len(events) == 0 {
		return reply{}, &stoker.Error{Kind: stoker.NotFound, Type: "NotFound", Message: "No events found for resource " + string(f.Resource)}
	}
	if !plain {
		events = selectEvents(events, q, byType, limit)
	}
	return s.eventList(ctx, c, st, events, depth > 0)
}

func filtered(q url.Values) bool {
	for name := range eventFields {
		if len(q[name]) > 0 {
			return true
		}
	}
	return false
}

func selectEvents(events []*stoker.Event, q url.Values, byType bool, limit int) []*stoker.Event {
	events = slices.DeleteFunc(slices.Clone(events), func(e *stoker.Event) bool {
		for name, field := range eventFields {
			if want := q[name]; len(want) > 0 && !slices.Contains(want, field(e)) {
				return true
			}
		}
		return false
	})
	if byType {
		slices.SortStableFunc(events, func(a, b *stoker.Event) int { return cmp.Compare(a.Type, b.Type) })
	}
	if limit > 0 && len(events) > limit {
		events = events[:limit]
	}
	return events
}

func (s *server) eventList(ctx context.Context, c *call, st *stoker.Stack, events []*stoker.Event, nested bool) (reply, error) {
	stacks := map[stoker.StackID]*stoker.Stack{st.ID: st}
	out := make([]event, 0, len(events))
	for _, e := range events {
		if stacks[e.Stack] == nil {
			found, err := s.engine.Stacks(ctx, stoker.StackFilter{AllProjects: true, ID: e.Stack, Brief: true})
			if err != nil {
				return reply{}, err
			}
			if len(found) == 0 {
				continue // the stack has aged out
			}
			stacks[e.Stack] = found[0]
		}
		out = append(out, eventOf(c.Request, e, stacks[e.Stack], nested))
	}
	return reply{body: map[string]any{"events": out}}, nil
}

// showEvent is one event, with what is recorded of its resource.
func (s *server) showEvent(ctx context.Context, c *call) (reply, error) {
	st, err := s.stackOf(ctx, c)
	if err != nil {
		return reply{}, err
	}
	id, name := c.PathValue("event"), stoker.ResourceName(c.PathValue("resource"))
	found, err := s.engine.Events(ctx, st.ID, 0, stoker.EventFilter{ID: id, Resource: name})
	if err != nil {
		return reply{}, err
	}
	if len(found) != 1 {
		return reply{}, &stoker.Error{Kind: stoker.NotFound, Type: "EntityNotFound", Message: "The Event (" + strconv.Quote(id) + ") could not be found."}
	}
	shown := struct {
		event
		Type       stoker.TypeName `json:"resource_type"`
		Properties map[string]any  `json:"resource_properties"`
	}{eventOf(c.Request, found[0], st, false), found[0].Type, map[string]any{}}
	v, err := s.engine.Resource(ctx, st.ID, name)
	if err == nil && v.ID == found[0].ResourceID {
		shown.Properties = secret.Properties(v.Properties, s.engine.Types()[v.Type])
	}
	return reply{body: map[string]any{"event": shown}}, nil
}

package sqldb

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/stoker-project/stoker"
)

// The defaults of Config.Events and Config.EventBatch; Heat's.
const (
	keepEvents = 1000
	eventSlack = 200
)

// eventBody is what nothing filters by.
type eventBody struct {
	Time       int64
	ResourceID stoker.ResourceID `json:",omitempty"`
	PhysicalID stoker.PhysicalID `json:",omitempty"`
	Type       stoker.TypeName   `json:",omitempty"`
	Action     stoker.Action
	Status     stoker.Status
	Reason     string `json:",omitempty"`
}

type eventRow struct {
	id, stack, resource string
	body                []byte
}

func encodeEvents(events []*stoker.Event) ([]eventRow, error) {
	rows := make([]eventRow, len(events))
	for i, e := range events {
		body, err := json.Marshal(eventBody{nanos(e.Time), e.ResourceID, e.PhysicalID, e.Type, e.Action, e.Status, e.Reason})
		if err != nil {
			return nil, err
		}
		rows[i] = eventRow{e.ID, string(e.Stack), string(e.Resource), body}
	}
	return rows, nil
}

// writeEvents numbers and stores the transaction's events. One that is stored
// already, by an earlier try whose answer got lost, is left out.
func (t *tx) writeEvents() error {
	if len(t.events) == 0 {
		return nil
	}
	seq, err := t.number("event", len(t.events))
	if err != nil {
		return err
	}
	args := make([]any, 0, 5*len(t.events))
	fresh := counts{}
	for i, e := range t.events {
		args = append(args, seq+int64(i), e.id, e.stack, e.resource, e.body)
		fresh[e.stack]++
	}
	if err := t.insert("INSERT INTO event (seq, id, stack, resource, body)", 5, "ON CONFLICT (id) DO NOTHING", args); err != nil {
		return err
	}
	if t.w.s.events < 0 {
		return nil
	}
	return t.age("event", fresh, t.w.events, t.keptEvents, t.w.s.events, t.w.s.eventBatch)
}

// Events lists events.
func (s *Store) Events(ctx context.Context, f stoker.EventFilter) ([]*stoker.Event, error) {
	ctx, err := s.reading(ctx)
	if err != nil {
		return nil, err
	}
	var w where
	if err := s.eventFilter(ctx, f, &w); err != nil {
		return nil, s.trouble("list events", err)
	}
	order := " ORDER BY seq"
	if f.Descending {
		order += " DESC"
	}
	var out []*stoker.Event
	err = s.rows(ctx, "SELECT seq, id, stack, resource, body FROM event"+w.String()+order+w.limit(f.Limit), w.args,
		func(row scanner) error {
			e, err := scanEvent(row)
			out = append(out, e)
			return err
		})
	return out, s.trouble("list events", err)
}

func (s *Store) eventFilter(ctx context.Context, f stoker.EventFilter, w *where) error {
	if len(f.Stacks) == 1 {
		w.add("stack = ?", string(f.Stacks[0]))
	} else if len(f.Stacks) > 1 {
		list, err := json.Marshal(f.Stacks)
		if err != nil {
			return err
		}
		w.add("stack "+s.d.inList, string(list))
	}
	w.text("resource = ?", string(f.Resource))
	w.text("id = ?", f.ID)
	if f.After > 0 {
		w.add("seq > ?", f.After)
	}
	if f.Marker == "" {
		return nil
	}
	var seq int64
	err := s.rows(ctx, "SELECT seq FROM event WHERE id = ?", []any{f.Marker}, func(row scanner) error { return row.Scan(&seq) })
	switch {
	case err != nil:
		return err
	case seq == 0:
		return stoker.Errorf(stoker.NotFound, "no event has the marker's ID %s", f.Marker)
	case f.Descending:
		w.add("seq < ?", seq)
	default:
		w.add("seq > ?", seq)
	}
	return nil
}

func scanEvent(row scanner) (*stoker.Event, error) {
	e := new(stoker.Event)
	var body []byte
	if err := row.Scan(&e.Seq, &e.ID, &e.Stack, &e.Resource, &body); err != nil {
		return nil, err
	}
	var b eventBody
	if err := json.Unmarshal(body, &b); err != nil {
		return nil, fmt.Errorf("read event %s: %w", e.ID, err)
	}
	e.Time, e.ResourceID, e.PhysicalID, e.Type = moment(b.Time), b.ResourceID, b.PhysicalID, b.Type
	e.Action, e.Status, e.Reason = b.Action, b.Status, b.Reason
	return e, nil
}

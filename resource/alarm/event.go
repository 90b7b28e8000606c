package alarm

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/request"
	"github.com/stoker-project/stoker/internal/schema"
)

// eventAlarm is OS::Aodh::EventAlarm: it is raised by what happens to stacks and what is in
// them. Nothing measures, so that no scaler is needed.
type eventAlarm struct {
	schema.Fixed
	d Deps
}

var (
	_ stoker.Updater    = eventAlarm{}
	_ stoker.Resumer    = eventAlarm{}
	_ stoker.Abandoner  = eventAlarm{}
	_ stoker.Attributer = eventAlarm{}
	_ stoker.Validator  = eventAlarm{}
)

// selection is which events an alarm is about.
type selection struct {
	kind       string // a pattern, as of file names
	conditions []comparison
}

// comparison is one condition on a field.
type comparison struct {
	field, op, kind, value string
}

func readEvents(v request.Values) (reading, selection) {
	r := readCommon(v)
	sel := selection{kind: cmp.Or(v.String("event_type"), "*")}
	if _, err := path.Match(sel.kind, ""); err != nil {
		r.unsupported["event_type"] = fmt.Sprintf("%q is no pattern", sel.kind)
	}
	for i, q := range v.Maps("query") {
		c := comparison{field: q.String("field"), op: cmp.Or(q.String("op"), "eq"), kind: cmp.Or(q.String("type"), "string"), value: q.String("value")}
		at := fmt.Sprintf("query.%d", i)
		if _, err := c.compare(c.value); err != nil && q.Has("value") {
			r.unsupported[at+".value"] = err.Error()
		}
		if c.field == "" && q.Has("field") {
			r.unsupported[at+".field"] = "it names nothing"
		}
		sel.conditions = append(sel.conditions, c)
	}
	return r, sel
}

// takes tells whether an event raises the alarm: it is of the type, and all
// conditions hold. A field that the event does not have holds none.
func (s *selection) takes(n *notification) bool {
	if ok, _ := path.Match(s.kind, n.kind); !ok {
		return false
	}
	for _, c := range s.conditions {
		v, ok := n.field(c.field)
		if !ok {
			return false
		}
		order, err := c.compare(v)
		if err != nil || !holds(c.op, order) {
			return false
		}
	}
	return true
}

// compare gives how a text relates to the condition's value, both read as its type: -1, 0 or 1.
func (c comparison) compare(v string) (int, error) {
	switch c.kind {
	case "integer":
		return orders(v, c.value, "a whole number", func(s string) (int64, error) { return strconv.ParseInt(s, 10, 64) })
	case "float":
		return orders(v, c.value, "a number", func(s string) (float64, error) { return strconv.ParseFloat(s, 64) })
	case "boolean":
		return orders(v, c.value, "true or false", func(s string) (int, error) {
			b, err := strconv.ParseBool(strings.ToLower(s))
			if b {
				return 1, err
			}
			return 0, err
		})
	case "datetime":
		return orders(v, c.value, "a time as in 2026-01-02T15:04:05Z", func(s string) (int64, error) {
			t, err := time.Parse(time.RFC3339Nano, s)
			if err != nil {
				t, err = time.Parse("2006-01-02T15:04:05", s) // of UTC, as OpenStack writes it
			}
			return t.UnixNano(), err
		})
	}
	return strings.Compare(v, c.value), nil
}

func orders[T cmp.Ordered](a, b, what string, read func(string) (T, error)) (int, error) {
	x, err := read(a)
	if err != nil {
		return 0, fmt.Errorf("%q is not %s", a, what)
	}
	y, err := read(b)
	if err != nil {
		return 0, fmt.Errorf("%q is not %s", b, what)
	}
	return cmp.Compare(x, y), nil
}

func holds(op string, order int) bool {
	switch op {
	case "lt":
		return order < 0
	case "le":
		return order <= 0
	case "gt":
		return order > 0
	case "ge":
		return order >= 0
	case "ne":
		return order != 0
	}
	return order == 0
}

// Validate refuses what cannot be compared or done.
func (a eventAlarm) Validate(req *stoker.Request) error {
	r, _ := readEvents(req.Properties)
	return a.supported(req, &r)
}

func (a eventAlarm) supported(req *stoker.Request, r *reading) error {
	if err := r.supported(); err != nil {
		return err
	}
	return a.d.postable(req.Stack.Project, r)
}

// Create begins to listen. An alarm that is not enabled is only there.
func (a eventAlarm) Create(_ context.Context, req *stoker.Request) (stoker.Result, error) {
	made := stoker.Result{PhysicalID: stoker.PhysicalID(req.ID)}
	r, sel := readEvents(req.Properties)
	if err := a.supported(req, &r); err != nil {
		return made, err
	}
	if !r.enabled {
		a.d.Events.remove(req.ID)
		return made, nil
	}
	a.d.Events.put(req.ID, entry{policy: stoker.Policy{Project: req.Stack.Project, Name: req.Stack.Name + "/" + string(req.Name)}, r: r}, sel)
	return made, nil
}

// Update keeps whether the alarm is raised.
func (a eventAlarm) Update(ctx context.Context, req *stoker.Request) (stoker.Result, error) {
	return a.Create(ctx, req)
}

// Resume listens again in a new process; what happened until then is not looked at.
func (a eventAlarm) Resume(ctx context.Context, req *stoker.Request) error {
	_, err := a.Create(ctx, req)
	return err
}

// Abandon ends the listening.
func (a eventAlarm) Abandon(_ context.Context, req *stoker.Request) error {
	a.d.Events.remove(req.ID)
	return nil
}

func (a eventAlarm) Delete(ctx context.Context, req *stoker.Request) error {
	return a.Abandon(ctx, req)
}

func (eventAlarm) Attribute(_ context.Context, req *stoker.Request, name string, _ []any) (any, int, error) {
	return alarm{}.Attribute(context.Background(), req, name, nil)
}

package sqldb

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/stoker-project/stoker"
)

// Of a group's decisions the newest keepDecisions stay; the others go once there
// are decisionSlack of them.
const (
	keepDecisions = 10000
	decisionSlack = 1000
)

// decisionBody is what nothing filters by.
type decisionBody struct {
	Project        stoker.ProjectID
	Time           int64
	Count          int
	From, To, Wish int
	Why            string
	Limiter        string          `json:",omitempty"`
	Next           int64           `json:",omitempty"`
	Signals        json.RawMessage // numbers that have no JSON form are texts
	Err            string          `json:",omitempty"`
}

type decisionRow struct {
	*stoker.Decision
	changes int
	body    []byte
}

// SaveDecisions inserts or replaces, in one transaction. One that has aged out
// since stays out.
func (s *Store) SaveDecisions(ctx context.Context, ds []*stoker.Decision, states []stoker.ScalerState) error {
	rows := make([]decisionRow, len(ds))
	for i, d := range ds {
		var err error
		if rows[i], err = encodeDecision(d); err != nil {
			return err
		}
	}
	var first int64 // of the new ones
	err := s.writer.do(ctx, "store decisions", func(t *tx) (err error) {
		if first, err = t.insertDecisions(rows); err != nil {
			return err
		}
		for _, r := range rows {
			if r.Seq == 0 {
				continue
			}
			if err := t.exec("UPDATE decision SET last_time = ?, changes = ?, body = ? WHERE seq = ?",
				nanos(r.LastTime), r.changes, r.body, r.Seq); err != nil {
				return err
			}
		}
		return t.putScalers(states)
	})
	if err != nil {
		return err
	}
	for _, d := range ds {
		if d.Seq == 0 {
			d.Seq = first
			first++
		}
	}
	return nil
}

func (t *tx) insertDecisions(rows []decisionRow) (first int64, err error) {
	rows = slices.DeleteFunc(slices.Clone(rows), func(r decisionRow) bool { return r.Seq != 0 })
	if len(rows) == 0 {
		return 0, nil
	}
	if first, err = t.number("decision", len(rows)); err != nil {
		return 0, err
	}
	args := make([]any, 0, 6*len(rows))
	fresh := counts{}
	for i, r := range rows {
		args = append(args, first+int64(i), string(r.Scaler), string(r.Group), nanos(r.LastTime), r.changes, r.body)
		fresh[string(r.Group)]++
	}
	if err := t.insert("INSERT INTO decision (seq, scaler, stack, last_time, changes, body)", 6, "", args); err != nil {
		return 0, err
	}
	return first, t.age("decision", fresh, t.w.decisions, t.keptDecisions, keepDecisions, decisionSlack)
}

func (t *tx) putScalers(states []stoker.ScalerState) error {
	for _, st := range states {
		if err := t.exec(`INSERT INTO scaler (id, last_up, last_down) VALUES (?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET last_up = excluded.last_up, last_down = excluded.last_down`,
			string(st.Scaler), nanos(st.LastUp), nanos(st.LastDown)); err != nil {
			return err
		}
	}
	return nil
}

func encodeDecision(d *stoker.Decision) (decisionRow, error) {
	row := decisionRow{Decision: d}
	if d.From != d.To {
		row.changes = 1
	}
	signals, err := encodeSignals(d.Signals)
	if err != nil {
		return row, err
	}
	row.body, err = json.Marshal(decisionBody{d.Project, nanos(d.Time), d.Count, d.From, d.To, d.Wish,
		d.Why, d.Limiter, nanos(d.Next), signals, d.Err})
	return row, err
}

// Decisions gives the newest that match, the oldest first.
func (s *Store) Decisions(ctx context.Context, f stoker.DecisionFilter) ([]*stoker.Decision, error) {
	ctx, err := s.reading(ctx)
	if err != nil {
		return nil, err
	}
	var w where
	w.text("stack = ?", string(f.Group))
	w.text("scaler = ?", string(f.Scaler))
	if !f.Since.IsZero() {
		w.add("last_time >= ?", nanos(f.Since))
	}
	if f.Changes {
		w.add("changes = 1")
	}
	var out []*stoker.Decision
	err = s.rows(ctx, "SELECT seq, scaler, stack, last_time, body FROM decision"+w.String()+" ORDER BY seq DESC"+w.limit(f.Limit),
		w.args, func(row scanner) error {
			d, err := scanDecision(row)
			out = append(out, d)
			return err
		})
	slices.Reverse(out)
	return out, s.trouble("list decisions", err)
}

func scanDecision(row scanner) (*stoker.Decision, error) {
	d := new(stoker.Decision)
	var last int64
	var body []byte
	if err := row.Scan(&d.Seq, &d.Scaler, &d.Group, &last, &body); err != nil {
		return nil, err
	}
	var b decisionBody
	err := json.Unmarshal(body, &b)
	if err == nil {
		d.Signals, err = decodeSignals(b.Signals)
	}
	if err != nil {
		return nil, fmt.Errorf("read decision %d: %w", d.Seq, err)
	}
	d.Project, d.Time, d.LastTime, d.Count = b.Project, moment(b.Time), moment(last), b.Count
	d.From, d.To, d.Wish, d.Why = b.From, b.To, b.Wish, b.Why
	d.Limiter, d.Next, d.Err = b.Limiter, moment(b.Next), b.Err
	return d, nil
}

// ScalerState gives the zero state for an unknown scaler, but for its ID.
func (s *Store) ScalerState(ctx context.Context, id stoker.ScalerID) (stoker.ScalerState, error) {
	ctx, err := s.reading(ctx)
	if err != nil {
		return stoker.ScalerState{}, err
	}
	st := stoker.ScalerState{Scaler: id}
	err = s.rows(ctx, "SELECT last_up, last_down FROM scaler WHERE id = ?", []any{string(id)}, func(row scanner) error {
		var up, down int64
		err := row.Scan(&up, &down)
		st.LastUp, st.LastDown = moment(up), moment(down)
		return err
	})
	return st, s.trouble("read a scaler's state", err)
}

// ForgetScaler removes the state.
func (s *Store) ForgetScaler(ctx context.Context, id stoker.ScalerID) error {
	return s.writer.do(ctx, "forget a scaler", func(t *tx) error {
		return t.exec("DELETE FROM scaler WHERE id = ?", string(id))
	})
}

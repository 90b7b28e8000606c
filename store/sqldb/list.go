package sqldb

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/stoker-project/stoker"
)

// Stacks lists stacks. First pages without specs, which clients poll, are
// remembered until a stack changes.
func (s *Store) Stacks(ctx context.Context, f stoker.StackFilter) ([]*stoker.Stack, error) {
	ctx, err := s.reading(ctx)
	if err != nil {
		return nil, err
	}
	if s.d.shared || !f.Brief || f.Marker != "" {
		return s.list(ctx, f)
	}
	return s.lists.get(f, func() ([]*stoker.Stack, error) { return s.list(ctx, f) })
}

func (s *Store) list(ctx context.Context, f stoker.StackFilter) ([]*stoker.Stack, error) {
	query, args, err := s.stackQuery(ctx, f)
	if err != nil {
		return nil, s.trouble("list stacks", err)
	}
	var out []*stoker.Stack
	err = s.rows(ctx, query, args, func(row scanner) error {
		st, err := s.scanStack(row)
		out = append(out, st)
		return err
	})
	return out, s.trouble("list stacks", err)
}

func (s *Store) stackQuery(ctx context.Context, f stoker.StackFilter) (string, []any, error) {
	var w where
	if !f.AllProjects {
		w.add("s.project = ?", string(f.Project))
	}
	w.text("s.id = ?", string(f.ID))
	w.text("s.name = ?", f.Name)
	w.text("s.parent = ?", string(f.Parent))
	if f.ID == "" && f.Parent == "" && !f.Nested {
		w.add("s.parent = ''")
	}
	if f.ID == "" && !f.Deleted {
		w.add("s.deleted = 0")
	}
	if f.InProgress {
		w.add("s.status = 'IN_PROGRESS'")
	}
	for _, tag := range f.Tags {
		quoted, err := json.Marshal(tag)
		if err != nil {
			return "", nil, err
		}
		w.add("replace(s.tags, ?, '') <> s.tags", string(quoted))
	}
	beyond, order := "<", " DESC"
	if f.Oldest {
		beyond, order = ">", ""
	}
	if f.Marker != "" {
		created, seq, err := s.marker(ctx, f.Marker)
		if err != nil {
			return "", nil, err
		}
		w.add("(s.created, s.seq) "+beyond+" (?, ?)", created, seq)
	}
	query := selectStack
	if f.Brief {
		query = selectBrief
	}
	return query + w.String() + " ORDER BY s.created" + order + ", s.seq" + order + w.limit(f.Limit), w.args, nil
}

// marker gives the place of a stack in the order of lists.
func (s *Store) marker(ctx context.Context, id stoker.StackID) (created, seq int64, err error) {
	found := errors.New("none")
	err = s.rows(ctx, "SELECT created, seq FROM stack WHERE id = ?", []any{string(id)}, func(row scanner) error {
		found = nil
		return row.Scan(&created, &seq)
	})
	if err == nil && found != nil {
		err = stoker.Errorf(stoker.NotFound, "no stack has the marker's ID %s", id)
	}
	return created, seq, err
}

// where gathers conditions and their arguments.
type where struct {
	terms []string
	args  []any
}

func (w *where) add(term string, args ...any) {
	w.terms = append(w.terms, term)
	w.args = append(w.args, args...)
}

// text adds a condition unless its text is empty.
func (w *where) text(term, text string) {
	if text != "" {
		w.add(term, text)
	}
}

func (w *where) String() string {
	if len(w.terms) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(w.terms, " AND ")
}

func (w *where) limit(n int) string {
	if n <= 0 {
		return ""
	}
	w.args = append(w.args, n)
	return " LIMIT ?"
}

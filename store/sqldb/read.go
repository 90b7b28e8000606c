package sqldb

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/stoker-project/stoker"
)

// rows runs a query and calls each for every row.
func (s *Store) rows(ctx context.Context, query string, args []any, each func(scanner) error) error {
	st, err := s.queries.stmt(ctx, query)
	if err != nil {
		return err
	}
	var rows *sql.Rows
	if err := s.alive(ctx, func() (err error) {
		rows, err = st.QueryContext(ctx, args...)
		return err
	}); err != nil {
		return err
	}
	return walk(rows, each)
}

func walk(rows *sql.Rows, each func(scanner) error) error {
	defer rows.Close()
	for rows.Next() {
		if err := each(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// alive asks once more when the server went away: after a restart of the server
// all connections that wait for work are dead, and only asking shows it.
func (s *Store) alive(ctx context.Context, ask func() error) error {
	err := ask()
	if err == nil || !s.d.interruptible || ctx.Err() != nil || s.d.class(err) != away {
		return err
	}
	s.read.SetMaxIdleConns(0) // closes them
	s.read.SetMaxIdleConns(readers)
	return ask()
}

// reading refuses to start when ctx has ended. SQLite's answers are short, and
// watching ctx costs more than many of them.
func (s *Store) reading(ctx context.Context) (context.Context, error) {
	if s.closed() {
		return ctx, errClosed
	}
	if s.d.interruptible {
		return ctx, ctx.Err()
	}
	return context.WithoutCancel(ctx), ctx.Err()
}

const (
	stackFields = "s.id, s.name, s.project, s.parent, s.status, s.tags, s.generation, s.created, s.deleted, s.body, s.sealed"
	selectBrief = "SELECT " + stackFields + ", NULL, NULL FROM stack s"
	selectStack = "SELECT " + stackFields + `, p.sealed, q.sealed FROM stack s
		LEFT JOIN spec p ON p.stack = s.id AND p.fingerprint = s.spec
		LEFT JOIN spec q ON q.stack = s.id AND q.fingerprint = s.previous`
)

func (s *Store) scanStack(row scanner) (*stoker.Stack, error) {
	st := new(stoker.Stack)
	var tags string
	var created, deleted int64
	var body, sealed, spec, previous []byte
	if err := row.Scan(&st.ID, &st.Name, &st.Project, &st.Parent, &st.Status, &tags, &st.Generation,
		&created, &deleted, &body, &sealed, &spec, &previous); err != nil {
		return nil, err
	}
	st.Created, st.Deleted = moment(created), moment(deleted)
	var b stackBody
	err := json.Unmarshal(body, &b)
	if err == nil && tags != "null" {
		err = json.Unmarshal([]byte(tags), &st.Tags)
	}
	if err != nil {
		return nil, fmt.Errorf("read stack %s: %w", st.ID, err)
	}
	b.fill(st)
	if err := s.openStack(st, sealed); err != nil {
		return nil, err
	}
	return st, s.openSpecs(st, spec, previous)
}

func (s *Store) openSpecs(st *stoker.Stack, spec, previous []byte) (err error) {
	if spec != nil {
		if st.Spec, err = s.openSpec(spec, st.ID); err != nil {
			return err
		}
	}
	if previous != nil {
		p, err := s.openSpec(previous, st.ID)
		if err != nil {
			return err
		}
		st.Previous = &p
	}
	return nil
}

// Stack gives a stack and its resources, both as of one moment.
func (s *Store) Stack(ctx context.Context, id stoker.StackID) (*stoker.Stack, []*stoker.Resource, error) {
	ctx, err := s.reading(ctx)
	if err != nil {
		return nil, nil, err
	}
	var stack *stoker.Stack
	var resources []*stoker.Resource
	err = s.snapshot(ctx, []any{string(id)},
		part{selectStack + " WHERE s.id = ?", func(row scanner) (err error) {
			stack, err = s.scanStack(row)
			return err
		}},
		part{selectResource + "WHERE stack = ? ORDER BY created, seq", func(row scanner) error {
			r, err := s.scanResource(row)
			resources = append(resources, r)
			return err
		}})
	switch {
	case err != nil:
		return nil, nil, s.trouble("read stack", err)
	case stack == nil:
		return nil, nil, stoker.Errorf(stoker.NotFound, "no stack has the ID %s", id)
	}
	return stack, resources, nil
}

// part is one query of a snapshot.
type part struct {
	query string
	each  func(scanner) error
}

// snapshot runs queries with the same arguments on what is true at one moment.
// They are prepared before it has a connection: preparing may need another one,
// and all may be taken by those who wait for the same.
func (s *Store) snapshot(ctx context.Context, args []any, parts ...part) error {
	stmts := make([]*sql.Stmt, len(parts))
	for i, p := range parts {
		var err error
		if stmts[i], err = s.queries.stmt(ctx, p.query); err != nil {
			return err
		}
	}
	var tx *sql.Tx
	if err := s.alive(ctx, func() (err error) {
		tx, err = s.read.BeginTx(ctx, &s.d.snapshot)
		return err
	}); err != nil {
		return err
	}
	defer tx.Rollback() // it only reads
	for i, p := range parts {
		rows, err := tx.StmtContext(ctx, stmts[i]).QueryContext(ctx, args...)
		if err != nil {
			return err
		}
		if err := walk(rows, p.each); err != nil {
			return err
		}
	}
	return nil
}

// Resource gives one record.
func (s *Store) Resource(ctx context.Context, id stoker.ResourceID) (*stoker.Resource, error) {
	ctx, err := s.reading(ctx)
	if err != nil {
		return nil, err
	}
	var r *stoker.Resource
	err = s.rows(ctx, selectResource+"WHERE id = ?", []any{string(id)}, func(row scanner) (err error) {
		r, err = s.scanResource(row)
		return err
	})
	if err == nil && r == nil {
		return nil, stoker.Errorf(stoker.NotFound, "no resource has the ID %s", id)
	}
	return r, s.trouble("read resource", err)
}

// Stacks lists stacks. First pages without specs, which clients poll, are
// remembered until a stack changes.
func (s *Store) Stacks(ctx context.Context, f stoker.StackFilter) ([]*stoker.Stack, error) {
	ctx, err := s.reading(ctx)
	if err != nil {
		return nil, err
	}
	othersWrite := s.d.numbered
	if othersWrite || !f.Brief || f.Marker != "" {
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

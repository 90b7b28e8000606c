package sqldb

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

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

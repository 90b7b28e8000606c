package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"sync"
)

// prepared keeps the prepared statements of a pool or a connection. There are
// few texts: lists are handed over as one argument.
type prepared struct {
	on interface {
		PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
	}
	d  *dialect
	mu sync.Mutex
	by map[string]*sql.Stmt
}

func newPrepared(db *sql.DB, d *dialect) *prepared {
	return &prepared{on: db, d: d, by: map[string]*sql.Stmt{}}
}

func (p *prepared) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if st := p.by[query]; st != nil {
		return st, nil
	}
	st, err := p.on.PrepareContext(ctx, p.d.rebind(query))
	if err == nil {
		p.by[query] = st
	}
	return st, err
}

func (p *prepared) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for _, st := range p.by {
		errs = append(errs, st.Close())
	}
	clear(p.by)
	return errors.Join(errs...)
}

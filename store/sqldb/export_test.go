package sqldb

import (
	"context"
	"errors"
	"strconv"
)

// LimitPages makes the disk full, as far as this store can tell, when the
// database has so many pages; 0 lifts that.
func (s *Store) LimitPages(ctx context.Context, more int) error {
	return s.writer.do(ctx, "limit", func(t *tx) error {
		var pages int
		if _, err := t.get("PRAGMA page_count", nil, &pages); err != nil {
			return err
		}
		limit := pages + more
		if more == 0 {
			limit = 1 << 30
		}
		_, err := t.w.conn.ExecContext(ctx, "PRAGMA max_page_count = "+strconv.Itoa(limit))
		return err
	})
}

// Count gives the number of rows of a table.
func (s *Store) Count(ctx context.Context, table string) (n int, err error) {
	err = s.rows(ctx, "SELECT count(*) FROM "+table, nil, func(row scanner) error { return row.Scan(&n) })
	return n, err
}

// PretendNewerSchema records a migration that this program does not know.
func (s *Store) PretendNewerSchema(ctx context.Context) error {
	return s.writer.do(ctx, "pretend", func(t *tx) error {
		return t.exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, TRUE)")
	})
}

// MigrateDownAndUp undoes all migrations and does them again. The store is
// closed then.
func (s *Store) MigrateDownAndUp(ctx context.Context) error {
	s.writer.stop() // it holds the connection
	p, err := s.migrator(s.writer.db)
	if err != nil {
		return err
	}
	if _, err := p.DownTo(ctx, 0); err != nil {
		return err
	}
	if _, err := p.Up(ctx); err != nil {
		return err
	}
	return errors.Join(s.queries.close(), s.closeFiles(s.writer.db))
}

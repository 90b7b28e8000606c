package sqldb

import (
	"bytes"
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/pressly/goose/v3"

	"github.com/stoker-project/stoker"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrate brings the schema up to date, each step in a transaction. With
// PostgreSQL, one process at a time does it.
func (s *Store) migrate(ctx context.Context, db *sql.DB) error {
	unlock, err := s.migrateAlone(ctx, db)
	if err != nil {
		return err
	}
	return errors.Join(s.migrateUp(ctx, db), unlock())
}

// migrateLock is the number of PostgreSQL's advisory lock: "Stkr", again.
const migrateLock = applicationID

// migrateAlone waits until no other process changes the schema. SQLite's file is
// locked already.
func (s *Store) migrateAlone(ctx context.Context, db *sql.DB) (unlock func() error, err error) {
	if !s.d.shared {
		return func() error { return nil }, nil
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock($1)", migrateLock); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return func() error {
		_, err := conn.ExecContext(ctx, "SELECT pg_advisory_unlock($1)", migrateLock)
		return errors.Join(err, conn.Close())
	}, nil
}

func (s *Store) migrateUp(ctx context.Context, db *sql.DB) error {
	p, err := s.migrator(db)
	if err != nil {
		return err
	}
	sources := p.ListSources()
	known := sources[len(sources)-1].Version
	current, err := p.GetDBVersion(ctx)
	if err != nil {
		return err
	}
	if current > known {
		return &stoker.Error{Kind: stoker.Conflict,
			Message: fmt.Sprintf("%s has schema version %d, this program knows those up to %d", s.where, current, known),
			Hint:    "It was used by a newer Stoker: use that one, or a backup from before."}
	}
	done, err := p.Up(ctx)
	if err != nil {
		return err
	}
	for _, m := range done {
		s.log.Info("store schema changed", "version", m.Source.Version, "took", m.Duration)
	}
	return nil
}

func (s *Store) migrator(db *sql.DB) (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(s.d.migrations, db, translator{files, &s.d})
}

// translator shows the migrations in the words of a dialect.
type translator struct {
	fs.FS
	d *dialect
}

// Open opens a file, translated.
func (t translator) Open(name string) (fs.File, error) {
	f, err := t.FS.Open(name)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || info.IsDir() {
		return f, err
	}
	text, err := io.ReadAll(f)
	if err != nil {
		return nil, err
	}
	return translated{f, bytes.NewReader([]byte(t.d.types.Replace(string(text))))}, nil
}

type translated struct {
	fs.File
	text *bytes.Reader
}

// Read gives the translated text.
func (t translated) Read(p []byte) (int, error) { return t.text.Read(p) }

package sqldb

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite" // the driver named sqlite

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/seal"
)

var (
	_ stoker.StackStore    = (*Store)(nil)
	_ stoker.LeaseStore    = (*Store)(nil)
	_ stoker.EventStore    = (*Store)(nil)
	_ stoker.DecisionStore = (*Store)(nil)
)

// readers is how many connections read at once.
const readers = 8

// Config says where the store is.
type Config struct {
	// DSN is the path of an SQLite file, made when there is none, or a
	// PostgreSQL URL: postgres://user:password@host/database.
	DSN string
	// Key seals what may be secret; a database is bound to the key it was made with.
	Key *seal.Key
	// Of a stack's events the newest Events stay; the others go once there are
	// EventBatch of them. 0: 1,000 and 200; negative Events: all stay.
	Events, EventBatch int
	// Logger is told of what the committer does by itself; nil for nobody.
	Logger *slog.Logger
}

// Store is an open database. All methods may be called concurrently; after
// Close they give Unavailable. A Commit whose outcome is not known, because a
// PostgreSQL server went away meanwhile, gives Unavailable too: storing the same
// batch again is harmless.
type Store struct {
	d     dialect
	where string // for messages; without a password
	hint  string // what to do when it does not answer
	key   *seal.Key
	log   *slog.Logger

	events, eventBatch int

	read    *sql.DB
	queries *prepared
	lists   lists

	writer *writer
	lock   *os.File // SQLite only
}

// Open opens a database, makes it when there is none, and brings its schema up
// to date. Errors: Conflict when another process has the SQLite file, or the
// schema is newer than this program; Invalid for files that are no database of ours, and
// for another key than the database's; Unavailable.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if cfg.Key == nil {
		return nil, stoker.Errorf(stoker.Invalid, "open store: no key to seal secrets with")
	}
	if cfg.DSN == "" {
		return nil, stoker.Errorf(stoker.Invalid, "open store: no file or URL is given")
	}
	s := &Store{key: cfg.Key, log: cfg.Logger, events: cmp.Or(cfg.Events, keepEvents), eventBatch: cmp.Or(cfg.EventBatch, eventSlack)}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	open := s.openSQLite
	if strings.HasPrefix(cfg.DSN, "postgres://") || strings.HasPrefix(cfg.DSN, "postgresql://") {
		open = s.openPostgres
	}
	write, err := open(ctx, cfg.DSN)
	if err == nil {
		err = s.ready(ctx, write)
	}
	if err != nil {
		return nil, errors.Join(s.trouble("open store", err), s.closeFiles(write))
	}
	s.queries = newPrepared(s.read, &s.d)
	s.writer = newWriter(s, write)
	go s.writer.run()
	return s, nil
}

// ready brings the schema up to date and makes sure of the key.
func (s *Store) ready(ctx context.Context, db *sql.DB) error {
	if err := s.migrate(ctx, db); err != nil {
		return err
	}
	return s.checkKey(ctx, db)
}

// checkKey binds a new database to the key, and refuses another one.
func (s *Store) checkKey(ctx context.Context, db *sql.DB) error {
	const insert = "INSERT INTO meta (name, value) VALUES ('sealed_by', ?) ON CONFLICT (name) DO NOTHING"
	if _, err := db.ExecContext(ctx, s.d.rebind(insert), s.key.ID()); err != nil {
		return err
	}
	var id string
	if err := db.QueryRowContext(ctx, "SELECT value FROM meta WHERE name = 'sealed_by'").Scan(&id); err != nil {
		return err
	}
	if id != s.key.ID() {
		return &stoker.Error{Kind: stoker.Invalid,
			Message: s.where + " is sealed with the key " + id + ", not with " + s.key.ID(),
			Hint:    "Put back the key file that belongs to the database."}
	}
	return nil
}

// Close waits for writes that are under way and closes the database. Closing
// twice is harmless.
func (s *Store) Close() error {
	if !s.writer.stop() {
		return nil
	}
	return errors.Join(s.queries.close(), s.closeFiles(s.writer.db))
}

func (s *Store) closed() bool {
	if s.writer == nil {
		return false // not open yet
	}
	select {
	case <-s.writer.quit:
		return true
	default:
		return false
	}
}

func (s *Store) closeFiles(write *sql.DB) error {
	var errs []error
	for _, db := range []*sql.DB{s.read, write} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	return errors.Join(errs...)
}

func (s *Store) openSQLite(ctx context.Context, path string) (*sql.DB, error) {
	s.d, s.hint, s.where = sqliteDialect(), hintSQLite, "database "+path
	path, err := realPath(path)
	if err != nil {
		return nil, err
	}
	if s.lock, err = lockFile(path); err != nil {
		return nil, err
	}
	if err := checkFile(ctx, path); err != nil {
		return nil, err
	}
	s.read, err = sql.Open("sqlite", sqliteURL(path, "ro", "query_only(1)"))
	if err != nil {
		return nil, err
	}
	s.read.SetMaxOpenConns(readers)
	s.read.SetMaxIdleConns(readers)
	write, err := sql.Open("sqlite", sqliteURL(path, "rw",
		"journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "cache_size(-8192)", "journal_size_limit(67108864)"))
	if err == nil {
		write.SetMaxOpenConns(1)
	}
	return write, err
}

// realPath follows links, so that one file has one lock.
func realPath(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	followed, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		return path, nil
	}
	return followed, err
}

// sqliteURL names a file that exists already: an open must never make one.
func sqliteURL(path, mode string, pragmas ...string) string {
	q := url.Values{"mode": {mode}, "_pragma": append([]string{"busy_timeout(5000)"}, pragmas...)}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}).String()
}

func (s *Store) openPostgres(_ context.Context, dsn string) (*sql.DB, error) {
	s.d, s.hint, s.where = postgresDialect(), hintPostgres, "PostgreSQL"
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil { // its text hides the password
		return nil, &stoker.Error{Kind: stoker.Invalid, Message: "open store", Err: err,
			Hint: "It looks like postgres://user:password@host:5432/database."}
	}
	s.where = "database " + cfg.Database + " of PostgreSQL at " + cfg.Host
	s.read = stdlib.OpenDB(*cfg)
	s.read.SetMaxOpenConns(readers)
	s.read.SetMaxIdleConns(readers)
	write := stdlib.OpenDB(*cfg)
	write.SetMaxOpenConns(2) // the migrations hold one and work with the other
	return write, nil
}

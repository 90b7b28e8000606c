package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/stoker-project/stoker"
)

// class is a kind of trouble with a database.
type class int

const (
	other   class = iota
	unique        // a unique index forbids it
	foreign       // it refers to a row that is not there
	retry         // lost against another transaction; trying again helps
	full          // no room
	away          // does not answer, or input and output errors
	damaged       // not a database, or a broken one
	refused       // a value the database does not take
)

func sqliteClass(err error) class {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return other
	}
	switch e.Code() {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
		return unique
	case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
		return foreign
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_FULL:
		return full
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_BUSY,
		sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PERM:
		return away
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return damaged
	case sqlite3.SQLITE_TOOBIG:
		return refused
	}
	return other
}

func postgresClass(err error) class {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return postgresCode(e.Code)
	}
	var n net.Error
	var c *pgconn.ConnectError
	if errors.As(err, &c) || errors.As(err, &n) || errors.Is(err, driver.ErrBadConn) ||
		errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), "conn closed") ||
		strings.Contains(err.Error(), "unexpected EOF") {
		return away
	}
	return other
}

// postgresCode knows the SQLSTATEs of PostgreSQL's appendix A.
func postgresCode(code string) class {
	switch code {
	case "23505":
		return unique
	case "23503":
		return foreign
	case "40001", "40P01":
		return retry
	case "53100":
		return full
	case "XX001", "XX002":
		return damaged
	}
	switch code[:2] {
	case "08", "53", "57", "58", "25": // connection, resources, shutdown, system, read-only
		return away
	case "22":
		return refused
	}
	return other
}

// trouble says what was being done, and of which kind the error is; nil and the
// house's own errors stay as they are.
func (s *Store) trouble(doing string, err error) error {
	if err == nil {
		return nil
	}
	if _, ours := stoker.AsError(err); ours || errors.Is(err, context.Canceled) {
		return err
	}
	if s.closed() || errors.Is(err, sql.ErrConnDone) {
		return errClosed
	}
	e := &stoker.Error{Kind: stoker.Unavailable, Message: doing + " in " + s.where, Err: err}
	switch s.d.class(err) {
	case full:
		e.Message = doing + ": the disk of " + s.where + " is full"
		e.Hint = "Free some space; what was not stored is tried again by itself."
	case away:
		e.Hint = s.hint
	case damaged:
		e.Kind, e.Hint = stoker.Internal, hintDamaged
	case refused:
		e.Kind = stoker.Invalid
	case foreign:
		e.Kind = stoker.NotFound
	case retry:
		e.Kind = stoker.Conflict
	default:
		return fmt.Errorf("%s in %s: %w", doing, s.where, err)
	}
	return e
}

const (
	hintDamaged  = "Nothing was changed. Put back the file, with those ending in -wal and -shm, from a backup, or move it away to start anew."
	hintSQLite   = "Look at the disk, and at who may write there."
	hintPostgres = "Look whether the server runs and can be reached; it is tried again by itself."
)

var errClosed error = &stoker.Error{Kind: stoker.Unavailable, Message: "the store is closed"}

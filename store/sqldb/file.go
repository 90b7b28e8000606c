package sqldb

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/stoker-project/stoker"
)

// applicationID marks SQLite files as ours: "Stkr", at offset 68 of the file.
const applicationID = 0x53746b72

// checkLimit bounds the search for damage when a database is opened; it ends
// sooner for all but large ones.
const checkLimit = 250 * time.Millisecond

// lockFile keeps a second process away from an SQLite file. The lock goes with
// the process; the file stays, empty of meaning without its lock.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, &stoker.Error{Kind: stoker.Unavailable, Message: "open store", Err: err,
			Hint: "The database's directory must exist and be writable."}
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		err = errors.Join(f.Truncate(0), writePID(f))
	} else if errors.Is(err, syscall.EWOULDBLOCK) {
		pid, _ := io.ReadAll(io.LimitReader(f, 20))
		err = &stoker.Error{Kind: stoker.Conflict,
			Message: fmt.Sprintf("database %s is already in use by process %s", path, strings.TrimSpace(string(pid))),
			Hint:    "Stop that process first; several servers can share a PostgreSQL database."}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func writePID(f *os.File) error {
	_, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

// checkFile makes sure that path is a database of ours, without letting SQLite
// touch anything else, and makes it when there is none.
func checkFile(ctx context.Context, path string) error {
	header := make([]byte, 72)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return makeFile(ctx, path)
	}
	if err != nil {
		return err
	}
	n, err := io.ReadFull(f, header)
	if err := errors.Join(f.Close(), ignoreEOF(err)); err != nil {
		return err
	}
	if n < len(header) || string(header[:16]) != "SQLite format 3\x00" {
		return &stoker.Error{Kind: stoker.Invalid, Message: path + " is not an SQLite database", Hint: hintDamaged}
	}
	if binary.BigEndian.Uint32(header[68:]) != applicationID {
		return &stoker.Error{Kind: stoker.Invalid, Message: path + " is a database of another program",
			Hint: "Nothing was changed. Choose another path for Stoker's database."}
	}
	return checkPages(ctx, path)
}

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

// makeFile makes the database beside its place first: there is never half of
// one at path, whenever the machine stops.
func makeFile(ctx context.Context, path string) error {
	fresh := path + ".new"
	f, err := os.OpenFile(fresh, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	db, err := sql.Open("sqlite", sqliteURL(fresh, "rw"))
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d", applicationID))
	if err := errors.Join(err, db.Close()); err != nil {
		return errors.Join(err, os.Remove(fresh))
	}
	return os.Rename(fresh, path)
}

// checkPages looks for damage, reading only.
func checkPages(ctx context.Context, path string) error {
	db, err := sql.Open("sqlite", sqliteURL(path, "ro"))
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, checkLimit)
	defer cancel()
	var found string
	err = db.QueryRowContext(limited, "PRAGMA quick_check(1)").Scan(&found)
	closed := db.Close()
	if limited.Err() != nil {
		return ctx.Err()
	}
	if err == nil && found == "ok" {
		return closed
	}
	return &stoker.Error{Kind: stoker.Internal, Err: errors.Join(err, closed), Hint: hintDamaged,
		Message: strings.TrimSuffix("database "+path+" is damaged: "+found, ": ")}
}

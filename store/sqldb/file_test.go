package sqldb_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/seal"
	"github.com/stoker-project/stoker/store/sqldb"
)

func put(ctx context.Context, s *sqldb.Store, name, template string) error {
	return s.Commit(ctx, stoker.Batch{Stack: &stoker.Stack{ID: stoker.StackID(name), Name: name,
		Spec: stoker.StackSpec{Template: template}}})
}

// refuses checks that the file is not opened, and stays as it is.
func refuses(t *testing.T, path string, kind stoker.Kind, want ...string) {
	t.Helper()
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := sqldb.Open(t.Context(), sqldb.Config{DSN: path, Key: key(t)})
	if err == nil {
		s.Close()
	}
	if e, ok := stoker.AsError(err); !ok || e.Kind != kind || e.Hint == "" {
		t.Fatalf("got %v, want an error of kind %q that says what to do", err, kind)
	}
	for _, w := range append(want, path) {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q does not say %q", err, w)
		}
	}
	after, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(before, after) {
		t.Error("the file was changed")
	}
}

func TestForeignFiles(t *testing.T) {
	text := filepath.Join(t.TempDir(), "notes.txt")
	if err := os.WriteFile(text, []byte(strings.Repeat("my only copy\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	refuses(t, text, stoker.Invalid, "not an SQLite database")

	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	refuses(t, empty, stoker.Invalid, "not an SQLite database")

	other := filepath.Join(t.TempDir(), "places.sqlite")
	db, err := sql.Open("sqlite", other)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("CREATE TABLE stack (id TEXT)"); err != nil {
		t.Fatal(err)
	}
	db.Close()
	refuses(t, other, stoker.Invalid, "another program")
}

func TestDamagedFile(t *testing.T) {
	path := file(t)
	s := open(t, path)
	for i := range 100 {
		if err := put(t.Context(), s, fmt.Sprint("stack", i), strings.Repeat("x", 1000)); err != nil {
			t.Fatal(err)
		}
	}
	closeStore(t, s)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string][]byte{
		"overwritten": append(bytes.Clone(good[:4096]), bytes.Repeat([]byte("garbage!"), (len(good)-4096)/8)...),
		"cut off":     good[:len(good)/2],
		"one page":    append(append(bytes.Clone(good[:len(good)-4096]), make([]byte, 4095)...), 1),
	} {
		t.Run(name, func(t *testing.T) {
			path := file(t)
			if err := os.WriteFile(path, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			refuses(t, path, stoker.Internal, "damaged", "backup")
		})
	}
}

func TestNewerSchema(t *testing.T) {
	path := file(t)
	s := open(t, path)
	if err := s.PretendNewerSchema(t.Context()); err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	refuses(t, path, stoker.Conflict, "schema version 99", "newer Stoker")
}

func TestAnotherKey(t *testing.T) {
	path := file(t)
	closeStore(t, open(t, path))
	other, err := seal.NewKey(bytes.Repeat([]byte{1}, seal.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	_, err = sqldb.Open(t.Context(), sqldb.Config{DSN: path, Key: other})
	if !stoker.IsKind(err, stoker.Invalid) || !strings.Contains(err.Error(), other.ID()) || !strings.Contains(err.Error(), key(t).ID()) {
		t.Errorf("got %v, want an invalid error that names both keys", err)
	}
	open(t, path)
}

func TestOneProcessAtATime(t *testing.T) {
	path := file(t)
	s := open(t, path)
	_, err := sqldb.Open(t.Context(), sqldb.Config{DSN: path, Key: key(t)})
	want := fmt.Sprintf("already in use by process %d", os.Getpid())
	if !stoker.IsKind(err, stoker.Conflict) || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want a conflict: %s", err, want)
	}
	link := filepath.Join(t.TempDir(), "link.db")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if _, err := sqldb.Open(t.Context(), sqldb.Config{DSN: link, Key: key(t)}); !stoker.IsKind(err, stoker.Conflict) {
		t.Errorf("by another name: got %v, want a conflict", err)
	}
	if err := put(t.Context(), s, "a", ""); err != nil {
		t.Errorf("the first one is disturbed: %v", err)
	}
	closeStore(t, s)
	open(t, path)
}

func TestNoDirectory(t *testing.T) {
	_, err := sqldb.Open(t.Context(), sqldb.Config{DSN: filepath.Join(t.TempDir(), "none", "x.db"), Key: key(t)})
	if !stoker.IsKind(err, stoker.Unavailable) || !strings.Contains(err.Error(), "directory must exist") {
		t.Errorf("got %v, want unavailable, and what to do", err)
	}
}

func TestOddPath(t *testing.T) {
	path := filepath.Join(t.TempDir(), "100% odd?name#x;y&z=1.db")
	s := open(t, path)
	if err := put(t.Context(), s, "a", ""); err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
	if _, _, err := open(t, path).Stack(t.Context(), "a"); err != nil {
		t.Error(err)
	}
}

// full fills the disk, checks what the store says, makes room and goes on.
func full(t *testing.T, s *sqldb.Store, room func()) {
	t.Helper()
	var err error
	n := 0
	for ; err == nil && n < 1000; n++ {
		err = put(t.Context(), s, fmt.Sprint("s", n), strings.Repeat("0123456789", 10_000))
	}
	if e, ok := stoker.AsError(err); !ok || e.Kind != stoker.Unavailable || !strings.Contains(e.Error(), "full") || e.Hint == "" {
		t.Fatalf("got %v, want unavailable: the disk is full, and what to do", err)
	}
	if _, _, err := s.Stack(t.Context(), "s0"); err != nil {
		t.Errorf("reading while the disk is full: %v", err)
	}
	last := stoker.StackID(fmt.Sprint("s", n-1))
	if _, _, err := s.Stack(t.Context(), last); !stoker.IsKind(err, stoker.NotFound) {
		t.Errorf("what was refused: got %v, want not found", err)
	}
	room()
	if err := put(t.Context(), s, string(last), "t"); err != nil {
		t.Errorf("after room was made: %v", err)
	}
}

func TestDiskFull(t *testing.T) {
	s := open(t, file(t))
	if err := s.LimitPages(t.Context(), 100); err != nil {
		t.Fatal(err)
	}
	full(t, s, func() {
		if err := s.LimitPages(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
	})
}

func TestDiskReallyFull(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=2m"); err != nil {
		t.Skipf("mounting a small disk takes root: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 500_000), 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, filepath.Join(dir, "stoker.db"))
	full(t, s, func() {
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
	})
}

func TestClosed(t *testing.T) {
	s := open(t, file(t))
	closeStore(t, s)
	closeStore(t, s)
	wantClosed := func(what string, err error) {
		t.Helper()
		if !stoker.IsKind(err, stoker.Unavailable) || !strings.Contains(err.Error(), "closed") {
			t.Errorf("%s: got %v, want unavailable: closed", what, err)
		}
	}
	_, _, err := s.Stack(t.Context(), "a")
	wantClosed("read", err)
	_, err = s.Stacks(t.Context(), stoker.StackFilter{Brief: true})
	wantClosed("list", err)
	wantClosed("commit", put(t.Context(), s, "a", ""))
	_, err = s.Acquire(t.Context(), "a", "me", time.Second)
	wantClosed("acquire", err)
}

package sqldb_test

import (
	"path/filepath"
	"testing"

	"github.com/stoker-project/stoker/internal/seal"
	"github.com/stoker-project/stoker/store/sqldb"
	"github.com/stoker-project/stoker/store/storetest"
)

func key(t testing.TB) *seal.Key {
	t.Helper()
	k, err := seal.NewKey(make([]byte, seal.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// open opens a store that is closed at the end.
func open(t testing.TB, dsn string) *sqldb.Store {
	t.Helper()
	s, err := sqldb.Open(t.Context(), sqldb.Config{DSN: dsn, Key: key(t)})
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() { closeStore(t, s) })
	return s
}

func closeStore(t testing.TB, s *sqldb.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

func file(t testing.TB) string { return filepath.Join(t.TempDir(), "stoker.db") }

func suite(t *testing.T, dsn func(*testing.T) string) {
	storetest.Run(t, func(t *testing.T) (storetest.Store, func() storetest.Store) {
		where := dsn(t)
		s := open(t, where)
		return s, func() storetest.Store {
			closeStore(t, s)
			s = open(t, where)
			return s
		}
	})
}

func TestSQLite(t *testing.T) { suite(t, func(t *testing.T) string { return file(t) }) }

package sqldb_test

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stoker-project/stoker"
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

// Many readers at once on a store that has prepared nothing yet.
func TestReadersAtOnce(t *testing.T) {
	for name, dsn := range map[string]func(testing.TB) string{"SQLite": file, "PostgreSQL": postgres} {
		t.Run(name, func(t *testing.T) {
			s := open(t, dsn(t))
			if err := put(t.Context(), s, "a", "t"); err != nil {
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			for i := range 64 {
				wg.Go(func() {
					if _, _, err := s.Stack(t.Context(), "a"); err != nil {
						t.Error(err)
					}
					f := stoker.StackFilter{Limit: i/8 + 1, Name: fmt.Sprint(i % 2), Oldest: i%3 == 0}
					if _, err := s.Stacks(t.Context(), f); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
		})
	}
}

// Closing while others read and write gives them an answer.
func TestCloseMeanwhile(t *testing.T) {
	s := open(t, file(t))
	var wg sync.WaitGroup
	started := make(chan struct{}, 8)
	for w := range cap(started) {
		wg.Go(func() {
			for n := 0; ; n++ {
				name := fmt.Sprint(w, "-", n)
				err := put(t.Context(), s, name, "t")
				if err == nil {
					_, _, err = s.Stack(t.Context(), stoker.StackID(name))
				}
				if err != nil && !stoker.IsKind(err, stoker.Unavailable) {
					t.Errorf("got %v, want unavailable", err)
				}
				if err != nil {
					return
				}
				if n == 3 {
					started <- struct{}{}
				}
			}
		})
	}
	for range cap(started) {
		<-started
	}
	closeStore(t, s)
	wg.Wait()
}

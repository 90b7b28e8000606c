package sqldb_test

import (
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/store/sqldb"
)

var schemas atomic.Int64

// postgres gives the URL of an empty schema on the server for tests.
func postgres(t testing.TB) string {
	t.Helper()
	dsn := os.Getenv("STOKER_TEST_POSTGRES")
	if dsn == "" {
		t.Skip("STOKER_TEST_POSTGRES names no PostgreSQL server; .ci/postgres start makes one")
	}
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	name := fmt.Sprintf("test_%d_%d", os.Getpid(), schemas.Add(1))
	if _, err := conn.Exec(t.Context(), "CREATE SCHEMA "+name); err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("search_path", name)
	u.RawQuery = q.Encode()
	return u.String()
}

func TestPostgres(t *testing.T) { suite(t, func(t *testing.T) string { return postgres(t) }) }

// Several servers share a database, also when they start at once on an empty one.
func TestPostgresIsShared(t *testing.T) {
	dsn := postgres(t)
	stores := make(chan *sqldb.Store)
	for range 4 {
		go func() {
			s, err := sqldb.Open(t.Context(), sqldb.Config{DSN: dsn, Key: key(t)})
			if err != nil {
				t.Error(err)
			}
			stores <- s
		}()
	}
	var all []*sqldb.Store
	for range 4 {
		if s := <-stores; s != nil {
			all = append(all, s)
			defer closeStore(t, s)
		}
	}
	if t.Failed() {
		return
	}
	a, b := all[0], all[1]
	if err := a.Commit(t.Context(), stoker.Batch{Stack: &stoker.Stack{ID: "s", Name: "s"}}); err != nil {
		t.Fatal(err)
	}
	brief := stoker.StackFilter{AllProjects: true, Brief: true}
	for i := range int64(3) {
		l, err := a.Acquire(t.Context(), "s", "a", 0) // expired at once
		if err != nil {
			t.Fatal(err)
		}
		next, err := b.Acquire(t.Context(), "s", "b", 0)
		if err != nil || next.Epoch <= l.Epoch {
			t.Fatalf("got epoch %d after %d, %v", next.Epoch, l.Epoch, err)
		}
		st := &stoker.Stack{ID: "s", Name: fmt.Sprint("s", i), Generation: i}
		if err := a.Commit(t.Context(), stoker.Batch{Lease: l, Stack: st}); err != stoker.ErrLeaseLost {
			t.Errorf("the old holder: got %v, want ErrLeaseLost", err)
		}
		if err := b.Commit(t.Context(), stoker.Batch{Lease: next, Stack: st}); err != nil {
			t.Error(err)
		}
		list, err := a.Stacks(t.Context(), brief)
		if err != nil || len(list) != 1 || list[0].Name != st.Name {
			t.Errorf("the other server lists %v, %v; want %s", list, err, st.Name)
		}
	}
}

// Two servers that write the same things in opposite orders lock each other out;
// one of them must win and the other try again.
func TestPostgresServersMeet(t *testing.T) {
	dsn := postgres(t)
	a, b := open(t, dsn), open(t, dsn)
	const rounds = 20
	done := make(chan struct{})
	write := func(s *sqldb.Store, backwards bool) {
		for i := range rounds {
			n := i
			if backwards {
				n = rounds - i
			}
			id := stoker.StackID(fmt.Sprint("s", n))
			err := s.Commit(t.Context(), stoker.Batch{Stack: &stoker.Stack{ID: id, Name: string(id)},
				Events: []*stoker.Event{{ID: fmt.Sprint("e", n), Stack: id}}})
			if err != nil && err != stoker.ErrLeaseLost { // the other was first
				t.Error(err)
			}
			done <- struct{}{}
		}
	}
	for range 4 { // several callers, so that transactions are shared
		go write(a, false)
		go write(b, true)
	}
	for range 8 * rounds {
		<-done
	}
	events, err := a.Events(t.Context(), stoker.EventFilter{})
	if err != nil || len(events) != rounds+1 {
		t.Errorf("got %d events, %v; want %d", len(events), err, rounds+1)
	}
}

// The server ends our connections (a restart does): the store comes back by itself.
func TestPostgresConnectionsLost(t *testing.T) {
	dsn := postgres(t)
	s := open(t, dsn)
	put := func(i int) error {
		id := stoker.StackID(fmt.Sprint(i))
		return s.Commit(t.Context(), stoker.Batch{Stack: &stoker.Stack{ID: id, Name: string(id)}})
	}
	if err := put(0); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Stack(t.Context(), "0"); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	for round := 1; round < 4; round++ {
		if _, err := conn.Exec(t.Context(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"); err != nil {
			t.Fatal(err)
		}
		if err := put(round); err != nil {
			if !stoker.IsKind(err, stoker.Unavailable) {
				t.Errorf("got %v, want unavailable", err)
			}
			if err := put(round); err != nil {
				t.Errorf("the second try: %v", err)
			}
		}
		if _, _, err := s.Stack(t.Context(), "0"); err != nil {
			t.Errorf("reading: %v", err)
		}
	}
}

func TestPostgresAway(t *testing.T) {
	_, err := sqldb.Open(t.Context(), sqldb.Config{Key: key(t), DSN: "postgres://u:hunter2@127.0.0.1:1/db?sslmode=disable"})
	if !stoker.IsKind(err, stoker.Unavailable) || !strings.Contains(err.Error(), "127.0.0.1") {
		t.Errorf("got %v, want unavailable, with the address", err)
	}
	if strings.Contains(fmt.Sprint(err), "hunter2") {
		t.Errorf("the error tells the password: %v", err)
	}
	_, err = sqldb.Open(t.Context(), sqldb.Config{Key: key(t), DSN: "postgres://u:hunter2@:x/db"})
	if !stoker.IsKind(err, stoker.Invalid) || strings.Contains(fmt.Sprint(err), "hunter2") {
		t.Errorf("got %v, want invalid, without the password", err)
	}
}

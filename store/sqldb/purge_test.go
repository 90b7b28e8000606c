package sqldb_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/store/sqldb"
)

func TestPurge(t *testing.T) {
	for name, dsn := range map[string]func(testing.TB) string{"SQLite": file, "PostgreSQL": postgres} {
		t.Run(name, func(t *testing.T) { purge(t, open(t, dsn(t))) })
	}
}

func purge(t *testing.T, s *sqldb.Store) {
	now := time.Now()
	const old = 120
	for i := range old + 2 {
		id := stoker.StackID(fmt.Sprint("s", i))
		st := &stoker.Stack{ID: id, Name: string(id), Deleted: now.Add(-48 * time.Hour), Spec: stoker.StackSpec{Template: "t"}}
		switch i {
		case old:
			st.Deleted = now
		case old + 1:
			st.Deleted = time.Time{}
		}
		b := stoker.Batch{Stack: st, Events: []*stoker.Event{{ID: "e" + string(id), Stack: id}}}
		if err := s.Commit(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Acquire(t.Context(), id, "me", time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	left := &stoker.Stack{ID: "left", Name: "left", Deleted: now.Add(-48 * time.Hour), Phase: stoker.PhaseAbandoned}
	if err := s.Commit(t.Context(), stoker.Batch{Stack: left}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{old, 0} {
		if n, err := s.Purge(t.Context(), now.Add(-24*time.Hour)); err != nil || n != want {
			t.Errorf("purged %d, %v; want %d", n, err, want)
		}
	}
	for table, want := range map[string]int{"stack": 3, "spec": 3, "event": 2, "lease": 2} {
		if n, err := s.Count(t.Context(), table); err != nil || n != want {
			t.Errorf("%s has %d rows, %v; want %d", table, n, err, want)
		}
	}
}

// Of a stack's events so many stay as are configured, and a batch more.
func TestEventsAreKeptAsConfigured(t *testing.T) {
	for _, tt := range []struct{ events, batch, made, want int }{
		{10, 5, 15, 15}, {10, 5, 16, 10}, {10, 1, 12, 10}, {-1, 5, 1300, 1300}, {0, 0, 1200, 1200}, {0, 0, 1201, 1000},
	} {
		s, err := sqldb.Open(t.Context(), sqldb.Config{DSN: file(t), Key: key(t), Events: tt.events, EventBatch: tt.batch})
		if err != nil {
			t.Fatal(err)
		}
		for i := range tt.made {
			ev := &stoker.Event{ID: fmt.Sprint("e", i), Stack: "s"}
			if err := s.Commit(t.Context(), stoker.Batch{Events: []*stoker.Event{ev}}); err != nil {
				t.Fatal(err)
			}
		}
		got, err := s.Events(t.Context(), stoker.EventFilter{Stacks: []stoker.StackID{"s"}})
		if err != nil || len(got) != tt.want || got[len(got)-1].ID != fmt.Sprint("e", tt.made-1) {
			t.Errorf("%+v: kept %d, %v", tt, len(got), err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestMigrationsUpFromZero(t *testing.T) {
	for name, dsn := range map[string]func(testing.TB) string{"SQLite": file, "PostgreSQL": postgres} {
		t.Run(name, func(t *testing.T) {
			where := dsn(t)
			s := open(t, where)
			if err := put(t.Context(), s, "a", "t"); err != nil {
				t.Fatal(err)
			}
			if err := s.MigrateDownAndUp(t.Context()); err != nil {
				t.Fatal(err)
			}
			s = open(t, where)
			if err := put(t.Context(), s, "a", "t"); err != nil {
				t.Errorf("the schema made anew: %v", err)
			}
			closeStore(t, s)
			if err := put(t.Context(), open(t, where), "b", "t"); err != nil {
				t.Errorf("opened again: %v", err)
			}
		})
	}
}

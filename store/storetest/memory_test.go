package storetest_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/store/storetest"
)

func TestMemoryCrashesAtTheNthCommit(t *testing.T) {
	m := storetest.NewMemory()
	m.BeforeCommit = func(n int, b stoker.Batch) error {
		if n == 2 {
			return storetest.ErrCrash
		}
		return nil
	}
	ctx := context.Background()
	if err := m.Commit(ctx, stoker.Batch{Stack: &stoker.Stack{ID: "a", Name: "a"}}); err != nil {
		t.Fatal(err)
	}
	if err := m.Commit(ctx, stoker.Batch{Stack: &stoker.Stack{ID: "b", Name: "b"}}); !errors.Is(err, storetest.ErrCrash) {
		t.Fatalf("second commit: got %v, want ErrCrash", err)
	}
	if _, _, err := m.Stack(ctx, "a"); !errors.Is(err, storetest.ErrCrash) {
		t.Errorf("reading after the crash: got %v, want ErrCrash", err)
	}
	again := m.Reopen()
	if _, _, err := again.Stack(ctx, "a"); err != nil {
		t.Errorf("first stack after reopening: %v", err)
	}
	if _, _, err := again.Stack(ctx, "b"); !stoker.IsKind(err, stoker.NotFound) {
		t.Errorf("second stack after reopening: got %v, want not found", err)
	}
	if got, want := again.Commits(), 2; got != want {
		t.Errorf("commits counted: got %d, want %d", got, want)
	}
}

func TestMemoryLosesAnAnswer(t *testing.T) {
	m := storetest.NewMemory()
	lost := errors.New("lost")
	m.AfterCommit = func(int, stoker.Batch) error { return lost }
	ctx := context.Background()
	if err := m.Commit(ctx, stoker.Batch{Stack: &stoker.Stack{ID: "a", Name: "a"}}); !errors.Is(err, lost) {
		t.Fatalf("got %v, want %v", err, lost)
	}
	if _, _, err := m.Stack(ctx, "a"); err != nil {
		t.Errorf("the stack was stored before: %v", err)
	}
}

func TestMemory(t *testing.T) {
	storetest.Run(t, func(t *testing.T) (storetest.Store, func() storetest.Store) {
		m := storetest.NewMemory()
		return m, func() storetest.Store {
			m = m.Reopen()
			return m
		}
	})
}

package password_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/password"
)

func TestRightOnesAreRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := password.NewChecker()
		compared := 0
		check := func(text string) error {
			return c.Check(t.Context(), password.Attempt{Who: "alice", Password: text, From: "here"}, func() (bool, error) {
				compared++
				return text == "right", nil
			})
		}
		for range 5 {
			if err := check("right"); err != nil {
				t.Fatal(err)
			}
		}
		if compared != 1 {
			t.Errorf("compared %d times, want once", compared)
		}
		if err := check("wrong"); err != password.ErrWrong {
			t.Errorf("got %v, want ErrWrong", err)
		}
		time.Sleep(6 * time.Minute)
		if err := check("right"); err != nil || compared != 3 {
			t.Errorf("later: got %v, compared %d times, want 3", err, compared)
		}
	})
}

func TestGuessersWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := password.NewChecker()
		guess := func(from string) error {
			return c.Check(t.Context(), password.Attempt{Who: "alice", Password: "x", From: from}, func() (bool, error) { return false, nil })
		}
		for range 10 {
			if err := guess("here"); err != password.ErrWrong {
				t.Fatal(err)
			}
		}
		if err := guess("here"); !stoker.IsKind(err, stoker.NoCapacity) {
			t.Errorf("the eleventh guess: got %v, want no capacity", err)
		}
		if err := guess("elsewhere"); err != password.ErrWrong {
			t.Errorf("from another address: got %v", err)
		}
		time.Sleep(time.Minute)
		if err := guess("here"); err != password.ErrWrong {
			t.Errorf("a minute later: got %v", err)
		}
	})
}

func TestFaultsAreNoFailures(t *testing.T) {
	c := password.NewChecker()
	broken := errors.New("broken")
	for range 20 {
		if err := c.Check(t.Context(), password.Attempt{Who: "a"}, func() (bool, error) { return false, broken }); err != broken {
			t.Fatalf("got %v, want %v", err, broken)
		}
	}
}

func TestWorkIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := password.NewChecker()
		hold := make(chan struct{})
		for i := range 2 {
			go c.Check(t.Context(), password.Attempt{Who: "slow", Password: string(rune('a' + i))}, func() (bool, error) { <-hold; return true, nil })
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := c.Check(ctx, password.Attempt{Who: "third"}, func() (bool, error) { t.Error("it compares at once"); return true, nil })
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the end of ctx", err)
		}
		close(hold)
	})
}

package storetest

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
)

func testLeases(t *testing.T, open Open) {
	s, reopen := open(t)
	before := time.Now()
	first := acquire(t, s, "a", "me")
	if first.Stack != "a" || first.Holder != "me" || first.Epoch < 1 {
		t.Errorf("got %+v", first)
	}
	if left := first.Expires.Sub(before); left < 59*time.Minute || left > 61*time.Minute {
		t.Errorf("an hour's lease expires in %v", left)
	}
	s = reopen()
	_, err := s.Acquire(t.Context(), "a", "other", time.Hour)
	wantKind(t, "held by another", err, stoker.Conflict)
	if errors.Is(err, stoker.ErrLeaseLost) {
		t.Error("a held lease is not a lost one")
	}
	again := acquire(t, s, "a", "me")
	if again.Epoch <= first.Epoch {
		t.Errorf("epoch: got %d after %d", again.Epoch, first.Epoch)
	}
	if _, err := s.Renew(t.Context(), first, time.Hour); !errors.Is(err, stoker.ErrLeaseLost) {
		t.Errorf("renewing an old epoch: got %v, want ErrLeaseLost", err)
	}
	if err := s.Release(t.Context(), first); err != nil {
		t.Errorf("releasing a lost lease: %v", err)
	}
	renewed, err := s.Renew(t.Context(), again, 2*time.Hour)
	if err != nil || renewed.Epoch != again.Epoch || !renewed.Expires.After(again.Expires) {
		t.Errorf("renewed: got %+v, %v", renewed, err)
	}
	if err := s.Release(t.Context(), renewed); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Renew(t.Context(), renewed, time.Hour); !errors.Is(err, stoker.ErrLeaseLost) {
		t.Errorf("renewing after release: got %v, want ErrLeaseLost", err)
	}
	if other := acquire(t, s, "a", "other"); other.Epoch <= again.Epoch {
		t.Errorf("epoch after release: got %d after %d", other.Epoch, again.Epoch)
	}
	acquire(t, s, "b", "me") // independent
}

func testLeaseExpires(t *testing.T, open Open) {
	s, _ := open(t)
	dead, err := s.Acquire(t.Context(), "a", "dead", 20*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	var next stoker.Lease
	within(t, "the lease expires", func() bool {
		next, err = s.Acquire(t.Context(), "a", "heir", time.Hour)
		return err == nil
	})
	if next.Epoch <= dead.Epoch {
		t.Errorf("epoch: got %d after %d", next.Epoch, dead.Epoch)
	}
	if _, err := s.Renew(t.Context(), dead, time.Hour); !errors.Is(err, stoker.ErrLeaseLost) {
		t.Errorf("the dead one renews: got %v, want ErrLeaseLost", err)
	}
}

func testLeaseRace(t *testing.T, open Open) {
	s, _ := open(t)
	var won atomic.Int32
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			_, err := s.Acquire(t.Context(), "a", fmt.Sprintf("engine-%d", i), time.Hour)
			switch {
			case err == nil:
				won.Add(1)
			case !stoker.IsKind(err, stoker.Conflict):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := won.Load(); got != 1 {
		t.Errorf("%d engines got the lease, want 1", got)
	}
}

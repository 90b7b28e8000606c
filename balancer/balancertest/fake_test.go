package balancertest_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/balancer/balancertest"
)

func TestFake(t *testing.T) {
	balancertest.Run(t, func(*testing.T) stoker.Balancer { return balancertest.NewFake() },
		balancertest.Traffic, balancertest.TLS)
}

func newPool(t *testing.T) *balancertest.Fake {
	t.Helper()
	f := balancertest.NewFake()
	if _, err := f.SetPool(t.Context(), stoker.Pool{ID: "p"}); err != nil {
		t.Fatal(err)
	}
	return f
}

func join(t *testing.T, f *balancertest.Fake) {
	t.Helper()
	if err := f.SetMember(t.Context(), "p", stoker.Member{ID: "a", Address: "127.0.0.1:1"}); err != nil {
		t.Fatal(err)
	}
}

func TestFakeHoldsMembersUntilTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newPool(t)
		f.Hold(true)
		join(t, f)
		f.SetState("p", "a", stoker.MemberChecking, "not yet: 503")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := f.AwaitMember(ctx, "p", "a")
		if !stoker.IsKind(err, stoker.Unavailable) || !strings.Contains(err.Error(), "not yet: 503") {
			t.Errorf("AwaitMember: got %v, want Unavailable with the last health error", err)
		}
		up := make(chan error, 1)
		go func() { up <- f.AwaitMember(t.Context(), "p", "a") }()
		synctest.Wait()
		f.SetState("p", "a", stoker.MemberUp, "")
		if err := <-up; err != nil {
			t.Errorf("AwaitMember: got %v, want nil", err)
		}
	})
}

func TestFakeDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newPool(t)
		join(t, f)
		f.SetTraffic("p", "a", stoker.Traffic{Requests: 7, InFlight: 1})
		start := time.Now()
		if err := f.RemoveMember(t.Context(), "p", "a", time.Minute); err != nil {
			t.Fatal(err)
		}
		if got := time.Since(start); got != time.Minute {
			t.Errorf("drain with one in flight: got %v, want a minute", got)
		}
		st, err := f.Stats(t.Context(), "p")
		if err != nil || st.Requests != 7 || st.InFlight != 0 || len(st.Members) != 0 {
			t.Errorf("Stats: got %+v (%v), want 7 requests and no members", st, err)
		}
	})
}

func TestFakeBeforeDecides(t *testing.T) {
	f := newPool(t)
	broken := errors.New("broken")
	f.Before(func(_ context.Context, c balancertest.Call) error {
		if c.Method == "SetMember" {
			return broken
		}
		return nil
	})
	err := f.SetMember(t.Context(), "p", stoker.Member{ID: "a", Address: "127.0.0.1:1"})
	if !errors.Is(err, broken) {
		t.Errorf("SetMember: got %v, want %v", err, broken)
	}
	calls := f.Calls()
	if got := calls[len(calls)-1]; got.Method != "SetMember" || got.ID != "a" {
		t.Errorf("last call: got %+v, want the SetMember of a", got)
	}
	if st, err := f.Stats(t.Context(), "p"); err != nil || len(st.Members) != 0 {
		t.Errorf("Stats: got %+v (%v), want no member", st, err)
	}
}

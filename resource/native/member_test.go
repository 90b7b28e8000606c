package native_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/balancer/balancertest"
	"github.com/stoker-project/stoker/driver/drivertest"
)

const pm = stoker.TypeName("Stoker::PoolMember")

// member makes a pool and a request for a member of it.
func (h *house) member(t *testing.T, more map[string]any) *stoker.Request {
	t.Helper()
	h.create(t, h.request(t, lb, "pool", nil))
	props := map[string]any{"pool": "pool", "address": "10.0.0.1", "port": int64(8080)}
	for k, v := range more {
		props[k] = v
	}
	return h.request(t, pm, "m", props)
}

func (h *house) state(t *testing.T) stoker.MemberStats {
	t.Helper()
	s, err := h.balancer.Stats(t.Context(), "pool")
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Members) != 1 {
		t.Fatalf("%d members, want 1", len(s.Members))
	}
	return s.Members[0]
}

func (h *house) await(ctx context.Context, req *stoker.Request) error {
	_, err := h.types[pm].(stoker.Awaiter).Await(ctx, req)
	return err
}

func TestMemberJoinsAndLeaves(t *testing.T) {
	h := newHouse()
	req := h.member(t, map[string]any{"weight": int64(3), "drain_timeout": "5s"})
	h.create(t, req)
	h.create(t, req) // as after a crash
	if err := h.await(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	if m := h.state(t); m.ID != "m" || m.Address != "10.0.0.1:8080" || m.Weight != 3 || m.State != stoker.MemberUp {
		t.Errorf("member %+v", m)
	}
	for range 2 {
		if err := h.types[pm].Delete(t.Context(), req); err != nil {
			t.Error(err)
		}
	}
	calls := h.balancer.Calls()
	if last := calls[len(calls)-1]; last.Method != "RemoveMember" || last.Drain != 5*time.Second {
		t.Errorf("last call %+v, want a removal that drains for 5s", last)
	}
	if err := h.types[lb].Delete(t.Context(), h.request(t, lb, "pool", nil)); err != nil {
		t.Fatal(err)
	}
	if err := h.types[pm].Delete(t.Context(), req); err != nil {
		t.Errorf("delete after the pool: %v", err)
	}
}

func TestMemberOfIPv6(t *testing.T) {
	h := newHouse()
	req := h.member(t, map[string]any{"address": "::1"})
	h.create(t, req)
	if got := h.attribute(t, req, "address"); got != "[::1]:8080" || h.state(t).Address != got {
		t.Errorf("address %v", got)
	}
}

func TestMemberOfNoPool(t *testing.T) {
	h := newHouse()
	req := h.request(t, pm, "m", map[string]any{"pool": "nowhere", "address": "10.0.0.1", "port": int64(1)})
	_, err := h.types[pm].Create(t.Context(), req)
	e, ok := stoker.AsError(err)
	if !ok || e.Kind != stoker.Invalid || e.Path != "properties.pool" || e.Hint == "" {
		t.Errorf("got %v, want a fault at properties.pool with a hint", err)
	}
	if got := h.attribute(t, req, "state"); got != nil {
		t.Errorf("state %v, want null", got)
	}
	if err := h.types[pm].Delete(t.Context(), req); err != nil {
		t.Errorf("delete: %v", err)
	}
}

func TestMemberUpdateKeepsItUp(t *testing.T) {
	h := newHouse()
	req := h.member(t, nil)
	h.create(t, req)
	h.balancer.Hold(true) // a member set anew would be checking
	h.update(t, req, map[string]any{"pool": "pool", "address": "10.0.0.1", "port": int64(8080), "weight": int64(7), "ready_timeout": "5m"})
	if m := h.state(t); m.Weight != 7 || m.State != stoker.MemberUp {
		t.Errorf("member %+v, want weight 7 and up", m)
	}
	// Another address has to be a new member, so that it is up before this one leaves.
	for _, name := range []string{"address", "port", "pool"} {
		if h.types[pm].Schema().Properties[name].Update {
			t.Errorf("%s is changed in place", name)
		}
	}
}

func TestMemberResumes(t *testing.T) {
	h := newHouse()
	req := h.member(t, nil)
	h.create(t, req)
	h.balancer = balancertest.NewFake()
	h.restart()
	if err := h.types[pm].(stoker.Resumer).Resume(t.Context(), req); !stoker.IsKind(err, stoker.Invalid) {
		t.Errorf("before its pool: %v, want invalid", err)
	}
	if err := h.types[lb].(stoker.Resumer).Resume(t.Context(), h.request(t, lb, "pool", nil)); err != nil {
		t.Fatal(err)
	}
	if err := h.types[pm].(stoker.Resumer).Resume(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	if m := h.state(t); m.Address != "10.0.0.1:8080" {
		t.Errorf("member %+v", m)
	}
}

func TestMemberCheck(t *testing.T) {
	h := newHouse()
	req := h.member(t, nil)
	check := func() error { return h.types[pm].(stoker.Checker).Check(t.Context(), req) }
	if err := check(); !stoker.IsKind(err, stoker.NotFound) {
		t.Errorf("before: got %v, want not found", err)
	}
	h.create(t, req)
	if err := check(); err != nil {
		t.Error(err)
	}
	h.balancer.SetState("pool", "m", stoker.MemberDown, "connection refused")
	if err := check(); !stoker.IsKind(err, stoker.Unavailable) || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("down: got %v, want unavailable with the reason", err)
	}
	if got := h.attribute(t, req, "state"); got != "down" {
		t.Errorf("state %v, want down", got)
	}
}

func TestMemberAwaitsItsFirstCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse()
		h.balancer.Hold(true)
		req := h.member(t, nil)
		h.create(t, req)
		time.AfterFunc(59*time.Second, func() { h.balancer.SetState("pool", "m", stoker.MemberUp, "") })
		if err := h.await(t.Context(), req); err != nil {
			t.Error(err)
		}
	})
}

func TestMemberThatIsNeverReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse()
		h.balancer.Hold(true)
		req := h.member(t, map[string]any{"ready_timeout": "90s"})
		h.create(t, req)
		h.balancer.SetState("pool", "m", stoker.MemberChecking, "GET /health: 500 Internal Server Error")
		began := time.Now()
		err := h.await(t.Context(), req)
		want := "member 10.0.0.1:8080 has passed no health check in 1m30s: GET /health: 500 Internal Server Error. See that the application listens"
		if !stoker.IsKind(err, stoker.Unavailable) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
		if d := time.Since(began); d != 90*time.Second {
			t.Errorf("gave up after %s, want 90s", d)
		}
	})
}

func TestMemberWhoseServerEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse()
		h.balancer.Hold(true)
		s, err := h.driver.Create(t.Context(), stoker.ServerSpec{Token: "tok", Image: "hello"})
		if err != nil {
			t.Fatal(err)
		}
		req := h.member(t, map[string]any{"server": string(s.ID)})
		h.create(t, req)
		time.AfterFunc(time.Second, func() { h.driver.Die("tok", "exited with status 1") })
		began := time.Now()
		err = h.await(t.Context(), req)
		if err == nil || err.Error() != "its server ended before it was ready: exited with status 1" {
			t.Errorf("got %v, want the server's reason", err)
		}
		if d := time.Since(began); d != time.Second {
			t.Errorf("noticed after %s, want 1s", d)
		}
	})
}

func TestMemberWhoseServerEndedBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse()
		h.balancer.Hold(true)
		s, _ := h.driver.Create(t.Context(), stoker.ServerSpec{Token: "tok", Image: drivertest.ImageEnds})
		req := h.member(t, map[string]any{"server": string(s.ID)})
		h.create(t, req)
		if err := h.await(t.Context(), req); err == nil || !strings.Contains(err.Error(), drivertest.Goodbye) {
			t.Errorf("got %v, want the server's last words", err)
		}
	})
}

func TestMemberOfAStrangeServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse()
		h.balancer.Hold(true)
		req := h.member(t, map[string]any{"server": "not of this driver"})
		h.create(t, req)
		time.AfterFunc(time.Second, func() { h.balancer.SetState("pool", "m", stoker.MemberUp, "") })
		if err := h.await(t.Context(), req); err != nil {
			t.Error(err)
		}
	})
}

func TestMemberUpAtOnceAsksNoDriver(t *testing.T) {
	h := newHouse()
	req := h.member(t, map[string]any{"server": "x"})
	h.create(t, req)
	if err := h.await(t.Context(), req); err != nil {
		t.Error(err)
	}
	if n := len(h.driver.Calls()); n != 0 {
		t.Errorf("the driver was asked %d times", n)
	}
}

func TestMemberAwaitIsBrokenOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse()
		h.balancer.Hold(true)
		req := h.member(t, nil)
		h.create(t, req)
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(errBroken) })
		if err := h.await(ctx, req); !errors.Is(err, errBroken) {
			t.Errorf("got %v, want the cause", err)
		}
	})
}

package openstack_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/driver/drivertest"
)

func TestAwaitReturnsAsSoonAsActive(t *testing.T) {
	for _, driver := range []struct {
		name string
		wrap func(*drivertest.Fake) stoker.Driver
	}{
		{"all abilities", func(d *drivertest.Fake) stoker.Driver { return d }},
		{"none", func(d *drivertest.Fake) stoker.Driver { return plain{d} }},
	} {
		synctest.Test(t, func(t *testing.T) {
			d := &drivertest.Fake{}
			d.Build(true)
			impl, req := server(driver.wrap(d)), request(t, map[string]any{"image": "hello"})
			create(t, impl, req)
			d.FailNext("list", stoker.Errorf(stoker.Unavailable, "the cloud does not answer"))
			done := make(chan error, 1)
			began := time.Now()
			go func() { done <- await(t.Context(), impl, req) }()
			time.AfterFunc(300*time.Millisecond, func() { d.SetState(token, stoker.ServerActive) })
			if err := <-done; err != nil {
				t.Fatalf("%s: %v", driver.name, err)
			}
			if waited := time.Since(began); waited > time.Second {
				t.Errorf("%s: noticed after %s", driver.name, waited)
			}
			if got := req.Data["state"]; got != "ACTIVE" {
				t.Errorf("%s: recorded state %v", driver.name, got)
			}
		})
	}
}

// TestAwaitProvesTheServer: a command that ends at once was never complete.
func TestAwaitProvesTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &drivertest.Fake{}
		impl, req := server(d), request(t, map[string]any{"image": "hello"})
		create(t, impl, req)
		time.AfterFunc(5*time.Millisecond, func() { d.Die(token, "exited with status 1") })
		if err := await(t.Context(), impl, req); err == nil || !strings.Contains(err.Error(), "exited with status 1") {
			t.Errorf("await: %v, want why it ended", err)
		}
	})
}

func TestAwaitSharesListings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &drivertest.Fake{}
		d.Build(true)
		d.Slow("list", 50*time.Millisecond)
		impl := server(d)
		const servers = 100
		done := make(chan error, servers)
		for i := range servers {
			req := request(t, map[string]any{"image": "hello"})
			req.ID = stoker.ResourceID(string(rune('a'+i/26)) + string(rune('a'+i%26)))
			create(t, impl, req)
			go func() { done <- await(t.Context(), impl, req) }()
		}
		time.AfterFunc(time.Second, func() {
			for tok := range d.Servers() {
				d.SetState(tok, stoker.ServerActive)
			}
		})
		for range servers {
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
		if n := len(d.CallsOf("list")); n > servers {
			t.Errorf("%d listings for %d servers, want them shared", n, servers)
		}
	})
}

func TestAwaitFails(t *testing.T) {
	tests := []struct {
		name  string
		image string
		do    func(d *drivertest.Fake)
		want  string
	}{
		{"ended at once", drivertest.ImageEnds, nil, "exited with status 3; last lines of its log: goodbye"},
		{"ended while built", "hello", func(d *drivertest.Fake) { d.Die(token, "out of memory") }, "out of memory"},
		{"in error", "hello", func(d *drivertest.Fake) { d.SetState(token, stoker.ServerError) }, "the server is in state ERROR"},
		{"gone", "hello", func(d *drivertest.Fake) { d.Vanish(token) }, "the server is gone: somebody else has removed it"},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			d := &drivertest.Fake{}
			d.Build(true)
			impl, req := server(d), request(t, map[string]any{"image": tt.image})
			create(t, impl, req)
			if tt.do != nil {
				time.AfterFunc(100*time.Millisecond, func() { tt.do(d) })
			}
			if err := await(t.Context(), impl, req); err == nil || err.Error() != tt.want {
				t.Errorf("%s: got %v, want %s", tt.name, err, tt.want)
			}
		})
	}
}

func TestAwaitIsBrokenOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &drivertest.Fake{}
		d.Build(true)
		impl, req := server(d), request(t, map[string]any{"image": "hello"})
		create(t, impl, req)
		cause := errors.New("superseded")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(cause) })
		if err := await(ctx, impl, req); !errors.Is(err, cause) {
			t.Errorf("got %v, want the cause", err)
		}
	})
}

func TestWatch(t *testing.T) {
	for _, abilities := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			d := &drivertest.Fake{}
			impl := server(d)
			if !abilities {
				impl = server(plain{d})
			}
			req := request(t, map[string]any{"image": "hello"})
			create(t, impl, req)
			if err := impl.(stoker.Checker).Check(t.Context(), req); err != nil {
				t.Errorf("check: %v", err)
			}
			watch := func() error {
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				return impl.(stoker.Watcher).Watch(ctx, req)
			}
			if err := watch(); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("while it runs: got %v, want the end of the context", err)
			}
			if !abilities {
				d.FailNext("list", stoker.Errorf(stoker.Unavailable, "the cloud does not answer"))
			}
			time.AfterFunc(time.Minute, func() { d.Die(token, "exited with status 1") })
			if err := watch(); err == nil || err.Error() != "exited with status 1" {
				t.Errorf("when it ends: got %v, want its reason", err)
			}
			if err := impl.(stoker.Checker).Check(t.Context(), req); err == nil || err.Error() != "exited with status 1" {
				t.Errorf("check: got %v, want its reason", err)
			}
			d.Vanish(token)
			if err := watch(); !stoker.IsKind(err, stoker.NotFound) {
				t.Errorf("when it is gone: got %v, want not found", err)
			}
			if err := impl.(stoker.Checker).Check(t.Context(), req); !stoker.IsKind(err, stoker.NotFound) {
				t.Errorf("check when it is gone: got %v, want not found", err)
			}
		})
	}
}

// A server that ends by itself while it is changed is replaced: the change has not
// failed, and nobody would heal what only an update has left behind.
func TestAServerThatEndsWhileItIsChanged(t *testing.T) {
	for name, change := range map[string]func(*testing.T, *drivertest.Fake, stoker.ResourceType, *stoker.Request) error{
		"before it is asked": func(t *testing.T, d *drivertest.Fake, impl stoker.ResourceType, req *stoker.Request) error {
			d.Die(token, "killed")
			d.FailNext("resize", stoker.Errorf(stoker.Conflict, "it does not run"))
			_, err := impl.(stoker.Updater).Update(t.Context(), req)
			return err
		},
		"after it was asked": func(t *testing.T, d *drivertest.Fake, impl stoker.ResourceType, req *stoker.Request) error {
			if _, err := impl.(stoker.Updater).Update(t.Context(), req); err != nil {
				return err
			}
			d.Die(token, "killed")
			return await(t.Context(), impl, req)
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			d := &drivertest.Fake{}
			impl, req := server(d), request(t, map[string]any{"image": "hello", "flavor": "small"})
			create(t, impl, req)
			req.OldProperties, req.Properties = req.Properties, properties(t, map[string]any{"image": "hello", "flavor": "large"})
			if err := change(t, d, impl, req); !errors.Is(err, stoker.ErrReplace) {
				t.Errorf("%s: got %v, want a replacement", name, err)
			}
		})
	}
}

// A change that is refused is no end.
func TestARefusedChangeFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &drivertest.Fake{}
		impl, req := server(d), request(t, map[string]any{"image": "hello", "flavor": "small"})
		create(t, impl, req)
		req.OldProperties, req.Properties = req.Properties, properties(t, map[string]any{"image": "hello", "flavor": "large"})
		d.FailNext("resize", stoker.Errorf(stoker.NoCapacity, "too large"))
		if _, err := impl.(stoker.Updater).Update(t.Context(), req); !stoker.IsKind(err, stoker.NoCapacity) {
			t.Errorf("got %v, want NoCapacity", err)
		}
	})
}

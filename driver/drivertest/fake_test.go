package drivertest_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/driver/drivertest"
)

func TestFake(t *testing.T) {
	drivertest.Run(t, func(*testing.T) stoker.Driver { return &drivertest.Fake{} }, drivertest.Options{
		Runs:   stoker.ServerSpec{Image: "any"},
		Ends:   stoker.ServerSpec{Image: drivertest.ImageEnds},
		Output: drivertest.Goodbye,
		Burns:  &stoker.ServerSpec{Image: drivertest.ImageBurns},
		Bad:    map[string]stoker.ServerSpec{"image": {Image: drivertest.ImageBad}},
		Metadata: func(t *testing.T, d stoker.Driver, token stoker.ServerToken) map[string]string {
			spec, ok := d.(*drivertest.Fake).Spec(token)
			if !ok {
				t.Fatalf("no server %q", token)
			}
			return spec.Metadata
		},
		UserData: func(fails bool) string {
			if fails {
				return drivertest.UserDataFails
			}
			return "#!works"
		},
		Files: fakeFiles{},
		Dial: func(_ *testing.T, d stoker.Driver, from stoker.ServerToken, network, address string) func() bool {
			return d.(*drivertest.Fake).Dial(from, network, address)
		},
		Outside: drivertest.OutsideFake,
		Reopen:  func(_ *testing.T, d stoker.Driver) stoker.Driver { return d },
	})
}

func TestFakeFaults(t *testing.T) {
	ctx := t.Context()
	var f drivertest.Fake
	boom := errors.New("boom")
	f.FailNextCreate(boom)
	if _, err := f.Create(ctx, stoker.ServerSpec{Token: "a"}); !errors.Is(err, boom) {
		t.Errorf("failing create: got %v, want %v", err, boom)
	}
	f.LoseNextCreate()
	if _, err := f.Create(ctx, stoker.ServerSpec{Token: "a"}); !stoker.IsKind(err, stoker.Unavailable) {
		t.Errorf("lost create: got %v, want Unavailable", err)
	}
	if got, err := f.Create(ctx, stoker.ServerSpec{Token: "a"}); err != nil || got.State != stoker.ServerActive {
		t.Errorf("create after the lost one: got %s, %v", got.State, err)
	}

	f.Hide("a")
	f.Ghost(stoker.Server{Token: "ghost"})
	if list, _ := f.List(ctx); len(list) != 1 || list[0].Token != "ghost" {
		t.Errorf("lying list: got %v, want the ghost only", list)
	}
	f.Honest()
	f.Die("a", "shot")
	if list, _ := f.List(ctx); len(list) != 1 || list[0].State != stoker.ServerStopped || list[0].Reason != "shot" {
		t.Errorf("dead server: got %v", list)
	}
	f.Vanish("a")
	if n := len(f.Servers()); n != 0 {
		t.Errorf("got %d servers after Vanish, want 0", n)
	}
	if got := f.CallsOf("create"); len(got) != 3 {
		t.Errorf("got creates %v, want 3", got)
	}
}

func TestFakeSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f drivertest.Fake
		f.Slow("create", time.Minute)
		start := time.Now()
		if _, err := f.Create(t.Context(), stoker.ServerSpec{Token: "a"}); err != nil {
			t.Fatal(err)
		}
		if got := time.Since(start); got != time.Minute {
			t.Errorf("got %v, want a minute", got)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := f.Create(ctx, stoker.ServerSpec{Token: "b"}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the context's error", err)
		}
		if _, made := f.Spec("b"); made {
			t.Error("a create that was given up has made a server")
		}
	})
}

type fakeFiles struct{}

func (fakeFiles) Read(_ *testing.T, d stoker.Driver, server stoker.ServerToken, path string) (string, bool) {
	return d.(*drivertest.Fake).ReadFile(server, path)
}

func (fakeFiles) Write(_ *testing.T, d stoker.Driver, server stoker.ServerToken, path, text string) bool {
	return d.(*drivertest.Fake).WriteFile(server, path, text)
}

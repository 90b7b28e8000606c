package heat_test

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stoker-project/stoker"
)

// handle makes a wait handle whose data its engine records, and a way to signal it.
func handle(t *testing.T, e *engine, props map[string]any) (*stoker.Request, func(body map[string]any) (string, error)) {
	t.Helper()
	impl := e.types()["OS::Heat::WaitConditionHandle"]
	req := request(t, impl, props)
	create(t, impl, req)
	e.record(req.ID, req.Data)
	return req, func(body map[string]any) (string, error) {
		res, reason, err := impl.(stoker.Signaller).Signal(t.Context(), req, body)
		if err == nil {
			keep(req, res)
			e.record(req.ID, req.Data)
		}
		return reason, err
	}
}

// condition makes a wait condition on a handle and waits for it.
func condition(t *testing.T, e *engine, on *stoker.Request, count int) (*stoker.Request, func(context.Context) error) {
	t.Helper()
	impl := e.types()["OS::Heat::WaitCondition"]
	req := request(t, impl, map[string]any{"handle": string(on.PhysicalID), "timeout": int64(10), "count": int64(count)})
	create(t, impl, req)
	return req, func(ctx context.Context) error {
		_, err := impl.(stoker.Awaiter).Await(ctx, req)
		return err
	}
}

func TestWaitConditionCountsSignals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine()
		h, signal := handle(t, e, nil)
		req, await := condition(t, e, h, 2)
		done := make(chan error, 1)
		go func() { done <- await(t.Context()) }()
		synctest.Wait()
		if reason, err := signal(map[string]any{"id": "a", "data": "one"}); err != nil || reason != "status:SUCCESS reason:Signal 1 received" {
			t.Errorf("signal: %q, %v", reason, err)
		}
		if _, err := signal(map[string]any{"id": "a", "data": map[string]any{"n": int64(2)}}); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		select {
		case err := <-done:
			t.Fatalf("the same ID twice ended the wait: %v", err)
		default:
		}
		if _, err := signal(nil); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		text := attribute(t, e.types()["OS::Heat::WaitCondition"], req, "data").(string)
		var got map[string]any
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Fatalf("data %q: %v", text, err)
		}
		if want := map[string]any{"a": map[string]any{"n": 2.0}, "2": nil}; !reflect.DeepEqual(got, want) {
			t.Errorf("data: got %v, want %v", got, want)
		}
	})
}

func TestWaitConditionFails(t *testing.T) {
	e := newEngine()
	h, signal := handle(t, e, nil)
	_, await := condition(t, e, h, 5)
	for _, body := range []map[string]any{
		{"status": "SUCCESS"},
		{"status": "FAILURE", "reason": "disk full"},
		{"status": "FAILURE", "reason": "no network"},
	} {
		if _, err := signal(body); err != nil {
			t.Fatal(err)
		}
	}
	wantType(t, await(t.Context()), "WaitConditionFailure", "disk full;no network")
}

func TestWaitConditionTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine()
		h, signal := handle(t, e, nil)
		_, await := condition(t, e, h, 2)
		began := time.Now()
		wantType(t, await(t.Context()), "WaitConditionTimeout", "0 of 2 received")
		if d := time.Since(began); d != 10*time.Second {
			t.Errorf("timed out after %s, want 10s", d)
		}
		if _, err := signal(map[string]any{"reason": "nearly"}); err != nil {
			t.Fatal(err)
		}
		wantType(t, await(t.Context()), "WaitConditionTimeout", "1 of 2 received - nearly")
		if d := time.Since(began); d != 10*time.Second {
			t.Errorf("a wait that goes on after a restart took until %s, want no longer", d)
		}
	})
}

func TestWaitConditionIsBrokenOff(t *testing.T) {
	e := newEngine()
	h, _ := handle(t, e, nil)
	_, await := condition(t, e, h, 1)
	cause := errors.New("superseded")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if err := await(ctx); !errors.Is(err, cause) {
		t.Errorf("got %v, want the cause", err)
	}
}

func TestWaitConditionWithoutSignals(t *testing.T) {
	e := newEngine()
	h, _ := handle(t, e, map[string]any{"signal_transport": "NO_SIGNAL"})
	_, await := condition(t, e, h, 3)
	if err := await(t.Context()); err != nil {
		t.Errorf("NO_SIGNAL: %v, want no wait", err)
	}
	h.PhysicalID = "nobody"
	req, await := condition(t, e, h, 1)
	if err := await(t.Context()); !stoker.IsKind(err, stoker.NotFound) {
		t.Errorf("without its handle: %v, want not found", err)
	}
	if got := attribute(t, e.types()["OS::Heat::WaitCondition"], req, "data"); got != "" {
		t.Errorf("data without its handle: %q, want none", got)
	}
}

func TestWaitHandleRefusesOtherBodies(t *testing.T) {
	e := newEngine()
	h, signal := handle(t, e, nil)
	for _, body := range []map[string]any{
		{"status": "MAYBE"},
		{"status": int64(1)},
		{"Status": "SUCCESS"},
	} {
		if _, err := signal(body); !stoker.IsKind(err, stoker.Invalid) {
			t.Errorf("%v: got %v, want invalid", body, err)
		}
	}
	if got := h.Data["signals"]; !reflect.DeepEqual(got, []any{}) {
		t.Errorf("recorded %v, want nothing", got)
	}
}

func TestWaitHandleCreatedAgainKeepsSignals(t *testing.T) {
	e := newEngine()
	h, signal := handle(t, e, nil)
	if _, err := signal(nil); err != nil {
		t.Fatal(err)
	}
	create(t, e.types()["OS::Heat::WaitConditionHandle"], h)
	if n := len(h.Data["signals"].([]any)); n != 1 {
		t.Errorf("%d signals, want 1", n)
	}
}

func TestWaitHandleAttributes(t *testing.T) {
	e := newEngine()
	impl := e.types()["OS::Heat::WaitConditionHandle"]
	tests := []struct {
		transport string
		want      map[string]any
	}{
		{"TOKEN_SIGNAL", map[string]any{
			"token": "token/shop/it", "endpoint": "http://signal/shop/it",
			"curl_cli": "curl -i -X POST -H 'X-Auth-Token: token/shop/it' -H 'Content-Type: application/json' -H 'Accept: application/json' http://signal/shop/it",
			"signal":   `{"endpoint":"http://signal/shop/it","token":"token/shop/it"}`}},
		{"CFN_SIGNAL", map[string]any{"token": nil, "endpoint": nil, "curl_cli": nil, "signal": `{"alarm_url":"http://alarm/shop/it"}`}},
		{"NO_SIGNAL", map[string]any{"token": nil, "endpoint": nil, "curl_cli": nil, "signal": "{}"}},
	}
	for _, tt := range tests {
		req, _ := handle(t, e, map[string]any{"signal_transport": tt.transport})
		for name, want := range tt.want {
			if got := attribute(t, impl, req, name); got != want {
				t.Errorf("%s %s: got %v, want %v", tt.transport, name, got, want)
			}
		}
	}
	for _, transport := range []string{"HEAT_SIGNAL", "TEMP_URL_SIGNAL", "ZAQAR_SIGNAL"} {
		err := impl.(stoker.Validator).Validate(request(t, impl, map[string]any{"signal_transport": transport}))
		if !stoker.IsKind(err, stoker.Invalid) {
			t.Errorf("%s: got %v, want invalid", transport, err)
		}
	}
}

func TestTestResource(t *testing.T) {
	impl := newEngine().types()["OS::Heat::TestResource"]
	synctest.Test(t, func(t *testing.T) {
		await := func(req *stoker.Request) error {
			_, err := impl.(stoker.Awaiter).Await(t.Context(), req)
			return err
		}
		req := request(t, impl, map[string]any{"value": "a", "wait_secs": int64(3), "action_wait_secs": map[string]any{"update": 0.5, "delete": int64(2)}})
		create(t, impl, req)
		took(t, "create", 3*time.Second, func() error { return await(req) })
		took(t, "await again", 0, func() error { return await(req) })
		if got := attribute(t, impl, req, "output"); got != "a" {
			t.Errorf("output %v, want a", got)
		}
		update := func(props map[string]any) error {
			req.OldProperties = req.Properties
			req.Properties = request(t, impl, props).Properties
			res, err := impl.(stoker.Updater).Update(t.Context(), req)
			keep(req, res)
			if err != nil {
				return err
			}
			return await(req)
		}
		waits := map[string]any{"update": 0.5, "delete": int64(2)}
		took(t, "update", 500*time.Millisecond, func() error {
			return update(map[string]any{"value": "b", "action_wait_secs": waits})
		})
		if got := attribute(t, impl, req, "output"); got != "b" {
			t.Errorf("output %v, want b", got)
		}
		took(t, "update of something else", 0, func() error {
			return update(map[string]any{"value": "b", "wait_secs": int64(9), "action_wait_secs": waits, "update_replace": true})
		})
		err := update(map[string]any{"value": "c", "update_replace": true})
		if !errors.Is(err, stoker.ErrReplace) {
			t.Errorf("update_replace: got %v, want a replacement", err)
		}
		req.Properties = request(t, impl, map[string]any{"action_wait_secs": waits, "fail": true}).Properties
		took(t, "delete", 2*time.Second, func() error { return impl.Delete(t.Context(), req) })
	})
}

func TestTestResourceFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		impl := newEngine().types()["OS::Heat::TestResource"]
		req := request(t, impl, map[string]any{"fail": true, "wait_secs": int64(1)})
		create(t, impl, req)
		began := time.Now()
		_, err := impl.(stoker.Awaiter).Await(t.Context(), req)
		wantType(t, err, "ValueError", "Test Resource failed it")
		if d := time.Since(began); d != time.Second {
			t.Errorf("failed after %s, want 1s", d)
		}
	})
}

func TestTestResourceWaitsForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		impl := newEngine().types()["OS::Heat::TestResource"]
		req := request(t, impl, map[string]any{"wait_secs": int64(-1)})
		create(t, impl, req)
		ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
		defer cancel()
		if _, err := impl.(stoker.Awaiter).Await(ctx, req); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the end of the context", err)
		}
	})
}

func took(t *testing.T, what string, want time.Duration, do func() error) {
	t.Helper()
	began := time.Now()
	if err := do(); err != nil {
		t.Errorf("%s: %v", what, err)
	}
	if d := time.Since(began); d != want {
		t.Errorf("%s took %s, want %s", what, d, want)
	}
}

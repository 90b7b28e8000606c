package request_test

import (
	"context"
	"errors"
	"regexp"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/request"
)

func TestParseDuration(t *testing.T) {
	tests := []struct {
		in   string
		want time.Duration
		bad  bool
	}{
		{in: "30", want: 30 * time.Second},
		{in: "0", want: 0},
		{in: "0.5", want: 500 * time.Millisecond},
		{in: " 2m ", want: 2 * time.Minute},
		{in: "1m30s", want: 90 * time.Second},
		{in: "250ms", want: 250 * time.Millisecond},
		{in: "1.5h", want: 90 * time.Minute},
		{in: "", bad: true},
		{in: "-1", bad: true},
		{in: "-1s", bad: true},
		{in: "soon", bad: true},
		{in: "NaN", bad: true},
		{in: "1e300", bad: true},
		{in: "Inf", bad: true},
	}
	for _, tt := range tests {
		got, err := request.ParseDuration(tt.in)
		if got != tt.want || (err != nil) != tt.bad {
			t.Errorf("%q: got %v (%v), want %v, error %v", tt.in, got, err, tt.want, tt.bad)
		}
	}
}

func FuzzParseDuration(f *testing.F) {
	for _, s := range []string{"30", "1m30s", "0.1", "5d", "9999999h"} {
		f.Add(s)
	}
	pattern := regexp.MustCompile(`^(?:` + request.DurationPattern + `)$`)
	f.Fuzz(func(t *testing.T, s string) {
		d, err := request.ParseDuration(s)
		if err == nil && d < 0 {
			t.Errorf("%q is %v", s, d)
		}
		// What the schema lets pass is read, but for numbers out of range.
		if len(s) < 8 && pattern.MatchString(s) && err != nil {
			t.Errorf("%q fits the pattern, but: %v", s, err)
		}
	})
}

func TestValues(t *testing.T) {
	v := request.Values{
		"s": "x", "i": int64(3), "f": 2.5, "b": true, "null": nil,
		"l": []any{"a", int64(1)}, "m": map[string]any{"k": "v"}, "ms": []any{map[string]any{"k": int64(1)}, "no map"},
	}
	for _, tt := range []struct {
		what      string
		got, want any
	}{
		{"string", v.String("s"), "x"},
		{"a number as a string", v.String("f"), "2.5"},
		{"a boolean as a string", v.String("b"), "true"},
		{"null as a string", v.String("null"), ""},
		{"int", v.Int("i"), 3},
		{"int of a float", v.Int("f"), 2},
		{"int of nothing", v.Int("none"), 0},
		{"other int", v.IntOr("null", 7), 7},
		{"given int", v.IntOr("i", 7), 3},
		{"bool", v.Bool("b"), true},
		{"bool of a string", v.Bool("s"), false},
		{"key of a map", v.Map("m").String("k"), "v"},
		{"key of no map", v.Map("s").String("k"), ""},
		{"length of maps", len(v.Maps("ms")), 2},
		{"key in maps", v.Maps("ms")[0].Int("k"), 1},
		{"second of strings", v.Strings("l")[1], "1"},
		{"has null", v.Has("null"), false},
		{"optional int", v.OptionalInt("none") == nil, true},
		{"optional float", *v.OptionalFloat("f"), 2.5},
		{"same worth", v.Changed(map[string]any{"i": 3.0}, "i"), false},
		{"other worth", v.Changed(map[string]any{"i": int64(4)}, "i"), true},
		{"seconds", v.SecondsOf("f"), 2500 * time.Millisecond},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.what, tt.got, tt.want)
		}
	}
}

func TestDurationSaysWhere(t *testing.T) {
	v := request.Values{"wait": "soon"}
	_, err := v.Duration("wait", time.Second)
	if e, ok := stoker.AsError(err); !ok || e.Path != "wait" || e.Kind != stoker.Invalid {
		t.Errorf("got %v, want invalid at wait", err)
	}
	if d, err := v.Duration("none", time.Second); d != time.Second || err != nil {
		t.Errorf("got %v, %v, want the other", d, err)
	}
}

func TestName(t *testing.T) {
	req := &stoker.Request{Stack: stoker.StackRef{Name: "shop"}, Name: "db", ID: "0f0e0d0c-0b0a-0908-0706-050403020100"}
	if got, want := request.Name(req), "shop-db-b4ha2dalbie"; len(got) != len("shop-db-")+12 || got[:len(want)] != want {
		t.Errorf("got %q, want %q and so on", got, want)
	}
	req.ID = "x" // no UUID
	if got := request.Name(req); got != "shop-db-pa" {
		t.Errorf("got %q", got)
	}
}

func TestPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		if err := request.Pause(t.Context(), time.Minute); err != nil || time.Since(began) != time.Minute {
			t.Errorf("%v after %s", err, time.Since(began))
		}
		cause := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(cause) })
		if err := request.Pause(ctx, time.Hour); err != cause {
			t.Errorf("got %v, want the cause", err)
		}
		if err := request.Pause(ctx, 0); err != cause {
			t.Errorf("no pause in a context that has ended: got %v, want the cause", err)
		}
	})
}

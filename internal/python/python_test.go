package python_test

import (
	"math"
	"testing"

	"github.com/stoker-project/stoker/internal/python"
)

func TestFloat(t *testing.T) {
	for f, want := range map[float64]string{
		0: "0.0", 1: "1.0", -2.5: "-2.5", 0.1: "0.1", 1e15: "1000000000000000.0", 1e16: "1e+16", 1e-4: "0.0001",
		1.5e-5: "1.5e-05", 1e300: "1e+300", math.Inf(1): "inf", math.Inf(-1): "-inf",
	} {
		if got := python.Float(f, "inf", "nan"); got != want {
			t.Errorf("%g: got %s, want %s", f, got, want)
		}
	}
	if got := python.Float(math.NaN(), "inf", "nan"); got != "nan" {
		t.Errorf("got %s", got)
	}
}

func TestQuote(t *testing.T) {
	for s, want := range map[string]string{
		"a": "'a'", "it's": `"it's"`, `"`: `'"'`, `'"`: `'\'"'`, "a\nb\\": `'a\nb\\'`,
	} {
		if got := python.Quote(s); got != want {
			t.Errorf("%q: got %s, want %s", s, got, want)
		}
	}
}

func TestNumber(t *testing.T) {
	for s, want := range map[string]any{
		"1": int64(1), " -7 ": int64(-7), "1_000": int64(1000), "+3": int64(3), "1.5": 1.5, "1e3": 1000.0, ".5": 0.5,
		"": nil, "x": nil, "1__0": nil, "_1": nil, "0x1p2": nil, "nan": nil, "inf": nil, "1 2": nil,
		"9223372036854775808": 9223372036854775808.0,
	} {
		got, ok := python.Number(s)
		if got != want || ok != (want != nil) {
			t.Errorf("%q: got %v, %v, want %v", s, got, ok, want)
		}
	}
}

func TestReprAndTruth(t *testing.T) {
	for _, c := range []struct {
		v     any
		repr  string
		truth bool
	}{
		{nil, "None", false}, {true, "True", true}, {false, "False", false}, {int64(0), "0", false},
		{int64(-3), "-3", true}, {1.0, "1.0", true}, {0.0, "0.0", false}, {"", "''", false}, {"a'b", `"a'b"`, true},
	} {
		if got, ok := python.Repr(c.v); !ok || got != c.repr {
			t.Errorf("Repr(%#v) = %s, %v, want %s", c.v, got, ok, c.repr)
		}
		if got, known := python.Truth(c.v); !known || got != c.truth {
			t.Errorf("Truth(%#v) = %v, %v, want %v", c.v, got, known, c.truth)
		}
	}
	if _, ok := python.Repr([]any{}); ok {
		t.Error("a list has a Repr")
	}
	if got, known := python.Truth([]any{nil}); !got || !known {
		t.Error("a list that holds something is not true")
	}
	if _, known := python.Truth(map[string]any{}); known {
		t.Error("a map has a Truth")
	}
}

func TestLiteral(t *testing.T) {
	v := map[string]any{"b": []any{int64(1), "x", nil}, "a": map[string]any{}}
	if got, want := python.Literal(v), "{'a': {}, 'b': [1, 'x', None]}"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

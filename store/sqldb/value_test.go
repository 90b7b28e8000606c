package sqldb

import (
	"encoding/json"
	"math"
	"reflect"
	"testing"

	"github.com/stoker-project/stoker/internal/value"
)

// Whatever JSON a value came from, it comes back from the store the same.
func FuzzValues(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":[1,1.0,-0.0,1e300,1e21,"\u0000\ud800<&>\u2028",null,true,{"":{}}]}`,
		`{"n":9223372036854775808,"m":-9223372036854775808}`, `{"é":"\\\"\n"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := value.DecodeMap(text)
		if err != nil {
			return
		}
		raw, err := encodeMap("values", m)
		if err != nil {
			t.Fatalf("encode %v: %v", m, err)
		}
		if !json.Valid(raw) {
			t.Fatalf("not JSON: %s", raw)
		}
		got, err := decodeMap(raw)
		if err != nil || !reflect.DeepEqual(got, m) {
			t.Errorf("got %#v, %v; want %#v", got, err, m)
		}
	})
}

func TestSignals(t *testing.T) {
	for _, want := range []map[string]float64{nil, {}, {"a": 1, "b": math.Inf(-1), `"q\`: 0.1}} {
		raw, err := encodeSignals(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeSignals(raw)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %v, %v; want %v", got, err, want)
		}
	}
}

func TestRebind(t *testing.T) {
	d := postgresDialect()
	if got, want := d.rebind("a = ? AND b IN (?, ?)"), "a = $1 AND b IN ($2, $3)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

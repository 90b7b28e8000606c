package yaql_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stoker-project/stoker/internal/value"
	"github.com/stoker-project/stoker/internal/yaql"
)

// FuzzEval evaluates whatever comes: no panic, no waiting, every error of this
// package's type, and every result a value.
func FuzzEval(f *testing.F) {
	text, err := os.ReadFile("testdata/yaql.json")
	if err != nil {
		f.Fatal(err)
	}
	var r recorded
	if err := json.Unmarshal(text, &r); err != nil {
		f.Fatal(err)
	}
	for _, c := range r.Cases {
		f.Add(c.Expression)
	}
	data, err := value.Decode(r.Data)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, expression string) {
		defer time.AfterFunc(10*time.Second, func() { panic(fmt.Sprintf("takes longer than 10 s: %q", expression)) }).Stop()
		v, err := eval(expression, data)
		if err != nil {
			var e *yaql.Error
			if !errors.As(err, &e) || e.Class == "" || e.Message == "" {
				t.Fatalf("got %T %v", err, err)
			}
			return
		}
		if _, err := value.Normal(value.Clone(v)); err != nil {
			t.Fatal(err)
		}
	})
}

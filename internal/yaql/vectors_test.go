package yaql_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/stoker-project/stoker/internal/value"
	"github.com/stoker-project/stoker/internal/yaql"
)

// recorded are expressions with what yaql 2.0.0 made of them, under Heat's
// limits.
type recorded struct {
	Data  json.RawMessage
	Cases []struct {
		Expression string
		Result     json.RawMessage
		Set        bool // the result was a set, which has no order
		Error      *struct{ Class, Message string }
	}
}

// differs lists the expressions that we answer otherwise, with the reason.
var differs = map[string]string{
	"$.data.m.items()":                     "yaql makes a set of the pairs, which fails for some values; we always make a list",
	"$.data.s =~ '('":                      "Python's class of error is called error; we say ValueError",
	`regex('(b+)').replace('abbc', '\\2')`: "Python's class of error is called error; we say ValueError",
}

func TestRecordedExpressions(t *testing.T) {
	text, err := os.ReadFile("testdata/yaql.json")
	if err != nil {
		t.Fatal(err)
	}
	var r recorded
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	data, err := value.Decode(r.Data)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range r.Cases {
		t.Run(c.Expression, func(t *testing.T) {
			if reason := differs[c.Expression]; reason != "" {
				t.Skip(reason)
			}
			got, err := eval(c.Expression, data)
			if c.Error != nil {
				var e *yaql.Error
				if !errors.As(err, &e) || e.Class != c.Error.Class {
					t.Errorf("got %#v and error %v, want %s: %s", got, err, c.Error.Class, c.Error.Message)
				}
				return
			}
			want, decodeErr := value.Decode(c.Result)
			if err != nil || decodeErr != nil {
				t.Fatalf("got error %v (%v), want %s", err, decodeErr, c.Result)
			}
			if c.Set {
				sorted(got)
				sorted(want)
			}
			if !value.Equal(got, want) {
				t.Errorf("got %#v, want %s", got, c.Result)
			}
		})
	}
}

func eval(expression string, data any) (any, error) {
	p, err := yaql.Parse(expression)
	if err != nil {
		return nil, err
	}
	return p.Eval(data)
}

func sorted(v any) {
	if items, ok := v.([]any); ok {
		slices.SortFunc(items, func(a, b any) int {
			x, y := fmt.Sprintf("%T %v", a, a), fmt.Sprintf("%T %v", b, b)
			switch {
			case x < y:
				return -1
			case x > y:
				return 1
			}
			return 0
		})
	}
}

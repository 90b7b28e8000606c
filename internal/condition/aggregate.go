package condition

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/stoker-project/stoker"
)

// Aggregate is one value of several signals.
type Aggregate struct {
	Method  string // mean, sum, min or max
	Signals []stoker.SignalSpec
}

// Methods lists those of aggregates.
var Methods = []string{"mean", "sum", "min", "max"}

// Text gives the aggregate as a text that ParseAggregate reads.
func (a Aggregate) Text() (string, error) {
	text, err := json.Marshal(a)
	return string(text), err
}

// ParseAggregate reads what Text wrote. Errors: Invalid.
func ParseAggregate(text string) (Aggregate, error) {
	var a Aggregate
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		return a, &stoker.Error{Kind: stoker.Invalid, Path: "query", Message: "it is no aggregate", Err: err}
	}
	if len(a.Signals) == 0 || !slices.Contains(Methods, a.Method) {
		return a, &stoker.Error{Kind: stoker.Invalid, Path: "query", Message: fmt.Sprintf("an aggregate of %d signals by %q; methods are %q", len(a.Signals), a.Method, Methods)}
	}
	return a, nil
}

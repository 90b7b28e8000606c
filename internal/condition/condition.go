// Package condition has the rule of a composite alarm: thresholds of several signals,
// joined by and and or, as data and as a text. It evaluates nothing.
package condition

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/stoker-project/stoker"
)

// Rule joins other rules, or is a threshold. Exactly one of And, Or and Threshold is set.
type Rule struct {
	And       []Rule     `json:",omitempty"`
	Or        []Rule     `json:",omitempty"`
	Threshold *Threshold `json:",omitempty"`
}

// Threshold is passed when Periods samples in a row, one each Period, are beyond
// Bound, and is not when as many are not.
type Threshold struct {
	Name    string // for people
	Signal  stoker.SignalSpec
	Bound   float64 // exclusive
	Below   bool
	Periods int
	Period  time.Duration
}

// Text gives the rule as a text that Parse reads.
func (r Rule) Text() (string, error) {
	text, err := json.Marshal(r)
	return string(text), err
}

// Parse reads what Text wrote. Errors: Invalid.
func Parse(text string) (Rule, error) {
	var r Rule
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return r, &stoker.Error{Kind: stoker.Invalid, Path: "query", Message: "it is no condition", Err: err}
	}
	return r, r.validate()
}

func (r Rule) validate() error {
	if t := r.Threshold; t != nil && r.And == nil && r.Or == nil && t.Periods > 0 && t.Period > 0 {
		return nil
	}
	if r.Threshold != nil || (len(r.And) == 0) == (len(r.Or) == 0) {
		return &stoker.Error{Kind: stoker.Invalid, Path: "query", Message: fmt.Sprintf("a rule of a condition is neither and, nor or, nor a threshold: %+v", r)}
	}
	for _, sub := range append(r.And, r.Or...) {
		if err := sub.validate(); err != nil {
			return err
		}
	}
	return nil
}

// Thresholds gives those in the rule, from left to right.
func (r Rule) Thresholds() []*Threshold {
	if r.Threshold != nil {
		return []*Threshold{r.Threshold}
	}
	var out []*Threshold
	for _, sub := range append(r.And, r.Or...) {
		out = append(out, sub.Thresholds()...)
	}
	return out
}

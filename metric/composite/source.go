// Package composite makes one signal of several: 1 while a condition on them is true, 0
// while it is false, and an error while that is not known. It reads no signal by
// itself, and starts no goroutine that outlives a reading.
package composite

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/condition"
)

// Source evaluates a condition. Each of its signals is read once in its own period.
type Source struct {
	rule   condition.Rule
	leaves []*leaf
	step   time.Duration // the least of the periods
}

var _ stoker.SignalSource = (*Source)(nil)

// New makes a source for the condition in spec.Query; open makes those of its signals.
// Errors: Invalid, and those of open.
func New(spec stoker.SignalSpec, open func(stoker.SignalSpec) (stoker.SignalSource, error)) (*Source, error) {
	rule, err := condition.Parse(spec.Query)
	if err != nil {
		return nil, err
	}
	s := &Source{rule: rule}
	for _, t := range rule.Thresholds() {
		source, err := open(t.Signal)
		if err != nil {
			return nil, fmt.Errorf("signal %q: %w", t.Name, err)
		}
		s.leaves = append(s.leaves, &leaf{Threshold: t, source: source})
		if s.step == 0 || t.Period < s.step {
			s.step = t.Period
		}
	}
	return s, nil
}

// Read reads the signals whose time has come, all at once, and evaluates the condition.
// Errors: Unavailable, while the condition is neither true nor false.
func (s *Source) Read(ctx context.Context) (stoker.Sample, error) {
	now := time.Now()
	var reads sync.WaitGroup
	for _, l := range s.leaves {
		if l.asked.IsZero() || now.Sub(l.asked) > l.Period-s.step/2 {
			l.asked = now
			reads.Go(func() { l.read(ctx) })
		}
	}
	reads.Wait()
	if ctx.Err() != nil {
		return stoker.Sample{}, stoker.Errorf(stoker.Unavailable, "read the signals of a condition: %w", ctx.Err())
	}
	next := s.leaves
	state := eval(&s.rule, &next)
	out := stoker.Sample{Time: time.Now(), Detail: s.detail()}
	switch state {
	case isTrue:
		out.Value = 1
	case unknown:
		return stoker.Sample{}, stoker.Errorf(stoker.Unavailable, "it is not known yet: %s", out.Detail)
	}
	return out, nil
}

func (s *Source) detail() string {
	var out []string
	for _, l := range s.leaves {
		out = append(out, l.String())
	}
	return strings.Join(out, ", ")
}

// truth has a third value: a signal that cannot be read makes nothing true, and
// nothing false.
type truth int

const (
	unknown truth = iota
	isFalse
	isTrue
)

func (t truth) not() truth {
	return [...]truth{unknown, isTrue, isFalse}[t]
}

// eval takes the leaves in the order of Rule.Thresholds.
func eval(r *condition.Rule, leaves *[]*leaf) truth {
	if r.Threshold != nil {
		l := (*leaves)[0]
		*leaves = (*leaves)[1:]
		return l.state
	}
	if r.And != nil {
		return every(r.And, leaves, func(t truth) truth { return t })
	}
	return every(r.Or, leaves, truth.not).not()
}

// every is true if all are, and false if one is. All are evaluated, for each to take
// its own leaves.
func every(rules []condition.Rule, leaves *[]*leaf, view func(truth) truth) truth {
	out := isTrue
	for i := range rules {
		switch view(eval(&rules[i], leaves)) {
		case isFalse:
			out = isFalse
		case unknown:
			if out == isTrue {
				out = unknown
			}
		}
	}
	return out
}

// leaf is a threshold with what was seen of its signal.
type leaf struct {
	*condition.Threshold
	source stoker.SignalSource

	asked        time.Time
	sample       stoker.Sample
	err          error
	passed, kept int // samples in a row that were beyond the bound, and that were not
	state        truth
}

// read takes one sample. After one that is bad everything is to be seen anew.
func (l *leaf) read(ctx context.Context) {
	before := l.sample.Time
	l.sample, l.err = l.source.Read(ctx)
	if l.err == nil {
		l.err = l.bad()
	}
	switch {
	case l.err != nil:
		l.passed, l.kept, l.state = 0, 0, unknown
		return
	case l.sample.Time.Equal(before):
		return // counts once
	case l.sample.Value > l.Bound != l.Below && l.sample.Value != l.Bound:
		l.passed, l.kept = l.passed+1, 0
	default:
		l.passed, l.kept = 0, l.kept+1
	}
	switch {
	case l.passed >= l.Periods:
		l.state = isTrue
	case l.kept >= l.Periods:
		l.state = isFalse
	}
}

// bad says what is wrong with a sample. One is stale after three periods, as for scalers.
func (l *leaf) bad() error {
	switch age := time.Since(l.sample.Time); {
	case math.IsNaN(l.sample.Value) || math.IsInf(l.sample.Value, 0):
		return stoker.Errorf(stoker.Unavailable, "it is no number")
	case age > max(5*time.Second, 3*l.Period):
		return stoker.Errorf(stoker.Unavailable, "it is stale")
	}
	return nil
}

// String is for people: "cpu_util 91 > 80".
func (l *leaf) String() string {
	operator := ">"
	if l.Below {
		operator = "<"
	}
	if l.err != nil {
		return fmt.Sprintf("%s: %v", l.Name, l.err)
	}
	return fmt.Sprintf("%s %.4g %s %.4g is %s", l.Name, l.sample.Value, operator, l.Bound, [...]string{"not decided", "false", "true"}[l.state])
}

package scale

import (
	"cmp"
	"math"
	"time"

	"github.com/stoker-project/stoker"
)

// read sorts the readings of the signals that rules use into good and bad.
func (e *evaluation) read(signals map[string]Reading) {
	e.samples = make(map[string]stoker.Sample, len(signals))
	e.d.Signals = make(map[string]float64, len(signals))
	for i := range e.policy.Rules {
		name := e.policy.Rules[i].Signal
		if e.known(name) {
			continue
		}
		r, there := signals[name]
		if why := e.fault(name, r, there); why != "" {
			e.bad = append(e.bad, badSignal{name, why})
			continue
		}
		e.samples[name] = r.Sample
		e.d.Signals[name] = r.Sample.Value
	}
}

// known tells whether a signal was read for an earlier rule.
func (e *evaluation) known(name string) bool {
	if _, good := e.samples[name]; good {
		return true
	}
	for _, b := range e.bad {
		if b.name == name {
			return true
		}
	}
	return false
}

// fault says what is wrong with a reading; empty: nothing. A sample of the future
// is as bad as an old one: it would never grow stale.
func (e *evaluation) fault(name string, r Reading, there bool) string {
	v := r.Sample.Value
	age := e.now.Sub(r.Sample.Time)
	limit := MaxAge(*e.policy, e.policy.Signals[name])
	switch {
	case !there:
		return "has no reading yet"
	case r.Err != nil:
		return "has an error: " + r.Err.Error()
	case math.IsNaN(v) || math.IsInf(v, 0):
		return "is not a number"
	case r.Sample.Time.IsZero():
		return "has no time"
	case age > limit:
		return "is stale: " + span(age) + " old, the limit is " + span(limit)
	case age < -limit:
		return "is " + span(-age) + " in the future: compare the clocks"
	}
	return ""
}

// MaxAge gives the age at which a sample of a signal is stale.
func MaxAge(p stoker.Policy, s stoker.SignalSpec) time.Duration {
	return cmp.Or(s.MaxAge, max(5*time.Second, 3*interval(&p)))
}

// Timeout gives how long one reading of a signal may take.
func Timeout(p stoker.Policy, s stoker.SignalSpec) time.Duration {
	return cmp.Or(s.Timeout, max(time.Second, interval(&p)))
}

package scale

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/stoker-project/stoker"
)

// read sorts the readings of the signals that rules use into good and bad.
func (e *evaluation) read(signals func(name string) *Reading) {
	e.samples = make([]goodSignal, 0, len(e.policy.Signals))
	e.d.Signals = make(map[string]float64, len(e.policy.Signals))
	for i := range e.policy.Rules {
		name := e.policy.Rules[i].Signal
		if e.known(name) {
			continue
		}
		r := signals(name)
		if why := e.fault(name, r); why != "" {
			e.bad = append(e.bad, badSignal{name, why})
			continue
		}
		e.samples = append(e.samples, goodSignal{name, &r.Sample})
		e.d.Signals[name] = r.Sample.Value
	}
}

// known tells whether a signal was read for an earlier rule.
func (e *evaluation) known(name string) bool {
	return e.sample(name) != nil ||
		slices.ContainsFunc(e.bad, func(b badSignal) bool { return b.name == name })
}

// sample gives a signal's sample, nil if it is bad.
func (e *evaluation) sample(name string) *stoker.Sample {
	for i := range e.samples {
		if e.samples[i].name == name {
			return e.samples[i].sample
		}
	}
	return nil
}

// fault says what is wrong with a reading; empty: nothing. A sample of the future
// is as bad as an old one: it would never grow stale.
func (e *evaluation) fault(name string, r *Reading) string {
	if r == nil {
		return "has no reading yet"
	}
	v := r.Sample.Value
	age := e.now.Sub(r.Sample.Time)
	limit := maxAge(e.policy, e.policy.Signals[name].MaxAge)
	switch {
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
	return maxAge(&p, s.MaxAge)
}

func maxAge(p *stoker.Policy, wanted time.Duration) time.Duration {
	return cmp.Or(wanted, max(5*time.Second, 3*interval(p)))
}

// Timeout gives how long one reading of a signal may take.
func Timeout(p stoker.Policy, s stoker.SignalSpec) time.Duration {
	return cmp.Or(s.Timeout, max(time.Second, interval(&p)))
}

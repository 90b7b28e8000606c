package scale

import (
	"slices"
	"time"

	"github.com/stoker-project/stoker"
)

// Reading is the latest that is known of a signal: a sample, or why there is none.
type Reading struct {
	Sample stoker.Sample
	Err    error
}

// State is what a scaler remembers between evaluations. The zero State knows
// nothing, which is safe: it lowers nothing before it has watched for the
// policy's DownStabilization. States are values; Decide never changes the one it
// is given.
type State struct {
	// LastUp and LastDown are when the size was last raised and lowered; only
	// these two outlive a restart.
	LastUp, LastDown time.Time

	size      int // last seen or asked for, to notice changes by others
	sizeKnown bool

	// The scaler has watched without a gap, all signals good, from since to last.
	since, last time.Time
	// Wishes of the two stabilisation windows; those of ups are negated, so that
	// both windows look for their largest.
	ups, downs window
	// The most members that served lately, and the fewest, negated.
	most, fewest window
	rules        []tally // by index of the policy's rules

	failures   int // resizes in a row that went wrong
	failedUp   bool
	retryAfter time.Time
}

// tally counts consecutive samples for a threshold rule.
type tally struct {
	high, low int
	sample    time.Time // the last one counted: a sample read twice counts once
}

// StateFrom gives the State of a scaler that starts with what the store knows.
func StateFrom(s stoker.ScalerState) State {
	return State{LastUp: s.LastUp, LastDown: s.LastDown}
}

// Saved gives the part of a State that is to outlive a restart.
func (st State) Saved(id stoker.ScalerID) stoker.ScalerState {
	return stoker.ScalerState{Scaler: id, LastUp: st.LastUp, LastDown: st.LastDown}
}

// maxRetryDelay bounds the wait after resizes that keep going wrong.
const maxRetryDelay = time.Minute

// Refused gives the State after a resize in the direction of d went wrong: the
// cool-off is the one before, so that the next try does not wait for it, and
// the same direction is left alone for a delay that doubles up to a minute.
func (st State) Refused(before State, d stoker.Decision, now time.Time) State {
	st.LastUp, st.LastDown = before.LastUp, before.LastDown
	st.size = d.From
	st.failedUp = d.To > d.From
	st.failures++
	delay := min(time.Second<<min(st.failures-1, 10), maxRetryDelay)
	st.retryAfter = now.Add(delay)
	return st
}

// Accepted gives the State after a resize was accepted.
func (st State) Accepted() State {
	st.failures, st.retryAfter = 0, time.Time{}
	return st
}

// changed notes that the size went from one to another, at now.
func (st *State) changed(from, to int, now time.Time) {
	if to > from {
		st.LastUp = now
	} else {
		st.LastDown = now
	}
	st.size, st.sizeKnown = to, true
	st.rules = make([]tally, len(st.rules))
}

// seen notes that the group was seen with a size. A change by
// others counts as one of ours, so that it is not undone a second later.
// Times in the future, after a clock was set back, are brought to now: a cool-off is
// never longer than the policy says.
func (st *State) seen(size, rules int, now time.Time) {
	st.rules = slices.Clone(st.rules)
	if len(st.rules) != rules {
		st.rules = make([]tally, rules)
	}
	if st.LastUp.After(now) {
		st.LastUp = now
	}
	if st.LastDown.After(now) {
		st.LastDown = now
	}
	if st.sizeKnown && size != st.size {
		st.changed(st.size, size, now)
	}
	st.size, st.sizeKnown = size, true
}

// served notes how many members serve.
func (st *State) served(n int, age time.Duration, now time.Time) {
	st.most = st.most.add(now, n, age)
	st.fewest = st.fewest.add(now, -n, age)
}

// watched notes an evaluation whose signals were all good. A gap longer than the given
// one begins the watch anew.
func (st *State) watched(gap time.Duration, now time.Time) {
	if st.since.IsZero() || now.Before(st.last) || now.Sub(st.last) > gap {
		st.since, st.ups, st.downs = now, nil, nil
	}
	st.last = now
}

// window holds past wishes, of which a later and larger one outweighs the earlier: so it
// stays as short as there are different sizes. A window is never changed in place.
type window []past

type past struct {
	at   time.Time
	wish int
}

// add gives the window with one more wish, without those of age or older.
func (w window) add(now time.Time, wish int, age time.Duration) window {
	if age <= 0 {
		return nil
	}
	next := make(window, 0, len(w)+1)
	for _, p := range w {
		if p.wish > wish && now.Sub(p.at) < age {
			next = append(next, p)
		}
	}
	return append(next, past{at: now, wish: wish})
}

// largest gives the largest wish of the window, at least wish.
func (w window) largest(wish int) int {
	if len(w) > 0 && w[0].wish > wish {
		return w[0].wish
	}
	return wish
}

// lastAtLeast gives the time of the latest wish that is not smaller than one given.
func (w window) lastAtLeast(wish int) time.Time {
	for _, p := range slices.Backward(w) {
		if p.wish >= wish {
			return p.at
		}
	}
	return time.Time{}
}

package scale

import (
	"cmp"
	"slices"
	"time"

	"github.com/stoker-project/stoker"
)

// What kept the wish from being the size asked for (Decision.Limiter).
const (
	LimitMin           = "min"           // the group's or the policy's lower bound
	LimitMax           = "max"           // the upper bound
	LimitTolerance     = "tolerance"     // too near the target to be worth a change
	LimitBadSignal     = "bad signal"    // not lowered: a signal is missing, stale, an error or no number
	LimitHistory       = "history"       // not lowered: not watched for long enough yet
	LimitStabilization = "stabilization" // another size was wanted a while ago
	LimitCooldown      = "cooldown"      // the last change is too recent
	LimitGroupFailed   = "group failed"  // the group's last change went wrong
	LimitMaxStepUp     = "max step up"   // raised, but by less
	LimitMaxStepDown   = "max step down" // lowered, but by less
	LimitInFlight      = "in flight"     // not lowered: a change is under way
	LimitRetry         = "retry"         // the last try went wrong; waiting for the next
	LimitFrozen        = "frozen"        // somebody froze the group
	LimitDryRun        = "dry run"       // the policy changes nothing
	LimitNoGroup       = "no group"      // the group cannot be read
	LimitNotRecorded   = "not recorded"  // not lowered: the store did not take the intent
)

// failedRetry is the least time between two attempts to raise a failed group.
const failedRetry = 30 * time.Second

// defaultMemory is the longest window that sources take by themselves.
const defaultMemory = 10 * time.Second

// Decide decides on the size of a group at one moment: what the rules wish, and what
// the limits leave of it. Nothing is read or changed but the arguments, and equal
// arguments give equal results. The State returned holds the change of size as
// made; if the resize goes wrong, State.Refused takes that back.
//
// Whatever the signals say, To stays within the bounds; a size outside of them is
// corrected at once. A bad signal of any rule forbids lowering, except to the
// upper bound, and leaves raising to the others. See DESIGN.md for the order of the limits.
func Decide(st State, p stoker.Policy, g stoker.Group, signals map[string]Reading, now time.Time) (stoker.Decision, State) {
	e := decide(&st, &p, &g, func(name string) *Reading {
		if r, ok := signals[name]; ok {
			return &r
		}
		return nil
	}, now)
	return e.d, e.state
}

// decide is Decide on small stack frames: every scaler keeps the stack it once needed. A
// signal without a reading gives nil.
func decide(st *State, p *stoker.Policy, g *stoker.Group, signals func(name string) *Reading, now time.Time) *evaluation {
	e := newEvaluation(st, p, g, now)
	e.read(signals)
	if e.readsLevels() {
		e.state.served(e.serving, memory(p), now)
	}
	w := e.ask()
	e.wished(&w)
	size := e.limit(&w)
	size = e.correct(size)
	size = e.hold(size)
	e.d.To = size
	e.d.Why = e.why(&w)
	if size != g.Size {
		e.state.changed(g.Size, size, now)
	}
	return e
}

// evaluation is the work sheet of one Decide.
type evaluation struct {
	policy  *stoker.Policy
	group   *stoker.Group
	now     time.Time
	state   State
	d       stoker.Decision
	serving int
	lo, hi  int

	samples []goodSignal
	bad     []badSignal
	reason  string // of the limiter
}

type (
	goodSignal struct {
		name   string
		sample *stoker.Sample
	}
	badSignal struct{ name, why string }
)

func newEvaluation(st *State, p *stoker.Policy, g *stoker.Group, now time.Time) *evaluation {
	e := &evaluation{policy: p, group: g, now: now, serving: serving(g)}
	e.lo, e.hi = bounds(p, g)
	e.state = *st
	e.state.seen(g.Size, len(p.Rules), now)
	e.d = stoker.Decision{
		Scaler: p.ID, Group: p.Group, Project: p.Project,
		Time: now, LastTime: now, Count: 1,
		From: g.Size, To: g.Size, Wish: g.Size,
	}
	return e
}

// readsLevels tells whether it matters how many members served: totals do not depend
// on it.
func (e *evaluation) readsLevels() bool {
	return len(e.state.most) > 0 ||
		slices.ContainsFunc(e.samples, func(s goodSignal) bool { return !s.sample.Total })
}

// memory is how long a change of the members shows in the signals of a policy.
func memory(p *stoker.Policy) time.Duration {
	longest := time.Duration(0)
	for _, s := range p.Signals {
		longest = max(longest, cmp.Or(s.Window, defaultMemory))
	}
	return longest + 2*interval(p)
}

// bounds gives the group's bounds, narrowed by the policy's. Where they
// contradict each other the group's count, and then the upper.
func bounds(p *stoker.Policy, g *stoker.Group) (lo, hi int) {
	lo, hi = max(g.Min, 0), g.Max
	if hi < 0 {
		hi = maxWish
	}
	lo = min(lo, hi)
	glo, ghi := lo, hi
	if p.Min != nil {
		lo = min(max(*p.Min, glo), ghi)
	}
	if p.Max != nil {
		hi = min(max(*p.Max, glo), ghi)
	}
	return min(lo, hi), hi
}

// wished remembers the wish for the stabilisation windows. While a signal
// is bad only a wish for more is known to be true.
func (e *evaluation) wished(w *wish) {
	if w.opinion {
		e.d.Wish = w.size
	}
	good := len(e.bad) == 0
	if good {
		e.state.watched(gap(e.policy), e.now)
	}
	if good || e.d.Wish > e.group.Size {
		e.state.downs = e.state.downs.add(e.now, e.d.Wish, e.policy.DownStabilization)
		e.state.ups = e.state.ups.add(e.now, -e.d.Wish, e.policy.UpStabilization)
	}
}

// gap is how long no evaluation may be good before the watch begins anew.
func gap(p *stoker.Policy) time.Duration {
	return max(10*time.Second, 5*interval(p))
}

// limit gives what the limits that can wait leave of the wish.
func (e *evaluation) limit(w *wish) int {
	size := e.group.Size
	want := e.clamp(e.d.Wish)
	switch {
	case want > size:
		return e.limitUp(w, want)
	case len(e.bad) > 0:
		return e.limited(size, LimitBadSignal, time.Time{}, "")
	case want < size:
		return e.limitDown(w, want)
	}
	return size
}

func (e *evaluation) limitUp(w *wish, want int) int {
	size, p := e.group.Size, e.policy
	if w.rule != nil && w.rule.Kind == stoker.RuleTarget && w.exact <= float64(size)*(1+tolerance(w.rule)) {
		return e.limited(size, LimitTolerance, time.Time{}, "that is within the tolerance")
	}
	if least := -e.state.ups.largest(-e.d.Wish); least < want {
		want = max(least, size)
		if want == size {
			at := e.state.ups.lastAtLeast(-size)
			return e.limited(size, LimitStabilization, at.Add(p.UpStabilization), "less was wanted a while ago")
		}
		e.limited(want, LimitStabilization, time.Time{}, "less was wanted a while ago")
	}
	if until := e.state.LastUp.Add(p.UpCooldown); e.now.Before(until) {
		return e.limited(size, LimitCooldown, until, "the last raise is too recent")
	}
	if until := e.state.LastUp.Add(failedRetry); e.group.Failed && e.now.Before(until) {
		return e.limited(size, LimitGroupFailed, until, "the last change of the group went wrong")
	}
	if p.MaxStepUp > 0 && want > size+p.MaxStepUp {
		return e.limited(size+p.MaxStepUp, LimitMaxStepUp, time.Time{}, "no more in one change")
	}
	return want
}

func (e *evaluation) limitDown(w *wish, want int) int {
	size, p := e.group.Size, e.policy
	if until := e.state.since.Add(p.DownStabilization); e.now.Before(until) {
		return e.limited(size, LimitHistory, until, "not watched for long enough yet")
	}
	if most := e.clamp(e.state.downs.largest(e.d.Wish)); most > want {
		want = min(most, size)
		if want == size {
			at := e.state.downs.lastAtLeast(size)
			return e.limited(size, LimitStabilization, at.Add(p.DownStabilization), "more was wanted a while ago")
		}
		e.limited(want, LimitStabilization, time.Time{}, "more was wanted a while ago")
	}
	if w.rule != nil && w.rule.Kind == stoker.RuleTarget && float64(size-want) <= float64(size)*tolerance(w.rule) {
		return e.limited(size, LimitTolerance, time.Time{}, "that is within the tolerance")
	}
	if until := later(e.state.LastUp, e.state.LastDown).Add(p.DownCooldown); e.now.Before(until) {
		return e.limited(size, LimitCooldown, until, "the last change is too recent")
	}
	if e.group.Failed && e.serving < want {
		return e.limited(size, LimitGroupFailed, time.Time{}, "the last change of the group went wrong, and too few members serve")
	}
	if p.MaxStepDown > 0 && want < size-p.MaxStepDown {
		return e.limited(size-p.MaxStepDown, LimitMaxStepDown, time.Time{}, "no more in one change")
	}
	return want
}

// correct brings a size outside of the bounds to the nearest, whatever has
// been limited: the bounds are the user's word and wait for nothing.
func (e *evaluation) correct(size int) int {
	in := min(max(size, e.lo), e.hi)
	switch {
	case size > in:
		e.limited(in, LimitMax, time.Time{}, "the maximum is "+itoa(in))
	case size < in:
		e.limited(in, LimitMin, time.Time{}, "the minimum is "+itoa(in))
	}
	return in
}

// hold keeps the size where nothing may be done at all.
func (e *evaluation) hold(size int) int {
	now, st, g := e.now, e.state, e.group
	switch {
	case size == g.Size:
		return size
	case now.Before(g.FrozenUntil):
		return e.limited(g.Size, LimitFrozen, g.FrozenUntil, "the group is frozen"+prefixed(": ", g.FrozenReason))
	case size < g.Size && g.InFlight:
		return e.limited(g.Size, LimitInFlight, time.Time{}, "a change is under way")
	case now.Before(st.retryAfter) && st.failedUp == (size > g.Size):
		return e.limited(g.Size, LimitRetry, st.retryAfter, "the last try went wrong")
	case e.policy.DryRun:
		return e.limited(g.Size, LimitDryRun, time.Time{}, "a dry run, otherwise the size would be "+itoa(size))
	}
	return size
}

// limited notes a limiter; the last one noted is the one that binds.
func (e *evaluation) limited(size int, by string, next time.Time, reason string) int {
	e.d.Limiter, e.d.Next, e.reason = by, next, reason
	return size
}

func (e *evaluation) clamp(want int) int {
	switch {
	case want > e.hi:
		return e.limited(e.hi, LimitMax, time.Time{}, "the maximum is "+itoa(e.hi))
	case want < e.lo:
		return e.limited(e.lo, LimitMin, time.Time{}, "the minimum is "+itoa(e.lo))
	}
	return want
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func interval(p *stoker.Policy) time.Duration {
	return cmp.Or(p.Interval, DefaultInterval)
}

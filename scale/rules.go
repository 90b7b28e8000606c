package scale

import (
	"math"

	"github.com/stoker-project/stoker"
)

// maxWish keeps arithmetic on absurd signals within an int.
const maxWish = 1 << 30

// wish is what one rule asks for.
type wish struct {
	rule *stoker.Rule
	size int
	// opinion is false for a rule that has nothing to say, because its signal
	// is bad or because it only ever raises and sees no need to.
	opinion bool
	// exact is the size before rounding up; target rules only.
	exact float64
	// burst is the value that decided instead of the mean; 0: none did.
	burst float64
	// serving is the number of members that a level was taken of.
	serving int
	// count is the tally of a threshold rule that decided, or is nearest to.
	count tally
	step  *stoker.Step
}

// ask asks every rule, and gives the largest wish. Of equal wishes the first counts.
func (e *evaluation) ask() wish {
	var best wish
	for i := range e.policy.Rules {
		w := e.askRule(i)
		if w.opinion && (!best.opinion || w.size > best.size) {
			best = w
		}
	}
	return best
}

func (e *evaluation) askRule(i int) wish {
	r := &e.policy.Rules[i]
	w := wish{rule: r, size: e.group.Size}
	s := e.sample(r.Signal)
	switch {
	case r.Kind == stoker.RuleThreshold:
		e.threshold(&w, &e.state.rules[i], s)
	case s == nil:
	case r.Kind == stoker.RuleTarget:
		e.target(&w, s)
	case r.Kind == stoker.RuleStep:
		e.step(&w, s.Value)
	case r.Kind == stoker.RuleProportional:
		w.size, w.opinion = max(1, whole(s.Value/r.Divisor)), true
	}
	return w
}

// target wants the signal at Target: per member for totals.
func (e *evaluation) target(w *wish, s *stoker.Sample) {
	ratio := s.Value / w.rule.Target
	if !s.Total {
		e.level(w, ratio)
		return
	}
	w.exact, w.size, w.opinion = ratio, roundUp(ratio), true
	e.burst(w, s)
}

// burst raises for a load that has just come, before the mean shows it. What
// waits in a burst is more than what comes, so it at most doubles what serves; the
// next second knows better.
func (e *evaluation) burst(w *wish, s *stoker.Sample) {
	exact := min(s.Burst/w.rule.Target, 2*float64(max(1, e.serving)))
	if size := roundUp(exact); s.Burst > s.Value && size > e.group.Size && size > w.size {
		w.exact, w.size, w.burst = exact, size, s.Burst
	}
}

// level wants members in proportion. The signal is a mean over a while in which
// the number of members that served may have changed, so it asks for a change only
// if the fewest of them say so for more, or the most for less. Otherwise every change would
// be followed by another of the same kind.
func (e *evaluation) level(w *wish, ratio float64) {
	size, fewest, most := e.group.Size, -e.state.fewest.largest(-e.serving), e.state.most.largest(e.serving)
	if most == 0 {
		return // nobody was there to be measured
	}
	w.opinion, w.serving = true, e.serving
	if exact := ratio * float64(fewest); roundUp(exact) > size {
		w.exact, w.size, w.serving = exact, roundUp(exact), fewest
	} else if exact := ratio * float64(most); roundUp(exact) < size {
		w.exact, w.size, w.serving = exact, roundUp(exact), most
	}
}

// roundUp takes a little less for the same, so that 0.7 / 0.1 wants 7.
func roundUp(exact float64) int { return whole(math.Ceil(exact - 1e-9)) }

// threshold counts samples in a row. A bad one is not low, and does not
// take from the evidence of the high ones; with ErrorIsHigh it is one of them.
func (e *evaluation) threshold(w *wish, t *tally, s *stoker.Sample) {
	r := w.rule
	switch {
	case s == nil:
		t.low = 0
		if r.ErrorIsHigh {
			t.high++
		}
	case !s.Time.Equal(t.sample):
		t.sample = s.Time
		t.high = inARow(t.high, r.High != nil && s.Value > *r.High)
		t.low = inARow(t.low, r.Low != nil && s.Value < *r.Low)
	}
	t.high, t.low = min(t.high, upAfter(r)), min(t.low, downAfter(r))
	w.count = *t
	switch {
	case t.high == upAfter(r):
		w.size, w.opinion = max(e.group.Size, e.base()+step(r)), true
	case t.low == downAfter(r):
		w.size, w.opinion = max(0, e.group.Size-step(r)), true
	default:
		w.opinion = s != nil && r.Low != nil
	}
}

// step takes the first of Steps that the value is in.
func (e *evaluation) step(w *wish, v float64) {
	lowers := false
	for i := range w.rule.Steps {
		s := &w.rule.Steps[i]
		lowers = lowers || s.By < 0 || s.Type == stoker.ExactCapacity
		if s.From != nil && v < *s.From || s.To != nil && v >= *s.To {
			continue
		}
		w.step, w.opinion = s, true
		w.size = stoker.NewCapacity(e.base(), s.Adjustment, 0, maxWish)
		if s.By >= 0 && s.Type != stoker.ExactCapacity {
			w.size = max(w.size, e.group.Size)
		}
		return
	}
	w.opinion = lowers
}

// base is the size that relative rules add to. While a change is in flight the signal
// still tells of the members that serve: adding to the size asked for would add
// again at every evaluation until the new ones are up.
func (e *evaluation) base() int {
	if e.group.InFlight {
		return min(e.serving, e.group.Size)
	}
	return e.group.Size
}

// serving counts the members that can be taking load.
func serving(g *stoker.Group) int {
	if len(g.Members) == 0 && !g.InFlight && !g.Failed {
		return g.Size
	}
	n := 0
	for i := range g.Members {
		m := &g.Members[i]
		switch {
		case m.Status == stoker.StatusFailed, m.Action == stoker.ActionDelete, m.Action == stoker.ActionInit:
		case m.Action == stoker.ActionCreate && m.Status != stoker.StatusComplete:
		default:
			n++
		}
	}
	return n
}

func inARow(n int, again bool) int {
	if again {
		return n + 1
	}
	return 0
}

func upAfter(r *stoker.Rule) int   { return max(1, r.UpAfter) }
func downAfter(r *stoker.Rule) int { return max(1, r.DownAfter) }
func step(r *stoker.Rule) int      { return max(1, r.Step) }

func tolerance(r *stoker.Rule) float64 {
	if r.Tolerance > 0 {
		return r.Tolerance
	}
	return DefaultTolerance
}

// whole cuts to an int, within 0 and maxWish.
func whole(v float64) int {
	return int(min(max(v, 0), maxWish))
}

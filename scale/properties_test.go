package scale_test

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/scale"
	"pgregory.net/rapid"
)

// anyPolicy draws a valid policy over the signals a and b. Steps are left out
// where a property asks for rules that rise with their signal.
func anyPolicy(t *rapid.T) stoker.Policy {
	seconds := func(name string, most int) time.Duration {
		return time.Duration(rapid.IntRange(0, most).Draw(t, name)) * time.Second
	}
	p := stoker.Policy{
		ID: "x", Group: "g",
		Signals:           map[string]stoker.SignalSpec{"a": {Source: "value"}, "b": {Source: "value"}},
		UpCooldown:        seconds("up cooldown", 20),
		DownCooldown:      seconds("down cooldown", 20),
		UpStabilization:   seconds("up stabilization", 10),
		DownStabilization: seconds("down stabilization", 20),
		MaxStepUp:         rapid.IntRange(0, 4).Draw(t, "max step up"),
		MaxStepDown:       rapid.IntRange(0, 4).Draw(t, "max step down"),
	}
	for range rapid.IntRange(1, 3).Draw(t, "rules") {
		p.Rules = append(p.Rules, anyRule(t))
	}
	return p
}

func anyRule(t *rapid.T) stoker.Rule {
	r := stoker.Rule{Signal: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "signal")}
	r.Kind = rapid.SampledFrom([]stoker.RuleKind{stoker.RuleTarget, stoker.RuleThreshold, stoker.RuleProportional}).Draw(t, "kind")
	switch r.Kind {
	case stoker.RuleTarget:
		r.Target = rapid.Float64Range(1, 50).Draw(t, "target")
		r.Tolerance = rapid.Float64Range(0.01, 0.3).Draw(t, "tolerance")
	case stoker.RuleProportional:
		r.Divisor = rapid.Float64Range(1, 50).Draw(t, "divisor")
	case stoker.RuleThreshold:
		r.Low = ptr(rapid.Float64Range(0, 100).Draw(t, "low"))
		r.High = ptr(*r.Low + rapid.Float64Range(1, 100).Draw(t, "room"))
		r.UpAfter, r.DownAfter = rapid.IntRange(1, 4).Draw(t, "up after"), rapid.IntRange(1, 4).Draw(t, "down after")
		r.Step = rapid.IntRange(1, 3).Draw(t, "step")
		r.ErrorIsHigh = rapid.Bool().Draw(t, "error is high")
	}
	return r
}

func anyReading(t *rapid.T, now time.Time) (r scale.Reading, good bool) {
	r.Sample = stoker.Sample{Value: rapid.Float64Range(0, 400).Draw(t, "value"), Total: true, Time: now}
	switch rapid.IntRange(0, 15).Draw(t, "fault") {
	case 0:
		r.Err = errors.New("refused")
	case 1:
		r.Sample.Value = math.NaN()
	case 2:
		r.Sample.Value = math.Inf(-1)
	case 3:
		r.Sample.Time = now.Add(-time.Hour)
	default:
		return r, true
	}
	return r, false
}

// A story of many evaluations keeps all promises.
func TestPromisesHold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := anyPolicy(t)
		if err := scale.Validate(p); err != nil {
			t.Fatal(err)
		}
		g := group(rapid.IntRange(1, 10).Draw(t, "size"))
		var st scale.State
		var lastUp, lastChange, since time.Time
		now := epoch
		for range rapid.IntRange(1, 60).Draw(t, "evaluations") {
			now = now.Add(time.Second)
			g.InFlight = rapid.IntRange(0, 9).Draw(t, "in flight") == 0
			a, goodA := anyReading(t, now)
			b, goodB := anyReading(t, now)
			var d stoker.Decision
			d, st = scale.Decide(st, p, g, map[string]scale.Reading{"a": a, "b": b}, now)
			used := map[string]bool{}
			for _, r := range p.Rules {
				used[r.Signal] = true
			}
			good := (goodA || !used["a"]) && (goodB || !used["b"])
			if good && since.IsZero() {
				since = now
			}
			if d.To < g.Min || d.To > g.Max {
				t.Fatalf("outside the bounds: %+v", d)
			}
			if d.Why == "" || (d.To == d.From && d.Wish != d.From && d.Limiter == "") {
				t.Fatalf("not explained: %+v", d)
			}
			if d.To < d.From {
				switch {
				case !good:
					t.Fatalf("lowered on a bad signal: %s", d.Why)
				case g.InFlight:
					t.Fatalf("lowered while a change is in flight: %s", d.Why)
				case now.Sub(lastChange) < p.DownCooldown:
					t.Fatalf("lowered within the cool-off: %s", d.Why)
				case now.Sub(since) < p.DownStabilization:
					t.Fatalf("lowered without history: %s", d.Why)
				case p.MaxStepDown > 0 && d.From-d.To > p.MaxStepDown:
					t.Fatalf("lowered by too much: %s", d.Why)
				}
			}
			if d.To > d.From {
				if now.Sub(lastUp) < p.UpCooldown {
					t.Fatalf("raised within the cool-off: %s", d.Why)
				}
				if p.MaxStepUp > 0 && d.To-d.From > p.MaxStepUp {
					t.Fatalf("raised by too much: %s", d.Why)
				}
				lastUp = now
			}
			if d.To != d.From {
				lastChange = now
				inFlight := g.InFlight
				g = group(d.To)
				g.InFlight = inFlight
			}
		}
	})
}

// A higher signal never leads to a smaller size.
func TestSizeRisesWithTheSignal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := anyPolicy(t)
		p.DownStabilization = 0
		g := group(rapid.IntRange(1, 10).Draw(t, "size"))
		a, b := rapid.Float64Range(0, 400).Draw(t, "a"), rapid.Float64Range(0, 400).Draw(t, "b")
		more := rapid.Float64Range(0, 400).Draw(t, "more")
		decide := func(a, b float64) int {
			d, _ := scale.Decide(scale.State{}, p, g, map[string]scale.Reading{
				"a": {Sample: stoker.Sample{Value: a, Total: true, Time: epoch}},
				"b": {Sample: stoker.Sample{Value: b, Total: true, Time: epoch}},
			}, epoch)
			return d.To
		}
		lesser := decide(a, b)
		if got := decide(a+more, b); got < lesser {
			t.Fatalf("a: got %d at %v and %d at %v", lesser, a, got, a+more)
		}
		if got := decide(a, b+more); got < lesser {
			t.Fatalf("b: got %d at %v and %d at %v", lesser, b, got, b+more)
		}
	})
}

// A constant load, as total or as the level it makes at each size, is
// answered by at most one change once the limits let it through.
func TestConstantLoadDoesNotSwing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := anyPolicy(t)
		r := stoker.Rule{Kind: stoker.RuleTarget, Signal: "a", Target: rapid.Float64Range(1, 50).Draw(t, "target")}
		p.Rules, p.MaxStepUp, p.MaxStepDown = []stoker.Rule{r}, 0, 0
		load := rapid.Float64Range(0, 600).Draw(t, "load")
		total := rapid.Bool().Draw(t, "total")
		g := group(rapid.IntRange(1, 10).Draw(t, "size"))
		var st scale.State
		changes := 0
		for i := range 120 {
			now := epoch.Add(time.Duration(i) * time.Second)
			s := stoker.Sample{Value: load, Total: total, Time: now}
			if !total {
				s.Value /= float64(g.Size)
			}
			var d stoker.Decision
			d, st = scale.Decide(st, p, g, map[string]scale.Reading{"a": {Sample: s}}, now)
			if d.To != d.From {
				changes++
				g = group(d.To)
			}
		}
		if changes > 1 {
			t.Fatalf("got %d changes at a constant load of %v", changes, load)
		}
	})
}

// Decide leaves its arguments alone: the same State gives the same again, also
// after it was used.
func TestDecideIsPure(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := anyPolicy(t)
		g := group(rapid.IntRange(1, 10).Draw(t, "size"))
		var st scale.State
		now := epoch
		for range 20 {
			now = now.Add(time.Second)
			a, _ := anyReading(t, now)
			b, _ := anyReading(t, now)
			in := map[string]scale.Reading{"a": a, "b": b}
			first, next := scale.Decide(st, p, g, in, now)
			for range 3 { // use the new one, which may not change the old one
				scale.Decide(next, p, g, in, now.Add(time.Second))
			}
			again, _ := scale.Decide(st, p, g, in, now)
			if first.To != again.To || first.Why != again.Why || !first.Next.Equal(again.Next) {
				t.Fatalf("got %+v, then %+v", first, again)
			}
			st = next
		}
	})
}

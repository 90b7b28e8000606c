package scale_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/scale"
)

func ptr[T any](v T) *T { return &v }

// bench holds a scaler and its group still, to look at single evaluations.
type bench struct {
	state  scale.State
	policy stoker.Policy
	group  stoker.Group
	now    time.Time
}

func newBench(size int, r stoker.Rule, change func(*stoker.Policy)) *bench {
	r.Signal = "s"
	p := stoker.Policy{ID: "x", Group: "g", Signals: map[string]stoker.SignalSpec{"s": {Source: "value"}}, Rules: []stoker.Rule{r}}
	if change != nil {
		change(&p)
	}
	return &bench{policy: p, group: group(size), now: epoch}
}

// group gives a settled group with bounds 1 and 10.
func group(size int) stoker.Group {
	g := stoker.Group{ID: "g", Min: 1, Max: 10, Size: size}
	for range size {
		g.Members = append(g.Members, stoker.GroupMember{Action: stoker.ActionCreate, Status: stoker.StatusComplete})
	}
	return g
}

// decide evaluates a second later, and lets the group follow at once.
func (b *bench) decide(signals map[string]scale.Reading) stoker.Decision {
	b.now = b.now.Add(time.Second)
	for name, r := range signals {
		if r.Err == nil && r.Sample.Time.IsZero() {
			r.Sample.Time = b.now
			signals[name] = r
		}
	}
	var d stoker.Decision
	d, b.state = scale.Decide(b.state, b.policy, b.group, signals, b.now)
	if d.To != d.From {
		g := group(d.To)
		b.group.Size, b.group.Members = g.Size, g.Members
	}
	return d
}

func (b *bench) level(v float64) stoker.Decision {
	return b.decide(map[string]scale.Reading{"s": {Sample: stoker.Sample{Value: v}}})
}

func (b *bench) total(v float64) stoker.Decision {
	return b.decide(map[string]scale.Reading{"s": {Sample: stoker.Sample{Value: v, Total: true}}})
}

func (b *bench) bursting(mean, burst float64) stoker.Decision {
	return b.decide(map[string]scale.Reading{"s": {Sample: stoker.Sample{Value: mean, Burst: burst, Total: true}}})
}

func (b *bench) failing() stoker.Decision {
	return b.decide(map[string]scale.Reading{"s": {Err: errors.New("connection refused")}})
}

func check(t *testing.T, d stoker.Decision, to int, limiter string) {
	t.Helper()
	if d.To != to || d.Limiter != limiter {
		t.Errorf("got %d -> %d limited by %q, want %d limited by %q (%s)", d.From, d.To, d.Limiter, to, limiter, d.Why)
	}
}

// TestBurstsRaiseAtOnce: a load that has just come raises before the mean shows
// it, to twice what serves at most, and never lowers.
func TestBurstsRaiseAtOnce(t *testing.T) {
	for _, c := range []struct {
		size        int
		mean, burst float64
		to          int
		limiter     string
	}{
		{2, 60, 170, 4, ""},
		{2, 60, 5000, 4, ""},
		{2, 240, 250, 5, ""},
		{2, 300, 350, 6, ""}, // the mean alone wants more than twice as many
		{5, 240, 100, 5, ""},
		{3, 140, math.NaN(), 3, ""},
		{3, 140, math.Inf(1), 6, ""},
	} {
		b := newBench(c.size, stoker.Rule{Kind: stoker.RuleTarget, Target: 50}, nil)
		check(t, b.bursting(c.mean, c.burst), c.to, c.limiter)
	}
	b := newBench(2, stoker.Rule{Kind: stoker.RuleTarget, Target: 50}, nil)
	if d, want := b.bursting(60, 170), "s 60 with a burst of 170 at target 50 per member wants 4; raised from 2 to 4"; d.Why != want {
		t.Errorf("why %q, want %q", d.Why, want)
	}
}

func TestTargetTracksTotals(t *testing.T) {
	for _, c := range []struct {
		size    int
		value   float64
		to      int
		limiter string
	}{
		{3, 240, 5, ""},
		{3, 165, 3, scale.LimitTolerance},
		{3, 166, 4, ""},
		{5, 240, 5, ""},
		{10, 410, 10, scale.LimitTolerance},
		{10, 400, 8, ""},
		{3, 0, 1, scale.LimitMin},
		{3, 5000, 10, scale.LimitMax},
		{10, 5000, 10, scale.LimitMax},
		{1, 1e300, 10, scale.LimitMax},
		{4, -7, 1, scale.LimitMin},
	} {
		b := newBench(c.size, stoker.Rule{Kind: stoker.RuleTarget, Target: 50}, nil)
		check(t, b.total(c.value), c.to, c.limiter)
	}
}

func TestTargetTracksLevelsOfServingMembers(t *testing.T) {
	b := newBench(4, stoker.Rule{Kind: stoker.RuleTarget, Target: 0.5}, nil)
	b.group.Members[3].Status = stoker.StatusInProgress
	b.group.InFlight = true
	check(t, b.level(0.9), 6, "") // 3 serving, not 4

	b = newBench(2, stoker.Rule{Kind: stoker.RuleTarget, Target: 0.5}, nil)
	b.group.Members = nil
	b.group.InFlight = true
	check(t, b.level(9), 2, "") // nobody serves: the level tells nothing
}

func TestProportionalIsTheScriptsRule(t *testing.T) {
	for cpu, want := range map[float64]int{0: 1, 9.9: 1, 10: 1, 19.9: 1, 20: 2, 55: 5, 99.9: 9, 100: 10} {
		b := newBench(5, stoker.Rule{Kind: stoker.RuleProportional, Divisor: 10}, nil)
		if d := b.level(cpu); d.To != want {
			t.Errorf("cpu %v: got %d, want %d", cpu, d.To, want)
		}
	}
}

func TestStepsTakeTheRungOfTheValue(t *testing.T) {
	by := func(n float64) stoker.Adjustment {
		return stoker.Adjustment{Type: stoker.ChangeInCapacity, By: n}
	}
	rule := stoker.Rule{Kind: stoker.RuleStep, Steps: []stoker.Step{
		{From: ptr(90.0), Adjustment: stoker.Adjustment{Type: stoker.PercentChangeInCapacity, By: 100}},
		{From: ptr(70.0), To: ptr(90.0), Adjustment: by(1)},
		{To: ptr(20.0), Adjustment: by(-1)},
	}}
	for v, want := range map[float64]int{95: 8, 90: 8, 89: 5, 70: 5, 69: 4, 20: 4, 19: 3} {
		if d := newBench(4, rule, nil).level(v); d.To != want {
			t.Errorf("value %v: got %d, want %d", v, d.To, want)
		}
	}
}

func TestRelativeRulesCountWhatIsUnderWay(t *testing.T) {
	b := newBench(4, stoker.Rule{Kind: stoker.RuleThreshold, High: ptr(1.0), Step: 2}, nil)
	b.group.InFlight = true
	b.group.Members[3].Status = stoker.StatusInProgress
	b.group.Members[2].Status = stoker.StatusInProgress
	check(t, b.level(5), 4, "") // 2 serve, 2 more are coming
	b.group.Members[3].Status = stoker.StatusComplete
	b.group.Members[2].Status = stoker.StatusComplete
	b.group.InFlight = false
	check(t, b.level(5), 6, "")
}

func TestRaisingGoesOnWhileGrowing(t *testing.T) {
	b := newBench(3, stoker.Rule{Kind: stoker.RuleTarget, Target: 50}, nil)
	b.group.InFlight = true
	check(t, b.total(300), 6, "")
	b.group.InFlight = true
	check(t, b.total(100), 6, scale.LimitInFlight)
	b.group.InFlight = false
	check(t, b.total(100), 2, "")
}

func TestBadSignalsNeverLower(t *testing.T) {
	old := stoker.Sample{Value: 1, Total: true, Time: epoch.Add(-time.Minute)}
	future := stoker.Sample{Value: 1, Total: true, Time: epoch.Add(time.Minute)}
	for name, readings := range map[string]map[string]scale.Reading{
		"error":     {"s": {Err: errors.New("connection refused")}},
		"missing":   {},
		"not a num": {"s": {Sample: stoker.Sample{Value: math.NaN()}}},
		"inf":       {"s": {Sample: stoker.Sample{Value: math.Inf(-1)}}},
		"stale":     {"s": {Sample: old}},
		"future":    {"s": {Sample: future}},
	} {
		b := newBench(5, stoker.Rule{Kind: stoker.RuleTarget, Target: 50}, nil)
		d := b.decide(readings)
		if d.To != 5 || d.Limiter != scale.LimitBadSignal || !strings.Contains(d.Why, "signal s") {
			t.Errorf("%s: got %+v", name, d)
		}
		if len(d.Signals) != 0 {
			t.Errorf("%s: the bad value is recorded: %v", name, d.Signals)
		}
	}
}

func TestOtherRulesRaiseBesideABadSignal(t *testing.T) {
	b := newBench(5, stoker.Rule{Kind: stoker.RuleTarget, Target: 50}, func(p *stoker.Policy) {
		p.Signals["t"] = stoker.SignalSpec{Source: "value"}
		p.Rules = append(p.Rules, stoker.Rule{Kind: stoker.RuleTarget, Signal: "t", Target: 10})
	})
	bad := scale.Reading{Err: errors.New("timeout")}
	check(t, b.decide(map[string]scale.Reading{"s": bad, "t": {Sample: stoker.Sample{Value: 70, Total: true}}}), 7, "")
	check(t, b.decide(map[string]scale.Reading{"s": bad, "t": {Sample: stoker.Sample{Value: 10, Total: true}}}), 7, scale.LimitBadSignal)
	d := b.decide(map[string]scale.Reading{"s": {Sample: stoker.Sample{Value: 150, Total: true}}, "t": {Sample: stoker.Sample{Value: 40, Total: true}}})
	check(t, d, 4, "") // the largest wish wins
}

func TestBoundsAreObeyedAtOnce(t *testing.T) {
	b := newBench(12, stoker.Rule{Kind: stoker.RuleTarget, Target: 50}, func(p *stoker.Policy) {
		p.DownStabilization, p.DownCooldown, p.MaxStepDown = time.Hour, time.Hour, 1
	})
	check(t, b.failing(), 10, scale.LimitMax)
	b.policy.Max = ptr(4)
	check(t, b.failing(), 4, scale.LimitMax)
	b.policy.Min, b.policy.Max = ptr(6), nil
	b.policy.UpCooldown = time.Hour
	check(t, b.failing(), 6, scale.LimitMin)
	b.group.Max, b.group.FrozenUntil = 2, b.now.Add(time.Minute)
	check(t, b.failing(), 6, scale.LimitFrozen)
}

func TestCooldownsAreSeparate(t *testing.T) {
	b := newBench(2, stoker.Rule{Kind: stoker.RuleTarget, Target: 50}, func(p *stoker.Policy) {
		p.UpCooldown, p.DownCooldown = 10*time.Second, 30*time.Second
	})
	check(t, b.total(200), 4, "")
	up := b.now
	d := b.total(300)
	check(t, d, 4, scale.LimitCooldown)
	if want := up.Add(10 * time.Second); !d.Next.Equal(want) {
		t.Errorf("next: got %v, want %v", d.Next, want)
	}
	d = b.total(50)
	check(t, d, 4, scale.LimitCooldown)
	if want := up.Add(30 * time.Second); !d.Next.Equal(want) {
		t.Errorf("next: got %v, want %v", d.Next, want)
	}
	b.now = up.Add(29 * time.Second)
	check(t, b.total(50), 1, "")
	check(t, b.total(200), 4, "") // a lowering does not delay a raise
}

func TestStabilizationHoldsTheLargestWish(t *testing.T) {
	b := newBench(8, stoker.Rule{Kind: stoker.RuleTarget, Target: 50}, func(p *stoker.Policy) {
		p.DownStabilization = 10 * time.Second
	})
	for range 12 {
		check(t, b.total(400), 8, "")
	}
	last := b.now
	d := b.total(250)
	check(t, d, 8, scale.LimitStabilization)
	if want := last.Add(10 * time.Second); !d.Next.Equal(want) {
		t.Errorf("next: got %v, want %v", d.Next, want)
	}
	for range 8 {
		check(t, b.total(100), 8, scale.LimitStabilization)
	}
	check(t, b.total(100), 5, scale.LimitStabilization) // the 400 is 10 s old, the 250 is not
	check(t, b.total(100), 2, "")
}

func TestUpStabilizationWaitsForTheSmallestWish(t *testing.T) {
	b := newBench(2, stoker.Rule{Kind: stoker.RuleTarget, Target: 50}, func(p *stoker.Policy) {
		p.UpStabilization = 3 * time.Second
	})
	check(t, b.total(100), 2, "")
	check(t, b.total(300), 2, scale.LimitStabilization)
	check(t, b.total(250), 2, scale.LimitStabilization)
	check(t, b.total(300), 5, scale.LimitStabilization)
}

func TestNothingIsLoweredWithoutHistory(t *testing.T) {
	stabilized := func(p *stoker.Policy) { p.DownStabilization = 20 * time.Second }
	b := newBench(5, stoker.Rule{Kind: stoker.RuleTarget, Target: 50}, stabilized)
	for range 20 {
		check(t, b.total(50), 5, scale.LimitHistory)
	}
	check(t, b.total(50), 1, "")

	// An outage of the signal is a gap in the history.
	b = newBench(5, stoker.Rule{Kind: stoker.RuleTarget, Target: 50}, stabilized)
	for range 15 {
		b.total(250)
	}
	for range 30 {
		check(t, b.failing(), 5, scale.LimitBadSignal)
	}
	check(t, b.total(50), 5, scale.LimitHistory)

	// A single bad sample is not.
	b = newBench(5, stoker.Rule{Kind: stoker.RuleTarget, Target: 50}, stabilized)
	for range 20 {
		b.total(50)
	}
	b.failing()
	check(t, b.total(50), 1, "")
}

func TestStepsAreBounded(t *testing.T) {
	b := newBench(2, stoker.Rule{Kind: stoker.RuleTarget, Target: 50}, func(p *stoker.Policy) {
		p.MaxStepUp, p.MaxStepDown = 3, 2
	})
	check(t, b.total(500), 5, scale.LimitMaxStepUp)
	check(t, b.total(50), 3, scale.LimitMaxStepDown)
}

func TestFailedGroups(t *testing.T) {
	b := newBench(4, stoker.Rule{Kind: stoker.RuleTarget, Target: 50}, nil)
	check(t, b.total(300), 6, "")
	b.group.Failed = true
	b.group.Members = b.group.Members[:4]
	check(t, b.total(400), 6, scale.LimitGroupFailed) // not again at once
	check(t, b.total(230), 6, scale.LimitGroupFailed) // 4 serve, 5 are needed
	check(t, b.total(150), 3, "")                     // 3 are enough
	b.now = b.now.Add(time.Minute)
	check(t, b.total(400), 8, "")
}

func TestDryRunChangesNothing(t *testing.T) {
	b := newBench(2, stoker.Rule{Kind: stoker.RuleTarget, Target: 50}, func(p *stoker.Policy) { p.DryRun = true })
	for range 3 {
		d := b.total(300)
		check(t, d, 2, scale.LimitDryRun)
		if !strings.Contains(d.Why, "would be 6") {
			t.Errorf("why: got %q", d.Why)
		}
	}
}

func TestChangesByOthersCount(t *testing.T) {
	b := newBench(2, stoker.Rule{Kind: stoker.RuleTarget, Target: 50}, func(p *stoker.Policy) { p.DownCooldown = time.Minute })
	check(t, b.total(100), 2, "")
	b.group = group(8) // somebody
	check(t, b.total(100), 8, scale.LimitCooldown)
}

func TestARefusedResizeIsTriedAgainLater(t *testing.T) {
	b := newBench(2, stoker.Rule{Kind: stoker.RuleTarget, Target: 50}, func(p *stoker.Policy) { p.UpCooldown = time.Hour })
	before := b.state
	d := b.total(200)
	b.state, b.group = b.state.Refused(before, d, b.now), group(2)
	b.now = b.now.Add(-time.Second) // the same moment
	check(t, b.total(200), 2, scale.LimitRetry)
	check(t, b.total(200), 4, "")
}

func TestAClockSetBackShortensNothing(t *testing.T) {
	b := newBench(2, stoker.Rule{Kind: stoker.RuleTarget, Target: 50}, func(p *stoker.Policy) {
		p.UpCooldown, p.DownStabilization = 10*time.Second, 10*time.Second
	})
	check(t, b.total(200), 4, "")
	b.now = b.now.Add(-24 * time.Hour)
	check(t, b.total(300), 4, scale.LimitCooldown)
	b.now = b.now.Add(9 * time.Second)
	check(t, b.total(300), 6, "") // and not a day later
}

func TestWhyTellsTheNumbers(t *testing.T) {
	b := newBench(3, stoker.Rule{Kind: stoker.RuleTarget, Target: 50}, func(p *stoker.Policy) { p.UpCooldown = time.Minute })
	for _, c := range []struct {
		value float64
		want  string
	}{
		{240, "s 240 at target 50 per member wants 5; raised from 3 to 5"},
		{312.4, "s 312 at target 50 per member wants 7; kept at 5: the last raise is too recent, until 00:01:01"},
		{4.26, "s 4.3 at target 50 per member wants 1; lowered from 5 to 1"},
		{0, "s 0 at target 50 per member wants 0; kept at 1: the minimum is 1"},
	} {
		if got := b.total(c.value).Why; got != c.want {
			t.Errorf("got  %q\nwant %q", got, c.want)
		}
	}
	got, want := b.failing().Why, "kept at 1: signal s has an error: connection refused"
	if got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// farm is a load on members whose signal is the mean load of each over a window: CPU.
func farm(t *testing.T, load func(second int) float64, change func(*stoker.Policy)) (sizes []int) {
	t.Helper()
	const window, boot = 10, 3
	b := newBench(4, stoker.Rule{Kind: stoker.RuleTarget, Target: 60}, change)
	b.group.Max = 100
	ready := make([]int, 4, 100)
	var past []float64
	for second := range 300 {
		serving := 0
		for _, at := range ready {
			if at <= second {
				serving++
			}
		}
		past = append(past, load(second)/float64(serving))
		past = past[max(0, len(past)-window):]
		sum := 0.0
		for _, v := range past {
			sum += v
		}
		for i := range b.group.Members {
			b.group.Members[i].Status = stoker.StatusComplete
			if ready[i] > second {
				b.group.Members[i].Status = stoker.StatusInProgress
			}
		}
		b.group.InFlight = serving < len(ready)
		d := b.level(sum / float64(len(past)))
		for len(ready) < d.To {
			ready = append(ready, second+1+boot)
		}
		ready = ready[:d.To]
		if d.To != d.From {
			sizes = append(sizes, d.To)
		}
	}
	return sizes
}

func TestLevelsDoNotOvershoot(t *testing.T) {
	up := farm(t, func(second int) float64 {
		if second < 50 {
			return 240
		}
		return 600 // 10 members at 60
	}, nil)
	if len(up) == 0 || up[len(up)-1] < 9 || up[len(up)-1] > 10 {
		t.Errorf("sizes on the way up: got %v, want an end of 9 or 10", up)
	}
	for i, size := range up {
		if size > 10 || i > 0 && size < up[i-1] {
			t.Errorf("sizes on the way up: got %v, want no more than 10", up)
			break
		}
	}
	down := farm(t, func(second int) float64 {
		if second < 50 {
			return 240
		}
		return 120 // 2 members
	}, nil)
	if len(down) == 0 || down[len(down)-1] != 2 {
		t.Errorf("sizes on the way down: got %v, want an end of 2", down)
	}
	for _, size := range down {
		if size < 2 {
			t.Errorf("sizes on the way down: got %v, want no less than 2", down)
		}
	}
}

func TestALevelFromBeforeAChangeIsNotCountedTwice(t *testing.T) {
	b := newBench(10, stoker.Rule{Kind: stoker.RuleTarget, Target: 60}, nil)
	check(t, b.level(12), 2, "")
	check(t, b.level(12), 2, "") // still that of ten
	check(t, b.level(60), 2, "")
	b = newBench(2, stoker.Rule{Kind: stoker.RuleTarget, Target: 60}, nil)
	check(t, b.level(120), 4, "")
	check(t, b.level(120), 4, "") // still that of two
}

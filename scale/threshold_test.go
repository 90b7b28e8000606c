package scale_test

import (
	"testing"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/scale"
)

// The cases are those of autoscalebot's own test suite: high above 1 s, low below
// 0.4 s, up after 3, down after 5, from 1 to 3.
const (
	high = 2.0
	low  = 0.1
	fine = 0.5
)

func heartbeatBench(size int, change func(*stoker.Policy)) *bench {
	b := newBench(size, stoker.Rule{
		Kind: stoker.RuleThreshold, High: ptr(1.0), Low: ptr(0.4), UpAfter: 3, DownAfter: 5, ErrorIsHigh: true,
	}, change)
	b.group.Max = 3
	return b
}

// beats feeds samples, 0 for an error, and gives the last decision.
func (b *bench) beats(values ...float64) (d stoker.Decision) {
	for _, v := range values {
		if v == 0 {
			d = b.failing()
		} else {
			d = b.level(v)
		}
		b.group.Max, b.group.Min = 3, 1
	}
	return d
}

func times(n int, v float64) []float64 {
	values := make([]float64, n)
	for i := range values {
		values[i] = v
	}
	return values
}

func TestThresholdIsAutoscalebots(t *testing.T) {
	for _, c := range []struct {
		name   string
		start  int
		beats  []float64
		values []int // size after each
	}{
		{"three highs raise", 1, times(5, high), []int{1, 1, 2, 2, 2}},
		{"and again", 1, times(9, high), []int{1, 1, 2, 2, 2, 3, 3, 3, 3}},
		{"lows before do not matter", 1, []float64{low, low, low, high, high, high}, []int{1, 1, 1, 1, 1, 2}},
		{"five lows lower", 3, times(10, low), []int{3, 3, 3, 3, 2, 2, 2, 2, 2, 1}},
		{"not below the minimum", 1, times(6, low), []int{1, 1, 1, 1, 1, 1}},
		{"a fine one breaks the row", 1, []float64{high, high, fine, high, high}, []int{1, 1, 1, 1, 1}},
		{"an error is high", 1, []float64{high, 0, 0}, []int{1, 1, 2}},
		{"and never low", 2, []float64{low, low, low, low, 0, low, low, low, low}, []int{2, 2, 2, 2, 2, 2, 2, 2, 2}},
	} {
		b := heartbeatBench(c.start, nil)
		for i, v := range c.beats {
			if d := b.beats(v); d.To != c.values[i] {
				t.Errorf("%s: after %v: got %d, want %d (%s)", c.name, c.beats[:i+1], d.To, c.values[i], d.Why)
				break
			}
		}
	}
}

func TestThresholdCountsASampleOnce(t *testing.T) {
	b := heartbeatBench(1, nil)
	same := stoker.Sample{Value: high, Time: epoch}
	for range 4 {
		check(t, b.decide(map[string]scale.Reading{"s": {Sample: same}}), 1, "")
	}
}

func TestThresholdWithoutErrorIsHighKeepsItsCount(t *testing.T) {
	b := heartbeatBench(1, func(p *stoker.Policy) { p.Rules[0].ErrorIsHigh = false })
	if d := b.beats(high, high, 0, 0, 0); d.To != 1 {
		t.Errorf("errors raised: %s", d.Why)
	}
	if d := b.beats(high); d.To != 2 {
		t.Errorf("the third high did not raise: %s", d.Why)
	}
}

func TestThresholdWithoutLowLeavesLoweringToOthers(t *testing.T) {
	b := newBench(5, stoker.Rule{Kind: stoker.RuleTarget, Target: 50}, func(p *stoker.Policy) {
		p.Signals["errors"] = stoker.SignalSpec{Source: "value"}
		p.Rules = append(p.Rules, stoker.Rule{Kind: stoker.RuleThreshold, Signal: "errors", High: ptr(10.0)})
	})
	read := func(rps, errors float64) map[string]scale.Reading {
		return map[string]scale.Reading{
			"s":      {Sample: stoker.Sample{Value: rps, Total: true}},
			"errors": {Sample: stoker.Sample{Value: errors}},
		}
	}
	check(t, b.decide(read(100, 50)), 6, "")
	check(t, b.decide(read(100, 0)), 2, "")
}

func TestThresholdSaysHowFarItIs(t *testing.T) {
	b := heartbeatBench(2, nil)
	for i, want := range []string{
		"s 2 is high, 1 of 3 samples in a row, wants no change; kept at 2",
		"s 0.1 is low, 1 of 5 samples in a row, wants no change; kept at 2",
		"s 0.5 is in bounds wants no change; kept at 2",
	} {
		if got := b.level([]float64{high, low, fine}[i]).Why; got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
}

func TestThresholdWaitsOutTheCooldownWithItsCount(t *testing.T) {
	b := heartbeatBench(1, func(p *stoker.Policy) { p.UpCooldown = 10 * time.Second })
	b.beats(high, high, high)
	d := b.beats(times(9, high)...)
	check(t, d, 2, scale.LimitCooldown)
	check(t, b.beats(high), 3, "")
}

package scale_test

import (
	"flag"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/scale"
)

var league = flag.Bool("league", false, "print the scores of many policies on the step and the day")

const (
	capacity = 100.0 // requests per second that one member can serve
	wanted   = 70.0  // ... and ought to
)

var epoch = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// load gives the requests per second that arrive in each second.
type load []float64

// step is ten times the traffic for the middle half hour of an hour.
func step() load {
	l := make(load, 3600)
	for i := range l {
		l[i] = 100
		if i >= 900 && i < 2700 {
			l[i] = 1000
		}
	}
	return l
}

// day runs from 150 to 1250 requests per second and back, with noise and about
// one burst per hour.
func day(seed uint64) load {
	r := rand.New(rand.NewPCG(seed, 1))
	l := make(load, 86400)
	slow := 0.0
	for i := range l {
		base := 700 - 550*math.Cos(2*math.Pi*float64(i)/86400)
		slow = 0.999*slow + 0.0012*r.NormFloat64() // wanders by some percent over minutes
		l[i] = base * (1 + slow + 0.05*r.NormFloat64())
	}
	for at := r.ExpFloat64() * 3600; at < 86400; at += r.ExpFloat64() * 3600 {
		burst(l, int(at), 1.3+0.7*r.Float64(), 60+r.IntN(240))
	}
	return l
}

// burst multiplies the load by a factor, rising within 20 seconds.
func burst(l load, at int, factor float64, length int) {
	for i := at; i < min(at+length, len(l)); i++ {
		l[i] *= 1 + (factor-1)*min(1, float64(i-at)/20)
	}
}

// trace gives what the balancer would have read: the mean of the last seconds.
func (l load) trace(window int) []scale.Point {
	points := make([]scale.Point, len(l))
	sum := 0.0
	for i, v := range l {
		sum += v
		if i >= window {
			sum -= l[i-window]
		}
		now := epoch.Add(time.Duration(i) * time.Second)
		points[i] = scale.Point{Time: now, Signals: map[string]stoker.Sample{
			"rps":  {Value: sum / float64(min(i+1, window)), Time: now, Total: true},
			"load": {Value: v, Time: now, Total: true},
		}}
	}
	return points
}

// targetPolicy is target tracking at 70 requests per second and member.
func targetPolicy(change func(*stoker.Policy)) stoker.Policy {
	lowest := 1
	p := stoker.Policy{
		ID: "s", Group: "g", Min: &lowest,
		Signals: map[string]stoker.SignalSpec{"rps": {Source: "balancer", Metric: "requests_per_second"}},
		Rules:   []stoker.Rule{{Kind: stoker.RuleTarget, Signal: "rps", Target: wanted}},
	}
	if change != nil {
		change(&p)
	}
	return p
}

func score(p stoker.Policy, l load, window int, boot time.Duration) scale.Score {
	tr := l.trace(window)
	start := int(math.Ceil(l[0] / wanted))
	return scale.Measure(scale.Replay(p, tr, start, boot), tr, "load", boot, capacity, wanted)
}

func TestLeague(t *testing.T) {
	if !*league {
		t.Skip("a table for people; ask for it with -league")
	}
	s, d := step(), day(1)
	for _, window := range []int{2, 3, 5, 10} {
		for _, hold := range []int{60, 120, 180, 300} {
			for _, cool := range []int{0, 120, 300} {
				for _, tol := range []float64{1e-9, 0.1, 0.15, 0.2} {
					p := targetPolicy(func(p *stoker.Policy) {
						p.DownStabilization = time.Duration(hold) * time.Second
						p.DownCooldown = time.Duration(cool) * time.Second
						p.Rules[0].Tolerance = tol
					})
					a := score(p, s, window, 3*time.Second)
					b := score(p, d, window, 3*time.Second)
					t.Logf("w %2d hold %3d cool %3d tol %.2f | step %.3f%% %d %.2f | day %.3f%% %d %.3f", window, hold, cool, tol,
						100*a.Unserved, a.Events, a.Cost, 100*b.Unserved, b.Events, b.Cost)
				}
			}
		}
	}
}

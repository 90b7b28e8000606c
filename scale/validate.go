package scale

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/stoker-project/stoker"
)

// Defaults for fields of a policy that are zero.
const (
	DefaultInterval  = time.Second
	DefaultTolerance = 0.1
)

// What we recommend for target tracking of a balancer's signals, where members serve
// within seconds; the figures are in DESIGN.md. With members that boot for
// longer the stabilisation should be at least twice that.
const (
	RecommendedWindow            = 5 * time.Second
	RecommendedTolerance         = 0.15
	RecommendedDownStabilization = 90 * time.Second
	RecommendedDownCooldown      = 2 * time.Minute
)

// Validate tells what is wrong with a policy: an Invalid error whose Path is the
// place in it, in the spelling of templates (rules.0.target). Nil: nothing is.
func Validate(p stoker.Policy) error {
	c := &checker{policy: &p}
	c.identity()
	c.limits()
	for _, name := range slices.Sorted(maps.Keys(p.Signals)) {
		c.signal(name, p.Signals[name])
	}
	for i := range p.Rules {
		c.rule(fmt.Sprintf("rules.%d", i), &p.Rules[i])
	}
	return c.err
}

// checker keeps the first fault.
type checker struct {
	policy *stoker.Policy
	err    error
}

func (c *checker) fault(path, hint, format string, args ...any) {
	if c.err == nil {
		c.err = &stoker.Error{Kind: stoker.Invalid, Path: path, Message: fmt.Sprintf(format, args...), Hint: hint}
	}
}

func (c *checker) identity() {
	p := c.policy
	if p.ID == "" {
		c.fault("id", "", "a scaler needs an ID")
	}
	if p.Group == "" {
		c.fault("group", "Give the ID of the group that is to be scaled.", "no group is named")
	}
	if len(p.Rules) == 0 {
		c.fault("rules", "Give at least one rule.", "without a rule the size never changes")
	}
}

func (c *checker) limits() {
	p := c.policy
	for _, d := range []struct {
		path  string
		value time.Duration
	}{
		{"interval", p.Interval},
		{"up_cooldown", p.UpCooldown},
		{"down_cooldown", p.DownCooldown},
		{"up_stabilization", p.UpStabilization},
		{"down_stabilization", p.DownStabilization},
		{"max_step_up", time.Duration(p.MaxStepUp)},
		{"max_step_down", time.Duration(p.MaxStepDown)},
	} {
		if d.value < 0 {
			c.fault(d.path, "", "it may not be negative")
		}
	}
	if p.Interval > 0 && p.Interval < 100*time.Millisecond {
		c.fault("interval", "", "%v is too short: the least is 100ms", p.Interval)
	}
	if p.Min != nil && *p.Min < 0 {
		c.fault("min", "", "it may not be negative")
	}
	if p.Max != nil && *p.Max < 0 {
		c.fault("max", "", "it may not be negative")
	}
	if p.Min != nil && p.Max != nil && *p.Min > *p.Max {
		c.fault("min", "", "%d is more than max, which is %d", *p.Min, *p.Max)
	}
}

func (c *checker) signal(name string, s stoker.SignalSpec) {
	path := "signals." + name
	if name == "" {
		c.fault("signals", "", "a signal has no name")
	}
	if s.Source == "" {
		c.fault(path+".source", "Sources are balancer, cpu, host, heartbeat and prometheus.", "no source is named")
	}
	if s.Window < 0 || s.Timeout < 0 || s.MaxAge < 0 {
		c.fault(path, "", "window, timeout and max_age may not be negative")
	}
	if s.MaxAge > 0 && s.MaxAge < interval(c.policy) {
		c.fault(path+".max_age", "Make it at least three intervals, or leave it out.",
			"every sample would be stale before the next: %v is less than the interval, which is %v", s.MaxAge, interval(c.policy))
	}
}

func (c *checker) rule(path string, r *stoker.Rule) {
	if _, ok := c.policy.Signals[r.Signal]; !ok {
		names := slices.Sorted(maps.Keys(c.policy.Signals))
		c.fault(path+".signal", "Signals are: "+strings.Join(names, ", ")+".", "there is no signal %q", r.Signal)
	}
	switch r.Kind {
	case stoker.RuleTarget:
		c.target(path, r)
	case stoker.RuleThreshold:
		c.threshold(path, r)
	case stoker.RuleStep:
		c.steps(path, r)
	case stoker.RuleProportional:
		c.positive(path+".divisor", r.Divisor)
	default:
		c.fault(path+".kind", "Kinds are target, threshold, step and proportional.", "there is no kind of rule %q", r.Kind)
	}
}

func (c *checker) positive(path string, v float64) {
	if !(v > 0) || math.IsInf(v, 0) {
		c.fault(path, "", "%v is not a number above 0", v)
	}
}

func (c *checker) finite(path string, v *float64) {
	if v != nil && (math.IsNaN(*v) || math.IsInf(*v, 0)) {
		c.fault(path, "", "%v is not a number", *v)
	}
}

func (c *checker) target(path string, r *stoker.Rule) {
	c.positive(path+".target", r.Target)
	if !(r.Tolerance >= 0 && r.Tolerance < 1) {
		c.fault(path+".tolerance", "0.1 allows 10 % either way.", "%v is not from 0 to below 1", r.Tolerance)
	}
}

func (c *checker) threshold(path string, r *stoker.Rule) {
	if r.High == nil && r.Low == nil {
		c.fault(path, "", "a threshold rule needs high, low or both")
	}
	c.finite(path+".high", r.High)
	c.finite(path+".low", r.Low)
	if r.High != nil && r.Low != nil && *r.High <= *r.Low {
		c.fault(path+".high", "Leave room between them, or the size swings up and down.",
			"%v is not above low, which is %v", *r.High, *r.Low)
	}
	if r.UpAfter < 0 || r.DownAfter < 0 || r.Step < 0 {
		c.fault(path, "", "up_after, down_after and step may not be negative")
	}
}

func (c *checker) steps(path string, r *stoker.Rule) {
	if len(r.Steps) == 0 {
		c.fault(path+".steps", "", "a step rule needs steps")
	}
	for i, s := range r.Steps {
		at := fmt.Sprintf("%s.steps.%d", path, i)
		if s.From != nil && s.To != nil && !(*s.From < *s.To) {
			c.fault(at, "", "from %v is not below to, which is %v", *s.From, *s.To)
		}
		switch s.Type {
		case stoker.ChangeInCapacity, stoker.ExactCapacity, stoker.PercentChangeInCapacity:
		default:
			c.fault(at+".type", "Types are change_in_capacity, exact_capacity and percent_change_in_capacity.",
				"there is no adjustment type %q", s.Type)
		}
		if math.IsNaN(s.By) || math.Abs(s.By) > maxWish {
			c.fault(at+".by", "", "%v is not a number to adjust by", s.By)
		}
		for j := range i {
			if overlap(r.Steps[j], s) {
				c.fault(at, "Steps run from from (inclusive) to to (exclusive).", "it overlaps step %d", j)
			}
		}
	}
}

func overlap(a, b stoker.Step) bool {
	return (a.To == nil || b.From == nil || *b.From < *a.To) &&
		(b.To == nil || a.From == nil || *a.From < *b.To)
}

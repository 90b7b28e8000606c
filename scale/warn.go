package scale

import (
	"fmt"
	"maps"
	"slices"

	"github.com/stoker-project/stoker"
)

// Warnings tells what is allowed in a policy but seldom wanted: sentences for people,
// none for a sound policy. It says nothing about policies that Validate refuses.
func Warnings(p stoker.Policy) []string {
	var w []string
	used := map[string]bool{}
	for i := range p.Rules {
		r := &p.Rules[i]
		used[r.Signal] = true
		w = append(w, warnRule(fmt.Sprintf("rules.%d", i), &p, r)...)
	}
	for _, name := range slices.Sorted(maps.Keys(p.Signals)) {
		if !used[name] {
			w = append(w, fmt.Sprintf("signals.%s is used by no rule", name))
		}
	}
	return w
}

func warnRule(path string, p *stoker.Policy, r *stoker.Rule) []string {
	var w []string
	if r.High != nil && r.Low != nil {
		// One step at the smallest size divides a level by (n+step)/n.
		n := 1
		if p.Min != nil {
			n = max(1, *p.Min)
		}
		if after := *r.High * float64(n) / float64(n+step(r)); *r.Low > after {
			w = append(w, fmt.Sprintf("%s will swing: raising from %d to %d brings a signal of %v to about %.3g, which is below low (%v); take a low of at most that",
				path, n, n+step(r), *r.High, after, *r.Low))
		}
	}
	relative := r.Kind == stoker.RuleStep || r.Kind == stoker.RuleThreshold
	if relative && p.UpCooldown == 0 && r.UpAfter < 2 {
		w = append(w, path+" raises again at every evaluation until the signal falls; set up_cooldown to the time in which new members show in it")
	}
	if !relative && p.DownStabilization == 0 && p.DownCooldown == 0 {
		w = append(w, path+" lowers at once and will swing with noise; set down_stabilization")
	}
	return w
}

package octavia

import (
	"cmp"
	"slices"
	"strings"

	"github.com/stoker-project/stoker"
)

type (
	// L7Policy decides on requests of a listener that all of its rules match.
	L7Policy struct {
		Object
		Listener     ID
		Action       stoker.L7Action
		RedirectPool ID
		RedirectURL  string
		// Position orders the policies of a listener that do the same.
		Position int
		Down     bool
	}
	// L7Rule is a question about a request.
	L7Rule struct {
		Object
		Policy ID
		Rule   stoker.L7Rule
		Down   bool
	}
)

// L7Action gives the action of ours for Octavia's word. Errors: Invalid.
func L7Action(word string) (stoker.L7Action, error) {
	switch word {
	case "REJECT":
		return stoker.L7Reject, nil
	case "REDIRECT_TO_URL":
		return stoker.L7Redirect, nil
	case "REDIRECT_TO_POOL":
		return stoker.L7ToPool, nil
	}
	return "", stoker.Errorf(stoker.Invalid, "action %s is not offered here", word)
}

// MakeL7Rule gives the rule of ours for Octavia's words, which are ours in capitals.
// A key counts for headers and cookies only.
func MakeL7Rule(kind, compare, key, value string, invert bool) stoker.L7Rule {
	r := stoker.L7Rule{Type: stoker.L7Type(strings.ToLower(kind)), Compare: stoker.L7Compare(strings.ToLower(compare)), Value: value, Invert: invert}
	if r.Type == stoker.L7Header || r.Type == stoker.L7Cookie {
		r.Key = key
	}
	return r
}

// PutL7Rule is like PutLoadBalancer.
func (s *Service) PutL7Rule(r L7Rule) { put(s, s.rules, r) }

// PutL7Policy makes a policy, or changes it. Errors: Invalid where it leads to a pool
// that is not of HTTP, or its listener is not.
func (s *Service) PutL7Policy(p L7Policy) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if to, ok := s.pools.Rows[p.RedirectPool]; ok && !to.HTTP {
		return stoker.Errorf(stoker.Invalid, "pool %s is not of HTTP, and takes no requests of policies", to.ID)
	}
	if l, ok := s.listeners.Rows[p.Listener]; ok && l.Protocol == stoker.ProtocolTCP {
		return stoker.Errorf(stoker.Invalid, "listener %s is not of HTTP, and has no requests to hold against policies", l.ID)
	}
	s.version++
	s.policies.Rows[p.ID] = p
	return nil
}

// Tail is the position after those of all other policies of a listener.
func (s *Service) Tail(listener ID) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := 0
	for _, p := range s.policies.Rows {
		if p.Listener == listener {
			last = max(last, p.Position)
		}
	}
	return last + 1
}

// L7Policy is like LoadBalancer.
func (s *Service) L7Policy(p stoker.ProjectID, ref string) (L7Policy, error) {
	return find(s, s.policies, p, ref)
}

// L7Rule is like LoadBalancer.
func (s *Service) L7Rule(p stoker.ProjectID, ref string) (L7Rule, error) {
	return find(s, s.rules, p, ref)
}

// RulesOf lists those of a policy.
func (s *Service) RulesOf(policy ID) []L7Rule {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rulesOf(policy)
}

func (s *Service) rulesOf(policy ID) []L7Rule {
	return s.rules.Sorted(func(r L7Rule) bool { return r.Policy == policy })
}

// turn is the place of an action among a listener's policies.
var turn = map[stoker.L7Action]int{stoker.L7Reject: 0, stoker.L7Redirect: 1, stoker.L7ToPool: 2}

// policiesOf gives a listener's policies for the balancer, in Octavia's order: those
// that reject, then those that redirect, then those that lead to a pool; each by
// position. One that is off, or has no rule that is on, matches nothing. s.mu is held.
func (s *Service) policiesOf(listener ID) []stoker.L7Policy {
	all := s.policies.Sorted(func(p L7Policy) bool { return p.Listener == listener && !p.Down })
	slices.SortStableFunc(all, func(a, b L7Policy) int {
		return cmp.Or(cmp.Compare(turn[a.Action], turn[b.Action]), cmp.Compare(a.Position, b.Position))
	})
	var out []stoker.L7Policy
	for _, p := range all {
		made := stoker.L7Policy{Name: p.Name, Action: p.Action, URL: p.RedirectURL}
		if p.Action == stoker.L7ToPool {
			made.Pool = PoolID(p.RedirectPool)
		}
		for _, r := range s.rulesOf(p.ID) {
			if !r.Down {
				made.Rules = append(made.Rules, r.Rule)
			}
		}
		if len(made.Rules) > 0 {
			out = append(out, made)
		}
	}
	return out
}

// isTarget tells whether a policy that is on leads to a pool; s.mu is held.
func (s *Service) isTarget(pool ID) bool {
	for _, p := range s.policies.Rows {
		if p.RedirectPool == pool && p.Action == stoker.L7ToPool && !p.Down {
			return true
		}
	}
	return false
}

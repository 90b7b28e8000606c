package builtin

import (
	"cmp"
	"math"
	"slices"

	"github.com/stoker-project/stoker"
)

// A roster is who may get traffic at one moment. It never changes: a pool
// replaces it whenever a member comes, goes or changes state.
type roster struct {
	algorithm stoker.Algorithm
	members   []*member // up
	weights   []int     // theirs, as they were
	order     []int32   // a round by weight: indices into members
	byCookie  map[string]*member
	// replaced is closed when there is a newer roster.
	replaced chan struct{}
}

func newRoster(a stoker.Algorithm, sticky bool, up []*member) *roster {
	r := &roster{algorithm: a, members: up, replaced: make(chan struct{})}
	for _, m := range up {
		r.weights = append(r.weights, m.weight)
	}
	if a == stoker.RoundRobin {
		r.order = interleave(r.weights)
	}
	if sticky {
		r.byCookie = make(map[string]*member, len(up))
		for _, m := range up {
			r.byCookie[m.cookie] = m
		}
	}
	return r
}

// still leaves those of tried that are up: what was down in between may be
// tried again.
func (r *roster) still(tried []*member) (out []*member) {
	for _, m := range tried {
		if slices.Contains(r.members, m) {
			out = append(out, m)
		}
	}
	return out
}

// pick chooses a member that is not in tried; nil when there is none. turn
// counts the requests of the pool.
func (r *roster) pick(turn uint64, tried []*member) *member {
	if len(r.members) == 0 {
		return nil
	}
	if r.algorithm == stoker.LeastConn {
		return r.leastBusy(turn, tried)
	}
	n := uint64(len(r.order))
	for i := range n {
		m := r.members[r.order[(turn+i)%n]]
		if len(tried) == 0 || !slices.Contains(tried, m) {
			return m
		}
	}
	return nil
}

// leastBusy starts at turn, so that equally busy members take turns.
func (r *roster) leastBusy(turn uint64, tried []*member) *member {
	var best *member
	var bestLoad float64
	n := uint64(len(r.members))
	for i := range n {
		at := (turn + i) % n
		m := r.members[at]
		load := float64(m.traffic.inFlight.Load()+1) / float64(r.weights[at])
		if (best == nil || load < bestLoad) && !slices.Contains(tried, m) {
			best, bestLoad = m, load
		}
	}
	return best
}

// maxRound bounds the length of a round; with more weight than this, weights
// are scaled down.
const maxRound = 4096

// interleave gives a round in which each index comes as often as its weight,
// spread evenly.
func interleave(weights []int) []int32 {
	type slot struct {
		at    float64
		index int32
	}
	var slots []slot
	for i, n := range shares(weights) {
		for k := range n {
			slots = append(slots, slot{(float64(k) + 0.5) / float64(n), int32(i)})
		}
	}
	slices.SortStableFunc(slots, func(a, b slot) int { return cmp.Compare(a.at, b.at) })
	round := make([]int32, len(slots))
	for i, s := range slots {
		round[i] = s.index
	}
	return round
}

// shares reduces weights to the smallest numbers of the same proportion, or of
// nearly the same where a round would be too long.
func shares(weights []int) []int {
	divisor, total := 0, 0.0
	for _, w := range weights {
		divisor = gcd(w, divisor)
		total += float64(w)
	}
	scale := 1 / float64(divisor)
	if total*scale > maxRound {
		scale = maxRound / total
	}
	out := make([]int, len(weights))
	for i, w := range weights {
		out[i] = max(1, int(math.Round(float64(w)*scale)))
	}
	return out
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

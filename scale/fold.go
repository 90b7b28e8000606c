package scale

import "github.com/stoker-project/stoker"

// alike tells whether two decisions in a row say the same: nothing was done, for the same
// cause. The numbers in Why may differ.
func alike(a, b *stoker.Decision) bool {
	return a.From == a.To && a.From == b.From && a.To == b.To &&
		a.Limiter == b.Limiter && a.Err == b.Err &&
		sign(a.Wish-a.From) == sign(b.Wish-b.From) && sameKeys(a.Signals, b.Signals)
}

// fold adds a later decision to the one it is alike. The newest numbers are kept.
func fold(into, d *stoker.Decision) {
	into.Count += d.Count
	into.LastTime, into.Next = d.LastTime, d.Next
	into.Wish, into.Why, into.Signals = d.Wish, d.Why, d.Signals
}

func sameKeys(a, b map[string]float64) bool {
	if len(a) != len(b) {
		return false
	}
	for k := range a {
		if _, ok := b[k]; !ok {
			return false
		}
	}
	return true
}

func sign(n int) int {
	switch {
	case n > 0:
		return 1
	case n < 0:
		return -1
	}
	return 0
}

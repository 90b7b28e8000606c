package builtin

import (
	"time"

	"github.com/stoker-project/stoker"
)

// health decides from the results of checks whether a member is up. It does
// nothing else: no clock, no network.
//
//	checking --first success--> up <--fall failures / rise successes--> down
type health struct {
	state  stoker.MemberState // checking, up or down
	streak int                // results in a row that speak against state
}

// checked takes the result of an active check.
func (h *health) checked(ok bool, rise, fall int) {
	switch {
	case h.state == stoker.MemberChecking:
		if ok {
			*h = health{state: stoker.MemberUp}
		}
	case ok == (h.state == stoker.MemberUp):
		h.streak = 0
	default:
		h.streak++
		if ok && h.streak >= rise {
			*h = health{state: stoker.MemberUp}
		} else if !ok && h.streak >= fall {
			*h = health{state: stoker.MemberDown}
		}
	}
}

// suspected takes the word of requests that could not connect, as many in a row
// as it takes.
func (h *health) suspected() {
	if h.state == stoker.MemberUp {
		*h = health{state: stoker.MemberDown}
	}
}

// While a member has never been up, checks follow each other quickly.
const (
	quickest = 5 * time.Millisecond
	slowest  = 50 * time.Millisecond
)

// wait is the time until the next check, after n checks of a member.
func (h *health) wait(n int, interval time.Duration) time.Duration {
	if h.state != stoker.MemberChecking {
		return interval
	}
	d := slowest
	if n < 4 {
		d = quickest << n
	}
	return min(d, slowest, interval)
}

package scale

import (
	"math"
	"time"

	"github.com/stoker-project/stoker"
)

// Point is one moment of a trace: what the signals read at that time.
type Point struct {
	Time    time.Time
	Signals map[string]stoker.Sample
}

// Replay tells what a policy would have decided on a trace, one evaluation per
// point: by the code that decides in earnest, and with its folding of decisions
// that are alike. The group starts with a size, all of it serving; a new member
// serves after boot, one that leaves is gone at once. Where the policy sets no
// Max there is none.
//
// Levels (response times, CPU) are replayed as recorded: they do not answer to
// the sizes that Replay decides on. Totals need not.
func Replay(p stoker.Policy, trace []Point, start int, boot time.Duration) []stoker.Decision {
	var (
		decided []stoker.Decision
		st      State
		sim     = newSimGroup(p.Group, start)
		signals = make(map[string]Reading, len(p.Signals))
	)
	for _, at := range trace {
		clear(signals)
		for name, s := range at.Signals {
			signals[name] = Reading{Sample: s}
		}
		var d stoker.Decision
		d, st = Decide(st, p, sim.at(at.Time), signals, at.Time)
		if d.To != d.From {
			sim.resize(d.To, at.Time.Add(boot))
		}
		if last := len(decided) - 1; last >= 0 && alike(&decided[last], &d) {
			fold(&decided[last], &d)
		} else {
			decided = append(decided, d)
		}
	}
	return decided
}

// simGroup is a group whose members only boot.
type simGroup struct {
	group stoker.Group
	ready []time.Time // when each serves, ascending
}

func newSimGroup(id stoker.StackID, size int) *simGroup {
	g := &simGroup{group: stoker.Group{ID: id, Max: math.MaxInt}}
	g.resize(size, time.Time{})
	return g
}

// at gives the group at a time.
func (g *simGroup) at(now time.Time) stoker.Group {
	g.group.InFlight = false
	for i, ready := range g.ready {
		m := stoker.GroupMember{Action: stoker.ActionCreate, Status: stoker.StatusComplete}
		if ready.After(now) {
			m.Status = stoker.StatusInProgress
			g.group.InFlight = true
		}
		g.group.Members[i] = m
	}
	return g.group
}

// resize changes the size. The youngest leave: a real group may choose
// others, but then those that still boot take longer, not shorter.
func (g *simGroup) resize(size int, ready time.Time) {
	for len(g.ready) < size {
		g.ready = append(g.ready, ready)
	}
	g.ready = g.ready[:size]
	g.group.Members = make([]stoker.GroupMember, size)
	g.group.Size = size
}

// Score measures how well a replay served its load.
type Score struct {
	// Unserved is the share of the load beyond what the serving members could
	// take, from 0 to 1.
	Unserved float64
	// Events counts the changes of size.
	Events int
	// Cost is the time of all members, booting ones too, over the least that would
	// have kept each at its target.
	Cost float64
}

// Measure scores decisions of Replay on its trace: the named signal, a total, is the
// load; a member can take capacity of it, and ought to have target.
func Measure(decided []stoker.Decision, trace []Point, signal string, boot time.Duration, capacity, target float64) Score {
	var s Score
	if len(trace) == 0 || len(decided) == 0 {
		return s
	}
	sim := newSimGroup("", decided[0].From)
	var load, unserved, paid, ideal float64
	next := 0
	for _, at := range trace {
		for next < len(decided) && !decided[next].Time.After(at.Time) {
			if d := decided[next]; d.To != d.From {
				sim.resize(d.To, d.Time.Add(boot))
				s.Events++
			}
			next++
		}
		g := sim.at(at.Time)
		v := at.Signals[signal].Value
		load += v
		unserved += max(0, v-capacity*float64(serving(&g)))
		paid += float64(g.Size)
		ideal += max(1, math.Ceil(v/target))
	}
	s.Unserved, s.Cost = unserved/max(load, 1), paid/max(ideal, 1)
	return s
}

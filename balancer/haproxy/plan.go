package haproxy

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/haproxysock"
)

// A step is a change of one server: commands in order, the next one only when
// the one before was done.
type step struct {
	what     string // for the log
	server   serverKey
	commands []string
}

// sight is what HAProxy looks like at one moment.
type sight struct {
	pid      int
	time     time.Time
	servers  map[serverKey]haproxysock.Row
	backends map[string]haproxysock.Row
	old      map[int]sight // workers that finish what they have
}

// busy counts what is in flight on a server, in all workers.
func (s sight) busy(key serverKey) int64 {
	n := s.servers[key].Current + s.servers[key].Queued
	for _, o := range s.old {
		n += o.servers[key].Current
	}
	return n
}

// plan says what brings HAProxy's servers to what is wanted; nothing when they are.
func plan(c Config, secret string, pools map[stoker.PoolID]*pool, seen sight) []step {
	var steps []step
	for _, id := range slices.Sorted(maps.Keys(pools)) {
		p := pools[id]
		for _, mid := range slices.Sorted(maps.Keys(p.members)) {
			m := p.members[mid]
			key := serverKey{p.backend, m.server()}
			row, there := seen.servers[key]
			switch {
			case m.address == "":
			case m.phase == serving && !there:
				steps = append(steps, add(c, secret, p, m, key))
			case m.phase == serving && out(row):
				steps = append(steps, enter(p, m, key))
			case m.phase == serving && row.Weight != m.want.Weight:
				steps = append(steps, step{"weigh", key, []string{weigh(m, key)}})
			case m.phase != serving && there && !out(row):
				steps = append(steps, leave(key))
			case m.phase == leaving && m.cut && there && row.Current > 0:
				steps = append(steps, cut(key))
			}
		}
	}
	return steps
}

// out tells whether a server gets nothing new by order.
func out(r haproxysock.Row) bool { return r.Is("MAINT") || r.Is("DRAIN") }

// add brings in a server that has passed its first check: HAProxy takes it for
// up from the start, and its own checks begin with the next interval. It must
// not be added as enabled: 2.6 loses count of its servers by that.
func add(c Config, secret string, p *pool, m *member, key serverKey) step {
	commands := []string{fmt.Sprintf("add server %s %s %s", key, m.address, serverArgs(c, p.want, m.want))}
	if p.want.StickyCookie != "" && secret != "" {
		commands = append(commands, fmt.Sprintf("set dynamic-cookie-key backend %s %s", p.backend, secret))
	}
	s := enter(p, m, key)
	return step{"add", key, append(commands, s.commands...)}
}

// enter lets a server in maintenance take requests.
func enter(p *pool, m *member, key serverKey) step {
	commands := []string{weigh(m, key)}
	if p.want.Health.Protocol != "" {
		commands = append(commands, "enable health "+key.String())
	}
	return step{"enter", key, append(commands, fmt.Sprintf("set server %s state ready", key))}
}

func weigh(m *member, key serverKey) string {
	return fmt.Sprintf("set server %s weight %d", key, m.want.Weight)
}

// leave takes maintenance instead of drain: clients with a cookie would still
// come to a server that drains.
func leave(key serverKey) step {
	return step{"leave", key, []string{fmt.Sprintf("set server %s state maint", key)}}
}

func cut(key serverKey) step {
	return step{"cut", key, []string{"shutdown sessions server " + key.String()}}
}

func remove(key serverKey) step {
	return step{"remove", key, []string{"del server " + key.String()}}
}

// A parked server is one that nobody wants any more. It stays for a while in
// maintenance after its last request: HAProxy 2.6 may still think of it.
type parked struct {
	since time.Time // when it was first seen so
	idle  time.Time // since when nothing is in flight
}

const (
	parkIdle = 5 * time.Second  // from the last request to removal
	parkBusy = 30 * time.Second // how long requests may go on that nobody drains
)

// park says what to do about a server that nobody wants, and notes when.
func (p *parked) park(key serverKey, row haproxysock.Row, busy int64, now time.Time) []step {
	switch {
	case !out(row):
		return []step{leave(key)}
	case busy > 0 && now.Sub(p.since) > parkBusy && row.Current > 0:
		return []step{cut(key)}
	case busy > 0:
		p.idle = time.Time{}
	case p.idle.IsZero():
		p.idle = now
	case now.Sub(p.idle) > parkIdle:
		p.idle = now // once again later, if it cannot go yet
		return []step{remove(key)}
	}
	return nil
}

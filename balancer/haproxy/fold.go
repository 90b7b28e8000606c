package haproxy

import (
	"fmt"
	"strings"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/haproxysock"
)

// settle is how long a leaving member must be seen without requests: one that
// was just being given to it may not be counted yet.
const settle = 5 * time.Millisecond

// fold keeps what was seen: states, traffic, and members that have left.
func (k *keeper) fold(seen sight, now time.Time) {
	for _, p := range k.pools {
		k.foldTraffic(p, seen, now)
		for _, m := range p.members {
			row, there := seen.servers[serverKey{p.backend, m.server()}]
			k.foldState(p, m, row, there)
			if m.phase == leaving && k.left(m, p, seen, there, now) {
				k.forget(p, m)
			}
		}
	}
}

// foldState reads a member's state.
func (k *keeper) foldState(p *pool, m *member, row haproxysock.Row, there bool) {
	before := m.state
	if there && !out(row) {
		m.fresh = false
	}
	switch {
	case m.phase == leaving:
		m.become(stoker.MemberDraining, m.lastErr)
	case m.phase == checking && m.wasUp:
		m.become(stoker.MemberDown, m.lastErr)
	case m.phase == checking, !there:
	case row.Is("UP"), row.Is("no"), row.Is("NOLB"):
		m.become(stoker.MemberUp, "")
	case row.Is("DOWN"):
		m.become(stoker.MemberDown, checkError(row))
	}
	if before != m.state {
		k.dirty = true
		k.log.Info("member changed", "pool", string(p.want.ID), "member", string(m.want.ID), "state", string(m.state), "err", m.lastErr)
	}
}

// checkError says why HAProxy holds a server for down.
func checkError(r haproxysock.Row) string {
	text := "health check: " + r.CheckStatus
	if r.CheckCode > 0 && strings.HasPrefix(r.CheckStatus, "L7") {
		text += fmt.Sprintf(" %d", r.CheckCode)
	}
	if r.CheckText != "" {
		text += " " + r.CheckText
	}
	return text
}

// left tells whether a member that leaves has nothing any more and can be
// forgotten: in no worker, and for long enough.
func (k *keeper) left(m *member, p *pool, seen sight, there bool, now time.Time) bool {
	key := serverKey{p.backend, m.server()}
	busy := seen.busy(key) > 0 || there && !out(seen.servers[key])
	for _, since := range k.old {
		// Clients with kept connections to an old worker have one more request
		// there, which knows nothing of members that leave.
		busy = busy || m.wasUp && !m.cut && now.Sub(since) < k.config.IdleTimeout+time.Second
	}
	switch {
	case busy:
		m.idle = time.Time{}
		return false
	case m.idle.IsZero() && there:
		m.idle = now
		return false
	}
	return m.removers > 0 && now.Sub(m.idle) >= settle
}

// release forgets the members that leave while there is no HAProxy at all:
// nothing can be in flight.
func (k *keeper) release() {
	for _, p := range k.pools {
		for _, m := range p.members {
			if m.phase == leaving && m.removers > 0 {
				k.forget(p, m)
			}
		}
	}
}

// forget ends the story of a member.
func (k *keeper) forget(p *pool, m *member) {
	m.stop()
	if p.members[m.want.ID] == m {
		delete(p.members, m.want.ID)
	}
	close(m.gone)
	k.dirty = true
}

// reading is what one worker had counted of a server or backend.
type reading struct{ sessions, requests, errors, retries int64 }

// readings are those of one worker, by server or backend.
type readings map[serverKey]reading

// ledger sums up what all workers have counted since the pool or member was set.
type ledger struct {
	traffic stoker.Traffic
	read    time.Time // of the last reading
}

// add takes a row in: the difference to what the worker had counted before.
func (l *ledger) add(r haproxysock.Row, was reading) reading {
	is := count(r)
	if is.sessions < was.sessions {
		was = reading{} // another server of that name
	}
	n := max(0, is.requests-was.requests)
	l.traffic.Requests += n
	l.traffic.LatencySeconds += float64(n) * max(r.TotalTime, halfTick) / 1000
	l.traffic.Errors += max(0, is.errors-was.errors)
	l.traffic.Retries += max(0, is.retries-was.retries)
	return reading{is.sessions, max(is.requests, was.requests), max(is.errors, was.errors), max(is.retries, was.retries)}
}

// halfTick is what requests are taken for that took less than HAProxy's
// millisecond.
const halfTick = 0.5

func count(r haproxysock.Row) reading {
	c := reading{sessions: r.Sessions, requests: max(0, r.Sessions-r.Current), retries: r.Retries + r.Redispatches}
	switch {
	case r.Mode == "tcp":
		c.errors = r.ConnectErrors + r.ServerAborts + r.ResponseErrors
	case r.Type == haproxysock.Server:
		c.errors = r.Answers5xx + r.ConnectErrors + r.ResponseErrors + r.ServerAborts
	default:
		c.errors = r.Answers5xx + r.ServerAborts // what could not connect was answered 503
	}
	return c
}

// inFlight sets the gauge, and integrates it.
func (l *ledger) inFlight(n int64, now time.Time) {
	if !l.read.IsZero() {
		l.traffic.BusySeconds += (float64(l.traffic.InFlight) + float64(n)) / 2 * now.Sub(l.read).Seconds()
	}
	l.traffic.InFlight, l.read = int(n), now
}

// foldTraffic adds what a pool's servers have done in all workers.
func (k *keeper) foldTraffic(p *pool, seen sight, now time.Time) {
	workers := map[int]sight{seen.pid: seen}
	for pid, s := range seen.old {
		workers[pid] = s
	}
	flying := map[*member]int64{}
	var all, withServer int64
	for pid, s := range workers {
		was := k.counted[pid]
		if was == nil {
			was = readings{}
			k.counted[pid] = was
		}
		whole := serverKey{backend: p.backend}
		if r, ok := s.backends[p.backend]; ok {
			was[whole] = p.add(r, was[whole])
			all += r.Current
		}
		for _, m := range p.members {
			key := serverKey{p.backend, m.server()}
			if r, ok := s.servers[key]; ok {
				was[key] = m.add(r, was[key])
				flying[m] += r.Current
			}
		}
		for key, r := range s.servers {
			if key.backend == p.backend {
				withServer += r.Current
			}
		}
	}
	for _, m := range p.members {
		m.inFlight(flying[m], now)
	}
	p.inFlight(all, now)
	p.traffic.Queued = int(max(0, all-withServer))
}

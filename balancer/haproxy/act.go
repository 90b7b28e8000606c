package haproxy

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/haproxysock"
)

// look reads what HAProxy looks like, its old workers included.
func (k *keeper) look(ctx context.Context) (sight, error) {
	s, err := look(ctx, k.worker, "")
	if err != nil {
		return s, err
	}
	if s.pid != k.pid {
		if err := k.replaced(ctx, s.pid); err != nil {
			return s, err
		}
	}
	if len(k.old) == 0 {
		return s, nil
	}
	return s, k.lookBack(ctx, &s)
}

// replaced notes that another worker answers now; the one before may again, while it
// still has the socket. What that has counted is kept for as long as it finishes its
// requests.
func (k *keeper) replaced(ctx context.Context, pid int) error {
	before := k.pid
	if k.host == nil {
		maps.DeleteFunc(k.counted, func(p int, _ readings) bool { return p != pid && p != before })
	} else {
		procs, err := k.host.processes(ctx)
		if err != nil {
			return err
		}
		for _, old := range procs.Old {
			if _, known := k.old[old]; !known {
				k.old[old] = time.Now()
			}
		}
	}
	k.pid = pid
	k.log.Info("haproxy has a worker", "pid", pid, "before", before)
	return nil
}

// lookBack reads the workers that finish what they have, and forgets those gone. What one
// had counted that is there and cannot be read just now is kept: else all of it would be
// counted again.
func (k *keeper) lookBack(ctx context.Context, s *sight) error {
	procs, err := k.host.processes(ctx)
	if err != nil {
		return err
	}
	s.old = map[int]sight{}
	for _, pid := range procs.Old {
		if o, err := look(ctx, k.host.master, fmt.Sprintf("@!%d ", pid)); err == nil { // it may end meanwhile
			s.old[pid] = o
		}
	}
	maps.DeleteFunc(k.old, func(pid int, _ time.Time) bool { return !slices.Contains(procs.Old, pid) })
	maps.DeleteFunc(k.counted, func(pid int, _ readings) bool {
		return pid != k.pid && pid != procs.Worker && !slices.Contains(procs.Old, pid)
	})
	return nil
}

// look reads one worker. It asks once for all: two questions may come to two workers while
// one takes the other's place.
func look(ctx context.Context, c haproxysock.Client, prefix string) (sight, error) {
	s := sight{servers: map[serverKey]haproxysock.Row{}, backends: map[string]haproxysock.Row{}}
	answer, err := c.Do(ctx, prefix+"show info;"+prefix+"show stat -1 6 -1")
	if err != nil {
		return s, err
	}
	info, table, _ := strings.Cut(answer, "\n# ")
	if s.pid, err = strconv.Atoi(haproxysock.Info(info, "Pid")); err != nil {
		return s, stoker.Errorf(stoker.Unavailable, "read HAProxy's process: %.60q", info)
	}
	rows, err := haproxysock.ParseStats("# " + table)
	if err != nil {
		return s, stoker.Errorf(stoker.Unavailable, "%w", err)
	}
	s.time = time.Now()
	for _, r := range rows {
		if r.Type == haproxysock.Server {
			s.servers[serverKey{r.Proxy, r.Server}] = r
		} else {
			s.backends[r.Proxy] = r
		}
	}
	return s, nil
}

// act carries out what is planned; it tells whether there was anything.
func (k *keeper) act(ctx context.Context, seen sight) (bool, error) {
	k.distrust(seen)
	steps := append(plan(k.config, k.secret, k.pools, seen), k.clear(seen)...)
	for _, s := range steps {
		if err := k.do(ctx, s); err != nil {
			return true, err
		}
	}
	return len(steps) > 0, nil
}

// do carries out one step. What HAProxy refuses is logged, and planned again by
// the next cycle; only a HAProxy that does not answer is an error.
func (k *keeper) do(ctx context.Context, s step) error {
	for _, command := range s.commands {
		answer, err := k.worker.Do(ctx, command)
		if err != nil {
			return err
		}
		if !done(answer) {
			k.grumble(s, answer)
			return nil
		}
	}
	k.log.Debug("haproxy changed", "server", s.server.String(), "step", s.what)
	return nil
}

// grumble logs a refusal, but not the same one at every try.
func (k *keeper) grumble(s step, answer string) {
	if what := s.what + s.server.String() + answer; what != k.refused {
		k.refused = what
		k.log.Warn("haproxy refused", "server", s.server.String(), "step", s.what, "answer", answer)
	}
}

// done tells whether HAProxy did as it was told: most commands say nothing then.
func done(answer string) bool {
	switch strings.TrimSuffix(answer, ".") {
	case "", "New server registered", "Server deleted":
		return true
	case "Server still has connections attached to it, cannot remove it":
		return true // it is tried again
	}
	return strings.HasPrefix(answer, "Already exists a server") // another try got so far
}

// clear says what to do about servers of ours that nobody wants: those of
// members that have left, moved, or that an earlier Stoker did not record.
func (k *keeper) clear(seen sight) []step {
	backends := map[string]*pool{}
	wanted := map[serverKey]bool{}
	for _, p := range k.pools {
		backends[p.backend] = p
		for _, m := range p.members {
			wanted[serverKey{p.backend, m.server()}] = true
		}
	}
	var steps []step
	now := map[serverKey]*parked{}
	for key, row := range seen.servers {
		_, ours := memberOf(key.server, row.Address)
		if backends[key.backend] == nil || wanted[key] || !ours {
			continue
		}
		p := k.parked[key]
		if p == nil {
			p = &parked{since: seen.time}
		}
		now[key] = p
		steps = append(steps, p.park(key, row, seen.busy(key), seen.time)...)
	}
	k.parked = now
	return steps
}

package haproxy

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/haproxysock"
)

// attachPool binds a pool to a backend of an HAProxy that others configure.
// What the pool says of listeners is taken as told; its health check is used
// for first checks, and for HAProxy's in the way that the backend says.
func (k *keeper) attachPool(want stoker.Pool) (stoker.PoolStatus, error) {
	if hasPolicies(want) {
		return stoker.PoolStatus{}, &stoker.Error{Kind: stoker.Invalid, Message: "a listener has policies, and this HAProxy is configured by others",
			Hint: "Write the rules into HAProxy's own configuration, or let Stoker run HAProxy itself."}
	}
	name := k.config.Attach.Backend
	if name == "" {
		name = want.Name
	}
	for id, other := range k.pools {
		if id != want.ID && other.backend == name {
			return stoker.PoolStatus{}, stoker.Errorf(stoker.Conflict, "backend %q of HAProxy has the servers of pool %q", name, id)
		}
	}
	for i, l := range want.Listeners {
		if l.Port == 0 {
			return stoker.PoolStatus{}, &stoker.Error{Kind: stoker.Invalid, Message: fmt.Sprintf("listener %d has no port", i),
				Hint: "Give the port of HAProxy's frontend: Stoker does not change the listeners of an HAProxy that it attaches to."}
		}
	}
	seen, err := k.findBackend(name)
	if err != nil {
		return stoker.PoolStatus{}, err
	}
	p := &pool{members: map[stoker.MemberID]*member{}, backend: name}
	if before := k.pools[want.ID]; before != nil {
		*p = *before
	} else {
		p.adopt(seen)
	}
	p.want, p.backend = want, name
	k.pools[want.ID] = p
	k.recheck()
	return p.status(), nil
}

// findBackend sees that there is one that takes servers at run time.
func (k *keeper) findBackend(name string) (sight, error) {
	seen, err := look(context.Background(), k.worker, "")
	if err != nil {
		return seen, err
	}
	row, ok := seen.backends[name]
	if !ok {
		return seen, &stoker.Error{Kind: stoker.Invalid, Message: fmt.Sprintf("HAProxy has no backend %q", name),
			Hint: "Backends are: " + strings.Join(slices.Sorted(maps.Keys(seen.backends)), ", ") + "."}
	}
	if !dynamic(row) {
		return seen, &stoker.Error{Kind: stoker.Invalid, Message: fmt.Sprintf("backend %q of HAProxy balances by %s, and takes no servers at run time", name, row.Algorithm),
			Hint: "Let it balance by roundrobin or leastconn."}
	}
	return seen, nil
}

// adopt takes the servers over that an earlier Stoker has brought in: there is
// no other record of them. They serve on until somebody says what is wanted.
func (p *pool) adopt(seen sight) {
	for key, row := range seen.servers {
		id, ours := memberOf(key.server, row.Address)
		if key.backend != p.backend || !ours || out(row) {
			continue
		}
		m := newMember(stoker.Member{ID: id, Address: row.Address, Weight: row.Weight})
		m.phase, m.address, m.wasUp, m.adopted = serving, row.Address, true, true
		p.members[id] = m
	}
}

// dynamic tells whether a backend's algorithm allows new servers.
func dynamic(r haproxysock.Row) bool {
	return !slices.Contains([]string{"static-rr", "none", "unknown"}, r.Algorithm)
}

// leaveAttached takes the servers of the pools that are not among next out of
// HAProxy at once: with the pool goes what it has in flight.
func (k *keeper) leaveAttached(next map[stoker.PoolID]*pool) error {
	ctx := context.Background()
	seen, err := look(ctx, k.worker, "")
	if err != nil && !gone(err) {
		return err
	}
	for id, p := range k.pools {
		if next[id] != nil {
			continue
		}
		for key, row := range seen.servers {
			if _, ours := memberOf(key.server, row.Address); key.backend != p.backend || !ours {
				continue
			}
			for _, s := range []step{leave(key), cut(key), remove(key)} {
				if err := k.do(ctx, s); err != nil {
					return err
				}
			}
		}
	}
	k.pools = next
	return nil
}

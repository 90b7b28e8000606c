package haproxy

import (
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/stoker-project/stoker"
)

// SetPool makes a pool or changes it; see stoker.Balancer. When it returns an
// error, nothing has changed. HAProxy is loaded anew only if its configuration
// becomes another one, and drops no request by that.
func (b *Balancer) SetPool(ctx context.Context, want stoker.Pool) (stoker.PoolStatus, error) {
	want, err := rules.Pool(want)
	if err != nil {
		return stoker.PoolStatus{}, err
	}
	var status stoker.PoolStatus
	called := b.call(ctx, func(k *keeper) {
		if k.host == nil {
			status, err = k.attachPool(want)
		} else {
			status, err = k.setPool(want)
		}
	}, nil)
	if called != nil {
		return stoker.PoolStatus{}, called
	}
	if err != nil {
		return stoker.PoolStatus{}, fmt.Errorf("pool %q: %w", want.ID, err)
	}
	return status, nil
}

// RemovePool ends a pool's listeners and forgets it. Requests in flight end
// normally; those of the last pool get the configured grace, for HAProxy
// itself ends with it. nil when there is no such pool.
func (b *Balancer) RemovePool(ctx context.Context, id stoker.PoolID) error {
	var err error
	if called := b.call(ctx, func(k *keeper) { err = k.removePool(id) }, nil); called != nil {
		return called
	}
	if err != nil {
		return fmt.Errorf("remove pool %q: %w", id, err)
	}
	return nil
}

// Stats reads a pool, as HAProxy sees it now. NotFound if there is none;
// Unavailable while HAProxy does not answer.
func (b *Balancer) Stats(ctx context.Context, id stoker.PoolID) (stoker.PoolStats, error) {
	var stats stoker.PoolStats
	var err error
	called := b.call(ctx, nil, func(k *keeper) { stats, err = k.stats(id) })
	if called != nil {
		return stoker.PoolStats{}, called
	}
	return stats, err
}

func (k *keeper) stats(id stoker.PoolID) (stoker.PoolStats, error) {
	p, err := k.pool(id)
	if err != nil {
		return stoker.PoolStats{}, err
	}
	if k.err != nil {
		return stoker.PoolStats{}, k.err
	}
	s := stoker.PoolStats{Time: p.read, Traffic: p.traffic}
	for _, id := range slices.Sorted(maps.Keys(p.members)) {
		m := p.members[id]
		s.Members = append(s.Members, stoker.MemberStats{
			ID: id, Address: m.want.Address, State: m.state, Weight: m.want.Weight, LastError: m.lastErr, Traffic: m.traffic,
		})
	}
	return s, nil
}

func (k *keeper) pool(id stoker.PoolID) (*pool, error) {
	if p := k.pools[id]; p != nil {
		return p, nil
	}
	return nil, stoker.Errorf(stoker.NotFound, "there is no pool %q", id)
}

// setPool brings HAProxy to a wanted pool, or leaves everything as it was.
func (k *keeper) setPool(want stoker.Pool) (stoker.PoolStatus, error) {
	next := &pool{want: want, members: map[stoker.MemberID]*member{}, backend: backendName(want, k.pools)}
	before := k.pools[want.ID]
	if before != nil {
		*next = *before
		next.want = want
	}
	if err := k.install(next); err != nil {
		return stoker.PoolStatus{}, err
	}
	if before != nil {
		next.ledger = before.ledger // it went on while HAProxy was loaded anew
	} else {
		k.log.Info("pool added", "pool", string(want.ID), "backend", next.backend)
	}
	return next.status(), nil
}

// portTries is how often other ports are chosen for a pool whose were taken.
const portTries = 5

// install brings HAProxy to a pool. The ports that we choose are free for a moment before
// HAProxy has them; where another process takes one, others are chosen.
func (k *keeper) install(next *pool) error {
	asked := next.want.Listeners
	for try := 1; ; try++ {
		next.want.Listeners = asked
		err := k.claim(next)
		if err == nil {
			err = k.certify(next)
		}
		if err == nil {
			pools := maps.Clone(k.pools)
			pools[next.want.ID] = next
			err = k.apply(pools)
		}
		if err == nil || try == portTries || !k.mayBeStolen(next, err) {
			return err
		}
		k.log.Warn("haproxy may have lost a port to another process: others are chosen", "pool", string(next.want.ID), "err", err)
	}
}

func (k *keeper) removePool(id stoker.PoolID) error {
	p := k.pools[id]
	if p == nil {
		return nil
	}
	pools := maps.Clone(k.pools)
	delete(pools, id)
	if err := k.withdraw(pools); err != nil {
		return err
	}
	for _, m := range p.members {
		k.forget(p, m)
	}
	return nil
}

// withdraw brings HAProxy to fewer pools; with none left it ends.
func (k *keeper) withdraw(pools map[stoker.PoolID]*pool) error {
	switch {
	case k.host == nil:
		return k.leaveAttached(pools)
	case len(pools) > 0:
		return k.apply(pools)
	}
	if err := k.stop(k.config.Grace); err != nil {
		return err
	}
	k.pools, k.applied, k.dirty = pools, "", true
	return nil
}

// stop ends HAProxy. Its listeners close at once, for it is given a
// configuration without any; then requests in flight have the grace.
func (k *keeper) stop(grace time.Duration) error {
	if k.host == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if _, err := k.host.processes(ctx); err == nil {
		text, _ := render(k.settings(), nil)
		if err := k.launch(text); err != nil {
			k.log.Warn("haproxy is stopped without grace", "err", err)
		}
		k.host.finish(ctx)
	}
	k.applied, k.pid, k.dirty = "", 0, true
	k.old, k.counted = map[int]time.Time{}, map[int]readings{}
	return k.host.stop(context.Background())
}

// apply makes HAProxy run these pools: it writes the configuration and, if the
// layout is another one than HAProxy has, starts or reloads it. On an
// error everything is as before.
func (k *keeper) apply(pools map[stoker.PoolID]*pool) error {
	text, layout := render(k.settings(), pools)
	launch := layout != k.applied || k.halted
	if launch {
		if err := k.launch(text); err != nil {
			return err
		}
		k.log.Info("haproxy has a new configuration", "pools", len(pools))
	}
	k.pools, k.applied, k.halted, k.dirty = pools, layout, false, true
	if launch {
		k.recheck()
		k.sweep()
	}
	return nil
}

// status tells where the pool listens.
func (p *pool) status() stoker.PoolStatus {
	var s stoker.PoolStatus
	for _, l := range p.want.Listeners {
		s.Addresses = append(s.Addresses, hostPort(l))
		if !tcp(l) {
			s.URLs = append(s.URLs, address(l))
		}
	}
	return s
}

// address is one that a browser on this machine can open.
func address(l stoker.Listener) string {
	host := l.Address
	if net.ParseIP(host).IsUnspecified() {
		host = "localhost"
	}
	return string(l.Protocol) + "://" + net.JoinHostPort(host, strconv.Itoa(l.Port))
}

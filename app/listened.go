package app

import (
	"context"
	"net/netip"
	"sync"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/fetch"
)

// listened is a balancer that remembers where its pools listen.
type listened struct {
	stoker.Balancer

	mu sync.Mutex
	at map[netip.AddrPort]stoker.PoolID
}

func newListened(b stoker.Balancer) *listened {
	return &listened{Balancer: b, at: map[netip.AddrPort]stoker.PoolID{}}
}

// SetPool implements stoker.Balancer.
func (l *listened) SetPool(ctx context.Context, p stoker.Pool) (stoker.PoolStatus, error) {
	status, err := l.Balancer.SetPool(ctx, p)
	if err != nil {
		return status, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forget(p.ID)
	for _, text := range status.Addresses {
		if at, err := netip.ParseAddrPort(text); err == nil {
			l.at[netip.AddrPortFrom(at.Addr().Unmap(), at.Port())] = p.ID
		}
	}
	return status, nil
}

// RemovePool implements stoker.Balancer.
func (l *listened) RemovePool(ctx context.Context, id stoker.PoolID) error {
	err := l.Balancer.RemovePool(ctx, id)
	if err == nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.forget(id)
	}
	return err
}

func (l *listened) forget(id stoker.PoolID) {
	for at, pool := range l.at {
		if pool == id {
			delete(l.at, at)
		}
	}
}

// pool is the one that listens on an address, perhaps because it listens on all of the
// machine's.
func (l *listened) pool(at netip.AddrPort) (stoker.PoolID, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if id, ok := l.at[at]; ok {
		return id, true
	}
	if !at.Addr().IsLoopback() {
		return "", false
	}
	for _, all := range []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()} {
		if id, ok := l.at[netip.AddrPortFrom(all, at.Port())]; ok {
			return id, true
		}
	}
	return "", false
}

// guard says which addresses a scaler may ask for heartbeats: an administrator's all,
// others' public ones and those where load balancers of the project listen.
func (a *parts) guard(p stoker.Policy) fetch.Guard {
	if p.Admin {
		return nil
	}
	return fetch.Public(a.AllowFetch, func(at netip.AddrPort) bool {
		pool, ok := a.listened.pool(at)
		if !ok {
			return false
		}
		owner, err := a.engine.Owner(a.life.ctx, maker(pool))
		return err == nil && owner == p.Project
	})
}

// maker is the resource that made a pool: it has its ID, or the pool's begins with that.
func maker(pool stoker.PoolID) stoker.ResourceID {
	const uuid = 36
	return stoker.ResourceID(pool[:min(uuid, len(pool))])
}

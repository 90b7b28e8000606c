package builtin

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stoker-project/stoker"
)

// A pool is one set of members behind listeners. Requests read settings and
// roster, which are replaced and never changed; everything else is set-up.
type pool struct {
	id    stoker.PoolID
	b     *Balancer
	log   *slog.Logger
	epoch time.Time // what meters count from

	settings atomic.Pointer[stoker.Pool]
	roster   atomic.Pointer[roster]
	turn     atomic.Uint64
	traffic  meters
	queued   atomic.Int64
	lent     atomic.Int64 // requests of its listeners that other pools answer

	ctx     context.Context // ends with the pool: checks and queue
	cancel  context.CancelFunc
	clients context.Context // ends when clients are broken off
	hangUp  context.CancelFunc
	wg      sync.WaitGroup // every goroutine of the pool
	closing atomic.Bool
	idle    chan struct{} // told of each request that ends while closing

	listeners []*listener // guarded by the balancer's setup

	mu      sync.Mutex // guards members and what they say is guarded by it
	members map[stoker.MemberID]*member
}

func newPool(b *Balancer, want stoker.Pool) *pool {
	p := &pool{
		id:      want.ID,
		b:       b,
		log:     b.config.Log.With("pool", string(want.ID)),
		epoch:   time.Now(),
		idle:    make(chan struct{}, 1),
		members: map[stoker.MemberID]*member{},
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.clients, p.hangUp = context.WithCancel(context.Background())
	p.settings.Store(&want)
	p.roster.Store(newRoster(want.Algorithm, false, nil))
	return p
}

// now is the time on the pool's clock.
func (p *pool) now() time.Duration { return time.Since(p.epoch) }

// configure replaces the settings. Members stay, their checks look at once.
func (p *pool) configure(want stoker.Pool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	old := p.settings.Swap(&want)
	for _, m := range p.members {
		if old.ResponseTimeout != want.ResponseTimeout {
			m.renewTransport(&want)
		}
		m.lookAgain()
	}
	p.publish()
}

// publish makes a roster of the members as they are. Callers hold p.mu.
func (p *pool) publish() {
	var up []*member
	for _, m := range p.members {
		if m.state == stoker.MemberUp {
			up = append(up, m)
		}
	}
	slices.SortFunc(up, func(a, b *member) int { return cmp.Compare(a.id, b.id) })
	s := p.settings.Load()
	old := p.roster.Swap(newRoster(s.Algorithm, s.StickyCookie != "", up))
	close(old.replaced)
}

// report takes what a member's checker found.
func (p *pool) report(m *member, state stoker.MemberState, cause error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	m.lastErr = cause
	if m.state == state || m.state == stoker.MemberDraining {
		return
	}
	m.state = state
	if p.members[m.id] != m {
		return
	}
	p.publish()
	if state == stoker.MemberDown {
		p.log.Warn("member is down", "member", string(m.id), "address", m.addr, "err", cause)
	} else {
		p.log.Info("member is up", "member", string(m.id), "address", m.addr)
	}
}

// stop ends the listeners and lets nobody join any more. Callers hold the
// balancer's setup.
func (p *pool) stop() {
	p.closing.Store(true)
	for _, l := range p.listeners {
		l.stop()
	}
}

// end waits until ctx ends for what is in flight, breaks off the rest and
// returns when all goroutines have ended. Members are cut before clients, so
// that these hear of it.
func (p *pool) end(ctx context.Context) {
	p.awaitIdle(ctx)
	p.cancel()
	p.mu.Lock()
	members := slices.Collect(maps.Values(p.members))
	clear(p.members)
	p.publish()
	p.mu.Unlock()
	for _, m := range members {
		m.cut()
	}
	last, cancel := context.WithTimeout(context.Background(), cutPatience)
	defer cancel()
	p.awaitIdle(last)
	p.awaitServers(last)
	p.hangUp()
	p.wg.Wait()
	p.awaitIdle(last) // handlers that were writing to their clients
}

func (p *pool) awaitIdle(ctx context.Context) {
	for p.traffic.inFlight()+p.lent.Load() > 0 {
		select {
		case <-p.idle:
		case <-ctx.Done():
			return
		}
	}
}

// lastWords is how long servers may take to send what handlers have written.
const lastWords = 100 * time.Millisecond

// awaitServers waits until the listeners' servers have sent all they have; they
// would wait much longer for clients that never ask anything.
func (p *pool) awaitServers(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lastWords)
	defer cancel()
	for _, l := range p.listeners {
		select {
		case <-l.served:
		case <-ctx.Done():
			return
		}
	}
}

// begin and finish bracket each request or connection of the pool.
func (p *pool) begin() (*meter, time.Duration) {
	m, now := p.traffic.one(), p.now()
	m.begin(now)
	return m, now
}

func (p *pool) finish(m *meter, start time.Duration, o outcome) {
	m.end(start, p.now(), o)
	p.ended()
}

// ended tells those who wait for the end of the pool that one request less is left.
func (p *pool) ended() {
	if p.closing.Load() {
		select {
		case p.idle <- struct{}{}:
		default:
		}
	}
}

func (p *pool) stats() stoker.PoolStats {
	p.mu.Lock()
	members := slices.Collect(maps.Values(p.members))
	out := stoker.PoolStats{Time: time.Now(), Members: make([]stoker.MemberStats, len(members))}
	now := p.now()
	for i, m := range members {
		out.Members[i] = m.stats(now)
	}
	p.mu.Unlock()
	slices.SortFunc(out.Members, func(a, b stoker.MemberStats) int { return cmp.Compare(a.ID, b.ID) })
	p.traffic.addTo(&out.Traffic, now)
	out.Queued = int(p.queued.Load())
	return out
}

// Package builtin is the balancer that Stoker carries with it: a reverse proxy
// for HTTP and TCP in this process. It spreads requests over the members of
// pools, asks the members for their health and drains those that leave. It is
// not a web server: it serves no files, caches nothing, rewrites no answers and
// speaks HTTP/1.1 to the members.
//
// Goroutines: each listener has one that accepts, and the usual one per client
// connection; each member has one that checks its health. All belong to their
// pool and end with RemovePool or Close. Settings and members change under one
// mutex per pool; requests never take it, they read an immutable roster.
package builtin

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stoker-project/stoker"
)

// Config holds what is common to all pools. The zero value works.
type Config struct {
	// Dir keeps the self-made certificate over restarts; empty: it is made
	// anew by each process.
	Dir string
	// Log hears of members that change state; nil discards.
	Log *slog.Logger
	// Grace is how long requests may go on when their pool is removed or the
	// balancer closed; default 5s.
	Grace time.Duration
	// ReadHeaderTimeout bounds how slowly a client may send a request's
	// header; default 10s.
	ReadHeaderTimeout time.Duration
	// IdleTimeout ends client connections without a request; default 2m.
	IdleTimeout time.Duration
	// MaxHeaderBytes bounds a request's header; default 64 KiB.
	MaxHeaderBytes int
}

func (c Config) withDefaults() Config {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.Grace = cmp.Or(c.Grace, 5*time.Second)
	c.ReadHeaderTimeout = cmp.Or(c.ReadHeaderTimeout, 10*time.Second)
	c.IdleTimeout = cmp.Or(c.IdleTimeout, 2*time.Minute)
	c.MaxHeaderBytes = cmp.Or(c.MaxHeaderBytes, 64<<10)
	return c
}

// Balancer is a reverse proxy with any number of pools. It is made by New, works
// at once, and must be ended with Close.
type Balancer struct {
	config Config
	certs  *selfMade
	probes *http.Transport // health checks of all pools
	setup  sync.Mutex      // serializes changes of pools; taken before mu

	// routes are the pools that policies send requests to: a copy of pools, which is
	// replaced and never changed.
	routes atomic.Pointer[map[stoker.PoolID]*pool]

	mu     sync.Mutex // guards what follows
	pools  map[stoker.PoolID]*pool
	closed bool
}

var _ stoker.Balancer = (*Balancer)(nil)

// New makes a balancer without pools. It starts nothing.
func New(c Config) *Balancer {
	c = c.withDefaults()
	return &Balancer{
		config: c,
		certs:  &selfMade{dir: c.Dir},
		probes: newProbeTransport(),
		pools:  map[stoker.PoolID]*pool{},
	}
}

// Run blocks until ctx ends, then closes the balancer.
func (b *Balancer) Run(ctx context.Context) error {
	<-ctx.Done()
	b.Close()
	return nil
}

// Close removes all pools, giving requests in flight the configured grace, and
// returns when every goroutine has ended. It may be called again.
func (b *Balancer) Close() {
	b.mu.Lock()
	ids := slices.Collect(maps.Keys(b.pools))
	b.closed = true
	b.mu.Unlock()
	var wg sync.WaitGroup
	for _, id := range ids {
		wg.Go(func() { b.RemovePool(context.Background(), id) })
	}
	wg.Wait()
	b.probes.CloseIdleConnections()
}

// SetPool makes a pool or changes it; see stoker.Balancer. When it returns an
// error, nothing has changed.
func (b *Balancer) SetPool(_ context.Context, want stoker.Pool) (stoker.PoolStatus, error) {
	want, err := rules.Pool(want)
	if err != nil {
		return stoker.PoolStatus{}, err
	}
	b.setup.Lock()
	defer b.setup.Unlock()
	p, err := b.pool(want.ID)
	if stoker.IsKind(err, stoker.NotFound) {
		return b.addPool(want)
	}
	if err != nil {
		return stoker.PoolStatus{}, err
	}
	if err := p.listen(want.Listeners); err != nil {
		return stoker.PoolStatus{}, fmt.Errorf("pool %q: %w", want.ID, err)
	}
	p.configure(want)
	return p.status(), nil
}

func (b *Balancer) addPool(want stoker.Pool) (stoker.PoolStatus, error) {
	p := newPool(b, want)
	err := p.listen(want.Listeners)
	if err == nil {
		err = b.keep(p)
	}
	if err != nil {
		p.stop()
		p.end(context.Background())
		return stoker.PoolStatus{}, fmt.Errorf("pool %q: %w", want.ID, err)
	}
	return p.status(), nil
}

func (b *Balancer) keep(p *pool) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return errClosed()
	}
	b.pools[p.id] = p
	b.route()
	return nil
}

// route publishes the pools. Callers hold b.mu.
func (b *Balancer) route() {
	routes := maps.Clone(b.pools)
	b.routes.Store(&routes)
}

// RemovePool ends a pool's listeners at once, gives its requests the configured
// grace (or until ctx ends, if that is sooner) and forgets it.
func (b *Balancer) RemovePool(ctx context.Context, id stoker.PoolID) error {
	p := b.dropPool(id)
	if p == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, b.config.Grace)
	defer cancel()
	p.end(ctx)
	return nil
}

// dropPool takes a pool out of the map and stops it, nil when there is none.
func (b *Balancer) dropPool(id stoker.PoolID) *pool {
	b.setup.Lock()
	defer b.setup.Unlock()
	b.mu.Lock()
	p := b.pools[id]
	delete(b.pools, id)
	b.route()
	b.mu.Unlock()
	if p != nil {
		p.stop()
	}
	return p
}

// Stats reads a pool. It costs a microsecond per member and disturbs no request.
func (b *Balancer) Stats(_ context.Context, id stoker.PoolID) (stoker.PoolStats, error) {
	p, err := b.pool(id)
	if err != nil {
		return stoker.PoolStats{}, err
	}
	return p.stats(), nil
}

func (b *Balancer) pool(id stoker.PoolID) (*pool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, errClosed()
	}
	p := b.pools[id]
	if p == nil {
		return nil, stoker.Errorf(stoker.NotFound, "there is no pool %q", id)
	}
	return p, nil
}

func errClosed() error {
	return stoker.Errorf(stoker.Unavailable, "the balancer is closed")
}

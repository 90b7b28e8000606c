// Package haproxy is a balancer made of a real HAProxy, 2.6 or newer. It writes
// HAProxy's configuration, starts HAProxy, and from then on changes members by
// commands on its socket: HAProxy is loaded anew only when pools or listeners
// change. HAProxy outlives this process; the next one finds it by its sockets.
// An HAProxy that others have configured can be attached to: then only the
// servers of its backends are managed. The package is no parser of
// configurations, and it carries no request itself.
//
// Goroutines: one keeper owns all state and alone speaks to HAProxy; public
// methods hand it jobs. Each member that has never been up has a goroutine that
// makes its first checks. Close ends them all, and leaves HAProxy running.
package haproxy

import (
	"cmp"
	"context"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/haproxysock"
)

// Config says where HAProxy is, and what is common to all pools.
type Config struct {
	// Dir keeps the configuration, sockets, certificates and the record of pools
	// and members. One balancer has it for itself. Required unless Attach is set.
	Dir string
	// Binary is HAProxy's program; default haproxy, looked up in the path.
	Binary string
	// Attach, when its Socket is set, uses an HAProxy that others run and configure.
	Attach Attach
	// Global and Defaults are more lines for these sections of the configuration.
	Global, Defaults []string
	// Stats is the address, host:port, of HAProxy's statistics page, with
	// metrics for Prometheus at /metrics; empty: none. It asks for no password.
	Stats string
	// Ramp is how long a member that comes up takes to get its full share; 0: none.
	Ramp time.Duration
	// IdleTimeout ends client connections without a request; default 10s.
	IdleTimeout time.Duration
	// Grace is how long requests may go on when the last pool is removed; default 5s.
	Grace time.Duration
	// Sample is the time between readings of HAProxy's statistics; default 200ms.
	Sample time.Duration
	// Logger hears of restarts, reloads and members that change state; nil discards.
	Logger *slog.Logger
}

// Attach says which HAProxy of others to use.
type Attach struct {
	// Socket is the path of its stats socket, with level admin.
	Socket string
	// Backend is the one whose servers are managed, for one pool; empty: each
	// pool has the backend of its name.
	Backend string
}

func (c Config) withDefaults() Config {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	c.Binary = cmp.Or(c.Binary, "haproxy")
	c.IdleTimeout = cmp.Or(c.IdleTimeout, 10*time.Second)
	c.Grace = cmp.Or(c.Grace, 5*time.Second)
	c.Sample = cmp.Or(c.Sample, 200*time.Millisecond)
	return c
}

// Balancer is an HAProxy with any number of pools. It is made by New, works at
// once, and must be ended with Close.
type Balancer struct {
	config Config
	jobs   chan *job
	ctx    context.Context // of the keeper and the first checks
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

var _ stoker.Balancer = (*Balancer)(nil)

// New makes a balancer, and with its record of pools carries on where an earlier
// one in the same directory has stopped: HAProxy is found, or started if
// there are pools and none runs. Errors: Unavailable when there is no HAProxy, or
// it is too old; Invalid for the configuration.
func New(c Config) (*Balancer, error) {
	c = c.withDefaults()
	ctx, cancel := context.WithCancel(context.Background())
	b := &Balancer{config: c, jobs: make(chan *job), ctx: ctx, cancel: cancel}
	k, err := newKeeper(ctx, b)
	if err != nil {
		b.Close()
		return nil, err
	}
	b.wg.Go(func() { k.run(ctx) })
	return b, nil
}

func newKeeper(ctx context.Context, b *Balancer) (*keeper, error) {
	c := b.config
	k := &keeper{
		life: ctx, config: c, log: c.Logger, jobs: b.jobs, post: b.post, spawn: b.wg.Go,
		pools: map[stoker.PoolID]*pool{}, old: map[int]time.Time{}, parked: map[serverKey]*parked{}, counted: map[int]readings{},
	}
	if c.Attach.Socket != "" {
		k.worker = haproxysock.Client{Path: c.Attach.Socket}
		return k, nil
	}
	if err := k.openDir(ctx); err != nil {
		return nil, err
	}
	k.worker = haproxysock.Client{Path: filepath.Join(k.config.Dir, workerSocket)}
	return k, k.load()
}

// Run blocks until ctx ends, then closes the balancer.
func (b *Balancer) Run(ctx context.Context) error {
	<-ctx.Done()
	b.Close()
	return nil
}

// Close stops looking after HAProxy, which goes on with the members it has, and
// returns when every goroutine has ended. It may be called again.
func (b *Balancer) Close() {
	b.cancel()
	b.wg.Wait()
}

// Shutdown stops HAProxy, giving requests in flight the configured grace. The
// pools stay on record: the next New starts them again. It waits at
// most until ctx ends. An HAProxy of others is left alone.
func (b *Balancer) Shutdown(ctx context.Context) error {
	var err error
	if called := b.call(ctx, func(k *keeper) { err = k.stop(k.config.Grace); k.halted = err == nil }, nil); called != nil {
		return called
	}
	return err
}

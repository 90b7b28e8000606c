package stack

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/hot"
)

// Store is what the engine keeps its truth in.
type Store interface {
	stoker.StackStore
	stoker.LeaseStore
	stoker.EventStore
}

// Config is what an Engine is made of.
type Config struct {
	Store  Store
	Logger *slog.Logger // nil: silence
	// Holder names this engine in leases. Engines that share a store need
	// different names; an engine that alone uses its store keeps the same over restarts, and
	// then takes over its own leases at once.
	Holder string
	Limits Limits
	// Allow tells whether somebody may have resources of a type; Forbidden if not. nil:
	// everybody may.
	Allow func(t stoker.TypeName, admin bool) error
	// Parse reads templates; nil: hot.Parse, which reads HOT only.
	Parse func(text []byte, file string) (*hot.Template, error)
	// OnEvent is told of each event after it is durable. It is called in the
	// goroutine that owns the stack and must not block; nil: nobody.
	OnEvent func(*stoker.Event)
	// Sink takes the events of stacks whose environments have event_sinks; nil: such
	// environments are refused.
	Sink stoker.EventSink
}

// Limits bound what one template can ask for. Zero fields take the default.
type Limits struct {
	Resources int           // in one stack; default 10,000
	Depth     int           // of nesting; default 5 (Heat's max_nested_stack_depth)
	Stacks    int           // living root stacks of a project; default 512
	Uncounted string        // stacks with this tag do not count
	Workers   int           // drivers asked at once, by one stack; default 256
	Timeout   time.Duration // of one operation; default 1h (Heat's stack_action_timeout)
	// Retries of a creation while its driver has no room or does not answer;
	// default 5 (Heat's action_retry_limit), negative: none.
	Retries   int
	Snapshots int           // of one stack; default 32 (Heat's max_snapshots_per_stack), negative: any number
	LeaseTTL  time.Duration // default 30s
}

func (l Limits) withDefaults() Limits {
	set := func(p *int, v int) {
		if *p == 0 {
			*p = v
		}
	}
	set(&l.Resources, 10_000)
	set(&l.Depth, 5)
	set(&l.Stacks, 512)
	set(&l.Workers, 256)
	set(&l.Retries, 5)
	set(&l.Snapshots, 32)
	if l.Timeout == 0 {
		l.Timeout = time.Hour
	}
	if l.LeaseTTL == 0 {
		l.LeaseTTL = 30 * time.Second
	}
	return l
}

// Engine converges stacks. All methods may be called concurrently. Stacks are
// worked on only between Run and its return.
type Engine struct {
	store   Store
	log     *slog.Logger
	holder  string
	limits  Limits
	onEvent func(*stoker.Event)
	sink    stoker.EventSink
	allow   func(stoker.TypeName, bool) error
	types   map[stoker.TypeName]stoker.ResourceType
	// constraints are those of Heat's registry that ask something of the world.
	constraints map[string]stoker.Find
	parsed      *templateCache
	groups      *groupCache

	mu     sync.Mutex
	base   context.Context // of everything the engine does; nil before Run
	owners map[stoker.StackID]*owner
	subs   map[stoker.ResourceID][]chan struct{}
	closed bool
	tasks  sync.WaitGroup // owners, workers and watches

	watches watchTable
}

// New makes an engine that does not run yet.
func New(cfg Config) *Engine {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Holder == "" {
		cfg.Holder = "local"
	}
	if cfg.Parse == nil {
		cfg.Parse = hot.Parse
	}
	if cfg.Allow == nil {
		cfg.Allow = func(stoker.TypeName, bool) error { return nil }
	}
	return &Engine{
		store:       cfg.Store,
		log:         cfg.Logger,
		holder:      cfg.Holder,
		limits:      cfg.Limits.withDefaults(),
		onEvent:     cfg.OnEvent,
		sink:        cfg.Sink,
		allow:       cfg.Allow,
		types:       map[stoker.TypeName]stoker.ResourceType{},
		constraints: map[string]stoker.Find{},
		parsed:      newTemplateCache(256, cfg.Parse),
		groups:      newGroupCache(),
		owners:      map[stoker.StackID]*owner{},
		subs:        map[stoker.ResourceID][]chan struct{}{},
		watches:     watchTable{running: map[stoker.ResourceID]context.CancelFunc{}, healing: map[string]attempts{}},
	}
}

// Register makes resource types known. It is called before Run.
func (e *Engine) Register(types map[stoker.TypeName]stoker.ResourceType) {
	for name, t := range types {
		e.types[name] = t
		if f, ok := t.(stoker.Finder); ok {
			maps.Copy(e.constraints, f.Finds())
		}
	}
}

// Types gives the schemas of all registered types.
func (e *Engine) Types() map[stoker.TypeName]*stoker.Schema {
	out := make(map[stoker.TypeName]*stoker.Schema, len(e.types))
	for name, t := range e.types {
		out[name] = t.Schema()
	}
	return out
}

// errClosed answers operations on an engine that does not run.
var errClosed error = &stoker.Error{Kind: stoker.Unavailable, Message: "the engine is not running", Hint: "Try again in a moment."}

// Run puts back what lives in this process only, goes on with operations that
// were under way when the last engine stopped, and serves operations until ctx
// ends. It returns after every goroutine it started has ended; operations under
// way stay recorded as they are. Call it once. ready, if not nil, is closed
// when operations are accepted.
func (e *Engine) Run(ctx context.Context, ready chan<- struct{}) error {
	base, cancel := context.WithCancel(ctx)
	defer cancel()
	e.mu.Lock()
	e.base = base
	e.mu.Unlock()
	if err := e.restore(base); err != nil && ctx.Err() == nil {
		e.log.Error("restore", "err", err)
		e.shutdown(cancel)
		return err
	}
	if ready != nil {
		close(ready)
	}
	e.sweep(base)
	e.shutdown(cancel)
	return nil
}

func (e *Engine) shutdown(cancel context.CancelFunc) {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	cancel()
	e.tasks.Wait()
}

// sweep finds forgotten work, slowly: operations whose engine has died.
func (e *Engine) sweep(ctx context.Context) {
	tick := time.NewTicker(e.limits.LeaseTTL)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := e.recoverAll(ctx); err != nil && ctx.Err() == nil {
				e.log.Warn("sweep", "err", err)
			}
		}
	}
}

// do runs f in the goroutine that owns the stack, starting one when there is
// none, and gives its error. f sees a stack that is loaded and leased, or nil
// if it does not exist.
func (e *Engine) do(ctx context.Context, id stoker.StackID, f func(*owner) error) error {
	return e.command(ctx, id, command{run: f, done: make(chan error, 1)})
}

// insist does the same for the engine's own work, which a store that does not
// answer for a while must not fail: it tries until it is stored or ctx ends.
func (e *Engine) insist(ctx context.Context, id stoker.StackID, f func(*owner) error) error {
	for wait := firstRetry; ; wait = min(2*wait, lastRetry) {
		err := e.command(ctx, id, command{run: f, patient: true, done: make(chan error, 1)})
		again := stoker.IsKind(err, stoker.Unavailable) || lost(err)
		if !again || errors.Is(err, errClosed) {
			return err
		}
		if pause(ctx, wait) != nil {
			return context.Cause(ctx)
		}
	}
}

func (e *Engine) command(ctx context.Context, id stoker.StackID, c command) error {
	if err := e.deliver(id, c); err != nil {
		return err
	}
	select {
	case err := <-c.done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (e *Engine) deliver(id stoker.StackID, c command) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed || e.base == nil {
		return errClosed
	}
	o := e.owners[id]
	if o == nil {
		o = newOwner(e, id)
		e.owners[id] = o
		e.tasks.Go(func() { o.loop(e.base) })
	}
	o.queue = append(o.queue, c)
	select {
	case o.wake <- struct{}{}:
	default:
	}
	return nil
}

// AwaitData blocks until ok is true of what a resource's type has recorded in
// Resource.Data, looking again whenever that changes.
func (e *Engine) AwaitData(ctx context.Context, id stoker.ResourceID, ok func(data map[string]any) bool) error {
	changed := make(chan struct{}, 1)
	e.mu.Lock()
	e.subs[id] = append(e.subs[id], changed)
	e.mu.Unlock()
	defer e.unsubscribe(id, changed)
	for {
		r, err := e.store.Resource(ctx, id)
		if err != nil {
			return err
		}
		if ok(r.Data) {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-changed:
		}
	}
}

func (e *Engine) unsubscribe(id stoker.ResourceID, ch chan struct{}) {
	e.mu.Lock()
	defer e.mu.Unlock()
	rest := e.subs[id][:0]
	for _, c := range e.subs[id] {
		if c != ch {
			rest = append(rest, c)
		}
	}
	if len(rest) == 0 {
		delete(e.subs, id)
		return
	}
	e.subs[id] = rest
}

// published tells the world of a batch that is durable.
func (e *Engine) published(b stoker.Batch) {
	e.groups.forget(b)
	e.mu.Lock()
	for _, r := range b.Resources {
		for _, ch := range e.subs[r.ID] {
			select {
			case ch <- struct{}{}:
			default:
			}
		}
	}
	e.mu.Unlock()
	if e.onEvent != nil {
		for _, ev := range b.Events {
			e.onEvent(ev)
		}
	}
}

// lost tells whether an error means that the stack is not ours any more.
func lost(err error) bool { return errors.Is(err, stoker.ErrLeaseLost) }

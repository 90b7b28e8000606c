package scale

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"sync"

	"github.com/stoker-project/stoker"
)

// Groups is what the engine of stacks does for scalers. Both methods may be
// called concurrently, for one group too.
type Groups interface {
	// Group gives a group as it stands; NotFound if there is none. It is asked at
	// every evaluation, so it ought to be answered from memory.
	Group(ctx context.Context, id stoker.StackID) (*stoker.Group, error)
	// Resize asks for a size and returns as soon as the change is accepted
	// and recorded; from then on Group shows the new Size. A change under way
	// is superseded.
	Resize(ctx context.Context, id stoker.StackID, size int, reason string) error
}

// Config is what an Engine works with. Logger and OnDecision may be nil.
type Config struct {
	Store  stoker.DecisionStore
	Groups Groups
	// Sources makes the source of a signal; an error refuses the policy.
	Sources func(p stoker.Policy, name string, spec stoker.SignalSpec) (stoker.SignalSource, error)
	Logger  *slog.Logger
	// OnDecision is told every decision that differs from the one before, changes
	// after they were asked for. It is called by one goroutine, beside the
	// scalers; when it is too slow by a thousand decisions, some are not told.
	// It owns what it is given, and must return for Run to return.
	OnDecision func(*stoker.Decision)
}

// Engine runs scalers. Its methods may be called concurrently, and Put, Remove
// and Decisions also before, while and after Run runs.
type Engine struct {
	config  Config
	log     *slog.Logger
	journal *journal
	teller  *teller

	mu      sync.Mutex
	scalers map[stoker.ScalerID]*scaler
	start   func(*scaler) // nil unless Run runs
}

// New gives an Engine without scalers.
func New(c Config) *Engine {
	log := c.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Engine{
		config:  c,
		log:     log,
		journal: newJournal(c.Store, log),
		teller:  newTeller(c.OnDecision, log),
		scalers: map[stoker.ScalerID]*scaler{},
	}
}

// Put starts a scaler, or gives a running one a new policy; what it has seen and
// its cool-offs stay. An equal policy changes nothing. The policy may not be
// changed afterwards. Errors: Invalid, with the place.
func (e *Engine) Put(ctx context.Context, p stoker.Policy) error {
	if err := Validate(p); err != nil {
		return err
	}
	if e.has(p) {
		return nil
	}
	signals, err := e.signals(p)
	if err != nil {
		return err
	}
	for _, w := range Warnings(p) {
		e.log.Warn("policy", "scaler", p.ID, "warning", w)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	s := newScaler(e, p, signals)
	if old := e.scalers[p.ID]; old != nil && old.started() {
		s.before = old
		old.cancel()
	}
	e.scalers[p.ID] = s
	if e.start != nil {
		e.start(s)
	}
	return ctx.Err()
}

func (e *Engine) has(p stoker.Policy) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.scalers[p.ID]
	return s != nil && reflect.DeepEqual(s.policy, p)
}

func (e *Engine) signals(p stoker.Policy) ([]*signal, error) {
	var signals []*signal
	for _, name := range slices.Sorted(maps.Keys(p.Signals)) {
		source, err := e.config.Sources(p, name, p.Signals[name])
		if err != nil {
			return nil, fmt.Errorf("signal %q: %w", name, err)
		}
		signals = append(signals, &signal{name: name, source: source, timeout: Timeout(p, p.Signals[name])})
	}
	return signals, nil
}

// Remove ends a scaler and forgets its cool-offs; its decisions stay. It returns
// when the scaler is at rest; nil if there was none.
func (e *Engine) Remove(ctx context.Context, id stoker.ScalerID) error {
	e.mu.Lock()
	s := e.scalers[id]
	delete(e.scalers, id)
	running := s != nil && s.started()
	e.mu.Unlock()
	if running {
		s.cancel()
		select {
		case <-s.done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err := e.journal.forget(ctx, id); err != nil {
		return fmt.Errorf("forget scaler %q: %w", id, err)
	}
	return nil
}

// Run runs the scalers until ctx ends, and returns when they, and the journal of
// their decisions, are at rest. Only one Run at a time: a second one is a Conflict.
func (e *Engine) Run(ctx context.Context) error {
	var scalers, helpers sync.WaitGroup
	if err := e.open(ctx, &scalers); err != nil {
		return err
	}
	quiet := make(chan struct{}) // closed when no scaler runs any more
	helpers.Go(func() { e.journal.run(quiet) })
	helpers.Go(func() { e.teller.run(quiet) })
	<-ctx.Done()
	e.mu.Lock()
	e.start = nil
	e.mu.Unlock()
	scalers.Wait()
	close(quiet)
	helpers.Wait()
	return nil
}

// open starts the scalers that are there, and lets Put start more.
func (e *Engine) open(ctx context.Context, wg *sync.WaitGroup) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.start != nil {
		return stoker.Errorf(stoker.Conflict, "the scaling engine runs already")
	}
	e.start = func(s *scaler) {
		ctx, cancel := context.WithCancel(ctx)
		s.cancel = cancel
		wg.Go(func() {
			defer cancel()
			s.run(ctx)
		})
	}
	for id, s := range e.scalers {
		if s.started() { // by an earlier Run
			again := newScaler(e, s.policy, s.signals)
			again.before = s
			e.scalers[id], s = again, again
		}
		e.start(s)
	}
	return nil
}

// Decisions gives recorded decisions, oldest first, with those that are not in the
// store yet.
func (e *Engine) Decisions(ctx context.Context, f stoker.DecisionFilter) ([]*stoker.Decision, error) {
	return e.journal.decisions(ctx, f)
}

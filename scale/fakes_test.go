package scale_test

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/scale"
)

// fakeStore keeps decisions in memory. broken refuses, hang blocks until ctx ends.
type fakeStore struct {
	mu     sync.Mutex
	rows   []*stoker.Decision
	states map[stoker.ScalerID]stoker.ScalerState
	saves  int
	broken error
	hang   bool
}

func newFakeStore() *fakeStore {
	return &fakeStore{states: map[stoker.ScalerID]stoker.ScalerState{}}
}

func (s *fakeStore) set(broken error, hang bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken, s.hang = broken, hang
}

func (s *fakeStore) SaveDecisions(ctx context.Context, ds []*stoker.Decision, states []stoker.ScalerState) error {
	s.mu.Lock()
	hang, broken := s.hang, s.broken
	s.mu.Unlock()
	if hang {
		<-ctx.Done()
		return ctx.Err()
	}
	if broken != nil {
		return broken
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.saves++
	for _, d := range ds {
		if d.Seq == 0 {
			s.rows = append(s.rows, nil)
			d.Seq = int64(len(s.rows))
		}
		row := *d
		s.rows[d.Seq-1] = &row
	}
	for _, st := range states {
		s.states[st.Scaler] = st
	}
	return nil
}

func (s *fakeStore) Decisions(ctx context.Context, f stoker.DecisionFilter) ([]*stoker.Decision, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []*stoker.Decision
	for _, d := range s.rows {
		if (f.Group == "" || f.Group == d.Group) && (f.Scaler == "" || f.Scaler == d.Scaler) &&
			!d.LastTime.Before(f.Since) && (!f.Changes || d.From != d.To) {
			row := *d
			found = append(found, &row)
		}
	}
	if f.Limit > 0 && len(found) > f.Limit {
		found = found[len(found)-f.Limit:]
	}
	return found, nil
}

func (s *fakeStore) ScalerState(ctx context.Context, id stoker.ScalerID) (stoker.ScalerState, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.states[id], s.broken
}

func (s *fakeStore) ForgetScaler(ctx context.Context, id stoker.ScalerID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.states, id)
	return s.broken
}

// fakeGroups are groups whose members serve at once. seen remembers what was in the
// store when Resize was called.
type fakeGroups struct {
	store   *fakeStore
	mu      sync.Mutex
	groups  map[stoker.StackID]*stoker.Group
	err     error // of Resize
	resizes []int
	seen    []stoker.Decision
	during  func(ctx context.Context) // called by Resize
}

func newFakeGroups(store *fakeStore, sizes map[stoker.StackID]int) *fakeGroups {
	g := &fakeGroups{store: store, groups: map[stoker.StackID]*stoker.Group{}}
	for id, size := range sizes {
		fresh := group(size)
		fresh.ID = id
		g.groups[id] = &fresh
	}
	return g
}

func (f *fakeGroups) Group(ctx context.Context, id stoker.StackID) (*stoker.Group, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	g := f.groups[id]
	if g == nil {
		return nil, stoker.Errorf(stoker.NotFound, "there is no group %q", id)
	}
	seen := *g
	return &seen, nil
}

func (f *fakeGroups) Resize(ctx context.Context, id stoker.StackID, size int, reason string) error {
	if f.during != nil {
		f.during(ctx)
	}
	stored, _ := f.store.Decisions(ctx, stoker.DecisionFilter{Group: id, Changes: true, Limit: 1})
	f.mu.Lock()
	defer f.mu.Unlock()
	f.resizes = append(f.resizes, size)
	for _, d := range stored {
		f.seen = append(f.seen, *d)
	}
	if f.err != nil {
		return f.err
	}
	g := group(size)
	f.groups[id].Size, f.groups[id].Members = size, g.Members
	return nil
}

func (f *fakeGroups) size(id stoker.StackID) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.groups[id].Size
}

func (f *fakeGroups) asked() []int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.resizes)
}

func (f *fakeGroups) refuse(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

// fakeSource reads a total that tests set. While it hangs it ignores even the end of its
// context, until released.
type fakeSource struct {
	mu    sync.Mutex
	value float64
	err   error
	hang  chan struct{}
	reads int
	now   int // readings under way
	most  int
}

func (s *fakeSource) set(v float64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.value, s.err = v, err
}

func (s *fakeSource) Read(ctx context.Context) (stoker.Sample, error) {
	s.mu.Lock()
	s.reads++
	s.now++
	s.most = max(s.most, s.now)
	hang := s.hang
	s.mu.Unlock()
	if hang != nil {
		<-hang
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now--
	return stoker.Sample{Value: s.value, Total: true, Time: time.Now()}, s.err
}

// world is an engine with its surroundings.
type world struct {
	store   *fakeStore
	groups  *fakeGroups
	sources map[string]*fakeSource
	engine  *scale.Engine
	stop    func()
	cancel  func() // begins to stop
}

func newWorld(sizes map[stoker.StackID]int) *world {
	w := &world{store: newFakeStore(), sources: map[string]*fakeSource{}}
	w.groups = newFakeGroups(w.store, sizes)
	w.engine = w.newEngine(nil)
	return w
}

func (w *world) newEngine(tell func(*stoker.Decision)) *scale.Engine {
	return scale.New(scale.Config{
		Store: w.store, Groups: w.groups, OnDecision: tell,
		Sources: func(p stoker.Policy, name string, _ stoker.SignalSpec) (stoker.SignalSource, error) {
			id := string(p.ID) + "." + name
			if w.sources[id] == nil {
				w.sources[id] = &fakeSource{}
			}
			return w.sources[id], nil
		},
	})
}

// run starts the engine; the function it sets in stop ends it.
func (w *world) run() {
	ctx, cancel := context.WithCancel(context.Background())
	w.cancel = cancel
	done := make(chan error, 1)
	go func() { done <- w.engine.Run(ctx) }()
	w.stop = func() {
		cancel()
		<-done
	}
}

// put adds a scaler of group id that tracks 50 per member, without limits.
func (w *world) put(id stoker.StackID, change func(*stoker.Policy)) *fakeSource {
	p := stoker.Policy{
		ID: stoker.ScalerID(id), Group: id,
		Signals: map[string]stoker.SignalSpec{"s": {Source: "fake"}},
		Rules:   []stoker.Rule{{Kind: stoker.RuleTarget, Signal: "s", Target: 50}},
	}
	if change != nil {
		change(&p)
	}
	if err := w.engine.Put(context.Background(), p); err != nil {
		panic(err)
	}
	return w.sources[string(id)+".s"]
}

func (w *world) decisions(f stoker.DecisionFilter) []*stoker.Decision {
	ds, err := w.engine.Decisions(context.Background(), f)
	if err != nil {
		panic(err)
	}
	return ds
}

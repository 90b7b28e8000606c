package storetest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/stoker-project/stoker"
)

var _ Store = (*Memory)(nil)

// How much of the journals is kept, as in every store: the purge waits until
// there are eventSlack more than needed.
const (
	keepEvents    = 1000
	eventSlack    = 200
	keepDecisions = 10000
	decisionSlack = 1000
)

// ErrCrash is what a hook returns to kill the handle: that Commit and every
// later call of the handle give ErrCrash, as if the process had ended there.
var ErrCrash = errors.New("the process crashed here (storetest)")

// Memory is a store in memory, or rather a handle to one: the data outlives the
// handle, see Reopen. Make one with NewMemory, and set the hooks before it is used.
type Memory struct {
	// BeforeCommit is asked before the n-th Commit (from 1, counted over all
	// handles) stores anything; its error is what Commit returns, and then nothing is
	// stored. The batch is the caller's: a hook may not change it. Hooks may be called
	// concurrently, may use the store, and may block.
	BeforeCommit func(n int, b stoker.Batch) error
	// AfterCommit is told after the n-th Commit was stored; its error is what
	// Commit returns, like an answer that got lost on the way.
	AfterCommit func(n int, b stoker.Batch) error

	data *data
	dead atomic.Bool
}

// NewMemory makes an empty store.
func NewMemory() *Memory {
	return &Memory{data: &data{
		stacks:    map[stoker.StackID]*stackRow{},
		resources: map[stoker.ResourceID]*resourceRow{},
		snapshots: map[stoker.SnapshotID]*snapshotRow{},
		leases:    map[stoker.StackID]stoker.Lease{},
		scalers:   map[stoker.ScalerID]stoker.ScalerState{},
		names:     map[name]stoker.StackID{},
		eventIDs:  map[string]bool{},
		decided:   map[stoker.StackID]int{},
	}}
}

// Reopen kills this handle and gives a new one, without hooks, to the same data:
// what a restarted process finds.
func (m *Memory) Reopen() *Memory {
	m.dead.Store(true)
	return &Memory{data: m.data}
}

// Commits tells how many calls of Commit there were so far, over all handles,
// those that stored nothing included.
func (m *Memory) Commits() int { return int(m.data.commits.Load()) }

// Commit stores the batch, asking the hooks.
func (m *Memory) Commit(ctx context.Context, b stoker.Batch) error {
	if err := m.enter(ctx); err != nil {
		return err
	}
	n := int(m.data.commits.Add(1))
	if err := m.hook(m.BeforeCommit, n, b); err != nil {
		return err
	}
	if err := m.store(b); err != nil {
		return err
	}
	return m.hook(m.AfterCommit, n, b)
}

// store looks again whether the handle lives: another goroutine's hook may have
// killed it since.
func (m *Memory) store(b stoker.Batch) error {
	m.data.mu.Lock()
	defer m.data.mu.Unlock()
	if m.dead.Load() {
		return ErrCrash
	}
	return m.data.commit(b)
}

func (m *Memory) hook(h func(int, stoker.Batch) error, n int, b stoker.Batch) error {
	if h == nil {
		return nil
	}
	err := h(n, b)
	if errors.Is(err, ErrCrash) {
		m.dead.Store(true)
	}
	return err
}

func (m *Memory) enter(ctx context.Context) error {
	if m.dead.Load() {
		return ErrCrash
	}
	return ctx.Err()
}

// lock enters and locks the data; the caller unlocks when there is no error.
func (m *Memory) lock(ctx context.Context) (*data, error) {
	if err := m.enter(ctx); err != nil {
		return nil, err
	}
	m.data.mu.Lock()
	return m.data, nil
}

// data is what outlives a handle. mu guards all but commits.
type data struct {
	commits atomic.Int64

	mu        sync.Mutex
	seq       int64 // orders rows by their insertion
	stacks    map[stoker.StackID]*stackRow
	resources map[stoker.ResourceID]*resourceRow
	snapshots map[stoker.SnapshotID]*snapshotRow
	names     map[name]stoker.StackID // of the living
	leases    map[stoker.StackID]stoker.Lease
	events    []*stoker.Event // by Seq
	eventSeq  int64
	eventIDs  map[string]bool

	decisions   []*stoker.Decision // by Seq
	decisionSeq int64
	decided     map[stoker.StackID]int // how many are kept of a group
	scalers     map[stoker.ScalerID]stoker.ScalerState
}

// name is what may stand once among the living.
type name struct {
	project stoker.ProjectID
	name    string
}

func nameOf(s *stoker.Stack) name { return name{s.Project, s.Name} }

type stackRow struct {
	seq       int64
	stack     *stoker.Stack
	resources map[stoker.ResourceID]*resourceRow
	events    int // how many are kept
}

type resourceRow struct {
	seq      int64
	resource *stoker.Resource
}

package stack

import (
	"sync"

	"github.com/stoker-project/stoker"
)

// groupCache remembers groups as they stand, until something of them is
// stored. Other engines that share the store are not heard of: an entry of a
// group that another engine works on is as old as our last look.
type groupCache struct {
	mu      sync.Mutex
	version int64 // grows with each change, so that a slow reader does not put back what is old
	groups  map[stoker.StackID]*stoker.Group
	changed map[stoker.StackID]int64
}

func newGroupCache() *groupCache {
	return &groupCache{groups: map[stoker.StackID]*stoker.Group{}, changed: map[stoker.StackID]int64{}}
}

func (c *groupCache) get(id stoker.StackID) (*stoker.Group, int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.groups[id], c.version
}

// put keeps what was read, unless it has changed since version.
func (c *groupCache) put(id stoker.StackID, g *stoker.Group, version int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.changed[id] <= version {
		c.groups[id] = g
	}
}

// forget drops what a batch changes.
func (c *groupCache) forget(b stoker.Batch) {
	id := b.Lease.Stack
	if b.Stack != nil {
		id = b.Stack.ID
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.version++
	delete(c.groups, id)
	if b.Stack != nil && !b.Stack.Deleted.IsZero() {
		delete(c.changed, id)
		return
	}
	c.changed[id] = c.version
}

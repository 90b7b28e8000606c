package sqldb

import (
	"encoding/json"
	"slices"
	"sync"

	"github.com/stoker-project/stoker"
)

// maxLists bounds how many lists are remembered.
const maxLists = 16

// lists remembers the answers to lists of stacks until a stack changes: clients
// poll them far more often than that. Only a store that no other process writes
// to may use it.
type lists struct {
	mu      sync.Mutex
	changes int64 // counts those of stacks
	by      map[string][]*stoker.Stack
}

// forget is called when a change of a stack is durable, before its Commit returns.
func (l *lists) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.changes++
	clear(l.by)
}

// get gives a list, read unless it is known. The caller gets stacks of its own;
// what their maps hold is shared, as nobody changes that.
func (l *lists) get(f stoker.StackFilter, read func() ([]*stoker.Stack, error)) ([]*stoker.Stack, error) {
	text, err := json.Marshal(f)
	if err != nil {
		return nil, err
	}
	key := string(text)
	l.mu.Lock()
	known, ok := l.by[key]
	before := l.changes
	l.mu.Unlock()
	if ok {
		return copyStacks(known), nil
	}
	list, err := read()
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.changes != before {
		return list, nil
	}
	if l.by == nil || len(l.by) >= maxLists {
		l.by = map[string][]*stoker.Stack{}
	}
	l.by[key] = copyStacks(list)
	return list, nil
}

func copyStacks(list []*stoker.Stack) []*stoker.Stack {
	all := make([]stoker.Stack, len(list))
	out := slices.Clone(list)
	for i, st := range list {
		all[i] = *st
		out[i] = &all[i]
	}
	return out
}

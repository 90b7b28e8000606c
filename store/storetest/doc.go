// Package storetest holds the contract of a store in code: a conformance suite
// that every implementation of stoker's StackStore, EventStore, DecisionStore
// and LeaseStore passes, and Memory, the store for tests, which passes it too.
//
// Memory forgets everything when the process ends and is not for use outside
// tests. It starts no goroutine; its methods may be called from any.
package storetest

import "github.com/stoker-project/stoker"

// Store is all that a store does.
type Store interface {
	stoker.StackStore
	stoker.LeaseStore
	stoker.EventStore
	stoker.DecisionStore
}

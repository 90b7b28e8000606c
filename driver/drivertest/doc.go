// Package drivertest says in code what a stoker.Driver must do: Run is the
// conformance suite, and Fake is a driver in memory that passes it and can be told
// to misbehave. It is for tests only. It starts no goroutine that outlives a call.
package drivertest

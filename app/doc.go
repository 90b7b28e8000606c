// Package app makes a running Stoker out of a Config: it is the one place that
// knows which drivers, balancers, stores and sources of signals there are, and
// the order in which the parts start and stop. It holds no logic of its own.
//
// Goroutines: Run starts one for each part that runs (the engine, the scaler,
// the HTTP server) and returns after all of them have ended.
package app

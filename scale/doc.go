// Package scale decides how large groups are: it reads signals, turns them into
// a wished size by rules, keeps the wish within limits, and asks for the resize.
// It knows numbers only: no templates, no servers, no drivers.
//
// Decide is the whole of the deciding: a pure function of what a scaler remembers,
// its policy, its group, the readings of its signals and the time. Replay runs
// the same function on a trace. Engine does the rest.
//
// Goroutines: Engine.Run owns one goroutine per scaler, which alone touches that
// scaler's State; one short-lived goroutine per reading of a signal, never two
// for one signal; one writer, which alone writes to the store; and one teller, which
// alone calls Config.OnDecision. All of them have ended when Run returns.
package scale

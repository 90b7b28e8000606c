// Package native serves what Heat's API has no words for: groups, the decisions
// of scalers, the output of servers, the state of the installation, and metrics
// for Prometheus. It decodes, asks the engines and encodes; it decides nothing.
//
// The only goroutines it starts copy the output of several servers into one
// answer; they end with the request.
package native

// Package stoker is the vocabulary of Stoker, software that keeps a web
// application the right size: the nouns (stack, resource, group, server, pool,
// signal, event), the contracts that parts with several implementations fulfil, and
// the kinds of error. It holds data and contracts, and no goroutine.
//
// The rest of the house stands on it: hot is the template language, stack the
// engine that converges stacks, scale decides how large groups are, and the
// folders resource, driver, balancer, metric and store hold the
// implementations of the contracts. Package app puts them together.
package stoker

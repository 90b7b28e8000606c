// Package sqldb keeps stacks, events, leases and the journal of scalers in
// SQLite (one file, one process) or PostgreSQL (several processes), with one set
// of queries. It knows no engine and no template: records come in and go out.
//
// All writing goes through one goroutine, started by Open and ended by Close:
// the committer puts what concurrent callers ask for into one transaction with
// one fsync, and gives each its own answer. Reading uses other connections in
// the callers' goroutines.
//
// Properties, templates, parameters and outputs may hold secrets and are stored
// sealed (internal/seal). Leases expire by the caller's clock with SQLite and by
// the server's clock with PostgreSQL.
package sqldb

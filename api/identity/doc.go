// Package identity is a small Keystone v3 for installations that have none: it
// gives out tokens to the users of a configuration and tells clients of OpenStack where
// our APIs are. It is no identity management: users and projects are read
// once and only shown.
//
// Tokens are sealed, not stored: any engine with the same key knows them, also after a
// restart. Revoked ones are kept in a file until they would have ended; that file is one
// engine's own.
//
// It starts no goroutine. Routes are on one page, routes.go; every error passes
// through fault in fault.go.
package identity

// Package clients tries the command lines and libraries of others against a
// real server: OpenStack's, as Debian packages them, and AWS's for Python. It has
// tests only, each skipped where its client is not installed.
package clients

// Package story tells, for tests, what happens to an application that a user runs
// with Stoker: the program itself is built and started as a user does, on servers of
// a Docker daemon of the test's own, under load. It is for the tests of examples
// only. A Story belongs to the test's goroutine; a Load has goroutines of its own,
// which end with the test.
package story

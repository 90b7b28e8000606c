// Package docs holds the documentation, and the tests that keep it true: the
// commands of the README are run, the links are followed. It is no code to use.
package docs

// Package stack is the engine: it takes what a template wants and what is
// recorded, and makes reality like it. It creates, updates, deletes and rolls back
// stacks, runs nested stacks and groups, heals what failed, and goes on after a
// crash where it was. DESIGN.md beside this file tells how and why.
//
// It knows graphs and records only. What a resource is, its type knows; how large
// a group should be, package scale decides; where records are kept, a store.
//
// Each stack that is worked on has one goroutine, its owner, which alone changes
// its records; everybody else sends it commands and results. It exists while
// there is something to do.
package stack

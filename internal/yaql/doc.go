// Package yaql evaluates yaql, the query language of Heat's function of that
// name: expressions over plain data, such as $.data.where($.up).name. It has the
// operators and the standard library of yaql 2.0 but for what is no function of its
// data: no clock, no random numbers, no access to anything of the host.
//
// It is a sandbox. An expression can neither loop nor allocate without bounds: to
// Heat's two limits (the length of collections, the size of one value) come
// bounds on steps, depth, and what all values together hold.
//
// It is pure: no I/O, no goroutine, no state. A Program may be evaluated
// concurrently.
//
// The story in order: text becomes tokens (lex.go), tokens a tree (parse.go), the
// tree a value (eval.go, operators.go); functions are rows in tables (lib_*.go) whose
// signatures (signature.go) choose among those of one name (call.go).
package yaql

// Package hot is the template language: OpenStack Heat's HOT, its parameters,
// functions, conditions and environments. It turns text into a Template, binds
// parameters, and resolves the values of resources and outputs against a Scope
// that its caller, the engine, provides.
//
// It is pure: no I/O, no clock, no goroutine, no state. It knows neither what
// resource types there are nor whether anything exists; those questions go to
// the Scope. Everything it returns is a value that may be shared between
// goroutines as long as nobody changes it: Templates, Exprs and the maps and
// lists they resolve to are never written after Parse.
//
// The story in order: text becomes nodes (json.go, yaml.go), nodes a Template
// (template.go, sections.go), values in it Exprs (compile.go, fn_*.go) by the
// table of the template's version (dialect.go). Other languages that say the same in
// other words come in through language.go.
package hot

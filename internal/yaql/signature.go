package yaql

import (
	"fmt"
	"slices"
	"strings"
)

// style is how a function is called.
type style int

const (
	asFunction style = 1 << iota // f(x)
	asMethod                     // x.f()
	asBoth     = asFunction | asMethod
)

// row is one function of the library. Names are separated by spaces; so are the
// parameters of the signature, each name:type, with ? behind it where the argument may be
// left out, * for any number of them, ** for any number of named ones. The
// first parameter of a method is what stands before the point.
type row struct {
	style     style
	names     string
	signature string
	do        func(c *call) any
}

// overload is a row with its signature read.
type overload struct {
	row
	params []param
}

type param struct {
	name, kind             string
	optional, many, naming bool
}

// lazy tells whether the argument is given to the function as it is, to be computed
// when it is needed.
func (p param) lazy() bool { return p.kind == "lambda" || p.kind == "rule" }

// paired tells whether the argument is written a => b.
func (p param) paired() bool { return p.kind == "rule" || p.kind == "pair" }

func readSignature(r row) *overload {
	o := &overload{row: r}
	for _, f := range strings.Fields(r.signature) {
		name, kind, _ := strings.Cut(f, ":")
		p := param{name: name}
		p.kind = strings.TrimRight(kind, "?*")
		p.optional = strings.HasSuffix(kind, "?")
		p.naming = strings.HasSuffix(kind, "**")
		p.many = strings.HasSuffix(kind, "*") && !p.naming
		o.params = append(o.params, p)
	}
	return o
}

// named lists the overloads of a name that can be called in a style.
func (e *evaluator) named(name string, as style) []*overload {
	all, ok := e.known[name]
	if !ok {
		for _, r := range e.rows {
			if slices.Contains(strings.Fields(r.names), name) {
				all = append(all, readSignature(r))
			}
		}
		e.known[name] = all
	}
	var out []*overload
	for _, o := range all {
		if o.style&as != 0 {
			out = append(out, o)
		}
	}
	return out
}

// library is every function there is. Of one name, the more special comes first.
func library() []row {
	return slices.Concat(systemRows(), branchRows(), mathRows(), textRows(), regexRows(),
		dictRows(), setRows(), listRows(), queryRows(), searchRows(), groupRows(), generateRows())
}

// accepts tells whether a value fits a kind of parameter.
func (e *evaluator) accepts(kind string, v any) bool {
	switch kind {
	case "any":
		return true
	case "int":
		_, ok := v.(int64)
		return ok
	case "number":
		return isNumber(v)
	case "string":
		_, ok := v.(string)
		return ok
	case "string0":
		_, ok := v.(string)
		return ok || v == nil
	case "bool":
		_, ok := v.(bool)
		return ok
	case "list":
		_, ok := v.([]any)
		return ok
	case "dict":
		_, ok := v.(*dict)
		return ok
	case "set":
		_, ok := v.(*set)
		return ok
	case "regex":
		_, ok := v.(regex)
		return ok
	case "ordered":
		_, ok := v.(*ordered)
		return ok
	case "pair":
		_, ok := v.(pair)
		return ok
	case "items":
		switch v.(type) {
		case []any, *set, seq, *ordered:
			return true
		}
		return false
	}
	panic(fmt.Sprintf("the library has no parameters of the kind %q", kind))
}

package hot

import (
	"errors"

	"github.com/stoker-project/stoker/internal/python"
)

// Expr is a value of a template that may hold functions. It never changes;
// Resolve may be called concurrently.
type Expr interface {
	// Resolve computes the value in a scope. Errors are Invalid, with Heat's
	// class as Type and the function's place, or ErrUnknown.
	Resolve(s Scope) (any, error)
}

// Scope is what functions ask about the world. It is implemented by the engine.
// An error that wraps ErrUnknown says that a value is not known yet.
type Scope interface {
	// Parameter gives a parameter's value, converted to its type; pseudo
	// parameters (OS::stack_name) too. A value that is an error, ErrUnknown, says
	// that the parameter is there and its value not known.
	Parameter(name string) (value any, ok bool)
	// Reference is get_resource.
	Reference(resource string) (any, error)
	// Attribute is get_attr with what stands behind it: the path is given to the
	// resource, and what the resource does not consume is walked with Walk. The
	// attribute "" asks for a map of all attributes. Null means that there is no
	// value.
	Attribute(resource, attr string, path []any) (any, error)
	// File is get_file.
	File(key string) (string, bool)
	// Facade is resource_facade: metadata, deletion_policy or update_policy of
	// the resource whose nested stack this is.
	Facade(what string) (any, error)
}

// Walk follows a path of keys and indexes into a value, as get_attr and
// get_param do: strings that are numbers index lists, negative numbers count
// from the end. It gives false where the path leads nowhere.
func Walk(v any, path []any) (any, bool) {
	for _, key := range path {
		next, ok := walkStep(v, key)
		if !ok {
			return nil, false
		}
		v = next
	}
	return v, true
}

func walkStep(v, key any) (any, bool) {
	switch v := v.(type) {
	case map[string]any:
		k, ok := key.(string)
		if !ok {
			if _, isInt := key.(int64); !isInt {
				return nil, false
			}
			k = pyStr(key)
		}
		item, ok := v[k]
		return item, ok
	case []any:
		i, ok := index(key, len(v))
		if !ok {
			return nil, false
		}
		return v[i], true
	case string:
		runes := []rune(v)
		i, ok := index(key, len(runes))
		if !ok {
			return nil, false
		}
		return string(runes[i]), true
	}
	return nil, false
}

// index reads a key as an index into n items.
func index(key any, n int) (int, bool) {
	i, ok := key.(int64)
	if s, isString := key.(string); isString {
		i, ok = python.Int(s)
	}
	if i < 0 {
		i += int64(n)
	}
	return int(i), ok && i >= 0 && i < int64(n)
}

// literal is a value without functions.
type literal struct{ v any }

func (e literal) Resolve(Scope) (any, error) { return e.v, nil }
func (e literal) parts() []Expr              { return nil }

// list is a list with functions in it.
type list []Expr

func (e list) parts() []Expr { return e }

func (e list) Resolve(s Scope) (any, error) {
	out := make([]any, 0, len(e))
	for _, item := range e {
		v, err := item.Resolve(s)
		if err != nil {
			return nil, err
		}
		if v != omitted {
			out = append(out, v)
		}
	}
	return out, nil
}

// dict is a map with functions in its values.
type dict struct {
	keys []string // in the order of the text
	vals []Expr
}

func (e *dict) parts() []Expr { return e.vals }

func (e *dict) Resolve(s Scope) (any, error) {
	out := make(map[string]any, len(e.keys))
	for i, k := range e.keys {
		v, err := e.vals[i].Resolve(s)
		if err != nil {
			return nil, err
		}
		if v != omitted {
			out[k] = v
		}
	}
	return out, nil
}

// get gives the value of a key, nil if there is none.
func (e *dict) get(key string) Expr {
	for i, k := range e.keys {
		if k == key {
			return e.vals[i]
		}
	}
	return nil
}

// omittedValue is the type of omitted.
type omittedValue struct{}

// omitted is what an "if" without an else branch gives: the item, key or
// property that holds it is left out. It never leaves this package.
var omitted any = omittedValue{}

// eval resolves an argument; what is omitted is null there.
func eval(e Expr, s Scope) (any, error) {
	v, err := e.Resolve(s)
	if v == omitted {
		v = nil
	}
	return v, err
}

// whole is an Expr as the outside sees it.
type whole struct{ Expr }

func (e whole) Resolve(s Scope) (any, error) { return eval(e.Expr, s) }
func (e whole) parts() []Expr                { return []Expr{e.Expr} }

// composite is an Expr with others in it.
type composite interface{ parts() []Expr }

// isUnknown tells whether a value is missing because something is not made yet.
func isUnknown(err error) bool { return errors.Is(err, ErrUnknown) }

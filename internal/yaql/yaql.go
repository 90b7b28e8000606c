package yaql

import "errors"

// Error says what was wrong. Class is the name of yaql's or Python's exception:
// NoMatchingMethodException, KeyError, ...
type Error struct {
	Class, Message string
}

func (e *Error) Error() string { return e.Message }

// Program is a parsed expression. It never changes.
type Program struct{ root expr }

// Parse reads an expression. Errors are of class YaqlLexicalException or
// YaqlGrammarException and tell the position.
func Parse(text string) (p *Program, err error) {
	defer recoverError(&err)
	return &Program{parse(text)}, nil
}

// Eval computes the expression, with data as $. Data is made of nil, bool, int64,
// float64, string, []any and map[string]any, and so is the result. Maps of data
// have no order; their keys come sorted. All errors are *Error.
func (p *Program) Eval(data any) (v any, err error) {
	defer recoverError(&err)
	e := newEvaluator()
	return e.output(e.eval(p.root, &scope{vars: map[string]any{"1": e.input(data)}})), nil
}

// Inside the package errors are thrown: a recursive evaluator with lazy sequences
// reads far better so. They never leave it as panics; bugs do.
func fail(class, message string) { panic(&Error{class, message}) }

func recoverError(err *error) {
	switch r := recover().(type) {
	case nil:
	case *Error:
		*err = r
	default:
		panic(r)
	}
}

// attempt gives the error that f throws.
func attempt(f func()) (err *Error) {
	var thrown error
	func() {
		defer recoverError(&thrown)
		f()
	}()
	errors.As(thrown, &err)
	return err
}

package stoker

import (
	"errors"
	"fmt"
	"strings"
)

// A Kind says what went wrong in terms a caller can act on. Everything that is
// none of these is internal: its text is logged and never shown to a client.
type Kind string

// The kinds of error. Each protocol translates them with one table of its own.
const (
	Internal    Kind = ""            // a bug, or a fault of a part we own
	Invalid     Kind = "invalid"     // the request can never succeed as it stands
	NotFound    Kind = "not found"   // the thing named does not exist, or not for this tenant
	Exists      Kind = "exists"      // a thing of that name exists already
	Conflict    Kind = "conflict"    // not now: something else is under way
	Forbidden   Kind = "forbidden"   // the caller may not do this
	NoCapacity  Kind = "no capacity" // a limit or quota is reached
	Unavailable Kind = "unavailable" // a part outside us does not answer; trying again may help
)

// Error is the one structured error of the house. Other errors are wrapped with
// fmt.Errorf and %w; KindOf finds the Error in the chain.
type Error struct {
	Kind Kind
	// Type is Heat's exception class where one exists (StackValidationFailed,
	// UserParameterMissing, ...): clients of Heat look at it. Empty lets the API
	// choose one from Kind.
	Type string
	// Path is the place in the template or document, in Heat's spelling:
	// resources.web.properties.flavor. Empty where there is none.
	Path string
	// Pos is the place in the text, zero where it is not known.
	Pos Pos
	// Message says what was wrong, for people; without Path and Pos.
	Message string
	// Hint says what to do about it, a full sentence; may be empty.
	Hint string
	// Err is the cause, if there is one that helps.
	Err error

	cause error // as Err, where Message tells it already
}

// A Pos is a place in a text. Line and Column count from 1; zero is unknown.
type Pos struct {
	File   string
	Line   int
	Column int
}

// String gives file:line:column, leaving out what is not known.
func (p Pos) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		if p.File != "" {
			b.WriteByte(':')
		}
		fmt.Fprintf(&b, "%d", p.Line)
		if p.Column > 0 {
			fmt.Fprintf(&b, ":%d", p.Column)
		}
	}
	return b.String()
}

// Error gives "file:line:col: path: message: cause. Hint".
func (e *Error) Error() string {
	var parts []string
	if p := e.Pos.String(); p != "" {
		parts = append(parts, p)
	}
	if e.Path != "" {
		parts = append(parts, e.Path)
	}
	if e.Message != "" {
		parts = append(parts, e.Message)
	}
	if e.Err != nil {
		parts = append(parts, e.Err.Error())
	}
	s := strings.Join(parts, ": ")
	if e.Hint == "" {
		return s
	}
	return strings.TrimSuffix(s, ".") + ". " + e.Hint
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error {
	if e.Err != nil {
		return e.Err
	}
	return e.cause
}

// Errorf makes an Error of a kind. A %w verb in the format keeps its cause in
// the chain; the text stands in Message.
func Errorf(kind Kind, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	return &Error{Kind: kind, Message: err.Error(), cause: errors.Unwrap(err)}
}

// AsError finds the outermost Error in the chain.
func AsError(err error) (*Error, bool) {
	var e *Error
	ok := errors.As(err, &e)
	return e, ok
}

// KindOf gives the kind of the outermost Error in the chain, Internal if there
// is none.
func KindOf(err error) Kind {
	if e, ok := AsError(err); ok {
		return e.Kind
	}
	return Internal
}

// IsKind tells whether err is of that kind; false for a nil err.
func IsKind(err error, kind Kind) bool { return err != nil && KindOf(err) == kind }

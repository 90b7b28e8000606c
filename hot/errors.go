package hot

import (
	"errors"
	"fmt"
	"slices"

	stoker "github.com/stoker-project/stoker"
)

// Heat's exception classes that this package reports, as Error.Type.
const (
	typeValidation   = "StackValidationFailed"
	typeTypeError    = "TypeError"
	typeValueError   = "ValueError"
	typeKeyError     = "KeyError"
	typeReference    = "InvalidTemplateReference"
	typeAttribute    = "InvalidTemplateAttribute"
	typeParamMissing = "UserParameterMissing"
	typeParamUnknown = "UnknownUserParameter"
	typeImmutable    = "ImmutableParameterModified"
	typeSchema       = "InvalidSchemaError"
	typeVersion      = "InvalidTemplateVersion"
	typeSection      = "InvalidTemplateSection"
	typeCircular     = "CircularDependencyException"
	typeCondition    = "InvalidConditionDefinition"
	typeCondFunction = "InvalidConditionFunction"
	typeNotFound     = "EntityNotFound"
)

// The types of what is wrong with a text before it is a template, or an environment. Heat's API
// has no class for them: it reads texts before its engine sees them.
const (
	TypeTemplateFormat    = "InvalidTemplateFormat"
	TypeEnvironmentFormat = "InvalidEnvironmentFormat"
)

// ErrUnknown is returned by a Scope for a value that is not known before
// something is made. It ends the resolving of the value it is in, unchanged.
var ErrUnknown = errors.New("the value is not known yet")

// UnknownAttribute is what a Scope returns for an attribute that a resource does
// not have.
func UnknownAttribute(resource, attribute string) error {
	return &stoker.Error{Kind: stoker.Invalid, Type: typeAttribute,
		Message: fmt.Sprintf("The Referenced Attribute (%s %s) is incorrect.", resource, attribute)}
}

// unknownReference is Heat's error for a resource that is not in the template.
func unknownReference(resource, in string) *stoker.Error {
	if in == "" {
		in = "unknown"
	}
	return &stoker.Error{Kind: stoker.Invalid, Type: typeReference,
		Message: fmt.Sprintf("The specified reference %q (in %s) is incorrect.", resource, in)}
}

func missingParameter(name string) *stoker.Error {
	return &stoker.Error{Kind: stoker.Invalid, Type: typeParamMissing,
		Message: fmt.Sprintf("The Parameter (%s) was not provided.", name)}
}

// A place is where something stands in a template, for messages. steps is the
// path when path is empty: it is spelled only when a message needs it.
type place struct {
	path  string
	steps []step
	pos   stoker.Pos
}

// at spells the path.
func (p place) at() string {
	if p.path == "" {
		return where(p.steps)
	}
	return p.path
}

func (p place) errorf(typ, format string, args ...any) *stoker.Error {
	return &stoker.Error{Kind: stoker.Invalid, Type: typ, Path: p.at(), Pos: p.pos,
		Message: fmt.Sprintf(format, args...)}
}

// wrap adds the place to an error that has none.
func (p place) wrap(err error) error {
	e, ok := err.(*stoker.Error)
	if !ok || e.Path != "" {
		return err
	}
	located := *e
	located.Path = p.at()
	if located.Pos == (stoker.Pos{}) {
		located.Pos = p.pos
	}
	return &located
}

// didYouMean gives a hint naming the closest of the known names, if one is close.
func didYouMean(name string, known []string) string {
	best, least := "", len(name)/3+2
	for _, k := range known {
		if d := distance(name, k); d < least {
			best, least = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("Did you mean %q?", best)
}

// distance is the number of characters to insert, remove or replace.
func distance(a, b string) int {
	if len(a) > 100 || len(b) > 100 {
		return max(len(a), len(b))
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		prev := slices.Clone(row)
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(prev[j]+cost, prev[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}

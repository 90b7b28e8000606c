package hot

import (
	"maps"
	"slices"
	"strings"

	stoker "github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/python"
	"github.com/stoker-project/stoker/internal/secret"
	values "github.com/stoker-project/stoker/internal/value"
)

// Pseudo holds the values of the pseudo parameters.
type Pseudo struct{ StackID, StackName, ProjectID string }

func (p Pseudo) values() map[string]any {
	return map[string]any{"OS::stack_id": p.StackID, "OS::stack_name": p.StackName, "OS::project_id": p.ProjectID}
}

// Bound holds the values of a template's parameters. It never changes.
type Bound struct {
	t      *Template
	values map[string]any
}

// Bind gives each parameter its value: the given one, else that of defaults (an
// environment's parameter_defaults, of which others are ignored), else the
// template's default. Values are converted to the parameter's type and checked.
// Errors: UnknownUserParameter, UserParameterMissing, StackValidationFailed.
func (t *Template) Bind(given, defaults map[string]any, pseudo Pseudo) (*Bound, error) {
	for _, name := range sortedKeys(given) {
		if t.parameters[name] == nil {
			return nil, &stoker.Error{Kind: stoker.Invalid, Type: typeParamUnknown,
				Message: "The Parameter (" + name + ") was not defined in template.", Hint: didYouMean(name, t.ownParameters())}
		}
	}
	b := &Bound{t: t, values: t.dialect.pseudo(pseudo)}
	for _, p := range t.Parameters {
		v, err := p.choose(given[p.Name], defaults[p.Name])
		if err != nil {
			return nil, err
		}
		b.values[p.Name] = v
	}
	return b, nil
}

// choose takes the first value there is; null is none.
func (p *Parameter) choose(given, fallback any) (any, error) {
	for _, v := range []any{given, fallback} {
		if v != nil {
			return p.accept(v)
		}
	}
	if p.Default == nil {
		missing := missingParameter(p.Name)
		missing.Pos, missing.Hint = p.Pos, "Give it a value, or a default in the template."
		return nil, missing
	}
	return p.convert(p.Default) // checked by Parse
}

func (p *Parameter) accept(given any) (any, error) {
	v, err := values.Normal(values.Clone(given))
	if err == nil {
		v, err = p.convert(v)
	}
	if err == nil {
		err = checkConstraints(p.Constraints, v)
	}
	if err == nil {
		return v, nil
	}
	why := messageOf(err)
	if p.Hidden {
		why = secret.OfMessage(given, v).Hide(why)
	}
	return nil, &stoker.Error{Kind: stoker.Invalid, Type: typeValidation,
		Message: "Parameter '" + p.Name + "' is invalid: " + why}
}

// HiddenValues gives the values of hidden parameters, as Bind chooses them, whether they
// are valid or not.
func (t *Template) HiddenValues(given, defaults map[string]any) []any {
	var out []any
	for _, p := range t.Parameters {
		if !p.Hidden {
			continue
		}
		for _, v := range []any{given[p.Name], defaults[p.Name], p.Default} {
			if v != nil {
				out = append(out, values.Clone(v))
				break
			}
		}
	}
	return out
}

// convert brings a value into the parameter's type.
func (p *Parameter) convert(v any) (any, error) {
	switch p.Type {
	case NumberParameter:
		return toNumber(v)
	case BooleanParameter:
		if b, ok := boolOf(v); ok {
			return b, nil
		}
		return nil, valueErr("Unrecognized value '%s', acceptable values are: '0', 'f', 'false', 'n', 'no', 'off', '1', 'on', 't', 'true', 'y', 'yes'", pyStr(v))
	case ListParameter:
		return toList(v)
	case JSONParameter:
		return toJSON(v)
	}
	if !isScalar(v) {
		return nil, valueErr("Value must be a string, not a %s", values.TypeName(v))
	}
	return pyStr(v), nil
}

func toNumber(v any) (any, error) {
	switch n := v.(type) {
	case int64, float64:
		return n, nil
	case string:
		if f, ok := python.Number(n); ok {
			return f, nil
		}
	}
	return nil, valueErr("could not convert string to float: %s", pyRepr(v))
}

// boolOf is oslo's strict reading of a boolean.
func boolOf(v any) (value, ok bool) {
	if b, ok := v.(bool); ok {
		return b, true
	}
	if !isScalar(v) || v == nil {
		return false, false
	}
	switch strings.ToLower(strings.TrimSpace(pyStr(v))) {
	case "1", "t", "true", "on", "y", "yes":
		return true, true
	case "0", "f", "false", "off", "n", "no":
		return false, true
	}
	return false, false
}

// toList splits at commas without trimming; the items of a list become strings.
func toList(v any) (any, error) {
	out := []any{}
	switch v := v.(type) {
	case string:
		if v == "" {
			return out, nil
		}
		for _, part := range strings.Split(v, ",") {
			out = append(out, part)
		}
		return out, nil
	case []any:
		for _, item := range v {
			if item == nil {
				item = ""
			}
			out = append(out, pyStr(item))
		}
		return out, nil
	}
	return nil, valueErr("Value must be a comma-delimited list string: %s", pyRepr(v))
}

func toJSON(v any) (any, error) {
	s, ok := v.(string)
	if !ok || s == "" {
		return v, nil
	}
	decoded, err := values.Decode([]byte(s))
	if err != nil {
		return nil, valueErr("Value must be valid JSON: %v", err)
	}
	return decoded, nil
}

// Parameter gives a value in its type, pseudo parameters included: string, int64 or
// float64, bool, []any of strings, or any JSON value; false if there is no such
// parameter. It fulfils that part of Scope.
func (b *Bound) Parameter(name string) (value any, ok bool) {
	value, ok = b.values[name]
	return value, ok
}

// Hidden tells whether a parameter's value must not be shown.
func (b *Bound) Hidden(name string) bool {
	p := b.t.parameters[name]
	return p != nil && p.Hidden
}

// Values gives all values, the pseudo parameters' too. The map is a copy; what
// it holds is not.
func (b *Bound) Values() map[string]any { return maps.Clone(b.values) }

// Strings gives all values as clients are shown them: text, hidden ones masked.
func (b *Bound) Strings() map[string]string {
	out := make(map[string]string, len(b.values))
	for name, v := range b.values {
		out[name] = b.text(name, v)
	}
	return out
}

func (b *Bound) text(name string, v any) string {
	p := b.t.parameters[name]
	switch {
	case p == nil:
		return pyStr(v)
	case p.Hidden:
		return secret.Shown
	case p.Type == JSONParameter:
		return dumpJSON(v)
	case p.Type == ListParameter:
		parts := []string{}
		for _, item := range v.([]any) {
			parts = append(parts, pyStr(item))
		}
		return strings.Join(parts, ",")
	}
	return pyStr(v)
}

// Property describes the parameter as a property of the resource type that its
// template makes: every change of it is an update, for the template to handle.
// Lists and JSON may come in several forms, which Bind sorts out.
func (p *Parameter) Property() *stoker.Property {
	types := map[ParameterType]stoker.PropertyType{
		StringParameter: stoker.TypeString, NumberParameter: stoker.TypeNumber, BooleanParameter: stoker.TypeBoolean,
		ListParameter: stoker.TypeAny, JSONParameter: stoker.TypeAny,
	}
	return &stoker.Property{
		Type: types[p.Type], Description: p.Description, Required: p.Default == nil, Update: true,
		Immutable: p.Immutable, Secret: p.Hidden, Constraints: p.Constraints,
	}
}

// CheckImmutable refuses new values for parameters that may not change after
// the stack was created: ImmutableParameterModified. Parameters that the old
// template did not have are free.
func (b *Bound) CheckImmutable(old *Bound) error {
	var changed []string
	for _, p := range b.t.Parameters {
		before, ok := old.values[p.Name]
		if p.Immutable && ok && !values.Equal(before, b.values[p.Name]) {
			changed = append(changed, p.Name)
		}
	}
	if len(changed) == 0 {
		return nil
	}
	slices.Sort(changed)
	return &stoker.Error{Kind: stoker.Invalid, Type: typeImmutable,
		Message: "The following parameters are immutable and may not be updated: " + strings.Join(changed, ", ")}
}

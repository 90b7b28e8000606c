package hot

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	stoker "github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/python"
	values "github.com/stoker-project/stoker/internal/value"
)

// messageOf gives the bare message of an error of this package.
func messageOf(err error) string {
	if e, ok := stoker.AsError(err); ok {
		return e.Message
	}
	return err.Error()
}

// parameterConstraints reads a parameter's constraints, wherever the language
// puts them.
func (c *compiler) parameterConstraints(p *Parameter, n *node) ([]stoker.Constraint, error) {
	if c.d.flatConstraints == nil {
		return c.constraints(p, c.d.key(n, "constraints"))
	}
	m, _ := n.val.(map[string]any)
	list, err := nodeOf(c.d.flatConstraints(m), 0)
	if err != nil {
		return nil, err
	}
	list.place(n.line, n.col)
	return c.constraints(p, list)
}

// constraints reads a parameter's constraints.
func (c *compiler) constraints(p *Parameter, n *node) ([]stoker.Constraint, error) {
	if n == nil || n.val == nil {
		return nil, nil
	}
	if !isList(n) {
		return nil, c.at(n).errorf(typeSchema, "Invalid parameter constraints for parameter %s, expected a list", p.Name)
	}
	var out []stoker.Constraint
	for _, item := range n.kids {
		k, err := c.constraint(p, item)
		if err != nil {
			return nil, err
		}
		out = append(out, k)
	}
	return out, nil
}

// className is what Heat calls a kind of constraint in messages: AllowedPattern.
func className(key string) string {
	var b strings.Builder
	for word := range strings.SplitSeq(key, "_") {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}

func (c *compiler) constraint(p *Parameter, n *node) (k stoker.Constraint, err error) {
	if !n.isMap() {
		return k, c.at(n).errorf(typeSchema, "Invalid parameter constraints, expected a mapping")
	}
	kinds := 0
	for i, key := range n.keys {
		v := n.kids[i]
		if key == "description" {
			k.Description = pyStr(v.val)
			continue
		}
		kinds++
		if !slices.Contains(constraintTypes(key), p.Type) {
			return k, c.at(v).errorf(typeSchema, "%s constraint invalid for %s", className(key), p.Type)
		}
		if err := c.constraintKind(&k, key, v); err != nil {
			return k, err
		}
	}
	if kinds != 1 {
		return k, c.at(n).errorf(typeSchema, "a constraint must have exactly one of length, range, modulo, allowed_values, allowed_pattern and custom_constraint")
	}
	return k, nil
}

// constraintTypes lists the parameter types a constraint fits; unknown ones
// fit all, so that constraintKind refuses them.
func constraintTypes(kind string) []ParameterType {
	switch kind {
	case "length":
		return []ParameterType{StringParameter, ListParameter, JSONParameter}
	case "range", "modulo":
		return []ParameterType{NumberParameter}
	case "allowed_pattern":
		return []ParameterType{StringParameter}
	case "allowed_values":
		return []ParameterType{StringParameter, NumberParameter, BooleanParameter, ListParameter}
	}
	return []ParameterType{StringParameter, NumberParameter, BooleanParameter, ListParameter, JSONParameter}
}

func (c *compiler) constraintKind(k *stoker.Constraint, key string, v *node) (err error) {
	switch {
	case key == "length" || key == "range":
		r, err := c.bounds(v, key)
		if key == "length" {
			k.Length = r
		} else {
			k.Range = r
		}
		return err
	case key == "modulo" && c.d.version >= v2017a:
		k.Modulo, err = c.modulo(v)
		return err
	case key == "allowed_values":
		l, ok := v.val.([]any)
		if !ok {
			return c.at(v).errorf(typeSchema, "AllowedValues must be a list")
		}
		k.AllowedValues = l
	case key == "allowed_pattern":
		if k.Pattern, _ = v.val.(string); k.Pattern == "" {
			return c.at(v).errorf(typeSchema, "AllowedPattern must be a string")
		}
		if _, err := wholePattern(k.Pattern); err != nil {
			return c.at(v).errorf(typeSchema, "AllowedPattern %q is not understood: %v", k.Pattern, err)
		}
	case key == "custom_constraint":
		if k.Custom, _ = v.val.(string); k.Custom == "" {
			return c.at(v).errorf(typeSchema, "custom_constraint must be a string")
		}
	default:
		return c.at(v).errorf(typeSchema, "Invalid key '%s' for parameter constraints", key)
	}
	return nil
}

func (c *compiler) bounds(n *node, key string) (*stoker.Range, error) {
	for i, k := range n.keys {
		if k != "min" && k != "max" {
			return nil, c.at(n.kids[i]).errorf(typeSchema, "Invalid key '%s' for %s constraint", k, key)
		}
	}
	if len(n.keys) == 0 {
		return nil, c.at(n).errorf(typeSchema, "%s constraint must have min and/or max", key)
	}
	r := &stoker.Range{}
	for i, k := range n.keys {
		f, ok := floatOf(n.kids[i].val)
		if !ok || key == "length" && f != float64(int64(f)) {
			return nil, c.at(n.kids[i]).errorf(typeSchema, "min/max must be numeric")
		}
		if k == "min" {
			r.Min = &f
		} else {
			r.Max = &f
		}
	}
	return r, nil
}

// floatOf takes numbers, also as strings.
func floatOf(v any) (float64, bool) {
	if s, ok := v.(string); ok {
		v, _ = python.Number(s)
	}
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

func (c *compiler) modulo(n *node) (*stoker.Modulo, error) {
	for i, k := range n.keys {
		if k != "step" && k != "offset" {
			return nil, c.at(n.kids[i]).errorf(typeSchema, "Invalid key '%s' for modulo constraint", k)
		}
	}
	read := func(key string) (int64, bool) {
		v := n.key(key)
		if v == nil {
			return 0, false
		}
		i, ok := intOf(v.val)
		return i, ok
	}
	step, stepOK := read("step")
	offset, offsetOK := read("offset")
	switch {
	case !stepOK || !offsetOK:
		return nil, c.at(n).errorf(typeSchema, "modulo must have step and offset, both integers")
	case step == 0:
		return nil, c.at(n).errorf(typeSchema, "step cannot be 0")
	case abs(offset) >= abs(step):
		return nil, c.at(n).errorf(typeSchema, "offset must be smaller (by absolute value) than step.")
	case offset != 0 && (offset < 0) != (step < 0):
		return nil, c.at(n).errorf(typeSchema, "step and offset must be both positive or both negative.")
	}
	return &stoker.Modulo{Step: step, Offset: offset}, nil
}

func abs(i int64) int64 { return max(i, -i) }

// intOf takes whole numbers, also as strings.
func intOf(v any) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case float64:
		return int64(v), v == float64(int64(v))
	case string:
		return python.Int(v)
	}
	return 0, false
}

// wholePattern compiles a pattern that must match a whole string.
func wholePattern(p string) (*regexp.Regexp, error) {
	return regexp.Compile(`\A(?:` + p + `)\z`)
}

// checkConstraints checks a converted value; the messages are Heat's.
func checkConstraints(cs []stoker.Constraint, v any) error {
	for _, c := range cs {
		err := checkConstraint(c, v)
		if err != nil && c.Description != "" {
			return valueErr("%s", c.Description)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func checkConstraint(c stoker.Constraint, v any) error {
	switch {
	case c.Length != nil:
		n := lengthOf(v)
		if !within(float64(n), c.Length) {
			return valueErr("length (%d) is out of range (min: %s, max: %s)", n, bound(c.Length.Min), bound(c.Length.Max))
		}
	case c.Range != nil:
		if f, ok := floatOf(v); !ok || !within(f, c.Range) {
			return valueErr("%s is out of range (min: %s, max: %s)", pyStr(v), bound(c.Range.Min), bound(c.Range.Max))
		}
	case c.Modulo != nil:
		if i, ok := intOf(v); !ok || pyMod(i, c.Modulo.Step) != c.Modulo.Offset {
			return valueErr("%s is not a multiple of %d with an offset of %d", pyStr(v), c.Modulo.Step, c.Modulo.Offset)
		}
	case c.AllowedValues != nil:
		return checkAllowed(c.AllowedValues, v)
	case c.Pattern != "":
		return checkPattern(c.Pattern, v)
	case c.Custom != "":
		return checkCustom(c.Custom, v)
	}
	return nil
}

func within(f float64, r *stoker.Range) bool {
	return (r.Min == nil || f >= *r.Min) && (r.Max == nil || f <= *r.Max)
}

func bound(f *float64) string {
	if f == nil {
		return "None"
	}
	return strconv.FormatFloat(*f, 'f', -1, 64)
}

func lengthOf(v any) int {
	switch v := v.(type) {
	case string:
		return len([]rune(v))
	case []any:
		return len(v)
	case map[string]any:
		return len(v)
	}
	return 0
}

// pyMod has the sign of the divisor.
func pyMod(a, b int64) int64 {
	m := a % b
	if m != 0 && (m < 0) != (b < 0) {
		m += b
	}
	return m
}

func checkAllowed(allowed []any, v any) error {
	items, ok := v.([]any)
	if !ok {
		items = []any{v}
	}
	for _, item := range items {
		if !slices.ContainsFunc(allowed, func(a any) bool { return sameValue(a, item) }) {
			parts := make([]string, len(allowed))
			for i, a := range allowed {
				parts[i] = pyStr(a)
			}
			return valueErr("\"%s\" is not an allowed value [%s]", pyStr(v), strings.Join(parts, ", "))
		}
	}
	return nil
}

// sameValue also holds between a value and its spelling: the allowed values of
// string parameters are often written as numbers.
func sameValue(allowed, v any) bool {
	if values.Equal(allowed, v) {
		return true
	}
	if s, ok := v.(string); ok {
		return isScalar(allowed) && allowed != nil && pyStr(allowed) == s
	}
	if s, ok := allowed.(string); ok {
		n, isNumber := python.Number(s)
		b, isBool := boolOf(s)
		return isNumber && values.Equal(n, v) || isBool && v == b
	}
	return false
}

func checkPattern(pattern string, v any) error {
	s, ok := v.(string)
	re, err := wholePattern(pattern)
	if err != nil {
		return valueErr("pattern %q is not understood: %v", pattern, err)
	}
	if !ok || !re.MatchString(s) {
		return valueErr("\"%s\" does not match pattern \"%s\"", pyStr(v), pattern)
	}
	return nil
}

package hot

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/secret"
)

// Lookup checks a value by a constraint of Heat's registry that asks something of the
// world: neutron.subnet, ...
type Lookup func(constraint, value string) error

// LookUpProperties asks about the values of properties that CheckProperties has checked.
// path is where they stand. The error's text is Heat's: "Property error:
// resources.web.properties.subnet: Error validating value 'x': The subnet (x) could not be
// found."
func LookUpProperties(schema map[string]*stoker.Property, props map[string]any, path string, ask Lookup) error {
	for _, name := range sortedKeys(props) {
		if p := schema[name]; p != nil {
			if err := lookUp(p, props[name], path+"."+name, ask); err != nil {
				return err
			}
		}
	}
	return nil
}

func lookUp(p *stoker.Property, v any, path string, ask Lookup) error {
	if err := lookUpValue(p.Constraints, v, ask); err != nil {
		err.Path = path
		return fmt.Errorf("Property error: %w", err)
	}
	switch v := v.(type) {
	case []any:
		for i, item := range v {
			if p.Items == nil {
				return nil
			}
			if err := lookUp(p.Items, item, path+"["+strconv.Itoa(i)+"]", ask); err != nil {
				return err
			}
		}
	case map[string]any:
		if p.Fields != nil {
			return LookUpProperties(p.Fields, v, path, ask)
		}
	}
	return nil
}

// lookUpValue asks about one value. An empty one names nothing.
func lookUpValue(cs []stoker.Constraint, v any, ask Lookup) *stoker.Error {
	text, ok := v.(string)
	if !ok || text == "" {
		return nil
	}
	for _, c := range cs {
		if c.Custom == "" || generic(c.Custom) != nil {
			continue
		}
		err := ask(c.Custom, text)
		if err == nil {
			continue
		}
		out := &stoker.Error{Kind: stoker.Invalid, Type: typeValidation, Message: c.Description}
		var why *stoker.Error
		if errors.As(err, &why) {
			out.Hint = why.Hint
		}
		if out.Message == "" {
			out.Message = "Error validating value '" + text + "': " + messageOf(err)
		}
		return out
	}
	return nil
}

// LookUp asks about the values of parameters, as LookUpProperties does. Defaults are not
// asked about, as in Heat, nor parameters that are not known.
func (b *Bound) LookUp(unknown []string, ask Lookup) error {
	for _, p := range b.t.Parameters {
		text, ok := b.values[p.Name].(string)
		if !ok || p.Default == any(text) || slices.Contains(unknown, p.Name) {
			continue
		}
		if err := lookUpValue(p.Constraints, text, ask); err != nil {
			why := err.Message
			if p.Hidden {
				why = secret.OfMessage(text).Hide(why)
			}
			return &stoker.Error{Kind: stoker.Invalid, Type: typeValidation, Message: "Parameter '" + p.Name + "' is invalid: " + why}
		}
	}
	return nil
}

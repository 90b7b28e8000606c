package hot

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	stoker "github.com/stoker-project/stoker"
)

// CheckProperties checks resolved properties by a schema and gives them as the
// resource type sees them: converted to their types, defaults filled in, null
// ones left out. unknown names properties whose value is not known yet: they
// are taken to be there and right. path is where they stand, in Heat's spelling:
// resources.web.properties.
//
// The error's text is Heat's: "Property error: resources.web.properties.port:
// Value 'x' is not an integer". It wraps a *stoker.Error of type
// StackValidationFailed whose Path is the place.
func CheckProperties(schema map[string]*stoker.Property, props map[string]any, unknown []string, path string) (map[string]any, error) {
	out, err := checkFields(schema, props, unknown, path)
	if err != nil {
		return nil, fmt.Errorf("Property error: %w", err)
	}
	return out, nil
}

func propertyError(path, format string, args ...any) error {
	return place{path: path}.errorf(typeValidation, format, args...)
}

// checkFields checks a map with known keys.
func checkFields(schema map[string]*stoker.Property, props map[string]any, unknown []string, path string) (map[string]any, error) {
	for _, name := range append(sortedKeys(props), unknown...) {
		if schema[name] == nil {
			e := place{path: path}.errorf(typeValidation, "Unknown Property %s", name)
			e.Hint = didYouMean(name, slices.Sorted(maps.Keys(schema)))
			return nil, e
		}
	}
	out := make(map[string]any, len(props))
	for _, name := range slices.Sorted(maps.Keys(schema)) {
		p := schema[name]
		v := props[name]
		switch {
		case v == nil && slices.Contains(unknown, name):
			continue
		case v == nil && p.Default != nil:
			v = p.Default
		case v == nil && p.Required:
			return nil, propertyError(path, "Property %s not assigned", name)
		case v == nil:
			continue
		}
		v, err := checkProperty(p, v, path+"."+name)
		if err != nil {
			return nil, err
		}
		out[name] = v
	}
	return out, nil
}

// checkProperty converts and checks one value, which is not null.
func checkProperty(p *stoker.Property, v any, path string) (any, error) {
	v, err := toType(p, v, path)
	if err != nil {
		return nil, err
	}
	if err := checkConstraints(p.Constraints, v); err != nil {
		return nil, propertyError(path, "%s", messageOf(err))
	}
	return v, nil
}

func toType(p *stoker.Property, v any, path string) (any, error) {
	switch p.Type {
	case stoker.TypeString:
		if !isScalar(v) {
			return nil, propertyError(path, "Value must be a string; got %s", shortRepr(v))
		}
		return pyStr(v), nil
	case stoker.TypeInteger:
		if b, ok := v.(bool); ok {
			return map[bool]int64{true: 1}[b], nil
		}
		if i, ok := intOf(v); ok {
			return i, nil
		}
		return nil, propertyError(path, "Value '%s' is not an integer", pyStr(v))
	case stoker.TypeNumber:
		if f, err := toNumber(v); err == nil {
			return f, nil
		}
		return nil, propertyError(path, "Value '%s' is not a number", pyStr(v))
	case stoker.TypeBoolean:
		if b, ok := toBoolean(v); ok {
			return b, nil
		}
		return nil, propertyError(path, "\"%s\" is not a valid boolean", pyStr(v))
	case stoker.TypeList:
		return checkList(p, v, path)
	case stoker.TypeMap:
		return checkMap(p, v, path)
	}
	return v, nil
}

// toBoolean takes what Heat's properties take: booleans and true or false as
// strings in any case.
func toBoolean(v any) (value, ok bool) {
	if b, ok := v.(bool); ok {
		return b, true
	}
	s, isString := v.(string)
	b, err := strconv.ParseBool(s)
	return b, isString && err == nil && len(s) > 1
}

func checkList(p *stoker.Property, v any, path string) (any, error) {
	items, ok := v.([]any)
	if !ok {
		return nil, propertyError(path, "\"%s\" is not a list", pyRepr(v))
	}
	if p.Items == nil {
		return items, nil
	}
	out := make([]any, 0, len(items))
	for i, item := range items {
		at := path + "[" + strconv.Itoa(i) + "]"
		item, err := checkItem(p.Items, item, at)
		if err != nil {
			return nil, err
		}
		out = append(out, item)
	}
	return out, nil
}

// checkItem is checkProperty for a value that may be null: then it is the
// default or its type's empty value, because it has a place that must be filled.
func checkItem(p *stoker.Property, v any, path string) (any, error) {
	if v != nil {
		return checkProperty(p, v, path)
	}
	if p.Default != nil {
		return checkProperty(p, p.Default, path)
	}
	switch p.Type {
	case stoker.TypeString:
		return "", nil
	case stoker.TypeInteger, stoker.TypeNumber:
		return int64(0), nil
	case stoker.TypeBoolean:
		return false, nil
	case stoker.TypeList:
		return []any{}, nil
	case stoker.TypeMap:
		return checkProperty(p, map[string]any{}, path)
	}
	return nil, nil
}

func checkMap(p *stoker.Property, v any, path string) (any, error) {
	m, ok := v.(map[string]any)
	if !ok {
		return nil, propertyError(path, "\"%s\" is not a map", pyStr(v))
	}
	if p.Fields != nil {
		return checkFields(p.Fields, m, nil, path)
	}
	if p.Items == nil {
		return m, nil
	}
	out := make(map[string]any, len(m))
	for _, k := range sortedKeys(m) {
		item, err := checkItem(p.Items, m[k], path+"."+k)
		if err != nil {
			return nil, err
		}
		out[k] = item
	}
	return out, nil
}

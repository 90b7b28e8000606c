package heat

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/request"
	"github.com/stoker-project/stoker/internal/schema"
	"github.com/stoker-project/stoker/internal/value"
)

// valueType is OS::Heat::Value: a name for the value of an expression.
type valueType struct{ schema.Fixed }

var (
	_ stoker.Updater    = valueType{}
	_ stoker.Attributer = valueType{}
	_ stoker.Validator  = valueType{}
)

func valueTypeSchema() *stoker.Schema {
	return &stoker.Schema{
		Description: "Gives a value a name, so that an expression is written once.",
		Properties: map[string]*stoker.Property{
			"value": {Type: stoker.TypeAny, Required: true, Update: true, Description: "The value."},
			"type": {Type: stoker.TypeString, Update: true,
				Constraints: schema.OneOf("string", "number", "comma_delimited_list", "json", "boolean"),
				Description: "What the value is turned into; without it the value stays as it is."},
		},
		Attributes: schema.Attributes(map[string]*stoker.Attribute{
			"value": {Description: "The value, of the given type."},
		}),
	}
}

func (valueType) Create(_ context.Context, req *stoker.Request) (stoker.Result, error) {
	return stoker.Result{PhysicalID: stoker.PhysicalID(request.Name(req))}, valueType{}.Validate(req)
}

func (valueType) Update(_ context.Context, req *stoker.Request) (stoker.Result, error) {
	return stoker.Result{}, valueType{}.Validate(req)
}

func (valueType) Delete(context.Context, *stoker.Request) error { return nil }

func (valueType) Validate(req *stoker.Request) error {
	v := request.Values(req.Properties)
	if _, err := typed(v["value"], v.String("type")); err != nil {
		return invalid("properties.value", err.Error())
	}
	return nil
}

func (valueType) Attribute(_ context.Context, req *stoker.Request, name string, _ []any) (any, int, error) {
	switch name {
	case "value":
		v := request.Values(req.Properties)
		x, err := typed(v["value"], v.String("type"))
		return x, 0, err
	case "show":
		return nil, 0, nil
	}
	return nil, 0, request.UnknownAttribute(req.Name, name)
}

// typed turns a value into one of the given type, as a parameter of that type
// would.
func typed(v any, kind string) (any, error) {
	if v == nil {
		return nil, nil
	}
	switch kind {
	case "string":
		return asString(v)
	case "number":
		return asNumber(v)
	case "boolean":
		return asBoolean(v)
	case "comma_delimited_list":
		return asList(v)
	case "json":
		return asJSON(v)
	}
	return v, nil
}

// asString spells as Python's str() does.
func asString(v any) (any, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case bool:
		if v {
			return "True", nil
		}
		return "False", nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case float64:
		s := strconv.FormatFloat(v, 'f', -1, 64)
		if !strings.Contains(s, ".") {
			s += ".0"
		}
		return s, nil
	}
	return nil, fmt.Errorf("a %s is not a string", value.TypeName(v))
}

func asNumber(v any) (any, error) {
	switch x := v.(type) {
	case int64, float64:
		return v, nil
	case string:
		if n, err := value.Decode([]byte(strings.TrimSpace(x))); err == nil {
			switch n.(type) {
			case int64, float64:
				return n, nil
			}
		}
		if n, err := strconv.ParseInt(strings.TrimSpace(x), 10, 64); err == nil {
			return n, nil // 007 is no JSON
		}
	}
	return nil, fmt.Errorf("%q is not a number", fmt.Sprint(v))
}

// asBoolean takes the words that oslo's strict bool_from_string takes.
func asBoolean(v any) (any, error) {
	if b, ok := v.(bool); ok {
		return b, nil
	}
	switch strings.ToLower(strings.TrimSpace(fmt.Sprint(v))) {
	case "1", "t", "true", "on", "y", "yes":
		return true, nil
	case "0", "f", "false", "off", "n", "no":
		return false, nil
	}
	return nil, fmt.Errorf("%q is not a boolean", fmt.Sprint(v))
}

// asList splits at commas without trimming; an empty text is an empty list.
func asList(v any) (any, error) {
	switch v := v.(type) {
	case []any:
		return v, nil
	case string:
		out := []any{}
		if v == "" {
			return out, nil
		}
		for part := range strings.SplitSeq(v, ",") {
			out = append(out, part)
		}
		return out, nil
	}
	return nil, fmt.Errorf("%q is not a list", fmt.Sprint(v))
}

func asJSON(v any) (any, error) {
	switch v := v.(type) {
	case map[string]any, []any:
		return v, nil
	case string:
		x, err := value.Decode([]byte(v))
		if err != nil {
			return nil, fmt.Errorf("it is not valid JSON: %w", err)
		}
		switch x.(type) {
		case map[string]any, []any:
			return x, nil
		}
	}
	return nil, fmt.Errorf("%q is not a map or a list", fmt.Sprint(v))
}

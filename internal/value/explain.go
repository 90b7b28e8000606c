package value

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
)

// Explain puts encoding/json's error about a value of a wrong type into the
// words of whoever wrote the JSON, without Go's types: "stack_name: want a string,
// have a number". Other errors are given back as they are.
func Explain(err error) error {
	var wrong *json.UnmarshalTypeError
	if !errors.As(err, &wrong) {
		return err
	}
	if wrong.Field == "" {
		return fmt.Errorf("want %s, have %s", jsonName(wrong.Type), article(wrong.Value))
	}
	return fmt.Errorf("%s: want %s, have %s", wrong.Field, jsonName(wrong.Type), article(wrong.Value))
}

func jsonName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return jsonName(t.Elem())
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Map, reflect.Struct:
		return "an object"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number"
	}
	return "a number"
}

func article(kind string) string {
	switch kind {
	case "array":
		return "a list"
	case "object":
		return "an object"
	case "bool":
		return "true or false"
	}
	return "a " + kind
}

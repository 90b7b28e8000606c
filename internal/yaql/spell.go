package yaql

import (
	"strconv"
	"strings"

	"github.com/stoker-project/stoker/internal/python"
)

// str is yaql's str(): JSON's words for null and booleans, Python's else.
func str(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return strconv.FormatBool(v)
	}
	return pyStr(v)
}

// pyStr is Python's str(); lists of data are tuples there.
func pyStr(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return repr(v)
}

func repr(v any) string {
	if s, ok := python.Repr(v); ok {
		return s
	}
	switch v := v.(type) {
	case []any:
		parts := make([]string, len(v))
		for i, item := range v {
			parts[i] = repr(item)
		}
		if len(parts) == 1 {
			return "(" + parts[0] + ",)"
		}
		return "(" + strings.Join(parts, ", ") + ")"
	case *dict:
		parts := make([]string, 0, len(v.keys))
		for k, item := range v.each() {
			parts = append(parts, repr(k)+": "+repr(item))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	fail("TypeError", "a "+typeName(v)+" has no text; toList() makes a list of what is computed")
	return ""
}

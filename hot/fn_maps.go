package hot

import "maps"

func mapMerge(name string, arg any) (any, error) {
	items, ok := arg.([]any)
	if !ok {
		return nil, typeErr(`Incorrect arguments to "%s" should be: "%s" : [ { "key1": "val1" }, { "key2": "val2" } ]`, name, name)
	}
	out := map[string]any{}
	for _, item := range items {
		m, ok := item.(map[string]any)
		if !ok && item != nil {
			return nil, typeErr("Incorrect arguments: Items to merge must be maps. %s is type %s instead of a dict", shortRepr(item), pyType(item))
		}
		maps.Copy(out, m)
	}
	return out, nil
}

func pyType(v any) string {
	name := "str"
	switch v.(type) {
	case bool:
		name = "bool"
	case int64:
		name = "int"
	case float64:
		name = "float"
	case []any:
		name = "list"
	}
	return "<class '" + name + "'>"
}

func mapReplace(name string, arg any) (any, error) {
	usage := `Incorrect arguments to "%s" should be: "%s" : [ { "key1": "val1" }, {"keys": {"key1": "key2"}, "values": {"val1": "val2"}}]`
	args, ok := arg.([]any)
	if !ok || len(args) != 2 {
		return nil, typeErr(usage, name, name)
	}
	in, inOK := mapOrNull(args[0])
	changes, changesOK := mapOrNull(args[1])
	if !inOK || !changesOK {
		return nil, typeErr(usage, name, name)
	}
	for k := range changes {
		if k != "keys" && k != "values" {
			return nil, valueErr(usage, name, name)
		}
	}
	keys, keysOK := mapOrNull(changes["keys"])
	values, valuesOK := mapOrNull(changes["values"])
	if !keysOK || !valuesOK {
		return nil, typeErr(usage, name, name)
	}
	return replaceInMap(in, keys, values)
}

func mapOrNull(v any) (map[string]any, bool) {
	m, ok := v.(map[string]any)
	return m, ok || v == nil
}

func replaceInMap(in, keys, values map[string]any) (any, error) {
	out := map[string]any{}
	for k, v := range in {
		key := k
		if replacement := keys[k]; replacement != nil {
			key = pyStr(replacement)
			if _, taken := in[key]; taken && key != k {
				return nil, valueErr("key replacement %s collides with a key in the input map", key)
			}
		}
		if _, taken := out[key]; taken {
			return nil, valueErr("key replacement %s collides with a key in the output map", key)
		}
		if isScalar(v) {
			if replacement, ok := values[mapKeyOf(v)]; ok {
				v = replacement
			}
		}
		out[key] = v
	}
	return out, nil
}

// mapKeyOf is how a scalar is spelled as a key of a map.
func mapKeyOf(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return dumpJSON(v)
}

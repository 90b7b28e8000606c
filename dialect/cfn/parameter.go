package cfn

func parameterKeys() []string {
	return []string{
		"AllowedValues", "AllowedPattern", "MaxLength", "MinLength", "MaxValue", "MinValue", "ConstraintDescription",
	}
}

// constraints turns the keys of a parameter into HOT's list, in the order in
// which Heat checks them.
func constraints(parameter map[string]any) []any {
	var list []any
	add := func(kind string, v any) {
		c := map[string]any{kind: v}
		if d, ok := parameter["ConstraintDescription"]; ok {
			c["description"] = d
		}
		list = append(list, c)
	}
	for _, r := range []struct{ kind, low, high string }{
		{"range", "MinValue", "MaxValue"}, {"length", "MinLength", "MaxLength"},
	} {
		if bounds := bounds(parameter, r.low, r.high); len(bounds) > 0 {
			add(r.kind, bounds)
		}
	}
	if v, ok := parameter["AllowedValues"]; ok {
		add("allowed_values", v)
	}
	if v, ok := parameter["AllowedPattern"]; ok {
		add("allowed_pattern", v)
	}
	return list
}

func bounds(parameter map[string]any, low, high string) map[string]any {
	out := map[string]any{}
	if v, ok := parameter[low]; ok {
		out["min"] = v
	}
	if v, ok := parameter[high]; ok {
		out["max"] = v
	}
	return out
}

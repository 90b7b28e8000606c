package guest

import (
	"fmt"
	"strings"
)

// merger says how a map, a list and a text are merged into what is there, in the words
// of cloud-init: dict(replace)+list()+str().
type merger struct {
	dict, list, str map[string]bool // options; nil: no such merger, the old one stays
}

// defaultMerge is cloud-init's own for parts: the later part's keys win, whole.
const defaultMerge = "dict(replace)+list()+str()"

// parseMerge reads the words of a part, or the list of maps that they can also be.
func parseMerge(how any) (merger, error) {
	m := merger{}
	add := func(name string, options []string) error {
		set := map[string]bool{}
		for _, o := range options {
			set[strings.TrimSpace(o)] = true
		}
		switch name {
		case "dict":
			m.dict = set
		case "list":
			m.list = set
		case "str":
			m.str = set
		default:
			return fmt.Errorf("there is no merging of %q", name)
		}
		return nil
	}
	if list, ok := how.([]any); ok {
		for _, e := range list {
			v, _ := e.(map[string]any)
			if err := add(values(v).text("name"), values(v).texts("settings")); err != nil {
				return m, err
			}
		}
		return m, nil
	}
	for word := range strings.SplitSeq(textOf(how), "+") {
		name, options, ok := strings.Cut(strings.ToLower(strings.TrimSpace(word)), "(")
		if !ok || !strings.HasSuffix(options, ")") {
			return m, fmt.Errorf("%q is not like list(append)+dict(recurse_array)", textOf(how))
		}
		if err := add(strings.TrimSpace(name), strings.Split(strings.TrimSuffix(options, ")"), ",")); err != nil {
			return m, err
		}
	}
	return m, nil
}

func (m merger) merge(old, add any) any {
	switch o := old.(type) {
	case map[string]any:
		if a, ok := add.(map[string]any); ok && m.dict != nil {
			return m.maps(o, a)
		}
	case []any:
		if m.list != nil {
			return m.lists(o, add)
		}
	case string:
		if a, ok := add.(string); ok && m.str["append"] {
			return o + a
		}
		if m.str != nil {
			return add
		}
	}
	return old
}

func (m merger) maps(old, add map[string]any) any {
	for k, a := range add {
		o, there := old[k]
		switch {
		case there && a == nil && m.dict["allow_delete"]:
			delete(old, k)
		case !there || m.dict["replace"]:
			old[k] = a
		case recurses(m.dict, a, true):
			old[k] = m.merge(o, a)
		}
	}
	return old
}

// recurses tells whether a value inside of another is merged and not just taken. Maps
// in maps always are.
func recurses(options map[string]bool, v any, inMap bool) bool {
	switch v.(type) {
	case map[string]any:
		return inMap || options["recurse_dict"]
	case []any:
		return options["recurse_array"] || options["recurse_list"]
	case string:
		return options["recurse_str"]
	}
	return false
}

func (m merger) lists(old []any, add any) any {
	a, ok := add.([]any)
	switch {
	case !ok && (m.list["append"] || m.list["prepend"] || m.list["no_replace"]):
		return old
	case !ok:
		return add
	case m.list["prepend"]:
		return append(append([]any{}, a...), old...)
	case m.list["append"]:
		return append(append([]any{}, old...), a...)
	}
	out := append([]any{}, old...)
	for k := range min(len(old), len(a)) {
		switch {
		case m.list["no_replace"]:
		case recurses(m.list, a[k], false):
			out[k] = m.merge(old[k], a[k])
		default:
			out[k] = a[k]
		}
	}
	return out
}

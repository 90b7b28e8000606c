package guest

import (
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
)

// readYAML reads one document of the wanted form.
func readYAML[T any](text []byte) (out T, err error) {
	var v any
	if err := yaml.Unmarshal(text, &v); err != nil {
		return out, err
	}
	out, ok := plain(v).(T)
	if !ok && v != nil {
		return out, fmt.Errorf("it is not %T, but %T", out, v)
	}
	return out, nil
}

// plain makes maps of one kind, whatever their keys are.
func plain(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			v[k] = plain(e)
		}
		return v
	case map[any]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[fmt.Sprint(k)] = plain(e)
		}
		return out
	case []any:
		for k, e := range v {
			v[k] = plain(e)
		}
	}
	return v
}

// values reads a map as people write it.
type values map[string]any

// text is a scalar as a text; empty for none.
func (v values) text(key string) string { return textOf(v[key]) }

func textOf(v any) string {
	switch v := v.(type) {
	case nil, map[string]any, []any:
		return ""
	case string:
		return v
	case []byte:
		return string(v)
	case float64:
		return strings.TrimSuffix(fmt.Sprintf("%f", v), ".000000")
	}
	return fmt.Sprint(v)
}

// truth knows YAML 1.1's words, which cloud-init reads.
func (v values) truth(key string) bool { return truthOf(v[key]) }

func truthOf(v any) bool {
	switch strings.ToLower(textOf(v)) {
	case "true", "yes", "on", "y", "1":
		return true
	}
	return false
}

func (v values) has(key string) bool { _, ok := v[key]; return ok }

// texts is a list of texts; one text alone is split at commas.
func (v values) texts(key string) []string { return textsOf(v[key]) }

func textsOf(v any) (out []string) {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		for _, e := range v {
			if t := textOf(e); t != "" {
				out = append(out, t)
			}
		}
		return out
	}
	for t := range strings.SplitSeq(textOf(v), ",") {
		if t = strings.TrimSpace(t); t != "" {
			out = append(out, t)
		}
	}
	return out
}

// list is a list; anything else alone is a list of one.
func (v values) list(key string) []any {
	switch e := v[key].(type) {
	case nil:
		return nil
	case []any:
		return e
	default:
		return []any{e}
	}
}

// lines is a list of texts in which commas mean nothing.
func (v values) lines(key string) (out []string) {
	for _, e := range v.list(key) {
		if t := strings.TrimSpace(textOf(e)); t != "" {
			out = append(out, t)
		}
	}
	return out
}

func (v values) sub(key string) values {
	m, _ := v[key].(map[string]any)
	return m
}

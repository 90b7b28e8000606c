package stack

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/stoker-project/stoker"
)

// template writes the generated template of a group.
func template(g *stoker.GroupState, ms []member) string {
	version := g.Spec.Version
	if version == "" {
		version = "2015-04-30"
	}
	var b strings.Builder
	b.WriteString(templateHead + version + templateMiddle)
	for i, m := range ms {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Quote(string(m.name)))
		b.WriteByte(':')
		b.Write(m.def)
	}
	b.WriteString(templateTail)
	return b.String()
}

// The generated text is always of this form, which makes reading it back cheap.
const (
	templateHead   = `{"heat_template_version":"`
	templateMiddle = `","resources":{`
	templateTail   = `}}`
)

// readTemplate gives the members in a generated template, in its order. It reads
// what template has written, not JSON in general.
func readTemplate(text string) ([]member, bool) {
	_, rest, ok := strings.Cut(text, templateMiddle)
	if !ok || !strings.HasPrefix(text, templateHead) {
		return nil, false
	}
	out := make([]member, 0, strings.Count(rest, `"type":`))
	for rest != templateTail {
		rest = strings.TrimPrefix(rest, ",")
		end := valueEnd(rest)
		name, err := strconv.Unquote(rest[:end])
		if err != nil || end == len(rest) || rest[end] != ':' {
			return nil, false
		}
		rest = rest[end+1:]
		end = valueEnd(rest)
		if end == 0 {
			return nil, false
		}
		out = append(out, member{name: stoker.ResourceName(name), def: json.RawMessage(rest[:end])})
		rest = rest[end:]
	}
	return out, true
}

// valueEnd is the length of the JSON string or object at the start of s; 0 if
// there is none.
func valueEnd(s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			for i++; i < len(s) && s[i] != '"'; i++ {
				if s[i] == '\\' {
					i++
				}
			}
			if i >= len(s) {
				return 0
			}
		case '{':
			depth++
		case '}':
			depth--
		}
		if depth <= 0 {
			return i + 1
		}
	}
	return 0
}

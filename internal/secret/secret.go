// Package secret keeps values that are to be shown nowhere out of messages and answers: it knows
// in which spellings they come up in errors. It keeps no secrets itself.
package secret

import (
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/python"
	"github.com/stoker-project/stoker/internal/value"
)

// Shown is what stands for a value that is hidden.
const Shown = "******"

// shortest is how long a word must be to be looked for in texts about anything: what is
// shorter is no secret, and is in every other word.
const shortest = 4

// Words are texts to hide. The zero value hides nothing.
type Words struct{ spelled []string }

// Of collects the words of values: texts and numbers, in lists and maps too. Short ones
// are left out.
func Of(values ...any) Words { return of(shortest, values) }

// OfMessage collects short words too, for the message about just these values.
func OfMessage(values ...any) Words { return of(1, values) }

func of(least int, values []any) Words {
	var w Words
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for k, item := range v {
				walk(k)
				walk(item)
			}
		case []any:
			for _, item := range v {
				walk(item)
			}
		case string:
			w.add(v, least)
			for line := range strings.SplitSeq(v, "\n") {
				w.add(strings.TrimSpace(line), least)
			}
			var inside any // a text that is JSON is told of by its parts
			if strings.ContainsAny(v, `{["`) && json.Unmarshal([]byte(v), &inside) == nil {
				walk(inside)
			}
		case int64, float64:
			text, _ := python.Repr(v) // numbers have one
			w.add(text, least)
		}
	}
	for _, v := range values {
		walk(v)
	}
	w.order()
	return w
}

// And joins words.
func (w Words) And(more Words) Words {
	out := Words{slices.Concat(w.spelled, more.spelled)}
	out.order()
	return out
}

// order puts the longest first: no word's rest is left because a part of it was hidden before.
func (w *Words) order() {
	slices.SortFunc(w.spelled, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	w.spelled = slices.Compact(w.spelled)
}

// add adds a word as Go, Python, JSON and addresses spell it.
func (w *Words) add(s string, least int) {
	if len(s) < least {
		return
	}
	quoted := strconv.Quote(s)
	repr := python.Quote(s)
	doc, _ := json.Marshal(s) // never fails for a text
	w.spelled = append(w.spelled, s, quoted[1:len(quoted)-1], repr[1:len(repr)-1], string(doc[1:len(doc)-1]), url.QueryEscape(s), url.PathEscape(s))
}

// Hide gives a text without the words.
func (w Words) Hide(text string) string {
	for _, s := range w.spelled {
		text = strings.ReplaceAll(text, s, Shown)
	}
	return text
}

// HideIn gives a copy of a value without the words, in keys too. A number that is one of
// them becomes a text.
func (w Words) HideIn(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, item := range v {
			out[w.Hide(k)] = w.HideIn(item)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = w.HideIn(item)
		}
		return out
	case string:
		return w.Hide(v)
	case int64, float64:
		text, _ := python.Repr(v) // numbers have one
		if w.Hide(text) != text {
			return Shown
		}
	}
	return v
}

// Properties gives a copy of properties without the values of those that a schema calls
// secret; nil: it calls none so.
func Properties(props map[string]any, schema *stoker.Schema) map[string]any {
	out := make(map[string]any, len(props))
	for name, v := range props {
		if schema != nil && schema.Properties[name] != nil && schema.Properties[name].Secret {
			v = Shown
		}
		out[name] = value.Clone(v)
	}
	return out
}

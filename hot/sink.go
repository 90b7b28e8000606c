package hot

import (
	"fmt"
	"slices"
	"time"

	"github.com/stoker-project/stoker"
	values "github.com/stoker-project/stoker/internal/value"
)

const (
	zaqarQueue = "zaqar-queue" // Heat knows one type of sink

	// In seconds; Zaqar may be told to take less than the most here.
	minSinkTTL     = 60
	maxSinkTTL     = 366 * 24 * 3600
	defaultSinkTTL = 3600
)

// Sinks are the places where events go, each once: of two entries for one queue the later
// counts.
func (e *Environment) Sinks() []stoker.SinkTarget {
	var out []stoker.SinkTarget
	for _, item := range e.EventSinks {
		to, err := readSink(item)
		if err != nil {
			continue // it was refused when it was read
		}
		out = slices.DeleteFunc(out, func(t stoker.SinkTarget) bool { return t.Queue == to.Queue })
		out = append(out, to)
	}
	return out
}

func sectionSinks(v any) ([]any, error) {
	l, ok := v.([]any)
	if !ok {
		return nil, valueErr("a list is wanted, not a %s", values.TypeName(v))
	}
	for i, item := range l {
		if _, err := readSink(item); err != nil {
			return nil, valueErr("sink %d %v", i, err)
		}
	}
	return l, nil
}

func readSink(item any) (stoker.SinkTarget, error) {
	out := stoker.SinkTarget{TTL: defaultSinkTTL * time.Second}
	m, ok := item.(map[string]any)
	if !ok {
		return out, fmt.Errorf("must be a map, not a %s", values.TypeName(item))
	}
	if m["type"] != zaqarQueue {
		return out, fmt.Errorf("must have the type %s, not %s", zaqarQueue, pyRepr(m["type"]))
	}
	for _, k := range sortedKeys(m) {
		switch k {
		case "type":
		case "target":
			out.Queue, _ = m[k].(string)
		case "ttl":
			if m[k] == nil {
				continue
			}
			seconds, ok := intOf(m[k])
			if !ok || seconds < minSinkTTL || seconds > maxSinkTTL {
				return out, fmt.Errorf("must have a ttl of %d to %d seconds, not %s", minSinkTTL, maxSinkTTL, pyRepr(m[k]))
			}
			out.TTL = time.Duration(seconds) * time.Second
		default:
			return out, fmt.Errorf("has no %q: a sink has type, target and ttl", k)
		}
	}
	if out.Queue == "" {
		return out, fmt.Errorf("must have a target, the name of a queue, not %s", pyRepr(m["target"]))
	}
	return out, nil
}

// joinSinks leaves out what is already there.
func joinSinks(a, b []any) []any {
	out := slices.Clone(a)
	for _, item := range b {
		if !slices.ContainsFunc(out, func(have any) bool { return values.Equal(have, item) }) {
			out = append(out, item)
		}
	}
	return out
}

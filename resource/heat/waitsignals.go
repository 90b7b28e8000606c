package heat

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/stoker-project/stoker"
)

// The statuses that a signal to a wait handle reports.
const (
	success = "SUCCESS"
	failure = "FAILURE"
)

// waitSignal is one signal that a handle has taken.
type waitSignal struct {
	id, status, reason string
	data               any
}

// readSignals gives the signals of a handle's Data in the order they came.
func readSignals(data map[string]any) []waitSignal {
	rows, _ := data["signals"].([]any)
	out := make([]waitSignal, 0, len(rows))
	for _, row := range rows {
		m, _ := row.(map[string]any)
		s := waitSignal{data: m["data"]}
		s.id, _ = m["id"].(string)
		s.status, _ = m["status"].(string)
		s.reason, _ = m["reason"].(string)
		out = append(out, s)
	}
	return out
}

func writeSignals(signals []waitSignal) []any {
	out := make([]any, len(signals))
	for i, s := range signals {
		out[i] = map[string]any{"id": s.id, "status": s.status, "reason": s.reason, "data": s.data}
	}
	return out
}

// parseSignal reads a signal's body. All of it is optional; taken is how many came
// before.
func parseSignal(body map[string]any, taken int) (waitSignal, error) {
	n := strconv.Itoa(taken + 1)
	s := waitSignal{id: n, status: success, reason: "Signal " + n + " received"}
	for _, k := range slices.Sorted(maps.Keys(body)) {
		switch v := body[k]; k {
		case "id":
			s.id = fmt.Sprint(v)
		case "status":
			s.status, _ = v.(string)
		case "reason":
			s.reason = fmt.Sprint(v)
		case "data":
			s.data = v
		default:
			return s, badSignal(fmt.Sprintf("it knows no %q", k))
		}
	}
	if s.status != success && s.status != failure {
		return s, badSignal(fmt.Sprintf("status is %q", fmt.Sprint(body["status"])))
	}
	return s, nil
}

func badSignal(what string) error {
	return &stoker.Error{Kind: stoker.Invalid, Type: "ValueError", Message: "Metadata format invalid: " + what,
		Hint: `A signal is {"status": "SUCCESS" or "FAILURE", "reason": ..., "data": ..., "id": ...}, all optional.`}
}

// record adds a signal; one with the same ID takes the place of the earlier.
func record(signals []waitSignal, s waitSignal) []waitSignal {
	out := slices.Clone(signals)
	if i := slices.IndexFunc(out, func(x waitSignal) bool { return x.id == s.id }); i >= 0 {
		out[i] = s
		return out
	}
	return append(out, s)
}

// reasons joins the reasons of the signals of one status.
func reasons(signals []waitSignal, status string) string {
	var out []string
	for _, s := range signals {
		if s.status == status {
			out = append(out, s.reason)
		}
	}
	return strings.Join(out, ";")
}

func count(signals []waitSignal, status string) int {
	n := 0
	for _, s := range signals {
		if s.status == status {
			n++
		}
	}
	return n
}

// dataByID writes what the signals brought as a JSON object.
func dataByID(signals []waitSignal) (string, error) {
	m := make(map[string]any, len(signals))
	for _, s := range signals {
		m[s.id] = s.data
	}
	return compact(m)
}

// compact writes JSON without escaping for HTML.
func compact(v any) (string, error) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return "", fmt.Errorf("encode JSON: %w", err)
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

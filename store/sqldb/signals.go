package sqldb

import (
	"encoding/json"
	"math"
	"strconv"
)

// A broken signal may be NaN or infinite, which JSON does not know; the journal
// must be able to say so.

func encodeSignals(signals map[string]float64) (json.RawMessage, error) {
	if signals == nil {
		return json.RawMessage("null"), nil
	}
	out := make(map[string]any, len(signals))
	for name, f := range signals {
		out[name] = f
		if math.IsNaN(f) || math.IsInf(f, 0) {
			out[name] = strconv.FormatFloat(f, 'g', -1, 64)
		}
	}
	return appendValue(nil, out)
}

func decodeSignals(raw json.RawMessage) (map[string]float64, error) {
	var in map[string]json.RawMessage
	if err := json.Unmarshal(raw, &in); err != nil || in == nil {
		return nil, err
	}
	out := make(map[string]float64, len(in))
	for name, text := range in {
		number := string(text)
		if text[0] == '"' {
			number = number[1 : len(number)-1]
		}
		f, err := strconv.ParseFloat(number, 64)
		if err != nil {
			return nil, err
		}
		out[name] = f
	}
	return out, nil
}

package value

import (
	"encoding/json"
	"errors"
	"testing"
)

func TestExplain(t *testing.T) {
	type body struct {
		Name string         `json:"stack_name"`
		N    *int           `json:"n"`
		Map  map[string]any `json:"map"`
		In   struct{ B bool }
	}
	for text, want := range map[string]string{
		`{"stack_name": 3}`: "stack_name: want a string, have a number",
		`{"n": 1.5}`:        "n: want a whole number, have a number 1.5",
		`{"map": []}`:       "map: want an object, have a list",
		`{"In": {"B": {}}}`: "In.B: want true or false, have an object",
		`[]`:                "want an object, have a list",
	} {
		if got := Explain(json.Unmarshal([]byte(text), &body{})); got == nil || got.Error() != want {
			t.Errorf("%s: %v, want %s", text, got, want)
		}
	}
	other := errors.New("other")
	if Explain(other) != other {
		t.Error("another error was changed")
	}
}

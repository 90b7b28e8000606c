package stoker_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/stoker-project/stoker"
)

// scalingVectors reads Heat's own results, generated from its code.
func scalingVectors(t *testing.T, table string) [][]any {
	t.Helper()
	file := os.Getenv("STOKER_SCALING_VECTORS")
	if file == "" {
		file = "../shared/vectors/scaling.json"
	}
	text, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		t.Skipf("no vectors at %s (set STOKER_SCALING_VECTORS)", file)
	}
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]struct{ Rows [][]any }
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	if len(all[table].Rows) == 0 {
		t.Fatalf("%s has no table %s", file, table)
	}
	return all[table].Rows
}

func TestNewCapacityIsHeats(t *testing.T) {
	for _, row := range scalingVectors(t, "calculate_new_capacity") {
		num := func(i int) int { return int(row[i].(float64)) }
		a := stoker.Adjustment{Type: stoker.AdjustmentType(row[0].(string)), By: row[2].(float64)}
		if row[3] != nil {
			step := num(3)
			a.MinStep = &step
		}
		if got, want := stoker.NewCapacity(num(1), a, num(4), num(5)), num(6); got != want {
			t.Errorf("NewCapacity of %v = %d, want %d", row, got, want)
		}
	}
}

func TestNewCapacity(t *testing.T) {
	two := 2
	tests := []struct {
		name          string
		current       int
		a             stoker.Adjustment
		lowest, limit int
		want          int
	}{
		{"up", 3, stoker.Adjustment{Type: stoker.ChangeInCapacity, By: 2}, 0, 10, 5},
		{"exact", 3, stoker.Adjustment{Type: stoker.ExactCapacity, By: 7}, 0, 10, 7},
		{"less than one percent step rounds away from zero", 3, stoker.Adjustment{Type: stoker.PercentChangeInCapacity, By: 10}, 0, 10, 4},
		{"otherwise towards zero", 15, stoker.Adjustment{Type: stoker.PercentChangeInCapacity, By: -10}, 0, 20, 14},
		{"at least the step", 10, stoker.Adjustment{Type: stoker.PercentChangeInCapacity, By: 10, MinStep: &two}, 0, 20, 12},
		{"a step of zero counts as down", 10, stoker.Adjustment{Type: stoker.PercentChangeInCapacity, By: 0, MinStep: &two}, 0, 20, 8},
		{"bounds", 10, stoker.Adjustment{Type: stoker.ChangeInCapacity, By: 100}, 0, 20, 20},
	}
	for _, tt := range tests {
		if got := stoker.NewCapacity(tt.current, tt.a, tt.lowest, tt.limit); got != tt.want {
			t.Errorf("%s: got %d, want %d", tt.name, got, tt.want)
		}
	}
}

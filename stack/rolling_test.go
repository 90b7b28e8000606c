package stack

import (
	"encoding/json"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
)

func TestBatchesAreHeats(t *testing.T) {
	file := os.Getenv("STOKER_SCALING_VECTORS")
	if file == "" {
		file = "../../shared/vectors/scaling.json"
	}
	text, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		t.Skipf("no vectors at %s (set STOKER_SCALING_VECTORS)", file)
	}
	if err != nil {
		t.Fatal(err)
	}
	var all struct {
		Table struct{ Rows [][]json.RawMessage } `json:"get_batches"`
	}
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	if len(all.Table.Rows) == 0 {
		t.Fatalf("%s has no get_batches", file)
	}
	for _, row := range all.Table.Rows {
		var n [4]int
		for i := range n {
			if err := json.Unmarshal(row[i], &n[i]); err != nil {
				t.Fatal(err)
			}
		}
		r := stoker.RollingUpdate{MaxBatch: n[2], MinInService: n[3]}
		for i, names := range []stoker.Naming{stoker.ByIndex, stoker.ByRandom} {
			var want [][2]int
			if err := json.Unmarshal(row[4+i], &want); err != nil {
				t.Fatal(err)
			}
			var got [][2]int
			for _, b := range batches(n[0], n[1], r, names) {
				got = append(got, [2]int{b.Size, b.Update})
			}
			if !slices.Equal(got, want) {
				t.Errorf("target %d, current %d, batch %d, min %d, by %s: got %v, want %v", n[0], n[1], n[2], n[3], names, got, want)
			}
		}
	}
}

func TestCreateBatches(t *testing.T) {
	got := createBatches(5, 2)
	want := []stoker.GroupBatch{{Size: 2}, {Size: 4}, {Size: 5}}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestReadTemplateReadsWhatTemplateWrites(t *testing.T) {
	g := &stoker.GroupState{}
	ms := []member{
		{name: "a", def: json.RawMessage(`{"type":"T","properties":{"x":"} \" {","y":[1,{"z":null}]}}`)},
		{name: "b", def: json.RawMessage(`{"type":"U"}`)},
	}
	for n := range len(ms) + 1 {
		got, ok := readTemplate(template(g, ms[:n]))
		if !ok || len(got) != n {
			t.Fatalf("%d members: got %v, %v", n, got, ok)
		}
		for i := range got {
			if got[i].name != ms[i].name || string(got[i].def) != string(ms[i].def) {
				t.Errorf("got %s %s, want %s %s", got[i].name, got[i].def, ms[i].name, ms[i].def)
			}
		}
	}
	for _, bad := range []string{"", "{}", `{"heat_template_version":"x","resources":{`, `{"heat_template_version":"x","resources":{"a":{"b}}}`} {
		if _, ok := readTemplate(bad); ok {
			t.Errorf("read %q", bad)
		}
	}
}

// TestVictims: failed members leave first, then those that are not made yet, so
// that a group that shrinks before it has grown keeps what serves; then the oldest.
func TestVictims(t *testing.T) {
	at := func(s int64) time.Time { return time.Unix(s, 0) }
	ms := []member{
		{name: "old", created: at(1)}, {name: "young", created: at(2)},
		{name: "broken", created: at(3), failed: true}, {name: "unmade"},
	}
	var got []stoker.ResourceName
	for _, m := range victims(ms, stoker.ByRandom) {
		got = append(got, m.name)
	}
	if want := []stoker.ResourceName{"broken", "unmade", "old", "young"}; !slices.Equal(got, want) {
		t.Errorf("victims %q, want %q", got, want)
	}
}

// TestUnsettledMembersChangeAtOnce: a rolling update that goes back does not wait
// for the members whose change it undoes.
func TestUnsettledMembersChangeAtOnce(t *testing.T) {
	g := &stoker.GroupState{Spec: stoker.GroupSpec{Member: map[string]any{"type": "new"}, Names: stoker.ByRandom}}
	old := []byte(`{"type":"old"}`)
	ms := []member{{name: "a", def: old}, {name: "b", def: old, unsettled: true}, {name: "c", def: old}, {name: "d", def: old, unsettled: true}}
	for update, want := range []string{"", "abd", "abcd"} {
		got := ""
		for _, m := range resized(ms, g, 4, update, nil) {
			if string(m.def) != string(old) {
				got += string(m.name)
			}
		}
		if got != want {
			t.Errorf("a batch of %d changes %q, want %q", update, got, want)
		}
	}
}

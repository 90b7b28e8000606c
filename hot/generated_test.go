package hot

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// TestParseGenerated: what is read once for many is the same as read for each.
func TestParseGenerated(t *testing.T) {
	defs := []string{
		`{"type":"OS::Heat::Value","properties":{"value":"a"}}`, `{"type":"OS::Heat::Value","properties":{"value":"a"}}`,
		`{"type":"OS::Heat::Value","properties":{"value":"b"}}`, `{"type":"OS::Heat::Value","properties":{"value":"b}"}}`,
		`{"type":"OS::Heat::None"}`, `{"type":"OS::Heat::None"}`,
	}
	var b strings.Builder
	for i, d := range defs {
		fmt.Fprintf(&b, `,"r%d":%s`, i, d)
	}
	text := `{"heat_template_version":"2021-04-16","resources":{` + b.String()[1:] + `}}`
	got, err := ParseGenerated([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]any
	if err := json.Unmarshal([]byte(text), &want); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got.Raw, want) {
		t.Errorf("got %v, want %v", got.Raw, want)
	}
	for i, r := range got.Resources {
		if r.Name != fmt.Sprintf("r%d", i) {
			t.Errorf("resource %d is called %s", i, r.Name)
		}
	}
	if _, err := ParseGenerated([]byte(text + "}")); err == nil {
		t.Error("a text with something behind it was read")
	}
}

package hot_test

import (
	"testing"

	"github.com/stoker-project/stoker/hot"
	"github.com/stoker-project/stoker/internal/value"
)

// TestColonsInBraces holds what PyYAML makes of colons, given as JSON.
func TestColonsInBraces(t *testing.T) {
	for text, want := range map[string]string{
		`{AWS::Region: {Ref: AWS::Region}, w: 1}`:           `{"AWS::Region": {"Ref": "AWS::Region"}, "w": 1}`,
		`{Fn::Join: ["-", [a, {Ref: b::c}]]}`:               `{"Fn::Join": ["-", ["a", {"Ref": "b::c"}]]}`,
		`{OS::Nova::Server: web.yaml, OS::Heat::*: x.yaml}`: `{"OS::Nova::Server": "web.yaml", "OS::Heat::*": "x.yaml"}`,
		`{x: [y::z, OS::Nova::Server], u: http://x/y}`:      `{"x": ["y::z", "OS::Nova::Server"], "u": "http://x/y"}`,
		`[a:b, {c::d: [e::f]}]`:                             `["a:b", {"c::d": ["e::f"]}]`,
		`{a:1}`:                                             `{"a:1": null}`,
		`{"a":1, 'b':[2]}`:                                  `{"a": 1, "b": [2]}`,
		`{k: "a\"b:c", d::e: 1, 'f:g': "h: i"}`:             `{"k": "a\"b:c", "d::e": 1, "f:g": "h: i"}`,
		`{t: 1:30, u: "1:30", v: 2013-05-23T10:00:00}`:      `{"t": 90, "u": "1:30", "v": "2013-05-23T10:00:00"}`,
		"{a::b:\n    1, \ue000c::d: \ue001}":                "{\"a::b\": 1, \"\ue000c::d\": \"\ue001\"}",
	} {
		tmpl, err := hot.Parse([]byte("heat_template_version: 2018-08-31\nparameters:\n  p:\n    type: json\n    default: "+text+"\n"), "")
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got := tmpl.Parameter("p").Default
		if v, err := value.Decode([]byte(want)); err != nil || !value.Equal(got, v) {
			t.Errorf("%s: got %#v, want %s (%v)", text, got, want, err)
		}
	}
}

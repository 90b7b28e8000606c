package hot_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	stoker "github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/hot"
	"github.com/stoker-project/stoker/internal/value"
)

// decoded parses a YAML value by putting it into a parameter's default.
func decoded(t *testing.T, yaml string) any {
	t.Helper()
	env, err := hot.ParseEnvironment([]byte("parameters:\n  v:"+yaml+"\n"), "env.yaml")
	if err != nil {
		t.Fatalf("%q: %v", yaml, err)
	}
	return env.Parameters["v"]
}

// TestYAMLScalars holds what PyYAML 6 makes of plain scalars.
func TestYAMLScalars(t *testing.T) {
	tests := []struct {
		yaml string
		want any
	}{
		{"yes", true}, {"Yes", true}, {"on", true}, {"ON", true}, {"true", true},
		{"no", false}, {"off", false}, {"Off", false}, {"False", false},
		{"y", "y"}, {"n", "n"}, {"oN", "oN"}, {"'yes'", "yes"}, {`"no"`, "no"},
		{"~", nil}, {"", nil}, {"null", nil}, {"Null", nil}, {"nUll", "nUll"},
		{"0", int64(0)}, {"-0", int64(0)}, {"+12", int64(12)}, {"-12", int64(-12)},
		{"0644", int64(420)}, {"-017", int64(-15)}, {"0o17", "0o17"}, {"08", "08"}, {"00", int64(0)},
		{"0x1F", int64(31)}, {"-0x1f", int64(-31)}, {"0x", "0x"}, {"0b101", int64(5)}, {"0b2", "0b2"},
		{"1_000", int64(1000)}, {"_1", "_1"}, {"1__0", int64(10)},
		{"1:30", int64(90)}, {"1:30:15", int64(5415)}, {"-1:30", int64(-90)}, {"0:30", "0:30"}, {"1:60", "1:60"}, {"22:22", int64(1342)},
		{"1:30.5", 90.5}, {"8080:22", int64(484822)}, {"8080:80", "8080:80"}, {"80:8080", "80:8080"},
		{"1.5", 1.5}, {"-1.5", -1.5}, {"1.", 1.0}, {".5", 0.5}, {".", "."}, {"..", ".."}, {"1.2.3", "1.2.3"},
		{"1e3", "1e3"}, {"1.0e3", "1.0e3"}, {"1.0e+3", 1000.0}, {"1_0.5", 10.5}, {"._5", "._5"},
		{".inf", math.Inf(1)}, {"-.inf", math.Inf(-1)}, {"+.Inf", math.Inf(1)}, {".iNf", ".iNf"},
		{"2013-05-23", "2013-05-23"}, {"2001-12-14t21:59:43.10-05:00", "2001-12-14t21:59:43.10-05:00"},
		{"192.168.0.1", "192.168.0.1"}, {"10.0.0.0/8", "10.0.0.0/8"}, {"-", nil}, {"+", "+"}, {"--x", "--x"},
		{"99999999999999999999", 99999999999999999999.0}, {"9223372036854775807", int64(math.MaxInt64)},
		{"!!str 12", "12"}, {"!!str yes", "yes"}, {"!!int '3'", int64(3)}, {"!!float 3", 3.0}, {"!!bool 'yes'", true},
		{"a b # comment", "a b"}, {"a#b", "a#b"}, {"|\n    x\n    y", "x\ny\n"}, {">-\n    x\n    y", "x y"},
		{"[a, 1, [yes]]", []any{"a", int64(1), []any{true}}}, {"{a: 1, b: }", map[string]any{"a": int64(1), "b": nil}},
		{"{on: 1, 2: x, ~: y, 1.5: z}", map[string]any{"true": int64(1), "2": "x", "null": "y", "1.5": "z"}},
	}
	for _, tt := range tests {
		if tt.yaml == "-" {
			continue // a list with an empty item
		}
		if got := decoded(t, " "+tt.yaml); !value.Equal(got, tt.want) {
			t.Errorf("%s: got %#v, want %#v", tt.yaml, got, tt.want)
		}
	}
	if got, ok := decoded(t, " .nan").(float64); !ok || !math.IsNaN(got) {
		t.Errorf(".nan: got %v", got)
	}
}

func TestYAMLStructures(t *testing.T) {
	tests := []struct{ name, yaml, want string }{
		{"the last of equal keys counts", "\n    a: 1\n    b: 2\n    a: 3", `{"a":3,"b":2}`},
		{"merge key", "\n    base: &b {x: 1, y: 2}\n    m:\n      <<: *b\n      y: 3", `{"base":{"x":1,"y":2},"m":{"x":1,"y":3}}`},
		{"merge key after", "\n    base: &b {x: 1}\n    m:\n      x: 5\n      <<: *b", `{"base":{"x":1},"m":{"x":5}}`},
		{"merge list, the first counts", "\n    a: &a {x: 1}\n    b: &b {x: 2, z: 3}\n    m: {<<: [*a, *b]}", `{"a":{"x":1},"b":{"x":2,"z":3},"m":{"x":1,"z":3}}`},
		{"alias of a list", "\n    a: &a [1, 2]\n    b: [*a, *a]", `{"a":[1,2],"b":[[1,2],[1,2]]}`},
		{"anchor set twice", "\n    a: &a 1\n    b: *a\n    c: &a 2\n    d: *a", `{"a":1,"b":1,"c":2,"d":2}`},
		{"list at the key's column", "\n  - a\n  - b: c\n    d: e", `["a",{"b":"c","d":"e"}]`},
		{"list in a list", "\n  - - a\n    - b\n  - c", `[["a","b"],"c"]`},
		{"windows line ends", "\r\n    a: x\r\n    b: y\r\n", `{"a":"x","b":"y"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := json.Marshal(decoded(t, tt.yaml))
			if err != nil || string(got) != tt.want {
				t.Errorf("got %s (%v), want %s", got, err, tt.want)
			}
		})
	}
}

func TestSyntaxErrorsTellThePlace(t *testing.T) {
	tests := []struct{ name, text, at, says string }{
		{"colon in a value", "a: 1\nb: c: d\n", "t.yaml:2:5", "mapping values are not allowed"},
		{"open list", "a: [1, 2\n", "t.yaml:1:4", "did not find expected ',' or ']' before the end"},
		{"open list before more", "a: [1, 2\nb: 3\n", "t.yaml:2:2", "did not find expected ',' or ']' (it begins at line 1, column 4)"},
		{"open text", "a: 1\nb: \"x\n", "t.yaml:2:4", "before the end"},
		{"unknown alias", "a: 1\nb: *x\n", "t.yaml:2:4", "unknown anchor 'x'"},
		{"merge of a scalar", "a: &a 1\nb:\n  <<: *a\n", "t.yaml:1:4", "merge key"},
		{"alias in its anchor", "a: &x [1, *x]\n", "t.yaml:1:11", "not whole"},
		{"unknown tag", "a: !Ref x\n", "t.yaml:1:4", "!Ref"},
		{"second document", "---\na: 1\n---\nb: 2\n", "t.yaml:3:1", "second YAML document"},
		{"json", "{\"a\": 1,\n  \"b\" 2}", "t.yaml:2:7", "want ':'"},
		{"json end", `{"a": [1`, "t.yaml:1:9", "want ','"},
		{"json control character", "{\"a\": \"x\ny\" ", "t.yaml:1:9", "control character"},
		{"not UTF-8", "a: 1\nb: \xff\n", "t.yaml:2", "UTF-8"},
		{"deep", "a: " + strings.Repeat("[", 150) + strings.Repeat("]", 150), "t.yaml:1", "deeper"},
		{"deep json", strings.Repeat("[", 150) + strings.Repeat("]", 150), "t.yaml:1:102", "deeper"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := hot.Parse([]byte(tt.text), "t.yaml")
			e, ok := stoker.AsError(err)
			if !ok || e.Kind != stoker.Invalid {
				t.Fatalf("got %v, want an Invalid error", err)
			}
			if got := e.Pos.String(); !strings.HasPrefix(got, tt.at) || !strings.Contains(e.Message, tt.says) {
				t.Errorf("got %q, want it at %s to say %q", err, tt.at, tt.says)
			}
		})
	}
}

// TestBombs holds texts that would cost seconds or gigabytes if they were not
// refused.
func TestBombs(t *testing.T) {
	var laughs strings.Builder
	laughs.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < 12; i++ {
		ref := fmt.Sprintf("*a%d", i-1)
		fmt.Fprintf(&laughs, "a%d: &a%d [%s]\n", i, i, strings.Repeat(ref+", ", 9)+ref)
	}
	var merges strings.Builder
	merges.WriteString("m0: &m0 {k: v}\n")
	for i := 1; i < 12; i++ {
		fmt.Fprintf(&merges, "m%d: &m%d\n", i, i)
		for j := range 10 {
			fmt.Fprintf(&merges, "  k%d: *m%d\n", j, i-1)
		}
	}
	var long strings.Builder
	for i := range 90 {
		long.WriteString(strings.Repeat("  ", i) + strings.Repeat("k", 900) + ":\n")
	}
	long.WriteString(strings.Repeat("  ", 90) + "[" + strings.Repeat("0,", 150000) + "0]\n")
	tests := map[string]string{
		"billion laughs":      laughs.String(),
		"laughing maps":       merges.String(),
		"long paths":          long.String(),
		"many anchors":        strings.Repeat("a: &a b\n", 60000),
		"open brackets":       strings.Repeat("[", 400000),
		"open braces":         strings.Repeat("{a: ", 100000),
		"open json":           strings.Repeat(`{"a":`, 100000),
		"lists in one line":   strings.Repeat("- ", 250000),
		"keys in one line":    strings.Repeat("? ", 250000),
		"many keys":           strings.Repeat("a: b\n", 100000),
		"many different keys": manyKeys(40000),
		"many nulls":          strings.Repeat("a:\n", 150000),
		"null items":          strings.Repeat("-\n", 250000),
		"null items in flow":  "[" + strings.Repeat("a: ,", 120000) + "]",
		"wide flow map":       "{" + manyFlowKeys(30000) + "}",
		"flow nulls":          "{" + strings.Repeat("a,", 250000) + "}",
		"half flow nulls":     "{" + strings.Repeat("a, b: c,", 60000) + "}",
		"anchored nulls":      strings.Repeat("- &a\n", 900) + strings.Repeat("- !!null\n", 50000),
		"question marks":      strings.Repeat("? a\n", 120000),
		"long key":            strings.Repeat("k", 400000) + ": 1\n",
		"tags":                "a: " + strings.Repeat("!!a ", 100000),
		"too long":            strings.Repeat("#", hot.MaxTemplateSize+1),
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			begin := time.Now()
			if _, err := hot.Parse([]byte(text), ""); err == nil {
				t.Error("it was taken for a template")
			}
			if d := time.Since(begin); d > 30*time.Second {
				t.Errorf("it took %v", d)
			}
			t.Logf("%v", time.Since(begin))
		})
	}
}

func manyFlowKeys(n int) string {
	return strings.ReplaceAll(manyKeys(n), "\n", ",")
}

func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "key%d: b\n", i)
	}
	return b.String()
}

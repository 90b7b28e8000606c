package hot

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/stoker-project/stoker/internal/value"
)

// pyyaml answers each line, a text as a JSON string, with what Heat's loader makes
// of it: libyaml's parser, PyYAML's types, dates as strings.
const pyyaml = `
import json, sys, yaml

class Loader(yaml.CSafeLoader):
    pass
Loader.add_constructor('tag:yaml.org,2002:timestamp', lambda l, n: l.construct_scalar(n))

def plain(v):
    if isinstance(v, dict):
        return {key(k): plain(x) for k, x in v.items()}
    if isinstance(v, list):
        return [plain(x) for x in v]
    if isinstance(v, int) and not isinstance(v, bool) and not -2**63 <= v < 2**63:
        return float(v)
    if v is None or isinstance(v, (str, bool, int, float)):
        return v
    raise ValueError('%s is no value of templates' % type(v))

def key(k):
    if isinstance(k, (list, tuple, dict)):
        raise ValueError('a key must be a string')
    return k if isinstance(k, str) else json.dumps(plain(k))

for line in sys.stdin:
    text = json.loads(line)
    try:
        try:
            v = json.loads(text)
        except ValueError:
            v = yaml.load(text, Loader=Loader)
        out = json.dumps({'value': plain(v)})
    except Exception as e:
        out = json.dumps({'error': ' '.join(str(e).split()) or repr(e)})
    print(out, flush=True)
`

// pythonLoader is Debian's PyYAML in a process of its own.
type pythonLoader struct {
	mu  sync.Mutex
	in  io.Writer
	out *bufio.Reader
}

func startPyYAML(t testing.TB) *pythonLoader {
	t.Helper()
	const python = "/usr/bin/python3" // the one that sees Debian's modules
	if err := exec.Command(python, "-c", "import yaml; yaml.CSafeLoader").Run(); err != nil {
		t.Skipf("needs Debian's python3-yaml: %v", err)
	}
	cmd := exec.Command(python, "-c", pyyaml)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	return &pythonLoader{in: in, out: bufio.NewReader(out)}
}

// load gives the value of a text, or why PyYAML refuses it.
func (p *pythonLoader) load(t testing.TB, text string) (v any, refused string) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	line, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.in.Write(append(line, '\n')); err != nil {
		t.Fatal(err)
	}
	answer, err := p.out.ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	var a struct{ Error string }
	if strings.Contains(string(answer), "NaN") || strings.Contains(string(answer), "Infinity") {
		return math.NaN(), "" // JSON has no word for it: only that it is accepted is compared
	}
	if err := json.Unmarshal(answer, &a); err != nil {
		t.Fatalf("%s: %v", answer, err)
	}
	if a.Error != "" {
		return nil, a.Error
	}
	got, err := value.Decode(answer)
	if err != nil {
		t.Fatalf("%s: %v", answer, err)
	}
	return got.(map[string]any)["value"], ""
}

// compare holds that a text which PyYAML reads is read, and means the same.
func (p *pythonLoader) compare(t testing.TB, text string) {
	t.Helper()
	if !utf8.ValidString(text) {
		return // JSON does not carry it to Python
	}
	want, refused := p.load(t, text)
	if refused != "" {
		return
	}
	n, err := parseText([]byte(text))
	if err != nil && strings.Contains(err.Error(), "comment without preceding whitespace") {
		return // here the library holds to the specification
	}
	if err != nil {
		t.Errorf("%q: PyYAML makes %#v of it, here it is refused: %v", text, want, err)
		return
	}
	if f, ok := want.(float64); ok && math.IsNaN(f) {
		return
	}
	if !value.Equal(n.val, want) {
		t.Errorf("%q:\ngot  %#v\nwant %#v", text, n.val, want)
	}
}

// TestLikePyYAML compares with PyYAML: texts made for it, and the project's
// own templates.
func TestLikePyYAML(t *testing.T) {
	p := startPyYAML(t)
	for _, text := range likePyYAML {
		p.compare(t, text)
	}
	files, err := filepath.Glob("../examples/*/*.yaml")
	if err != nil || len(files) < 10 {
		t.Fatalf("found %d examples (%v)", len(files), err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		p.compare(t, string(text))
	}
}

// TestRefusedLikePyYAML holds texts that PyYAML refuses, and so do we.
func TestRefusedLikePyYAML(t *testing.T) {
	p := startPyYAML(t)
	for _, text := range []string{
		"{c:[3]}", "{d:{e: 4}}", "{w: ::}", "a: b: c", "a: [1", "a: {b", "a: 'x", "a: \"x", "\ta: 1",
		"a: 1\n b: 2", "a:\n\t- 1", "- a\nb: 1", "a: @x", "a: `x", "a: %x", "a: *x", "a: !x y", "a: &x\n  &y z", "a: \"\\q\"",
		"--- a\n--- b", "a: |x\n  y", "a: >0\n  y", "%YAML 2.0\n--- a", "a: \x01", "{a: 1}}", "[a]]", "a: [b] c", "'a' b: c",
		"{[a]: 1}", "? [a]\n: 1", "<<: 1", "a: &a [*a]", "key: - a",
	} {
		if _, refused := p.load(t, text); refused == "" {
			t.Errorf("%q: PyYAML reads it", text)
		}
		if n, err := parseText([]byte(text)); err == nil {
			t.Errorf("%q: it is taken for %#v", text, n.val)
		}
	}
}

// FuzzLikePyYAML looks for texts that PyYAML reads and we do not, or otherwise.
func FuzzLikePyYAML(f *testing.F) {
	p := startPyYAML(f)
	for _, text := range likePyYAML {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.ContainsAny(text, "[{") && strings.Contains(text, "?") {
			return // "{?a}" has an explicit key for libyaml, a key "?a" by the specification
		}
		if strings.ContainsAny(text, "&*!") {
			return // by the specification their names may hold nearly everything
		}
		// A last line of blanks without an end is a line to the library, as in YAML 1.2.
		p.compare(t, "k:\n  "+strings.ReplaceAll(strings.TrimRight(text, " \t"), "\n", "\n  ")+"\n")
	})
}

var likePyYAML = []string{
	"", "\n", "# only\n", "---\n", "--- a", "---\na: 1\n...\n", "%YAML 1.1\n---\na: 1\n", "a", "'a'", "- a", "null", "\ufeffa: 1",
	"a: b\n", "a:\n- b\n- c\n", "a:\n  - b\n  -\n  - c:\n    d: e\n", "- - a\n  - b\n- - c\n", "-\n  - a\n-\n", "? a\n: b\n", "? a\n? b\n", "? |\n  x\n: y\n",
	"a: 'it''s'\n", "a: \"x\\ty\\u00e9\\x41\\n\\\n  z\"\n", "a: \"x\n  y\n\n  z\"\n", "a: 'x\n  y'\n", "a: x\n  y\n  z\n", "a: x\n\n  y\n",
	"a: |\n  x\n   y\n\n  z\n\n\nb: 1\n", "a: |-\n  x\n", "a: |+\n  x\n\n", "a: >\n  x\n  y\n\n  z\n   w\n  v\n", "a: >-\n\n  x\n", "a: |2\n   x\n", "a: |\n\n\n  x\n", "a: |\n", "a: |\n  # no comment\n  x # y\n",
	"a: # c\n  b: 1 # d\n  # e\n  c: 'x' # f\n# g\nd: [1, # h\n  2]\n", "a: b#c\n", "a: 'b'# c\n",
	"{a: 1, b: [x, y], c: {d: e}}", "{a, b: , 'c': d, \"e\":f, 1: 2}", "[a: 1, {b: 2}, [c], d]", "[a, b, ]", "{a: 1, }", "[]", "{}", "[[], {}]", "[\n a,\n b\n]", "{\n a: 1,\n b:\n  c\n}", "[? a : b]", "{? a : b, ? c}",
	"{AWS::Region: {Ref: AWS::Region}, w: 1}", "{Fn::Join: [\"-\", [a, {Ref: b::c}]]}", "[a:b, {c::d: [e::f]}]", "{a:1}", "{u: http://x/y}", "{t: 1:30}", "{a?b: c}", "[a, b?c]", "a: b?", "a: ?b", "a: -b", "a: :b", "a::b: c", "a: b::c", "a: ::", "OS::Heat::*: x.yaml",
	"[-]", "[-, [a, b]]", "{a: -, b: 1, -: c}", "{a: [b,-]}", "a: -]\n", "a: 'x -, y'\n", "a: |\n  -, x\n# -]\n", "{-,-}", "a: \ue000\nb: [-, \ue001]\n", "- -]\n", "--]", "&- a", "[a -, b -]", "[- ]", "[ -\n, a]",
	"a: 1:30\nb: 0644\nc: 0o17\nd: 0x1F\ne: 0b11\nf: 1_000\ng: 1e3\nh: 1.5e+3\ni: .5\nj: 1.\nk: 08\nl: +1\nm: -0\nn: 190:20:30.15\no: 12345678901234567890123\n",
	"a: yes\nb: No\nc: on\nd: OFF\ne: True\nf: y\ng: ~\nh: Null\ni: \nj: nUll\nk: =\nl: <<\n",
	"a: 2013-05-23\nb: 2001-12-14t21:59:43.10-05:00\nc: 2013-5-3\n",
	"a: !!str 1\nb: !!int '2'\nc: !!float 3\nd: !!bool 'yes'\ne: !!null ''\nf: !!str\ng: !!map {a: 1}\nh: !!seq [1]\ni: !<tag:yaml.org,2002:str> 5\nj: ! 6\n",
	"%TAG !y! tag:yaml.org,2002:\n---\na: !y!str 1\n", "a: !!float 1:30\nb: !!int 0x10\nc: !!float 1e3\nd: !!str yes\n",
	"a: &x 1\nb: *x\nc: &x 2\nd: *x\n", "a: &x [1, 2]\nb: [*x, *x]\n", "a: &x {b: 1}\nc:\n  <<: *x\n  d: 2\n", "a: &x {b: 1}\ny: &y {b: 2, c: 3}\nd: {<<: [*x, *y], e: 1}\n", "a: &x\n  b: 1\nc: {'<<': *x}\n", "&k a: 1\nb: *k\n", "a: &x {b: 1}\nc:\n  d: 2\n  <<: *x\n  <<: {e: 3}\n", "? &x a\n: *x\n", "a: &x !!str 1\nb: !!str &y 2\n",
	"a: 1\na: 2\n", "2: a\ntrue: b\n~: c\n1.5: d\n2013-05-23: e\n", "yes: 1\n", "'yes': 1\n",
	"a: x\r\nb: |\r\n  y\r\n  z\r\n", "a: x\rb: y\r", "a: \u2028x\n", "a: \u0085b\n", "é: ü\n", "a: 😀\n", "a: \"😀\"\n",
	"a:    b   \n", "a :  b\n", "a: \tb\n", "a:\tb\n", "- \ta\n", "a: b\tc\n", "  a: 1\n  b: 2\n", "a:\n    b:\n     c:\n      d\n", "a: [x\n, y]\n", "a: {x: 1,\ny: 2}\n",
	"a: a,b\n", "a: {x: a b c, y: d-e}\n", "a: [a b, -1, - ]\n", "a: x!y&z*w\n", "a: x: \n", "key with spaces: 1\n", "\"quoted\": 1\n'q': 2\n", "a: '#x'\nb: #x\n", "a: [#x\n 1]\n",
	"a:\n- b: 1\n  c: 2\n-   d: 3\n    e: 4\n", "- a: 1\n- b\n", "-\n a: 1\n", "a: |\n x\n y\nb: >\n x\n y\n", fmt.Sprintf("%s: 1\n", strings.Repeat("k", 1000)), fmt.Sprintf("? %s\n: 1\n", strings.Repeat("k", 2000)),
	`{"a": 1, "b": [true, null, 1.5, "x\u00e9"]}`, `{"a": 1,}`, `{"a":1 , 'b': 2}`, `["a", b]`, "{\"a\":\n\"b\"}",
}

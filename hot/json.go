package hot

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"
)

// parseJSON reads JSON text into nodes. encoding/json would lose the order of
// keys and the places, or cost several times as much token by token; generated
// templates of a thousand resources are read often. How many values there are is not checked.
func parseJSON(text []byte) (*node, error) {
	return (&jsonParser{text: text, line: 1, known: map[string]any{}}).parse()
}

func (p *jsonParser) parse() (*node, error) {
	n, err := p.value(0)
	if err != nil {
		return nil, err
	}
	p.space()
	if p.at < len(p.text) {
		return nil, p.errorf("text after the end of the JSON value")
	}
	return n, nil
}

type jsonParser struct {
	text      []byte
	at        int
	line      int
	lineStart int
	// generated texts have no places that anybody looks at.
	generated bool
	last      struct { // definition that was read
		text []byte
		node *node
	}

	// Most of the time goes into memory, so nodes come from slabs, short strings
	// that come again are shared, and open maps and lists collect on stacks.
	slab  []node
	known map[string]any
	open  struct {
		keys []string
		kids []*node
	}
}

// node makes a node at the current place.
func (p *jsonParser) node() *node {
	if len(p.slab) == 0 {
		p.slab = make([]node, 128)
	}
	n := &p.slab[0]
	p.slab = p.slab[1:]
	n.size, n.line, n.col = 1, int32(p.line), int32(p.at-p.lineStart+1)
	return n
}

func (p *jsonParser) errorf(format string, args ...any) error {
	return syntaxError(p.line, p.at-p.lineStart+1, fmt.Sprintf(format, args...))
}

// space skips white space.
func (p *jsonParser) space() {
	for ; p.at < len(p.text); p.at++ {
		switch p.text[p.at] {
		case '\n':
			p.line++
			p.lineStart = p.at + 1
		case ' ', '\t', '\r':
		default:
			return
		}
	}
}

// peek gives the next byte that is not white space, 0 at the end.
func (p *jsonParser) peek() byte {
	p.space()
	if p.at == len(p.text) {
		return 0
	}
	return p.text[p.at]
}

func (p *jsonParser) value(depth int) (*node, error) {
	c := p.peek()
	if depth > maxDepth {
		return nil, tooDeep(p.line, p.at-p.lineStart+1)
	}
	switch {
	case c == '{' && p.generated && depth == definitionDepth:
		return p.definition(depth)
	case c == '{':
		return p.object(depth)
	case c == '[':
		return p.array(depth)
	case c == 0 && p.at == len(p.text):
		return nil, p.errorf("the JSON text ends too early")
	}
	n := p.node()
	var err error
	if c == '"' {
		n.val, err = p.str()
	} else {
		n.val, err = p.bare()
	}
	return n, err
}

func (p *jsonParser) object(depth int) (*node, error) {
	n := p.node()
	keys, kids := len(p.open.keys), len(p.open.kids)
	p.at++
	for done := p.end('}'); !done; {
		key, err := p.key()
		if err != nil {
			return nil, err
		}
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		p.open.keys, p.open.kids = append(p.open.keys, key), append(p.open.kids, v)
		if done, err = p.separator('}'); err != nil {
			return nil, err
		}
	}
	b := newMapBuilder(n, len(p.open.keys)-keys)
	for i, key := range p.open.keys[keys:] {
		b.add(key, p.open.kids[kids+i], true)
	}
	p.open.keys, p.open.kids = p.open.keys[:keys], p.open.kids[:kids]
	return n, nil
}

// key reads a key and its colon.
func (p *jsonParser) key() (string, error) {
	if p.peek() != '"' {
		return "", p.errorf("want a key in double quotes")
	}
	v, err := p.str()
	if err != nil {
		return "", err
	}
	key := v.(string)
	if p.peek() != ':' {
		return "", p.errorf("want ':' after the key %q", key)
	}
	p.at++
	return key, nil
}

func (p *jsonParser) array(depth int) (*node, error) {
	n := p.node()
	kids := len(p.open.kids)
	p.at++
	for done := p.end(']'); !done; {
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		p.open.kids = append(p.open.kids, v)
		if done, err = p.separator(']'); err != nil {
			return nil, err
		}
	}
	items := make([]any, len(p.open.kids)-kids)
	n.kids = make([]*node, 0, len(items))
	for i, v := range p.open.kids[kids:] {
		n.append(v)
		items[i] = v.val
	}
	n.val = items
	p.open.kids = p.open.kids[:kids]
	return n, nil
}

// end takes the end of an empty map or list.
func (p *jsonParser) end(c byte) bool {
	if p.peek() != c {
		return false
	}
	p.at++
	return true
}

func (p *jsonParser) separator(end byte) (done bool, err error) {
	switch p.peek() {
	case end:
		p.at++
		return true, nil
	case ',':
		p.at++
		return false, nil
	}
	return false, p.errorf("want ',' or '%c'", end)
}

// str reads a string; the common one without escapes costs one copy.
func (p *jsonParser) str() (any, error) {
	start := p.at
	for i := p.at + 1; i < len(p.text); i++ {
		switch c := p.text[i]; {
		case c == '"':
			p.at = i + 1
			return p.share(p.text[start+1 : i]), nil
		case c == '\\':
			return p.escaped(start, i)
		case c < ' ':
			p.at = i
			return "", p.errorf("a line break or control character in a JSON string")
		}
	}
	return "", p.errorf("a JSON string without an end")
}

// share makes a string, short ones only once.
func (p *jsonParser) share(b []byte) any {
	if len(b) > 24 {
		return string(b)
	}
	if v, ok := p.known[string(b)]; ok {
		return v
	}
	s := string(b)
	var v any = s
	p.known[s] = v
	return v
}

func (p *jsonParser) escaped(start, i int) (any, error) {
	for ; i < len(p.text) && p.text[i] != '"'; i++ {
		if p.text[i] == '\\' {
			i++
		}
	}
	if i >= len(p.text) {
		return "", p.errorf("a JSON string without an end")
	}
	var s string
	if err := json.Unmarshal(p.text[start:i+1], &s); err != nil {
		return "", p.errorf("a JSON string with an invalid escape or character")
	}
	p.at = i + 1
	return s, nil
}

// bare reads a number, true, false or null.
func (p *jsonParser) bare() (any, error) {
	start := p.at
	end := start
	for end < len(p.text) && !delimits(p.text[end]) {
		end++
	}
	var v any
	switch string(p.text[start:end]) {
	case "true":
		v = true
	case "false":
		v = false
	case "null":
	default:
		if !json.Valid(p.text[start:end]) {
			_, size := utf8.DecodeRune(p.text[start:])
			return nil, p.errorf("unexpected %q", p.text[start:max(min(end, start+20), start+size)])
		}
		n, err := jsonNumber(string(p.text[start:end]))
		if err != nil {
			return nil, p.errorf("%v", err)
		}
		v = n
	}
	p.at = end
	return v, nil
}

func delimits(c byte) bool {
	switch c {
	case ' ', '\t', '\r', '\n', ',', ':', ']', '}', '[', '{', '"':
		return true
	}
	return false
}

func jsonNumber(s string) (any, error) {
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return i, nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsInf(f, 0) {
		return nil, fmt.Errorf("number %s is out of range", s)
	}
	return f, nil
}

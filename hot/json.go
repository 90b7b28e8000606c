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
// templates of a thousand resources are read often.
func parseJSON(text []byte) (*node, error) {
	p := &jsonParser{text: text, line: 1}
	n, err := p.value(0)
	if err != nil {
		return nil, err
	}
	p.space()
	if p.at < len(p.text) {
		return nil, p.errorf("text after the end of the JSON value")
	}
	return n, n.check()
}

type jsonParser struct {
	text      []byte
	at        int
	line      int
	lineStart int
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
	case c == '{':
		return p.object(depth)
	case c == '[':
		return p.array(depth)
	case c == 0 && p.at == len(p.text):
		return nil, p.errorf("the JSON text ends too early")
	}
	n := &node{size: 1, line: p.line, col: p.at - p.lineStart + 1}
	var err error
	if c == '"' {
		n.val, err = p.str()
	} else {
		n.val, err = p.bare()
	}
	return n, err
}

func (p *jsonParser) object(depth int) (*node, error) {
	b := newMapBuilder(p.line, p.at-p.lineStart+1)
	p.at++
	if p.peek() == '}' {
		p.at++
		return b.n, nil
	}
	for {
		if p.peek() != '"' {
			return nil, p.errorf("want a key in double quotes")
		}
		key, err := p.str()
		if err != nil {
			return nil, err
		}
		if p.peek() != ':' {
			return nil, p.errorf("want ':' after the key %q", key)
		}
		p.at++
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		b.add(key, v, true)
		if done, err := p.separator('}'); done || err != nil {
			return b.n, err
		}
	}
}

func (p *jsonParser) array(depth int) (*node, error) {
	n := &node{size: 1, line: p.line, col: p.at - p.lineStart + 1}
	items := []any{}
	p.at++
	if p.peek() == ']' {
		p.at++
		n.val = items
		return n, nil
	}
	for {
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		n.append(v)
		items = append(items, v.val)
		if done, err := p.separator(']'); done || err != nil {
			n.val = items
			return n, err
		}
	}
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
func (p *jsonParser) str() (string, error) {
	start := p.at
	for i := p.at + 1; i < len(p.text); i++ {
		switch c := p.text[i]; {
		case c == '"':
			p.at = i + 1
			return string(p.text[start+1 : i]), nil
		case c == '\\':
			return p.escaped(start, i)
		case c < ' ':
			p.at = i
			return "", p.errorf("a line break or control character in a JSON string")
		}
	}
	return "", p.errorf("a JSON string without an end")
}

func (p *jsonParser) escaped(start, i int) (string, error) {
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
	word := string(p.text[start:end])
	var v any
	switch word {
	case "true", "false":
		v = word == "true"
	case "null":
	default:
		if !json.Valid(p.text[start:end]) {
			_, size := utf8.DecodeRune(p.text[start:])
			return nil, p.errorf("unexpected %q", p.text[start:max(min(end, start+20), start+size)])
		}
		n, err := jsonNumber(word)
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

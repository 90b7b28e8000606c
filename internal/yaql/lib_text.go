package yaql

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

func textRows() []row {
	return []row{
		{asBoth, "len", "string:string", func(c *call) any { return int64(utf8.RuneCountInString(c.str(0))) }},
		{asFunction, "concat", "args:string*", func(c *call) any { return strings.Join(texts(c.many), "") }},
		{asMethod, "toUpper", "string:string", func(c *call) any { return strings.ToUpper(c.str(0)) }},
		{asMethod, "toLower", "string:string", func(c *call) any { return strings.ToLower(c.str(0)) }},
		{asMethod, "split", "string:string separator:string0? maxSplits:int?", func(c *call) any {
			return splitText(c.str(0), c.anyOr(1, nil), c.intOr(2, -1), false)
		}},
		{asMethod, "rightSplit", "string:string separator:string0? maxSplits:int?", func(c *call) any {
			return splitText(c.str(0), c.anyOr(1, nil), c.intOr(2, -1), true)
		}},
		{asMethod, "join", "sequence:items separator:string", func(c *call) any { return c.join(0, c.str(1)) }},
		{asMethod, "join", "separator:string sequence:items", func(c *call) any { return c.join(1, c.str(0)) }},
		{asMethod, "trim", "string:string chars:string0?", func(c *call) any { return strings.Trim(c.str(0), c.strOr(1, space)) }},
		{asMethod, "trimLeft", "string:string chars:string0?", func(c *call) any { return strings.TrimLeft(c.str(0), c.strOr(1, space)) }},
		{asMethod, "trimRight", "string:string chars:string0?", func(c *call) any { return strings.TrimRight(c.str(0), c.strOr(1, space)) }},
		{asBoth, "norm", "string:string0 chars:string0?", func(c *call) any {
			if s := strings.Trim(c.strOr(0, ""), c.strOr(1, space)); s != "" {
				return s
			}
			return nil
		}},
		{asBoth, "isEmpty", "string:string0 trim:bool? chars:string0?", func(c *call) any {
			s := c.strOr(0, "")
			if c.boolOr(1, true) {
				s = strings.Trim(s, c.strOr(2, space))
			}
			return s == ""
		}},
		{asMethod, "replace", "string:string old:string new:string count:int?", func(c *call) any {
			return c.replaceText(c.str(0), c.str(1), c.str(2), c.intOr(3, -1))
		}},
		{asMethod, "replace", "string:string replacements:dict count:int?", func(c *call) any {
			s := c.str(0)
			for k, v := range c.dict(1).each() {
				s = c.replaceText(s, str(k), str(v), c.intOr(2, -1))
			}
			return s
		}},
		{asBoth, "format", "string:string args:any* named:any**", func(c *call) any {
			return format(c.str(0), c.many, c.named)
		}},
		{asMethod, "substring", "string:string start:int length:int?", func(c *call) any {
			return substring([]rune(c.str(0)), c.int(1), c.intOr(2, -1))
		}},
		{asMethod, "indexOf", "string:string sub:string start:int? length:int?", func(c *call) any { return c.find(strings.Index) }},
		{asMethod, "lastIndexOf", "string:string sub:string start:int? length:int?", func(c *call) any { return c.find(strings.LastIndex) }},
		{asMethod, "toCharArray", "string:string", func(c *call) any { return characters(c.str(0)) }},
		{asMethod, "startsWith", "string:string prefixes:string*", func(c *call) any {
			return slices.ContainsFunc(texts(c.many), func(p string) bool { return strings.HasPrefix(c.str(0), p) })
		}},
		{asMethod, "endsWith", "string:string suffixes:string*", func(c *call) any {
			return slices.ContainsFunc(texts(c.many), func(p string) bool { return strings.HasSuffix(c.str(0), p) })
		}},
		{asFunction, "characters", characterParams, func(c *call) any { return c.characters() }},
	}
}

// space is what Python's strip() strips.
const space = " \t\n\r\v\f\x1c\x1d\x1e\x1f\u0085\u00a0\u2028\u2029"

func texts(vals []any) []string {
	out := make([]string, len(vals))
	for i, v := range vals {
		out[i] = v.(string)
	}
	return out
}

func (c *call) join(items int, separator string) any {
	var parts []string
	size := 0
	for v := range c.items(items) {
		s := str(v)
		if size += len(s); size > maxSize {
			tooMuch()
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, separator)
}

// splitText splits at white space without a separator, at most limit times, from
// the right if asked.
func splitText(s string, separator any, limit int64, right bool) any {
	if separator == "" {
		fail("ValueError", "empty separator")
	}
	find := func(s string) (start, end int) {
		if sep, ok := separator.(string); ok {
			start = strings.Index(s, sep)
			if right {
				start = strings.LastIndex(s, sep)
			}
			return start, start + len(sep)
		}
		return spaceIn(s, right)
	}
	trim := func(s string) string {
		switch {
		case separator != nil:
			return s
		case right:
			return strings.TrimRightFunc(s, unicode.IsSpace)
		}
		return strings.TrimLeftFunc(s, unicode.IsSpace)
	}
	out := []any{}
	s = trim(s)
	for ; limit != 0; limit-- {
		i, j := find(s)
		if i < 0 {
			break
		}
		if right {
			out, s = append(out, s[j:]), trim(s[:i])
		} else {
			out, s = append(out, s[:i]), trim(s[j:])
		}
	}
	if s != "" || separator != nil {
		out = append(out, s)
	}
	if right {
		slices.Reverse(out)
	}
	return out
}

// spaceIn finds white space between words, the last if asked.
func spaceIn(s string, last bool) (start, end int) {
	if last {
		if end = strings.LastIndexFunc(s, unicode.IsSpace); end < 0 {
			return -1, -1
		}
		_, size := utf8.DecodeRuneInString(s[end:])
		return end, end + size
	}
	if start = strings.IndexFunc(s, unicode.IsSpace); start < 0 {
		return -1, -1
	}
	_, size := utf8.DecodeRuneInString(s[start:])
	return start, start + size
}

// replaceText stops before the text becomes too large.
func (c *call) replaceText(s, old, with string, count int64) string {
	n := int64(strings.Count(s, old))
	if count >= 0 {
		n = min(n, count)
	}
	if grown := int64(len(s)) + n*int64(len(with)-len(old)); grown > maxSize {
		tooMuch()
	}
	return strings.Replace(s, old, with, int(n))
}

func substring(s []rune, start, length int64) any {
	n := int64(len(s))
	if length < 0 {
		length = n
	}
	if start < 0 {
		start += n
	}
	stop := min(start+min(length, n), n)
	if start < 0 { // as a slice in Python: from the end again
		start = max(start+n, 0)
		if stop < 0 {
			stop += n
		}
	}
	if start >= stop {
		return ""
	}
	return string(s[start:stop])
}

// find gives the position of a text within a part of another one, -1 for none.
func (c *call) find(index func(s, sub string) int) any {
	s := []rune(c.str(0))
	n := int64(len(s))
	start := c.intOr(2, 0)
	if start < 0 {
		start = max(start+n, 0)
	}
	stop := n
	if length := c.intOr(3, -1); length >= 0 {
		stop = min(start+min(length, n), n)
	}
	if start > stop {
		return int64(-1)
	}
	part := string(s[start:stop])
	i := index(part, c.str(1))
	if i < 0 {
		return int64(-1)
	}
	return start + int64(utf8.RuneCountInString(part[:i]))
}

func characters(s string) any {
	out := []any{}
	for _, r := range s {
		out = append(out, string(r))
	}
	return out
}

const characterParams = "digits:bool? hexdigits:bool? asciiLowercase:bool? asciiUppercase:bool? asciiLetters:bool? " +
	"octdigits:bool? punctuation:bool? whitespace:bool? printable:bool?"

// characters lists the characters of some classes, in their order.
func (c *call) characters() any {
	const (
		digits = "0123456789"
		lower  = "abcdefghijklmnopqrstuvwxyz"
		upper  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		punct  = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
		white  = " \t\n\r\v\f"
	)
	classes := []string{digits, digits + "abcdefABCDEF", lower, upper, lower + upper, "01234567", punct, white,
		digits + lower + upper + punct + white}
	var all string
	for i, class := range classes {
		if c.boolOr(i, false) {
			all += class
		}
	}
	chars := characters(all).([]any)
	return c.e.newSet(slices.Values(chars)).keys
}

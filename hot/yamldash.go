package hot

import (
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// To libyaml, and so to Heat, a dash between a bracket and a comma is a text, as in
// {list_join: [-, [a, b]]}; the library refuses it, as YAML 1.2 does. So such
// dashes are hidden from it, and put back into the values. It changes nothing
// inside quoted texts, blocks and comments.

// hideDashes puts mark, a character that is not in the text, in the place of lone
// dashes before a comma or closing bracket; mark is 0 if there are none.
func hideDashes(text string) (hidden string, mark rune) {
	var b strings.Builder
	from := 0
	for i := 0; ; i++ {
		next := strings.IndexByte(text[i:], '-')
		if next < 0 {
			break
		}
		if i += next; !loneDash(text, i) {
			continue
		}
		if mark == 0 {
			mark = unused(text)
		}
		b.WriteString(text[from:i])
		b.WriteRune(mark)
		from = i + 1
	}
	if mark == 0 {
		return text, 0
	}
	b.WriteString(text[from:])
	return b.String(), mark
}

// loneDash tells whether the dash at i may begin a scalar and be all of it.
func loneDash(text string, i int) bool {
	return i+1 < len(text) && strings.IndexByte(",]}", text[i+1]) >= 0 &&
		i > 0 && strings.IndexByte(" \t\r\n,[{:", text[i-1]) >= 0
}

// unused gives a private character that is not in the text.
func unused(text string) rune {
	mark := '\ue000'
	for strings.ContainsRune(text, mark) {
		mark++
	}
	return mark
}

// showDashes puts the dashes back, below y.
func showDashes(y *yaml.Node, mark rune) {
	if mark == 0 {
		return
	}
	y.Value = strings.ReplaceAll(y.Value, string(utf8.AppendRune(nil, mark)), "-")
	for _, kid := range y.Content {
		showDashes(kid, mark)
	}
}

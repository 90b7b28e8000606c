package hot

import (
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/token"
)

// The YAML library takes the first colon of a plain key inside braces for the end
// of the key: {Fn::Join: x} becomes {Fn: ":Join: x"}. To YAML, a colon ends a key
// only before white space, a bracket or a comma. So all others are hidden from the
// library's scanner, and put back into its tokens. Inside quoted texts and blocks that
// changes nothing.

// hideColons puts mark, a character that is not in the text, in the place of
// colons that end no key; mark is 0 if there are none.
func hideColons(text string) (hidden string, mark rune) {
	if !strings.Contains(text, "{") {
		return text, 0
	}
	for mark = '\ue000'; strings.ContainsRune(text, mark); mark++ {
	}
	var b strings.Builder
	b.Grow(len(text) + len(text)/16)
	from := 0
	for i := strings.IndexByte(text, '{'); i < len(text); i++ {
		if text[i] == ':' && !endsKey(text, i) {
			b.WriteString(text[from:i])
			b.WriteRune(mark)
			from = i + 1
		}
	}
	if from == 0 {
		return text, 0
	}
	b.WriteString(text[from:])
	return b.String(), mark
}

// endsKey tells whether the colon at i may end a key. Behind a quoted key it may
// stand before anything.
func endsKey(text string, i int) bool {
	if i > 0 && strings.IndexByte("\"'}]", text[i-1]) >= 0 {
		return true
	}
	return i+1 == len(text) || strings.IndexByte(" \t\r\n,[]{}", text[i+1]) >= 0
}

// showColons puts the colons back.
func showColons(tokens token.Tokens, mark rune) {
	if mark == 0 {
		return
	}
	m := string(utf8.AppendRune(nil, mark))
	for _, t := range tokens {
		for _, text := range []*string{&t.Value, &t.Origin, &t.Error} {
			if strings.Contains(*text, m) { // much faster than to count them in each
				*text = strings.ReplaceAll(*text, m, ":")
			}
		}
	}
}

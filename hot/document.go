package hot

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	stoker "github.com/stoker-project/stoker"
)

// parseDocument reads a text: JSON if it is JSON, otherwise YAML. An empty text
// is the null value.
func parseDocument(text []byte, file string) (*node, error) {
	if len(text) > MaxTemplateSize {
		return nil, &stoker.Error{Kind: stoker.Invalid, Type: "RequestLimitExceeded", Pos: stoker.Pos{File: file},
			Message: fmt.Sprintf("the text has %d bytes, the maximum is %d", len(text), MaxTemplateSize)}
	}
	n, err := parseText(text)
	if e, ok := err.(*stoker.Error); ok {
		e.Pos.File = file
	}
	return n, err
}

func parseText(text []byte) (*node, error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	if i := invalidUTF8(text); i >= 0 {
		return nil, syntaxError(bytes.Count(text[:i], []byte("\n"))+1, 0, "the text is not UTF-8")
	}
	if !looksLikeJSON(text) {
		return parseYAML(text)
	}
	n, jsonErr := parseJSON(text)
	if jsonErr == nil {
		return n, n.check()
	}
	// YAML's flow style looks like JSON, too.
	if n, err := parseYAML(text); err == nil {
		return n, nil
	}
	return nil, jsonErr
}

func looksLikeJSON(text []byte) bool {
	t := bytes.TrimLeft(text, " \t\r\n")
	return len(t) > 0 && (t[0] == '{' || t[0] == '[')
}

func invalidUTF8(text []byte) int {
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

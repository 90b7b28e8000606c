package yaql

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

type tokenKind int

const (
	end      tokenKind = iota
	number             // val is int64 or float64
	text               // val is a string
	word               // an identifier, or true, false, null, not, and, or, in, mod
	function           // an identifier with the ( behind it
	dollar             // a variable; the name is without its $
	symbol             // an operator or bracket
)

type token struct {
	kind tokenKind
	name string // of words, functions and variables; the symbol
	val  any
	at   int // in bytes
}

// symbols are the operators that are not words, longest first.
func symbols() []string {
	return []string{"->", "=>", "=~", "!~", "?.", ">=", "<=", "!=", ".", "+", "-", "*", "/", ">", "<", "=",
		"(", ")", "[", "]", "{", "}", ","}
}

// isOperatorWord tells whether a word is an operator, also directly before a (.
func isOperatorWord(s string) bool {
	switch s {
	case "not", "and", "or", "in", "mod":
		return true
	}
	return false
}

func isLetter(r rune) bool { return r == '_' || unicode.IsLetter(r) }
func isPart(r rune) bool   { return isLetter(r) || unicode.IsNumber(r) }

// lex cuts a text into tokens, the last of kind end.
func lex(s string) []token {
	var out []token
	for at := 0; ; {
		at += len(s[at:]) - len(strings.TrimLeft(s[at:], " \t\r\n"))
		if at == len(s) {
			return append(out, token{kind: end, at: at})
		}
		t, size := lexOne(s, at)
		t.at = at
		out = append(out, t)
		at += size
	}
}

func lexOne(s string, at int) (token, int) {
	rest := s[at:]
	r, _ := utf8.DecodeRuneInString(rest)
	switch {
	case r == '$':
		n := wordLen(rest[1:])
		return token{kind: dollar, name: rest[1 : 1+n]}, 1 + n
	case r >= '0' && r <= '9':
		return lexNumber(s, at)
	case isLetter(r) && !(strings.HasPrefix(rest, "__")):
		n := wordLen(rest)
		name := rest[:n]
		if strings.HasPrefix(rest[n:], "(") && !isOperatorWord(name) {
			return token{kind: function, name: name}, n + 1
		}
		return token{kind: word, name: name}, n
	case r == '\'' || r == '"' || r == '`':
		return lexText(s, at, byte(r))
	}
	for _, sym := range symbols() {
		if strings.HasPrefix(rest, sym) {
			return token{kind: symbol, name: sym}, len(sym)
		}
	}
	illegal(s, at)
	return token{}, 0
}

func illegal(s string, at int) {
	r, _ := utf8.DecodeRuneInString(s[at:])
	fail("YaqlLexicalException", fmt.Sprintf("Lexical error: illegal character '%c' at position %d", r, position(s, at)))
}

// position counts characters, as Python does.
func position(s string, at int) int { return utf8.RuneCountInString(s[:at]) }

func wordLen(s string) int {
	i := strings.IndexFunc(s, func(r rune) bool { return !isPart(r) })
	if i < 0 {
		return len(s)
	}
	return i
}

// lexNumber reads digits, and a fraction if digits follow the point.
func lexNumber(s string, at int) (token, int) {
	digits := func(i int) int {
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
		return i
	}
	stop := digits(at)
	if stop+1 < len(s) && s[stop] == '.' && digits(stop+1) > stop+1 {
		stop = digits(stop + 1)
	}
	if wordLen(s[stop:]) > 0 {
		illegal(s, at)
	}
	lit := s[at:stop]
	if i, err := strconv.ParseInt(lit, 10, 64); err == nil {
		return token{kind: number, name: lit, val: i}, len(lit)
	}
	f, err := strconv.ParseFloat(lit, 64)
	if err != nil {
		illegal(s, at)
	}
	return token{kind: number, name: lit, val: f}, len(lit)
}

// lexText reads a text in quotes; one in backquotes knows no escape but its own.
func lexText(s string, at int, quote byte) (token, int) {
	for i := at + 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case quote:
			raw := s[at+1 : i]
			if quote == '`' {
				raw = strings.ReplaceAll(raw, "\\`", "`")
			} else {
				raw = unescape(raw)
			}
			return token{kind: text, name: s[at : i+1], val: raw}, i + 1 - at
		}
	}
	illegal(s, at)
	return token{}, 0
}

// unescape replaces Python's escapes; what is none stays as it is.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			i++
			continue
		}
		r, size := escape(s[i+1:])
		if size == 0 {
			b.WriteByte('\\')
			i++
			continue
		}
		b.WriteRune(r)
		i += 1 + size
	}
	return b.String()
}

// escape reads what is behind a backslash; size 0 if that is no escape.
func escape(s string) (r rune, size int) {
	if i := strings.IndexByte(`\'"abfnrtv`, s[0]); i >= 0 {
		return rune("\\'\"\a\b\f\n\r\t\v"[i]), 1
	}
	code := func(digits string, base int) (rune, bool) {
		v, err := strconv.ParseUint(digits, base, 32)
		return rune(v), err == nil && v <= unicode.MaxRune
	}
	for prefix, n := range map[byte]int{'x': 2, 'u': 4, 'U': 8} {
		if s[0] == prefix && len(s) > n {
			if r, ok := code(s[1:1+n], 16); ok {
				return r, 1 + n
			}
		}
	}
	n := 0
	for n < len(s) && n < 3 && s[n] >= '0' && s[n] <= '7' {
		n++
	}
	if r, ok := code(s[:n], 8); ok && n > 0 {
		return r, n
	}
	return 0, 0
}

package process

import (
	"errors"
	"fmt"
	"strings"
)

// splitWords splits a command line as a POSIX shell does: blanks, quotes and
// backslashes, and $NAME or ${NAME} outside single quotes, which is never split
// again. Nothing else of a shell is there; its operators are refused, so that
// nobody believes them to work.
func splitWords(line string, lookup func(name string) (string, bool)) ([]string, error) {
	s := splitter{rest: line, lookup: lookup}
	for s.rest != "" {
		if err := s.step(); err != nil {
			return nil, err
		}
	}
	s.endWord()
	return s.words, nil
}

type splitter struct {
	rest   string
	lookup func(string) (string, bool)
	words  []string
	word   strings.Builder
	inWord bool // also true for an empty word: ''
}

// step takes one character or one quoted piece off the rest.
func (s *splitter) step() error {
	c := s.rest[0]
	switch c {
	case ' ', '\t', '\n', '\r':
		s.rest = s.rest[1:]
		s.endWord()
		return nil
	case '\'':
		return s.singleQuoted()
	case '"':
		return s.doubleQuoted()
	case '\\':
		if len(s.rest) < 2 {
			return errors.New("it ends with a backslash")
		}
		if s.rest[1] != '\n' {
			s.add(s.rest[1:2])
		}
		s.rest = s.rest[2:]
		return nil
	case '$':
		return s.variable()
	case '|', '&', ';', '<', '>', '(', ')', '`':
		return fmt.Errorf("%q has no meaning here, there is no shell (quote it, or use sh -c '...')", c)
	}
	s.add(s.rest[:1])
	s.rest = s.rest[1:]
	return nil
}

func (s *splitter) singleQuoted() error {
	text, rest, closed := strings.Cut(s.rest[1:], "'")
	if !closed {
		return errors.New("a ' is not closed")
	}
	s.add(text)
	s.rest = rest
	return nil
}

func (s *splitter) doubleQuoted() error {
	s.rest = s.rest[1:]
	s.add("")
	for s.rest != "" {
		switch c := s.rest[0]; {
		case c == '"':
			s.rest = s.rest[1:]
			return nil
		case c == '$':
			if err := s.variable(); err != nil {
				return err
			}
		case c == '\\' && len(s.rest) > 1 && strings.IndexByte("$`\"\\\n", s.rest[1]) >= 0:
			if s.rest[1] != '\n' {
				s.add(s.rest[1:2])
			}
			s.rest = s.rest[2:]
		default:
			s.add(s.rest[:1])
			s.rest = s.rest[1:]
		}
	}
	return errors.New(`a " is not closed`)
}

// variable takes $NAME or ${NAME}; a $ before anything else stands for itself.
func (s *splitter) variable() error {
	rest := s.rest[1:]
	braced := strings.HasPrefix(rest, "{")
	rest = strings.TrimPrefix(rest, "{")
	n := 0
	for n < len(rest) && isEnvByte(rest[n], n) {
		n++
	}
	name, after := rest[:n], rest[n:]
	if braced {
		if name == "" || !strings.HasPrefix(after, "}") {
			return errors.New("after ${ there must be a name and }")
		}
		after = after[1:]
	}
	if name == "" {
		s.add("$")
		s.rest = after
		return nil
	}
	value, ok := s.lookup(name)
	if !ok {
		return fmt.Errorf("the variable %s is not set", name)
	}
	s.add(value)
	s.rest = after
	return nil
}

func (s *splitter) add(text string) {
	s.word.WriteString(text)
	s.inWord = true
}

func (s *splitter) endWord() {
	if s.inWord {
		s.words = append(s.words, s.word.String())
	}
	s.word.Reset()
	s.inWord = false
}

func isEnvName(name string) bool {
	for i := range len(name) {
		if !isEnvByte(name[i], i) {
			return false
		}
	}
	return name != ""
}

func isEnvByte(c byte, at int) bool {
	return c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || at > 0 && '0' <= c && c <= '9'
}

package hot

import (
	"fmt"

	"github.com/goccy/go-yaml/token"
)

// What the YAML parser may be asked to do. Its time and memory grow with the
// square of some of these, so texts are measured before they are parsed.
const (
	maxKeyLength = 1024     // as in PyYAML
	maxSpecial   = 1000     // anchors, aliases and explicit keys ("? key")
	maxPathBytes = 64 << 20 // the parser stores the path of every value
	maxMoves     = 50e6     // the parser copies what follows a key or an empty value
)

// checkTokens refuses texts that would make the parser slow or deep: open
// brackets and indentation bound the nesting.
func checkTokens(tokens token.Tokens) error {
	var g guard
	for i, t := range tokens {
		if t.Position == nil {
			continue
		}
		if err := g.see(tokens, i); err != nil {
			return err
		}
	}
	return nil
}

// guard follows the nesting of a token stream, roughly but never too low.
type guard struct {
	levels  []level
	flow    int // how many of levels, the last ones, are brackets
	special int // anchors, aliases and explicit keys
	path    int // bytes of the path here
	paths   int // the sum of path over all tokens
	moves   int // what the parser copies
}

// level is a bracket, a list item or a map key that is open.
type level struct {
	column int
	name   int
	item   bool
	nth    int // how many keys came before it in its map
}

func (g *guard) see(tokens token.Tokens, i int) error {
	t := tokens[i]
	line, col := t.Position.Line, t.Position.Column
	switch t.Type {
	case token.SequenceStartType, token.MappingStartType:
		g.flow++
		g.push(level{column: col, name: 8})
	case token.SequenceEndType, token.MappingEndType:
		if g.flow > 0 {
			g.flow--
			g.pop()
		}
	case token.SequenceEntryType:
		g.open(level{column: col, name: 8, item: true})
	case token.MappingKeyType:
		g.special++
		g.open(level{column: col, name: 8, item: true})
	case token.MappingValueType:
		if i > 0 && tokens[i-1].Position != nil {
			if err := g.key(tokens[i-1]); err != nil {
				return err
			}
		}
	case token.AnchorType, token.AliasType:
		g.special++
	}
	if g.special > maxSpecial {
		return syntaxError(line, col, fmt.Sprintf("more than %d anchors, aliases and explicit keys", maxSpecial))
	}
	if len(g.levels) > 2*maxDepth {
		return tooDeep(line, col)
	}
	if isEmptyValue(tokens, i) {
		g.moves += (len(tokens) - i) / 8
	}
	if g.moves > maxMoves {
		return syntaxError(line, col, "too many keys in one map, or empty values; it can be written as JSON")
	}
	if g.paths += g.path; g.paths > maxPathBytes {
		return syntaxError(line, col, "too many values too deep below long names")
	}
	return nil
}

// isEmptyValue tells whether the parser will put a null before a token: after
// "key:" and "-" with nothing behind, and after a bare key in brackets.
func isEmptyValue(tokens token.Tokens, i int) bool {
	if i < 2 {
		return false
	}
	t, before, first := tokens[i], tokens[i-1], tokens[i-2]
	switch t.Type {
	case token.CollectEntryType, token.MappingEndType, token.SequenceEndType:
		return before.Type == token.MappingValueType || first.Type == token.CollectEntryType || first.Type == token.MappingStartType
	}
	if before.Position == nil || first.Position == nil || before.Position.Line == t.Position.Line {
		return false
	}
	col := t.Position.Column
	return before.Type == token.MappingValueType && col <= first.Position.Column && t.Type != token.SequenceEntryType ||
		before.Type == token.SequenceEntryType && col <= before.Position.Column
}

func (g *guard) key(t *token.Token) error {
	if len(t.Value) > maxKeyLength {
		return syntaxError(t.Position.Line, t.Position.Column,
			fmt.Sprintf("a key longer than %d characters", maxKeyLength))
	}
	name := len(t.Value) + 3
	if g.flow > 0 {
		top := &g.levels[len(g.levels)-1]
		g.path += name - top.name
		top.name = name
		return nil
	}
	g.open(level{column: t.Position.Column, name: name})
	return nil
}

// open enters a block level and leaves those that it ends: all to the right of
// it and its predecessor in the same list or map. A list may stand in the same
// column as the key that holds it.
func (g *guard) open(l level) {
	if g.flow > 0 {
		return
	}
	for n := len(g.levels); n > 0; n-- {
		top := g.levels[n-1]
		if top.column < l.column || (top.column == l.column && l.item && !top.item) {
			break
		}
		if top.column == l.column && !l.item {
			l.nth = top.nth + 1
			g.moves += l.nth
		}
		g.pop()
	}
	g.push(l)
}

func (g *guard) push(l level) {
	g.levels = append(g.levels, l)
	g.path += l.name
}

func (g *guard) pop() {
	last := len(g.levels) - 1
	g.path -= g.levels[last].name
	g.levels = g.levels[:last]
}

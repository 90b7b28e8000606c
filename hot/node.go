package hot

import (
	"fmt"

	stoker "github.com/stoker-project/stoker"
)

// Limits of one text. They keep hostile texts from costing more than a few
// hundred milliseconds; no honest template comes near them.
const (
	// MaxTemplateSize is the largest text that is read, in bytes (Heat's
	// max_template_size).
	MaxTemplateSize = 512 << 10
	// maxDepth is how deep maps and lists may nest.
	maxDepth = 100
	// maxNodes bounds the values in a text, those behind YAML aliases counted
	// once for each alias.
	maxNodes = 300_000
)

// A node is one value of a text: the value itself, and what a Go map loses,
// the order of keys and the place. Nodes behind YAML aliases are shared, so
// they are never changed.
type node struct {
	val       any      // the whole value: nil, bool, int64, float64, string, []any, map[string]any
	keys      []string // of a map, in the order of the text
	kids      []*node  // the values of keys, or a list's items
	size      int32    // nodes in it, itself included; too large ones are refused
	depth     int32    // levels below it
	line, col int32
}

func (n *node) isMap() bool { _, ok := n.val.(map[string]any); return ok }

// key gives a map's value, nil if there is none.
func (n *node) key(name string) *node {
	for i, k := range n.keys {
		if k == name {
			return n.kids[i]
		}
	}
	return nil
}

// place puts a node that was not in the text, and all in it, at a place of it.
func (n *node) place(line, col int32) {
	n.line, n.col = line, col
	for _, kid := range n.kids {
		kid.place(line, col)
	}
}

func (n *node) pos(file string) stoker.Pos {
	return stoker.Pos{File: file, Line: int(n.line), Column: int(n.col)}
}

// mapBuilder collects a map's pairs; of equal keys the last value counts, at the
// place of the first.
type mapBuilder struct {
	n   *node
	val map[string]any
	at  map[string]int // index of keys; made when a key comes twice
}

func newMapBuilder(n *node, size int) mapBuilder {
	m := make(map[string]any, size)
	n.val, n.keys, n.kids = m, make([]string, 0, size), make([]*node, 0, size)
	return mapBuilder{n: n, val: m}
}

// add sets a key; replace tells whether an earlier one gives way.
func (b *mapBuilder) add(key string, v *node, replace bool) {
	if !replace {
		if _, dup := b.val[key]; dup {
			return
		}
	}
	before := len(b.val)
	b.val[key] = v.val
	if len(b.val) == before {
		i := b.index(key)
		b.n.size += v.size - b.n.kids[i].size
		b.n.kids[i] = v
		return
	}
	if b.at != nil {
		b.at[key] = len(b.n.keys)
	}
	b.n.keys = append(b.n.keys, key)
	b.n.append(v)
}

func (b *mapBuilder) index(key string) int {
	if b.at == nil {
		b.at = make(map[string]int, len(b.n.keys))
		for i, k := range b.n.keys {
			b.at[k] = i
		}
	}
	return b.at[key]
}

func (n *node) append(v *node) {
	n.kids = append(n.kids, v)
	n.size += v.size
	n.depth = max(n.depth, v.depth+1)
}

// check refuses what has grown too large.
func (n *node) check() error {
	if n.depth > maxDepth {
		return tooDeep(int(n.line), int(n.col))
	}
	if n.size > maxNodes {
		return syntaxError(int(n.line), int(n.col), fmt.Sprintf("more than %d values (aliases counted each time)", maxNodes))
	}
	return nil
}

func tooDeep(line, col int) error {
	return syntaxError(line, col, fmt.Sprintf("maps and lists nest deeper than %d levels", maxDepth))
}

func syntaxError(line, col int, msg string) *stoker.Error {
	return &stoker.Error{Kind: stoker.Invalid, Type: TypeTemplateFormat, Pos: stoker.Pos{Line: line, Column: col}, Message: msg}
}

package hot

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// parseYAML reads one YAML document with the meaning it has for PyYAML, which
// Heat uses: YAML 1.1, duplicate keys allowed, merge keys.
func parseYAML(text []byte) (*node, error) {
	hidden, mark := hideColons(string(text))
	tokens := lexer.Tokenize(hidden)
	showColons(tokens, mark)
	if err := checkTokens(tokens); err != nil {
		return nil, err
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, yamlError(err)
	}
	body, err := oneDocument(file)
	if err != nil {
		return nil, err
	}
	d := &yamlDecoder{anchors: map[string]*node{}}
	n, err := d.node(body, 0)
	if err != nil {
		return nil, err
	}
	return n, n.check()
}

func oneDocument(file *ast.File) (ast.Node, error) {
	var body ast.Node
	for _, doc := range file.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.DirectiveType {
			continue
		}
		if body != nil {
			line, col := yamlPlace(doc.Body)
			return nil, syntaxError(line, col, "a second YAML document begins here")
		}
		body = doc.Body
	}
	return body, nil
}

// yamlError keeps the place and the excerpt of a syntax error.
func yamlError(err error) error {
	var s *yaml.SyntaxError
	if !errors.As(err, &s) {
		return syntaxError(0, 0, err.Error())
	}
	e := syntaxError(0, 0, s.Message)
	if s.Token != nil && s.Token.Position != nil {
		e.Pos.Line, e.Pos.Column = s.Token.Position.Line, s.Token.Position.Column
	}
	return e
}

type yamlDecoder struct {
	anchors map[string]*node
}

func (d *yamlDecoder) node(a ast.Node, depth int) (*node, error) {
	line, col := yamlPlace(a)
	if depth > maxDepth {
		return nil, tooDeep(line, col)
	}
	switch a := a.(type) {
	case nil:
		return &node{size: 1, line: 1, col: 1}, nil
	case *ast.MappingNode:
		return d.mapping(a.Values, line, col, depth)
	case *ast.MappingValueNode:
		return d.mapping([]*ast.MappingValueNode{a}, line, col, depth)
	case *ast.SequenceNode:
		return d.sequence(a, line, col, depth)
	case *ast.AnchorNode:
		return d.anchor(a, depth)
	case *ast.AliasNode:
		return d.alias(a)
	case *ast.TagNode:
		return d.tag(a, depth)
	}
	v, err := d.scalar(a)
	return &node{val: v, size: 1, line: int32(line), col: int32(col)}, err
}

// scalar decodes from the token: the AST's own idea of types is YAML 1.2's.
func (d *yamlDecoder) scalar(a ast.Node) (any, error) {
	if l, ok := a.(*ast.LiteralNode); ok {
		return l.Value.Value, nil
	}
	t := a.GetToken()
	switch t.Type {
	case token.SingleQuoteType, token.DoubleQuoteType:
		return t.Value, nil
	case token.ImplicitNullType:
		return nil, nil
	}
	switch a.(type) {
	case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NullNode,
		*ast.InfinityNode, *ast.NanNode, *ast.MergeKeyNode:
		return plainScalar(strings.TrimRight(t.Value, " \t\r\n")), nil
	}
	return nil, syntaxError(t.Position.Line, t.Position.Column, fmt.Sprintf("unexpected %s", a.Type()))
}

func (d *yamlDecoder) sequence(a *ast.SequenceNode, line, col, depth int) (*node, error) {
	n := &node{size: 1, line: int32(line), col: int32(col)}
	items := make([]any, 0, len(a.Values))
	for _, v := range a.Values {
		kid, err := d.node(v, depth+1)
		if err != nil {
			return nil, err
		}
		n.append(kid)
		items = append(items, kid.val)
		if err := n.check(); err != nil {
			return nil, err
		}
	}
	n.val = items
	return n, nil
}

func (d *yamlDecoder) mapping(pairs []*ast.MappingValueNode, line, col, depth int) (*node, error) {
	b := newMapBuilder(&node{size: 1, line: int32(line), col: int32(col)}, len(pairs))
	var merges []*node
	for _, p := range pairs {
		v, err := d.node(p.Value, depth+1)
		if err != nil {
			return nil, err
		}
		if _, merge := p.Key.(*ast.MergeKeyNode); merge {
			merges = append(merges, v)
			continue
		}
		key, err := d.mapKey(p.Key)
		if err != nil {
			return nil, err
		}
		b.add(key, v, true)
		if err := b.n.check(); err != nil {
			return nil, err
		}
	}
	for _, m := range merges {
		if err := merge(&b, m); err != nil {
			return nil, err
		}
	}
	return b.n, nil
}

// merge adds what a "<<" key names: a map, or several of which the first counts.
// The keys of the map itself win.
func merge(b *mapBuilder, from *node) error {
	sources := []*node{from}
	if _, ok := from.val.([]any); ok {
		sources = from.kids
	}
	for _, s := range sources {
		if !s.isMap() {
			return syntaxError(int(s.line), int(s.col), "a merge key (<<) needs a map or a list of maps")
		}
		for i, k := range s.keys {
			b.add(k, s.kids[i], false)
		}
		if err := b.n.check(); err != nil {
			return err
		}
	}
	return nil
}

// mapKey gives a key as a string. Keys of other types are spelled as in JSON,
// because that is what they become on the way through Heat's clients.
func (d *yamlDecoder) mapKey(a ast.MapKeyNode) (string, error) {
	var in ast.Node = a
	if k, ok := in.(*ast.MappingKeyNode); ok {
		in = k.Value
	}
	if s, ok := in.(*ast.StringNode); ok { // nearly all are
		if v, err := d.scalar(s); err == nil {
			if key, ok := v.(string); ok {
				return key, nil
			}
		}
	}
	n, err := d.node(in, 0)
	if err != nil {
		return "", err
	}
	switch v := n.val.(type) {
	case string:
		return v, nil
	case []any, map[string]any:
		return "", syntaxError(int(n.line), int(n.col), "a key must be a string, not a list or map")
	default:
		return dumpJSON(v), nil
	}
}

func (d *yamlDecoder) anchor(a *ast.AnchorNode, depth int) (*node, error) {
	n, err := d.node(a.Value, depth)
	if err == nil {
		d.anchors[a.Name.GetToken().Value] = n
	}
	return n, err
}

func (d *yamlDecoder) alias(a *ast.AliasNode) (*node, error) {
	name := a.Value.GetToken().Value
	if n, ok := d.anchors[name]; ok {
		return n, nil
	}
	line, col := yamlPlace(a)
	return nil, syntaxError(line, col, fmt.Sprintf("no anchor &%s before this alias", name))
}

// tag applies the tags that make sense for templates.
func (d *yamlDecoder) tag(a *ast.TagNode, depth int) (*node, error) {
	n, err := d.node(a.Value, depth)
	if err != nil {
		return nil, err
	}
	v, ok := retag(a.Start.Value, n.val, a.Value)
	if !ok {
		line, col := yamlPlace(a)
		return nil, syntaxError(line, col, fmt.Sprintf("the tag %s does not fit or is not supported", a.Start.Value))
	}
	if !isScalar(n.val) {
		return n, nil
	}
	line, col := yamlPlace(a)
	return &node{val: v, size: 1, line: int32(line), col: int32(col)}, nil
}

func retag(tag string, v any, a ast.Node) (any, bool) {
	var text string
	if a != nil && isScalar(v) {
		text = a.GetToken().Value
		if s, ok := v.(string); ok {
			text = s
		}
	}
	plain := plainScalar(text)
	switch tag {
	case "!!str", "!!timestamp":
		return text, isScalar(v)
	case "!!int":
		_, ok := plain.(int64)
		return plain, ok
	case "!!float":
		if i, ok := plain.(int64); ok {
			return float64(i), true
		}
		_, ok := plain.(float64)
		return plain, ok
	case "!!bool":
		_, ok := plain.(bool)
		return plain, ok
	case "!!null":
		return nil, isScalar(v)
	case "!!map":
		_, ok := v.(map[string]any)
		return v, ok
	case "!!seq":
		_, ok := v.([]any)
		return v, ok
	}
	return nil, false
}

func isScalar(v any) bool {
	switch v.(type) {
	case []any, map[string]any:
		return false
	}
	return true
}

// place is where a value begins; the AST points maps at their first colon.
func yamlPlace(a ast.Node) (line, col int) {
	switch n := a.(type) {
	case nil:
		return 1, 1
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return yamlPlace(n.Values[0].Key)
		}
	case *ast.MappingValueNode:
		return yamlPlace(n.Key)
	}
	t := a.GetToken()
	if t == nil || t.Position == nil {
		return 0, 0
	}
	return t.Position.Line, t.Position.Column
}

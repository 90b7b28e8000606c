package hot

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"
)

// maxSpecial bounds the anchors and aliases of a text.
const maxSpecial = 1000

// parseYAML reads one YAML document with the meaning it has for Heat, which loads
// with libyaml's parser and PyYAML's types: YAML 1.1, duplicate keys allowed,
// merge keys. The library is a port of libyaml; its idea of types, YAML 1.2's, is
// not asked.
func parseYAML(text []byte) (*node, error) {
	hidden, mark := hideDashes(string(text))
	loader, err := yaml.NewLoader(strings.NewReader(hidden), yaml.WithPlugin(loaderlimits.New(
		loaderlimits.DepthFunc(yamlDepth), loaderlimits.AliasNone()))) // the nodes behind aliases are counted here
	if err != nil {
		return nil, err
	}
	var body yaml.Node
	if err := loader.Load(&body); err == io.EOF {
		return &node{size: 1, line: 1, col: 1}, nil
	} else if err != nil {
		return nil, yamlError(err, hidden)
	}
	var second yaml.Node
	if err := loader.Load(&second); err == nil {
		return nil, syntaxError(second.Line, second.Column, "a second YAML document begins here")
	} else if err != io.EOF {
		return nil, yamlError(err, hidden)
	}
	showDashes(&body, mark)
	d := &yamlDecoder{}
	n, err := d.node(&body, 0)
	if err != nil {
		return nil, err
	}
	return n, n.check()
}

// deepMessage is how yamlError knows yamlDepth's error: the library keeps its text only.
const deepMessage = "too deep"

func yamlDepth(depth int, _ *loaderlimits.DepthContext) error {
	if depth > maxDepth {
		return errors.New(deepMessage)
	}
	return nil
}

// yamlError keeps the place of a syntax error and says what the parser was at. What is open at
// the end of the text is wrong where it begins.
func yamlError(err error, text string) error {
	var l *yaml.LoadError
	if !errors.As(err, &l) {
		return syntaxError(0, 0, err.Error())
	}
	line, col := l.Mark.Line, l.Mark.Column
	if l.Message == deepMessage {
		return tooDeep(line, col)
	}
	msg := l.Message
	if l.ContextMsg != "" {
		msg = l.ContextMsg + ": " + msg
		switch from := l.ContextMark; {
		case from.Line == 0 || from.Line == line && from.Column == col:
		case atEnd(text, line):
			line, col = from.Line, from.Column
			msg += " before the end of the text"
		case from.Line != line:
			msg += fmt.Sprintf(" (it begins at line %d, column %d)", from.Line, from.Column)
		}
	}
	return syntaxError(line, col, msg)
}

// atEnd tells whether nothing comes from a line on.
func atEnd(text string, line int) bool {
	for ; line > 1; line-- {
		_, rest, ok := strings.Cut(text, "\n")
		if !ok {
			return true
		}
		text = rest
	}
	return strings.TrimSpace(text) == ""
}

type yamlDecoder struct {
	anchors map[*yaml.Node]*node // those that are whole
	special int                  // anchors and aliases
}

func (d *yamlDecoder) node(y *yaml.Node, depth int) (*node, error) {
	if depth > maxDepth {
		return nil, tooDeep(y.Line, y.Column)
	}
	switch y.Kind {
	case yaml.DocumentNode:
		return d.node(y.Content[0], depth)
	case yaml.AliasNode:
		return d.alias(y)
	}
	n, err := d.value(y, depth)
	if err == nil && y.Anchor != "" {
		err = d.remember(y, n)
	}
	return n, err
}

func (d *yamlDecoder) value(y *yaml.Node, depth int) (*node, error) {
	var n *node
	var err error
	switch y.Kind {
	case yaml.MappingNode:
		n, err = d.mapping(y, depth)
	case yaml.SequenceNode:
		n, err = d.sequence(y, depth)
	default:
		n = d.start(y)
		n.val = yamlScalar(y)
	}
	if err == nil && y.Style&yaml.TaggedStyle != 0 {
		return d.tagged(y, n)
	}
	return n, err
}

func (d *yamlDecoder) start(y *yaml.Node) *node {
	return &node{size: 1, line: int32(y.Line), col: int32(y.Column)}
}

// yamlScalar gives the value of a scalar without a tag.
func yamlScalar(y *yaml.Node) any {
	const quoted = yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle
	if y.Style&quoted != 0 || y.Value == "" && y.Tag == "!" {
		return y.Value
	}
	return plainScalar(y.Value)
}

func (d *yamlDecoder) sequence(y *yaml.Node, depth int) (*node, error) {
	n := d.start(y)
	n.kids = make([]*node, 0, len(y.Content))
	items := make([]any, 0, len(y.Content))
	for _, v := range y.Content {
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

func (d *yamlDecoder) mapping(y *yaml.Node, depth int) (*node, error) {
	b := newMapBuilder(d.start(y), len(y.Content)/2)
	var merges []*node
	for i := 0; i+1 < len(y.Content); i += 2 {
		key, err := d.mapKey(y.Content[i])
		if err != nil {
			return nil, err
		}
		v, err := d.node(y.Content[i+1], depth+1)
		if err != nil {
			return nil, err
		}
		if isMergeKey(y.Content[i]) {
			merges = append(merges, v)
			continue
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

func isMergeKey(y *yaml.Node) bool {
	return y.Kind == yaml.ScalarNode && y.Value == "<<" && y.Tag == "!!merge"
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
func (d *yamlDecoder) mapKey(y *yaml.Node) (string, error) {
	if y.Kind == yaml.ScalarNode && y.Anchor == "" && y.Style&yaml.TaggedStyle == 0 { // nearly all are
		return keyText(yamlScalar(y)), nil
	}
	n, err := d.node(y, 0)
	if err != nil {
		return "", err
	}
	if !isScalar(n.val) {
		return "", syntaxError(int(n.line), int(n.col), "a key must be a string, not a list or map")
	}
	return keyText(n.val), nil
}

func keyText(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return dumpJSON(v)
}

func (d *yamlDecoder) remember(y *yaml.Node, n *node) error {
	if d.anchors == nil {
		d.anchors = map[*yaml.Node]*node{}
	}
	d.anchors[y] = n
	return d.count(y)
}

func (d *yamlDecoder) count(y *yaml.Node) error {
	if d.special++; d.special > maxSpecial {
		return syntaxError(y.Line, y.Column, fmt.Sprintf("more than %d anchors and aliases", maxSpecial))
	}
	return nil
}

func (d *yamlDecoder) alias(y *yaml.Node) (*node, error) {
	if err := d.count(y); err != nil {
		return nil, err
	}
	if n, ok := d.anchors[y.Alias]; ok {
		return n, nil
	}
	return nil, syntaxError(y.Line, y.Column, fmt.Sprintf("what the anchor &%s names is not whole before this alias", y.Value))
}

// tagged applies the tags that make sense for templates.
func (d *yamlDecoder) tagged(y *yaml.Node, n *node) (*node, error) {
	v, ok := retag(y.Tag, n.val, y.Value)
	if !ok {
		return nil, syntaxError(y.Line, y.Column, fmt.Sprintf("the tag %s does not fit or is not supported", cmp.Or(y.Tag, "!")))
	}
	n.val = v
	return n, nil
}

func retag(tag string, v any, text string) (any, bool) {
	plain := plainScalar(text)
	switch tag {
	case "!!str", "!!timestamp":
		return text, isScalar(v)
	case "!!int":
		_, ok := plain.(int64)
		return plain, ok
	case "!!float":
		return taggedFloat(plain, text)
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

// taggedFloat reads what is told to be a float: without a point, too.
func taggedFloat(plain any, text string) (any, bool) {
	switch v := plain.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	if strings.ContainsAny(text, "xXpP") { // Python has no hexadecimal floats
		return nil, false
	}
	f, err := strconv.ParseFloat(strings.ReplaceAll(text, "_", ""), 64)
	return f, err == nil
}

func isScalar(v any) bool {
	switch v.(type) {
	case []any, map[string]any:
		return false
	}
	return true
}

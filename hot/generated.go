package hot

import "bytes"

// ParseGenerated is Parse for a template that the program itself has written, as
// JSON. It has no limit of size: whoever writes it has bounded what goes into it.
// Places in it are not known. Members that are alike to the letter, one after the other, are
// read once.
func ParseGenerated(text []byte) (*Template, error) {
	doc, err := (&jsonParser{text: text, line: 1, known: map[string]any{}, generated: true}).parse()
	if err != nil {
		return nil, err
	}
	return newTemplate(doc, "", nil)
}

// definitionDepth is where a resource's definition stands: in a section of the
// document.
const definitionDepth = 2

// definition reads an object, or takes the last one again if the same text stands
// here: nodes are never changed.
func (p *jsonParser) definition(depth int) (*node, error) {
	rest := p.text[p.at:]
	if n := len(p.last.text); n > 0 && bytes.HasPrefix(rest, p.last.text) {
		p.at += n // an object ends with its brace, so nothing can belong to it behind
		return p.last.node, nil
	}
	start := p.at
	n, err := p.object(depth)
	if err == nil {
		p.last.text, p.last.node = p.text[start:p.at], n
	}
	return n, err
}

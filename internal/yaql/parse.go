package yaql

import "fmt"

// expr is a node of the tree.
type expr interface{}

type (
	constant struct{ v any }
	keyword  struct{ name string } // a bare word: a text, or the name behind a point
	variable struct{ name string }
	listExpr struct{ items []expr }
	mapExpr  struct{ pairs []pairExpr }
	pairExpr struct{ key, val expr } // key => val
	index    struct {
		of   expr
		args []expr
	}
	unary struct {
		op string
		x  expr
	}
	binary struct {
		op   string
		l, r expr
	}
	callExpr struct {
		name string
		args []expr // nil: left out
	}
	// group is an expression in parentheses; behind a point it is no method.
	group struct{ x expr }
)

// maxDepth is how deep expressions may nest.
const maxDepth = 100

type parser struct {
	src   string
	toks  []token
	depth int
}

func parse(src string) expr {
	p := &parser{src: src, toks: lex(src)}
	x := p.expression(0)
	if p.peek().kind != end {
		p.unexpected()
	}
	return x
}

func (p *parser) peek() token { return p.toks[0] }

func (p *parser) next() token {
	t := p.toks[0]
	if t.kind != end {
		p.toks = p.toks[1:]
	}
	return t
}

func (p *parser) is(sym string) bool {
	t := p.peek()
	return t.kind == symbol && t.name == sym
}

func (p *parser) accept(sym string) bool {
	if p.is(sym) {
		p.next()
		return true
	}
	return false
}

func (p *parser) expect(sym string) {
	if !p.accept(sym) {
		p.unexpected()
	}
}

func (p *parser) unexpected() {
	t := p.peek()
	if t.kind == end {
		fail("YaqlGrammarException", "Parse error: unexpected end of statement")
	}
	name := t.name
	if t.kind == dollar {
		name = "$" + name
	}
	fail("YaqlGrammarException", fmt.Sprintf("Parse error: unexpected '%s' at position %d of expression '%s'", name, position(p.src, t.at), p.src))
}

// binding is how tightly an operator binds; 0 for none.
func binding(op string) int {
	switch op {
	case "->":
		return 1
	case "or":
		return 2
	case "and":
		return 3
	case "not":
		return 4
	case ">", "<", ">=", "<=", "!=", "=", "in":
		return 5
	case "+", "-":
		return 6
	case "*", "/", "mod":
		return 7
	case "=~", "!~":
		return 8
	case "sign":
		return 9
	case "[":
		return 10
	case ".", "?.":
		return 11
	}
	return 0
}

// operator gives the binary operator that comes next, empty for none.
func (p *parser) operator() string {
	t := p.peek()
	if t.kind == symbol || t.kind == word && isOperatorWord(t.name) && t.name != "not" {
		return t.name
	}
	return ""
}

// expression reads what binds more tightly than least.
func (p *parser) expression(least int) expr {
	if p.depth++; p.depth > maxDepth {
		fail("YaqlGrammarException", fmt.Sprintf("Parse error: the expression nests deeper than %d levels", maxDepth))
	}
	defer func() { p.depth-- }()
	x := p.prefix()
	for {
		op := p.operator()
		b := binding(op)
		if b == 0 || b <= least {
			return x
		}
		p.next()
		switch {
		case op == "[":
			x = &index{x, p.args("]")}
		case op == "->": // to the right
			x = &binary{op, x, p.expression(b - 1)}
		default:
			x = &binary{op, x, p.expression(b)}
		}
	}
}

func (p *parser) prefix() expr {
	t := p.next()
	switch t.kind {
	case number, text:
		return constant{t.val}
	case dollar:
		return variable{variableName(t.name)}
	case function:
		return &callExpr{t.name, p.args(")")}
	case word:
		return p.word(t)
	case symbol:
		switch t.name {
		case "(":
			x := p.expression(0)
			p.expect(")")
			return group{x}
		case "[":
			return &listExpr{p.args("]")}
		case "{":
			return p.mapping(t)
		case "+", "-":
			return &unary{t.name, p.expression(binding("sign"))}
		}
	}
	p.toks = append([]token{t}, p.toks...)
	p.unexpected()
	return nil
}

// variableName: $ is short for $1.
func variableName(s string) string {
	if s == "" {
		return "1"
	}
	return s
}

func (p *parser) word(t token) expr {
	switch t.name {
	case "true":
		return constant{true}
	case "false":
		return constant{false}
	case "null":
		return constant{nil}
	case "not":
		return &unary{t.name, p.expression(binding("not"))}
	}
	if isOperatorWord(t.name) {
		p.toks = append([]token{t}, p.toks...)
		p.unexpected()
	}
	return keyword{t.name}
}

func (p *parser) mapping(open token) expr {
	m := &mapExpr{}
	for _, a := range p.args("}") {
		pair, ok := a.(pairExpr)
		if !ok {
			p.toks = append([]token{open}, p.toks...)
			p.unexpected()
		}
		m.pairs = append(m.pairs, pair)
	}
	return m
}

// args reads arguments up to the closing bracket. An argument may be left out where a
// comma follows.
func (p *parser) args(closing string) []expr {
	var out []expr
	if p.accept(closing) {
		return out
	}
	for {
		if p.accept(",") {
			out = append(out, nil)
			continue
		}
		x := p.expression(0)
		if p.accept("=>") {
			x = pairExpr{x, p.expression(0)}
		}
		out = append(out, x)
		if p.accept(closing) {
			return out
		}
		p.expect(",")
	}
}

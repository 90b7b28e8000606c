package hot

import (
	"fmt"
	"slices"

	stoker "github.com/stoker-project/stoker"
	values "github.com/stoker-project/stoker/internal/value"
)

// Template is a parsed template. It is never changed after Parse; nor may its
// readers change it.
type Template struct {
	// Version is the date of the language version; an alias like wallaby is
	// given as its date.
	Version string
	// Description is empty if there is none.
	Description     string
	ParameterGroups []ParameterGroup
	// Parameters, Resources and Outputs are in the order of the text.
	Parameters []*Parameter
	Resources  []*Resource
	Outputs    []*Output
	// Raw is the decoded document.
	Raw map[string]any
	// File is the name given to Parse.
	File string

	dialect       *dialect
	mappings      map[string]any // CloudFormation's, for Fn::FindInMap
	conditions    map[string]*condition
	parameters    map[string]*Parameter
	resources     map[string]*Resource
	resourceNames []string
}

// Parse reads a template, JSON or YAML, and checks what can be checked without
// parameters: structure, functions, references, cycles. file names the text in
// messages and may be empty. Errors are *stoker.Error of kind Invalid, with
// Heat's class as Type and, where known, Path and Pos.
func Parse(text []byte, file string) (*Template, error) {
	doc, err := parseDocument(text, file)
	if err != nil {
		return nil, err
	}
	return newTemplate(doc, file, nil)
}

// FromMap makes a template of a decoded document; what is generated, or came as
// JSON inside a request, needs no detour through text. Maps have no order, so
// parameters, resources and outputs are sorted by name. The document belongs to
// the template afterwards.
func FromMap(doc map[string]any) (*Template, error) {
	v, err := values.Normal(doc)
	if err != nil {
		return nil, &stoker.Error{Kind: stoker.Invalid, Message: err.Error()}
	}
	n, err := nodeOf(v, 0)
	if err != nil {
		return nil, err
	}
	return newTemplate(n, "", nil)
}

func newTemplate(doc *node, file string, languages []Language) (*Template, error) {
	raw, ok := doc.val.(map[string]any)
	if !ok {
		return nil, &stoker.Error{Kind: stoker.Invalid, Type: TypeTemplateFormat, Pos: doc.pos(file),
			Message: "The template is not a JSON object or YAML mapping."}
	}
	d, err := dialectOf(doc, file, languages)
	if err != nil {
		return nil, err
	}
	t := &Template{
		Version: d.name, Raw: raw, File: file, dialect: d,
		conditions: map[string]*condition{}, parameters: map[string]*Parameter{}, resources: map[string]*Resource{},
	}
	c := &compiler{t: t, d: d}
	return t, c.sections(doc)
}

// Resource finds a resource by its name; nil if there is none.
func (t *Template) Resource(name string) *Resource { return t.resources[name] }

// Parameter finds a parameter by its name; nil if there is none.
func (t *Template) Parameter(name string) *Parameter { return t.parameters[name] }

// Output finds an output by its name; nil if there is none.
func (t *Template) Output(name string) *Output {
	for _, o := range t.Outputs {
		if o.Name == name {
			return o
		}
	}
	return nil
}

// Expr compiles a value that is not part of the text, as if it stood in the
// template at path.
func (t *Template) Expr(v any, path string) (Expr, error) {
	n, err := nodeOf(v, 0)
	if err != nil {
		return nil, err
	}
	c := &compiler{t: t, d: t.dialect}
	if path != "" {
		c.enter(path)
	}
	e, err := c.compile(n)
	if err != nil {
		return nil, err
	}
	return whole{e}, nil
}

// Condition resolves a condition of the conditions section by its name.
func (t *Template) Condition(s Scope, name string) (bool, error) { return t.enabled(name, s) }

// Included tells whether the condition of a resource lets it be part of the
// stack.
func (t *Template) Included(s Scope, r *Resource) (bool, error) { return included(r.Condition, s) }

// OutputIncluded is Included for an output.
func (t *Template) OutputIncluded(s Scope, o *Output) (bool, error) { return included(o.Condition, s) }

func included(cond Expr, s Scope) (bool, error) {
	if cond == nil {
		return true, nil
	}
	return truth(cond, s)
}

func (t *Template) knowsParameter(name string) bool {
	return t.parameters[name] != nil || slices.Contains(t.dialect.pseudoNames(), name)
}

// ownParameters names the parameters that the template declares.
func (t *Template) ownParameters() []string {
	var names []string
	for _, p := range t.Parameters {
		names = append(names, p.Name)
	}
	return names
}

// nodeOf makes a node of a value; keys are sorted.
func nodeOf(v any, depth int) (*node, error) {
	if depth > maxDepth {
		return nil, tooDeep(0, 0)
	}
	switch v := v.(type) {
	case map[string]any:
		n := &node{val: v, size: 1}
		for _, k := range sortedKeys(v) {
			kid, err := nodeOf(v[k], depth+1)
			if err != nil {
				return nil, err
			}
			n.keys = append(n.keys, k)
			n.append(kid)
		}
		return n, nil
	case []any:
		n := &node{val: v, size: 1}
		for _, item := range v {
			kid, err := nodeOf(item, depth+1)
			if err != nil {
				return nil, err
			}
			n.append(kid)
		}
		return n, nil
	case nil, bool, int64, float64, string:
		return &node{val: v, size: 1}, nil
	}
	return nil, &stoker.Error{Kind: stoker.Invalid, Message: fmt.Sprintf("a value of the Go type %T in a template", v)}
}

package hot

import (
	"maps"
	"slices"

	stoker "github.com/stoker-project/stoker"
	values "github.com/stoker-project/stoker/internal/value"
)

// ParameterType is the type of a parameter, as templates spell it.
type ParameterType string

// The parameter types.
const (
	StringParameter  ParameterType = "string"
	NumberParameter  ParameterType = "number"
	ListParameter    ParameterType = "comma_delimited_list"
	JSONParameter    ParameterType = "json"
	BooleanParameter ParameterType = "boolean"
)

// Parameter is a parameter as a template declares it.
type Parameter struct {
	Name               string
	Type               ParameterType
	Label, Description string
	Default            any // as written; nil: none
	Hidden             bool
	Immutable          bool
	Constraints        []stoker.Constraint
	Tags               []string
	Pos                stoker.Pos
}

func (c *compiler) parameterSection(section *node) error {
	names, nodes, err := c.entries(section, "parameters", "parameter")
	if err != nil {
		return err
	}
	for i, name := range names {
		c.enter(c.d.word("parameters"), name)
		p, err := c.parameter(name, nodes[i])
		if err != nil {
			return err
		}
		c.t.Parameters = append(c.t.Parameters, p)
		c.t.parameters[name] = p
	}
	c.enter()
	return nil
}

func (c *compiler) parameterKeys() []string {
	keys := c.d.spell("type", "description", "default", "hidden", "label", "constraints", "immutable", "schema", "tags")
	return append(keys, c.d.parameterKeys...)
}

func (c *compiler) parameter(name string, n *node) (*Parameter, error) {
	if !n.isMap() {
		return nil, c.at(n).errorf("InvalidTemplateParameter", "The template parameter is invalid: %s", name)
	}
	for i, k := range n.keys {
		if allowed := c.parameterKeys(); !slices.Contains(allowed, k) {
			e := c.at(n.kids[i]).errorf(typeSchema, "Invalid key '%s' for parameter (%s)", k, name)
			e.Hint = didYouMean(k, allowed)
			return nil, e
		}
	}
	p := &Parameter{Name: name, Pos: n.pos(c.t.File)}
	if err := c.parameterType(p, n); err != nil {
		return nil, err
	}
	var err error
	if p.Label, err = c.text(n, "label"); err != nil {
		return nil, err
	}
	if p.Description, err = c.text(n, "description"); err != nil {
		return nil, err
	}
	if p.Hidden, err = c.flag(n, "hidden"); err != nil {
		return nil, err
	}
	if p.Immutable, err = c.flag(n, "immutable"); err != nil {
		return nil, err
	}
	if p.Tags, err = c.tags(c.d.key(n, "tags")); err != nil {
		return nil, err
	}
	if p.Constraints, err = c.parameterConstraints(p, n); err != nil {
		return nil, err
	}
	return p, c.defaultValue(p, c.d.key(n, "default"))
}

func (c *compiler) parameterType(p *Parameter, n *node) error {
	v := c.d.key(n, "type")
	if v == nil {
		return c.at(n).errorf(typeSchema, "Missing parameter type for parameter: %s", p.Name)
	}
	if s, ok := v.val.(string); ok && c.d.types[s] != "" {
		p.Type = c.d.types[s]
		return nil
	}
	e := c.at(v).errorf(typeSchema, "Invalid type (%s)", pyStr(v.val))
	e.Hint = didYouMean(pyStr(v.val), slices.Sorted(maps.Keys(c.d.types)))
	return e
}

// flag reads a boolean, also one written as a string.
func (c *compiler) flag(n *node, key string) (bool, error) {
	v := c.d.key(n, key)
	if v == nil || v.val == nil {
		return false, nil
	}
	b, ok := boolOf(v.val)
	if !ok {
		return false, c.at(v).errorf(typeSchema, "%s must be a boolean, not %s", c.d.word(key), pyRepr(v.val))
	}
	return b, nil
}

func (c *compiler) tags(n *node) ([]string, error) {
	if n == nil || n.val == nil {
		return nil, nil
	}
	if !isList(n) {
		return nil, c.at(n).errorf(typeSchema, "Tags property should be a list for parameter: %s", c.path[1].key)
	}
	var tags []string
	for _, t := range n.kids {
		if !isScalar(t.val) {
			return nil, c.at(t).errorf(typeSchema, "a tag must be a string, not a %s", values.TypeName(t.val))
		}
		tags = append(tags, pyStr(t.val))
	}
	return tags, nil
}

// defaultValue checks a default like a value, but for custom constraints.
func (c *compiler) defaultValue(p *Parameter, n *node) error {
	if n == nil || n.val == nil {
		return nil
	}
	p.Default = n.val
	v, err := p.convert(n.val)
	if err == nil {
		err = checkConstraints(withoutCustom(p.Constraints), v)
	}
	if err != nil {
		return c.at(n).errorf(typeSchema, "Invalid default %s (%s)", pyStr(n.val), messageOf(err))
	}
	return nil
}

func withoutCustom(cs []stoker.Constraint) []stoker.Constraint {
	return slices.DeleteFunc(slices.Clone(cs), func(c stoker.Constraint) bool { return c.Custom != "" })
}

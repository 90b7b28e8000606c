package hot

import (
	"maps"
	"slices"
	"strings"

	stoker "github.com/stoker-project/stoker"
	values "github.com/stoker-project/stoker/internal/value"
)

// ParameterGroup is a group of parameters for forms.
type ParameterGroup struct {
	Label, Description string
	Parameters         []string
}

func sortedKeys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }

func (c *compiler) sectionNames() []string {
	return c.d.spell(versionKey, "description", "parameter_groups", "parameters", "mappings", "conditions", "resources", "outputs")
}

// sections reads the whole document. The order matters: names are known before
// what refers to them is compiled.
func (c *compiler) sections(doc *node) error {
	for i, name := range doc.keys {
		if !slices.Contains(c.sectionNames(), name) {
			e := c.at(doc.kids[i]).errorf(typeSection, "The template section is invalid: %s", name)
			e.Hint = didYouMean(name, c.sectionNames())
			return e
		}
	}
	if err := c.description(c.d.key(doc, "description")); err != nil {
		return err
	}
	if err := c.parameterSection(c.d.key(doc, "parameters")); err != nil {
		return err
	}
	if err := c.groups(c.d.key(doc, "parameter_groups")); err != nil {
		return err
	}
	resources := c.d.key(doc, "resources")
	if err := c.resourceNames(resources); err != nil {
		return err
	}
	if err := c.mappings(c.d.key(doc, "mappings")); err != nil {
		return err
	}
	if err := c.compileConditions(c.d.key(doc, "conditions")); err != nil {
		return err
	}
	if err := c.resourceSection(resources); err != nil {
		return err
	}
	if err := c.outputSection(c.d.key(doc, "outputs")); err != nil {
		return err
	}
	return c.t.checkCycles()
}

func (c *compiler) description(n *node) error {
	if n == nil || n.val == nil {
		return nil
	}
	c.t.Description = pyStr(n.val)
	if !isScalar(n.val) {
		c.enter(c.d.word("description"))
		return c.fail(n, "a text is wanted, not a %s", values.TypeName(n.val))
	}
	return nil
}

// entries gives the named maps of a section; null is an empty section.
func (c *compiler) entries(section *node, name, object string) ([]string, []*node, error) {
	if section == nil || section.val == nil || isList(section) && len(section.kids) == 0 { // nothing, to Heat too
		return nil, nil, nil
	}
	c.enter(c.d.word(name))
	defer c.enter()
	if !section.isMap() {
		return nil, nil, c.fail(section, `"%s" must contain a map of %s maps. Found a %s instead`, c.d.word(name), object, values.TypeName(section.val))
	}
	return section.keys, section.kids, nil
}

// object checks one named map of a section: it is a map that holds only the
// keys allowed, and the one it needs.
func (c *compiler) object(n *node, kind, needs string, allowed []string) error {
	needs = c.d.word(needs)
	if n.val == nil {
		return c.fail(n, "Each %s must contain a %s key.", kind, needs)
	}
	if !n.isMap() {
		return c.fail(n, `"%ss" must contain a map of %s maps. Found a %s instead`, kind, kind, values.TypeName(n.val))
	}
	for i, k := range n.keys {
		if !slices.Contains(allowed, k) {
			e := c.at(n.kids[i]).errorf(typeValidation, "%q is not a valid keyword inside a %s definition", k, kind)
			e.Hint = didYouMean(k, allowed)
			return e
		}
	}
	if n.key(needs) == nil {
		return c.fail(n, "Each %s must contain a %s key.", kind, needs)
	}
	return nil
}

// text reads a key that holds text; missing and null are empty.
func (c *compiler) text(n *node, key string) (string, error) {
	v := c.d.key(n, key)
	if v == nil || v.val == nil {
		return "", nil
	}
	if !isScalar(v.val) {
		return "", c.fail(v, "%s must be a string, not a %s", c.d.word(key), values.TypeName(v.val))
	}
	return pyStr(v.val), nil
}

// mappings keeps the tables that Fn::FindInMap looks things up in.
func (c *compiler) mappings(section *node) error {
	if section == nil || section.val == nil {
		return nil
	}
	m, ok := section.val.(map[string]any)
	if !ok {
		c.enter(c.d.word("mappings"))
		return c.fail(section, `"%s" must contain a map of maps. Found a %s instead`, c.d.word("mappings"), values.TypeName(section.val))
	}
	c.t.mappings = m
	return nil
}

func (c *compiler) groups(section *node) error {
	if section == nil || section.val == nil {
		return nil
	}
	c.enter("parameter_groups")
	defer c.enter()
	if !isList(section) {
		return c.fail(section, "The parameter_groups should be a list.")
	}
	grouped := map[string]bool{}
	for _, n := range section.kids {
		g, err := c.group(n, grouped)
		if err != nil {
			return err
		}
		c.t.ParameterGroups = append(c.t.ParameterGroups, g)
	}
	return nil
}

func (c *compiler) group(n *node, grouped map[string]bool) (g ParameterGroup, err error) {
	if !n.isMap() {
		return g, c.fail(n, "each parameter group must be a map, not a %s", values.TypeName(n.val))
	}
	for i, k := range n.keys {
		if k != "label" && k != "description" && k != "parameters" {
			return g, c.fail(n.kids[i], "%q is not a valid keyword inside a parameter group", k)
		}
	}
	if g.Label, err = c.text(n, "label"); err != nil {
		return g, err
	}
	if g.Description, err = c.text(n, "description"); err != nil {
		return g, err
	}
	names := n.key("parameters")
	if names == nil {
		return g, c.fail(n, "The parameters must be provided for each parameter group.")
	}
	if !isList(names) {
		return g, c.fail(names, "The parameters of parameter group should be a list.")
	}
	for _, p := range names.kids {
		name := pyStr(p.val)
		if c.t.parameters[name] == nil {
			return g, c.fail(p, "The grouped parameter %s does not reference a valid parameter.", name)
		}
		if grouped[name] {
			return g, c.fail(p, "The %s parameter must be assigned to one parameter group only.", name)
		}
		grouped[name] = true
		g.Parameters = append(g.Parameters, name)
	}
	return g, nil
}

// Output is an output of a template.
type Output struct {
	Name, Description string
	Value             Expr
	// Condition is nil if the output is always there; see Template.OutputIncluded.
	Condition Expr
	Pos       stoker.Pos
}

func (c *compiler) outputSection(section *node) error {
	names, nodes, err := c.entries(section, "outputs", "output")
	if err != nil {
		return err
	}
	allowed := c.d.spell("description", "value", "condition")
	for i, n := range nodes {
		c.enter(c.d.word("outputs"), names[i])
		o, err := c.output(names[i], n, allowed)
		if err != nil {
			return err
		}
		c.t.Outputs = append(c.t.Outputs, o)
	}
	c.enter()
	return nil
}

func (c *compiler) output(name string, n *node, allowed []string) (o *Output, err error) {
	if err := c.object(n, "output", "value", allowed); err != nil {
		return nil, err
	}
	o = &Output{Name: name, Pos: n.pos(c.t.File)}
	if o.Description, err = c.text(n, "description"); err != nil {
		return nil, err
	}
	if o.Value, err = c.optional(n, "value"); err != nil {
		return nil, err
	}
	o.Condition, err = c.conditionKey(n)
	return o, err
}

// optional compiles a key's value; nil if the key is missing.
func (c *compiler) optional(n *node, key string) (Expr, error) {
	v := c.d.key(n, key)
	if v == nil {
		return nil, nil
	}
	c.push(c.d.word(key))
	defer c.pop()
	e, err := c.compile(v)
	if err != nil {
		return nil, err
	}
	return whole{e}, nil
}

func (c *compiler) conditionKey(n *node) (Expr, error) {
	v := c.d.key(n, "condition")
	if v == nil || v.val == nil {
		return nil, nil
	}
	c.push(c.d.word("condition"))
	defer c.pop()
	return c.conditionOf(v)
}

// duplicate refuses a name that a parameter and a resource share.
func (c *compiler) duplicate(resources []string) error {
	var twice []string
	for _, r := range resources {
		if c.t.parameters[r] != nil {
			twice = append(twice, r)
		}
	}
	if len(twice) == 0 {
		return nil
	}
	e := place{path: c.d.word("resources"), pos: stoker.Pos{File: c.t.File}}.errorf(typeValidation, "Duplicate names {'%s'}", strings.Join(twice, "', '"))
	e.Hint = "Parameters and resources share one set of names."
	return e
}

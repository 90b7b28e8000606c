package hot

import (
	"strings"

	stoker "github.com/stoker-project/stoker"
	values "github.com/stoker-project/stoker/internal/value"
)

// Resource is a resource's section of a template. Exprs are nil where the key is
// missing.
type Resource struct {
	Name, Type, Description string

	Properties, Metadata, UpdatePolicy Expr
	DeletionPolicy, ExternalID         Expr
	// DependsOn is depends_on as written.
	DependsOn []string
	// Condition is nil if the resource is always there; see Template.Included.
	Condition Expr
	Pos       stoker.Pos

	props    map[string]stoker.Pos // places of the properties, where they are known
	requires []string
	dialect  *dialect // to spell places
}

func (c *compiler) resourceKeys() []string {
	return c.d.spell("type", "properties", "metadata", "depends_on", "deletion_policy", "update_policy", "description",
		"external_id", "condition")
}

func (c *compiler) resourceNames(section *node) error {
	names, _, err := c.entries(section, "resources", "resource")
	if err != nil {
		return err
	}
	c.t.resourceNames = names
	for _, name := range names {
		c.t.resources[name] = nil // known, to be compiled
	}
	return c.duplicate(names)
}

func (c *compiler) resourceSection(section *node) error {
	if section == nil {
		return nil
	}
	allowed := c.resourceKeys()
	for i, name := range c.t.resourceNames {
		c.enter(c.d.word("resources"), name)
		r, err := c.resource(name, section.kids[i], allowed)
		if err != nil {
			return err
		}
		c.t.Resources = append(c.t.Resources, r)
		c.t.resources[name] = r
	}
	c.enter()
	return nil
}

// PropertyPos gives the place of a property, that of the resource where it is not
// known.
func (r *Resource) PropertyPos(name string) stoker.Pos {
	if p, ok := r.props[name]; ok {
		return p
	}
	return r.Pos
}

// places notes where the keys of a map stand; nil for generated texts, which have no
// lines.
func places(n *node, file string) map[string]stoker.Pos {
	if n == nil || n.line == 0 || len(n.kids) != len(n.keys) {
		return nil
	}
	out := make(map[string]stoker.Pos, len(n.keys))
	for i, k := range n.keys {
		out[k] = n.kids[i].pos(file)
	}
	return out
}

func (c *compiler) resource(name string, n *node, allowed []string) (*Resource, error) {
	if strings.Contains(name, "/") {
		return nil, c.fail(n, `Resource name may not contain "/"`)
	}
	if name == "" {
		return nil, c.fail(n, "the name of a resource must not be empty")
	}
	if err := c.object(n, "resource", "type", allowed); err != nil {
		return nil, err
	}
	r := &Resource{Name: name, Pos: n.pos(c.t.File), dialect: c.d}
	typ, ok := c.d.key(n, "type").val.(string)
	if !ok || typ == "" {
		return nil, c.fail(c.d.key(n, "type"), "Resource %s %s type must be string", name, c.d.word("type"))
	}
	r.Type = typ
	r.props = places(c.d.key(n, "properties"), c.t.File)
	if err := c.resourceExprs(r, n); err != nil {
		return nil, err
	}
	var err error
	if r.Description, err = c.text(n, "description"); err != nil {
		return nil, err
	}
	if r.Condition, err = c.conditionKey(n); err != nil {
		return nil, err
	}
	if err := c.dependsOn(r, c.d.key(n, "depends_on")); err != nil {
		return nil, err
	}
	r.requires = r.staticDependencies()
	return r, nil
}

// resourceExprs compiles the keys that may hold functions.
func (c *compiler) resourceExprs(r *Resource, n *node) error {
	keys := []struct {
		name  string
		into  *Expr
		isMap bool
	}{
		{"properties", &r.Properties, true}, {"metadata", &r.Metadata, true}, {"update_policy", &r.UpdatePolicy, true},
		{"deletion_policy", &r.DeletionPolicy, false}, {"external_id", &r.ExternalID, false},
	}
	for _, k := range keys {
		v := c.d.key(n, k.name)
		if v == nil || v.val == nil {
			continue
		}
		if c.function(v) == nil && v.isMap() != k.isMap || isList(v) {
			want := "string"
			if k.isMap {
				want = "object"
			}
			return c.fail(v, "Resource %s %s type must be %s", r.Name, c.d.word(k.name), want)
		}
		e, err := c.optional(n, k.name)
		if err != nil {
			return err
		}
		*k.into = e
	}
	if l, ok := literalOf(r.DeletionPolicy); ok {
		if _, err := c.deletionPolicy(l); err != nil {
			return c.at(c.d.key(n, "deletion_policy")).wrap(err)
		}
	}
	return nil
}

func literalOf(e Expr) (any, bool) {
	w, ok := e.(whole)
	if !ok {
		return nil, false
	}
	l, ok := w.Expr.(literal)
	return l.v, ok
}

func (c *compiler) deletionPolicy(v any) (string, error) {
	return deletionPolicy(v, c.d.version >= v2016b)
}

// deletionPolicy spells a policy; lower case is allowed since 2016-10-14.
func deletionPolicy(v any, lower bool) (string, error) {
	s, _ := v.(string)
	switch s {
	case "Delete", "Retain", "Snapshot":
		return s, nil
	}
	if lower && (s == "delete" || s == "retain" || s == "snapshot") {
		return strings.ToUpper(s[:1]) + s[1:], nil
	}
	return "", place{}.errorf(typeValidation, "Invalid deletion policy %q", pyStr(v))
}

// ResolveDeletionPolicy gives Delete (the default), Retain or Snapshot.
func (t *Template) ResolveDeletionPolicy(s Scope, r *Resource) (string, error) {
	if r.DeletionPolicy == nil {
		return "Delete", nil
	}
	v, err := r.DeletionPolicy.Resolve(s)
	if err != nil {
		return "", err
	}
	if v == nil {
		return "Delete", nil
	}
	p, err := deletionPolicy(v, t.dialect.version >= v2016b)
	return p, r.section("deletion_policy").wrap(err)
}

func (c *compiler) dependsOn(r *Resource, n *node) error {
	if n == nil || n.val == nil {
		return nil
	}
	c.push(c.d.word("depends_on"))
	defer c.pop()
	names := n.kids
	if isString(n.val) {
		names = []*node{n}
	} else if !isList(n) {
		return c.fail(n, "Resource %s %s type must be list or string", r.Name, c.d.word("depends_on"))
	}
	for _, item := range names {
		name, ok := item.val.(string)
		if !ok {
			return c.fail(item, "Resource %s %s must name resources, not %s", r.Name, c.d.word("depends_on"), values.TypeName(item.val))
		}
		if _, ok := c.t.resources[name]; !ok {
			return c.t.noResource(name, c.at(item))
		}
		r.DependsOn = append(r.DependsOn, name)
	}
	return nil
}

// ResolveProperties resolves the properties one by one. Those whose value holds
// something unknown are left out and listed; those that are omitted are just
// left out. Any other error ends it. When all properties come from one function
// and that is unknown, the error is ErrUnknown.
func (r *Resource) ResolveProperties(s Scope) (props map[string]any, unknown []string, err error) {
	return r.resolveEach(r.Properties, s, "properties")
}

// ResolveMetadata resolves the keys of metadata one by one.
func (r *Resource) ResolveMetadata(s Scope) (map[string]any, []string, error) {
	return r.resolveEach(r.Metadata, s, "metadata")
}

// ResolveUpdatePolicy resolves the keys of update_policy one by one.
func (r *Resource) ResolveUpdatePolicy(s Scope) (map[string]any, []string, error) {
	return r.resolveEach(r.UpdatePolicy, s, "update_policy")
}

func (r *Resource) section(name string) place {
	return place{path: r.Path(name), pos: r.Pos}
}

// Path spells the place of the resource, or of a key of it ("properties"), in the words
// of the template's language.
func (r *Resource) Path(key string) string {
	path := r.dialect.word("resources") + "." + r.Name
	if key != "" {
		path += "." + r.dialect.word(key)
	}
	return path
}

func (r *Resource) resolveEach(e Expr, s Scope, section string) (map[string]any, []string, error) {
	if e == nil {
		return map[string]any{}, nil, nil
	}
	d, ok := e.(whole).Expr.(*dict)
	if !ok {
		return resolveMap(e, s, r.section(section))
	}
	props := make(map[string]any, len(d.keys))
	var unknown []string
	for i, k := range d.keys {
		v, err := d.vals[i].Resolve(s)
		switch {
		case err != nil && isUnknown(err):
			unknown = append(unknown, k)
		case err != nil:
			return nil, nil, err
		case v != omitted:
			props[k] = v
		}
	}
	return props, unknown, nil
}

// resolveMap resolves a section that is one function, or has none.
func resolveMap(e Expr, s Scope, at place) (map[string]any, []string, error) {
	v, err := e.Resolve(s)
	if err != nil {
		return nil, nil, err
	}
	switch v := v.(type) {
	case nil:
		return map[string]any{}, nil, nil
	case map[string]any:
		return v, nil, nil
	}
	return nil, nil, at.errorf(typeValidation, "a map is wanted, not a %s", values.TypeName(v))
}

package hot

import (
	"fmt"
	"slices"
	"strings"
)

// getParam is get_param: a name, or a name and a path into the value.
type getParam struct {
	at  place
	arg Expr
}

func (e *getParam) parts() []Expr { return []Expr{e.arg} }

func parseGetParam(c *compiler, name string, arg *node) (Expr, error) {
	e, err := c.compile(arg)
	if err != nil {
		return nil, err
	}
	if p, ok := firstName(e); ok && !c.t.knowsParameter(p) {
		err := missingParameter(p)
		err.Path, err.Pos = where(c.path), arg.pos(c.t.File)
		err.Hint = didYouMean(p, append(c.d.pseudoNames(), c.t.ownParameters()...))
		return nil, err
	}
	return &getParam{c.at(arg), e}, nil
}

// firstName gives the name that a reference begins with, if it is known
// without resolving anything.
func firstName(e Expr) (string, bool) {
	switch e := e.(type) {
	case literal:
		v := e.v
		if l, ok := v.([]any); ok && len(l) > 0 {
			v = l[0]
		}
		s, ok := v.(string)
		return s, ok
	case list:
		if len(e) > 0 {
			return firstName(e[0])
		}
	}
	return "", false
}

func (e *getParam) Resolve(s Scope) (any, error) {
	arg, err := eval(e.arg, s)
	if err != nil {
		return nil, err
	}
	if !truthy(arg) {
		return nil, e.at.errorf(typeValueError, `Function "get_param" must have arguments`)
	}
	var path []any
	switch a := arg.(type) {
	case string:
	case []any:
		arg, path = a[0], a[1:]
	default:
		return nil, e.at.errorf(typeTypeError, `Argument to "get_param" must be string or list`)
	}
	name, ok := arg.(string)
	if !ok {
		return nil, e.at.errorf(typeTypeError, `Parameter name in "get_param" must be string`)
	}
	v, ok := s.Parameter(name)
	if err, unknown := v.(error); unknown {
		return nil, err
	}
	if !ok {
		return nil, e.at.wrap(missingParameter(name))
	}
	if v, ok = Walk(v, path); !ok {
		return "", nil // Heat's answer to a path that leads nowhere
	}
	return v, nil
}

// getResource is get_resource.
type getResource struct {
	at   place
	name Expr
}

func (e *getResource) parts() []Expr { return []Expr{e.name} }

func parseGetResource(c *compiler, name string, arg *node) (Expr, error) {
	e, err := c.compile(arg)
	if err != nil {
		return nil, err
	}
	if l, ok := e.(literal); ok {
		if err := c.checkResource(l.v, arg); err != nil {
			return nil, err
		}
	}
	return &getResource{c.at(arg), e}, nil
}

// checkResource refuses the names of resources that the template does not have.
func (c *compiler) checkResource(name any, n *node) error {
	s := pyStr(name)
	if _, ok := c.t.resources[s]; ok && isString(name) {
		return nil
	}
	return c.t.noResource(s, place{path: where(c.path[:len(c.path)-1]), pos: n.pos(c.t.File)})
}

func (t *Template) noResource(name string, at place) error {
	e := unknownReference(name, at.at())
	e.Path, e.Pos = at.at(), at.pos
	e.Hint = didYouMean(name, t.resourceNames)
	return e
}

// resourceName resolves the name of a resource, which may be computed.
func resourceName(name Expr, s Scope, at place) (string, error) {
	v, err := eval(name, s)
	if err != nil {
		return "", err
	}
	if n, ok := v.(string); ok && n != "" {
		return n, nil
	}
	return "", at.wrap(unknownReference(pyStr(v), at.at()))
}

func (e *getResource) Resolve(s Scope) (any, error) {
	name, err := resourceName(e.name, s, e.at)
	if err != nil {
		return nil, err
	}
	v, err := s.Reference(name)
	return v, e.at.wrap(err)
}

// getAttr is get_attr.
type getAttr struct {
	at         place
	name, attr Expr // attr nil: all attributes
	path       []Expr
	// walk keeps the path from the resource and follows it here (2013-05-23).
	walk bool
}

func (e *getAttr) parts() []Expr {
	parts := append([]Expr{e.name}, e.path...)
	if e.attr != nil {
		parts = append(parts, e.attr)
	}
	return parts
}

func parseGetAttrThenSelect(c *compiler, name string, arg *node) (Expr, error) {
	e, err := c.getAttr(name, arg)
	if err != nil {
		return nil, err
	}
	e.walk = true
	return e, nil
}

func parseGetAttr(c *compiler, name string, arg *node) (Expr, error) {
	e, err := c.getAttr(name, arg)
	if err != nil {
		return nil, err
	}
	return e, nil
}

func parseGetAttrOrAll(c *compiler, name string, arg *node) (Expr, error) {
	if !truthy(arg.val) {
		return nil, c.fail(arg, `Arguments to "%s" can be of the next forms: [resource_name] or [resource_name, attribute, (path), ...]`, name)
	}
	if isList(arg) && len(arg.kids) == 1 {
		e, err := c.compile(arg.kids[0])
		if err != nil {
			return nil, err
		}
		return c.checkedGetAttr(&getAttr{at: c.at(arg), name: e}, arg)
	}
	return parseGetAttr(c, name, arg)
}

func (c *compiler) getAttr(name string, arg *node) (*getAttr, error) {
	if !isList(arg) {
		return nil, c.fail(arg, `Argument to "%s" must be a list`, name)
	}
	if len(arg.kids) < 2 {
		return nil, c.fail(arg, `Arguments to "%s" must be of the form [resource_name, attribute, (path), ...]`, name)
	}
	items, err := c.items(arg)
	if err != nil {
		return nil, err
	}
	return c.checkedGetAttr(&getAttr{at: c.at(arg), name: items[0], attr: items[1], path: items[2:]}, arg)
}

func (c *compiler) checkedGetAttr(e *getAttr, arg *node) (*getAttr, error) {
	if l, ok := e.name.(literal); ok {
		if err := c.checkResource(l.v, arg); err != nil {
			return nil, err
		}
	}
	return e, nil
}

func (e *getAttr) Resolve(s Scope) (any, error) {
	name, err := resourceName(e.name, s, e.at)
	if err != nil {
		return nil, err
	}
	attr, path, err := e.resolvePath(s)
	if err != nil {
		return nil, err
	}
	if !e.walk {
		v, err := s.Attribute(name, attr, path)
		return v, e.at.wrap(err)
	}
	v, err := s.Attribute(name, attr, nil)
	if err != nil {
		return nil, e.at.wrap(err)
	}
	v, _ = Walk(v, path)
	return v, nil
}

func (e *getAttr) resolvePath(s Scope) (attr string, path []any, err error) {
	if e.attr == nil {
		return "", nil, nil
	}
	v, err := eval(e.attr, s)
	if err != nil {
		return "", nil, err
	}
	attr, ok := v.(string)
	if !ok || attr == "" {
		return "", nil, e.at.errorf(typeTypeError, `Attribute name in "get_attr" must be a string, not %s`, pyRepr(v))
	}
	for _, p := range e.path {
		key, err := eval(p, s)
		if err != nil {
			return "", nil, err
		}
		path = append(path, key)
	}
	return attr, path, nil
}

// getFile is get_file.
type getFile struct {
	at  place
	key Expr
}

func (e *getFile) parts() []Expr { return []Expr{e.key} }

func parseGetFile(c *compiler, name string, arg *node) (Expr, error) {
	e, err := c.compile(arg)
	if err != nil {
		return nil, err
	}
	return &getFile{c.at(arg), e}, nil
}

func (e *getFile) Resolve(s Scope) (any, error) {
	v, err := eval(e.key, s)
	if err != nil {
		return nil, err
	}
	key, ok := v.(string)
	if !ok {
		return nil, e.at.errorf(typeTypeError, `Argument to "get_file" must be a string`)
	}
	text, ok := s.File(key)
	if !ok {
		return nil, e.at.errorf(typeValueError, `No content found in the "files" section for get_file path: %s`, key)
	}
	return text, nil
}

// facade is resource_facade.
type facade struct {
	at         place
	name, what string
}

func (e *facade) parts() []Expr { return nil }

// facadeWords lists what a Scope's Facade is asked for.
func facadeWords() []string { return []string{"metadata", "deletion_policy", "update_policy"} }

func parseFacade(c *compiler, name string, arg *node) (Expr, error) {
	what, ok := arg.val.(string)
	if !ok || !slices.Contains(facadeWords(), what) {
		return nil, c.fail(arg, `Incorrect arguments to "%s" should be one of: %s`, name, strings.Join(facadeWords(), ", "))
	}
	return &facade{c.at(arg), name, what}, nil
}

func (e *facade) Resolve(s Scope) (any, error) {
	v, err := s.Facade(e.what)
	if err != nil && !isUnknown(err) {
		return nil, fmt.Errorf("%s %s: %w", e.name, e.what, e.at.wrap(err))
	}
	return v, err
}

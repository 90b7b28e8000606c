package cfn_test

import (
	"errors"

	"github.com/stoker-project/stoker/hot"
)

// scope is a stack of whose resources only what a test sets is known; every
// attribute is its own name.
type scope struct {
	*hot.Bound
	files      map[string]string
	references map[string]string
	facade     map[string]any
}

var _ hot.Scope = (*scope)(nil)

func (s *scope) Reference(resource string) (any, error) {
	if id, ok := s.references[resource]; ok {
		return id, nil
	}
	return resource, nil
}

func (s *scope) Attribute(resource, attr string, path []any) (any, error) {
	if attr == "" {
		return nil, hot.UnknownAttribute(resource, attr)
	}
	v, _ := hot.Walk(map[string]any{"Tags": []any{"first", "second"}, "addresses": map[string]any{"private": []any{"10.0.0.1"}}}[attr], path)
	if v == nil {
		v = attr
	}
	return v, nil
}

func (s *scope) File(key string) (string, bool) {
	text, ok := s.files[key]
	return text, ok
}

func (s *scope) Facade(what string) (any, error) {
	if s.facade == nil {
		return nil, errors.New("not in a nested stack")
	}
	return s.facade[what], nil
}

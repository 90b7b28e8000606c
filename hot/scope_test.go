package hot_test

import (
	"errors"

	"github.com/stoker-project/stoker/hot"
)

// fakeScope is a stack of whose resources only what a test sets is known.
type fakeScope struct {
	*hot.Bound
	files      map[string]string
	references map[string]string
	attributes func(resource, attr string, path []any) (any, error)
	facade     map[string]any
	asked      int // questions for conditions' sake, counted by tests
}

func (s *fakeScope) Parameter(name string) (any, bool) {
	s.asked++
	if s.Bound == nil {
		return nil, false
	}
	return s.Bound.Parameter(name)
}

func (s *fakeScope) Reference(resource string) (any, error) {
	if id, ok := s.references[resource]; ok {
		return id, nil
	}
	return nil, hot.ErrUnknown
}

func (s *fakeScope) Attribute(resource, attr string, path []any) (any, error) {
	if s.attributes == nil {
		return nil, hot.ErrUnknown
	}
	return s.attributes(resource, attr, path)
}

func (s *fakeScope) File(key string) (string, bool) {
	text, ok := s.files[key]
	return text, ok
}

func (s *fakeScope) Facade(what string) (any, error) {
	if s.facade == nil {
		return nil, errors.New("not in a nested stack")
	}
	return s.facade[what], nil
}

var _ hot.Scope = (*fakeScope)(nil)

package openstack

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/stoker-project/stoker"
)

// thing is what a project has by a name and an ID: a volume, a key pair.
type thing[T any] struct {
	id      string
	name    string
	project stoker.ProjectID
	owner   maker
	value   T
}

// maker is the resource that a thing is of, in all its incarnations.
type maker struct {
	stack    stoker.StackID
	resource stoker.ResourceName
}

func ownerOf(req *stoker.Request) maker { return maker{req.Stack.ID, req.Name} }

// shelf finds things of one kind. The records of the engine are the truth: what makes
// or changes a thing puts it here, also Resume when an engine starts, and what deletes it
// removes it. The methods may be called concurrently.
type shelf[T any] struct {
	kind string // for messages
	mu   sync.Mutex
	rows map[string]thing[T]
}

func newShelf[T any](kind string) *shelf[T] {
	return &shelf[T]{kind: kind, rows: map[string]thing[T]{}}
}

func (s *shelf[T]) put(t thing[T]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows[t.id] = t
}

// putAlone is put, unless another resource of the project has a thing of the name:
// Conflict. The one that takes the place of another may have the same.
func (s *shelf[T]) putAlone(t thing[T]) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, other := range s.rows {
		if other.project == t.project && other.name == t.name && other.owner != t.owner {
			return stoker.Errorf(stoker.Conflict, "%s '%s' already exists", s.kind, t.name)
		}
	}
	s.rows[t.id] = t
	return nil
}

func (s *shelf[T]) remove(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.rows, id)
}

// find gives the thing of a project that has the ID, or else the name. NotFound:
// there is none; Conflict: several have the name.
func (s *shelf[T]) find(project stoker.ProjectID, ref string) (thing[T], error) {
	named := s.where(func(t thing[T]) bool { return t.project == project && (t.id == ref || t.name == ref) })
	for _, t := range named {
		if t.id == ref {
			return t, nil
		}
	}
	switch len(named) {
	case 0:
		return thing[T]{}, &stoker.Error{Kind: stoker.NotFound, Type: "EntityNotFound",
			Message: fmt.Sprintf("The %s (%s) could not be found.", s.kind, ref)}
	case 1:
		return named[0], nil
	}
	return thing[T]{}, stoker.Errorf(stoker.Conflict, "%d of the project have the name %q: give the ID of one, %s", len(named), ref, s.kind)
}

// where gives what is chosen, by ID.
func (s *shelf[T]) where(ok func(thing[T]) bool) []thing[T] {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []thing[T]
	for _, t := range s.rows {
		if ok(t) {
			out = append(out, t)
		}
	}
	slices.SortFunc(out, func(a, b thing[T]) int { return strings.Compare(a.id, b.id) })
	return out
}

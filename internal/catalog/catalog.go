// Package catalog holds objects that users name by ID or by a name which need not be
// unique, each project its own. It locks nothing: its owner does.
package catalog

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"github.com/stoker-project/stoker"
)

// ID names an object for ever. IDs look like UUIDs.
type ID string

// Derived is an ID that follows from a text: the same each time.
func Derived(parts ...string) ID {
	b := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80 // version 8: made by rules of one's own
	return ID(fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:16]))
}

// Object is what all objects have.
type Object struct {
	ID      ID
	Name    string // need not be unique
	Project stoker.ProjectID
	// Everyone says that all projects see it.
	Everyone bool
}

// Head gives what all objects have of one that embeds it.
func (o Object) Head() Object { return o }

// An Entry is an object of any kind.
type Entry interface{ Head() Object }

// Table holds the objects of one kind.
type Table[T Entry] struct {
	Kind string // for messages
	Rows map[ID]T
}

// New makes an empty table.
func New[T Entry](kind string) Table[T] { return Table[T]{Kind: kind, Rows: map[ID]T{}} }

// Find looks an object up by ID or by name, among those that a project sees. Errors:
// NotFound; Conflict where several have the name.
func (t Table[T]) Find(project stoker.ProjectID, ref string) (T, error) {
	if row, ok := t.Rows[ID(ref)]; ok && (row.Head().Project == project || row.Head().Everyone) {
		return row, nil
	}
	var found []T
	for _, row := range t.Rows {
		o := row.Head()
		if o.Project != project && !o.Everyone {
			continue
		}
		if o.Name == ref && ref != "" {
			found = append(found, row)
		}
	}
	var none T
	switch len(found) {
	case 0:
		return none, &stoker.Error{Kind: stoker.NotFound, Type: "EntityNotFound",
			Message: fmt.Sprintf("The %s (%s) could not be found.", t.Kind, ref)}
	case 1:
		return found[0], nil
	}
	return none, ambiguous(t.Kind, ref, found)
}

func ambiguous[T Entry](kind, ref string, found []T) error {
	ids := make([]string, len(found))
	for i, row := range found {
		ids[i] = string(row.Head().ID)
	}
	slices.Sort(ids)
	return &stoker.Error{Kind: stoker.Conflict, Type: "PhysicalResourceNameAmbiguity",
		Message: fmt.Sprintf("%d objects of the kind %s have the name %q: %s", len(ids), kind, ref, strings.Join(ids, ", ")),
		Hint:    "Name it by its ID."}
}

// Sorted gives what a filter keeps, by ID.
func (t Table[T]) Sorted(keep func(T) bool) []T {
	var out []T
	for _, row := range t.Rows {
		if keep(row) {
			out = append(out, row)
		}
	}
	slices.SortFunc(out, func(a, b T) int { return strings.Compare(string(a.Head().ID), string(b.Head().ID)) })
	return out
}

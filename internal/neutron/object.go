package neutron

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

// MAC is the hardware address of what has an ID, with OpenStack's prefix.
func MAC(id ID) string {
	b := sha256.Sum256([]byte(id))
	return fmt.Sprintf("fa:16:3e:%02x:%02x:%02x", b[0], b[1], b[2])
}

// Object is what all objects have.
type Object struct {
	ID      ID
	Name    string // need not be unique
	Project stoker.ProjectID
	// Everyone says that all projects see it.
	Everyone bool
}

func (o Object) object() Object { return o }

// table holds the objects of one kind.
type table[T interface{ object() Object }] struct {
	kind string
	rows map[ID]T
}

// find looks an object up by ID or by name, among those that a project sees. Errors:
// NotFound; Conflict where several have the name.
func (t table[T]) find(project stoker.ProjectID, ref string) (T, error) {
	var found []T
	for _, row := range t.rows {
		o := row.object()
		if o.Project != project && !o.Everyone {
			continue
		}
		if o.ID == ID(ref) {
			return row, nil
		}
		if o.Name == ref && ref != "" {
			found = append(found, row)
		}
	}
	var none T
	switch len(found) {
	case 0:
		return none, &stoker.Error{Kind: stoker.NotFound, Type: "EntityNotFound",
			Message: fmt.Sprintf("The %s (%s) could not be found", t.kind, ref)}
	case 1:
		return found[0], nil
	}
	return none, ambiguous(t.kind, ref, found)
}

func ambiguous[T interface{ object() Object }](kind, ref string, found []T) error {
	ids := make([]string, len(found))
	for i, row := range found {
		ids[i] = string(row.object().ID)
	}
	slices.Sort(ids)
	return &stoker.Error{Kind: stoker.Conflict, Type: "PhysicalResourceNameAmbiguity",
		Message: fmt.Sprintf("%d objects of the kind %s have the name %q: %s", len(ids), kind, ref, strings.Join(ids, ", ")),
		Hint:    "Name it by its ID."}
}

// sorted gives what a filter keeps, by ID.
func sorted[T interface{ object() Object }](t table[T], keep func(T) bool) []T {
	var out []T
	for _, row := range t.rows {
		if keep(row) {
			out = append(out, row)
		}
	}
	slices.SortFunc(out, func(a, b T) int { return strings.Compare(string(a.object().ID), string(b.object().ID)) })
	return out
}

package stack

import (
	"slices"

	"github.com/stoker-project/stoker"
)

// rows are the resource records of one stack, by ID and by name. Several
// records share a name while a replacement is under way.
type rows struct {
	byID   map[stoker.ResourceID]*stoker.Resource
	byName map[stoker.ResourceName][]*stoker.Resource // oldest first
	order  []stoker.ResourceID                        // as they were recorded
}

func newRows(rs []*stoker.Resource) *rows {
	t := &rows{
		byID:   make(map[stoker.ResourceID]*stoker.Resource, len(rs)),
		byName: make(map[stoker.ResourceName][]*stoker.Resource, len(rs)),
	}
	for _, r := range rs {
		t.put(r)
	}
	return t
}

func (t *rows) put(r *stoker.Resource) {
	named := t.byName[r.Name]
	if _, ok := t.byID[r.ID]; ok {
		i := slices.IndexFunc(named, func(x *stoker.Resource) bool { return x.ID == r.ID })
		named[i] = r
	} else {
		t.byName[r.Name] = append(named, r)
		t.order = append(t.order, r.ID)
	}
	t.byID[r.ID] = r
}

func (t *rows) remove(r *stoker.Resource) {
	delete(t.byID, r.ID)
	rest := slices.DeleteFunc(t.byName[r.Name], func(x *stoker.Resource) bool { return x.ID == r.ID })
	if len(rest) == 0 {
		delete(t.byName, r.Name)
		return
	}
	t.byName[r.Name] = rest
}

// all gives the records in the order they were made.
func (t *rows) all() []*stoker.Resource {
	out := make([]*stoker.Resource, 0, len(t.byID))
	for _, id := range t.order {
		if r, ok := t.byID[id]; ok {
			out = append(out, r)
		}
	}
	return out
}

func (t *rows) len() int { return len(t.byID) }

// current gives the record that stands for a name to the outside: the newest
// one that is usable, or else the newest; nil if there is none.
func (t *rows) current(name stoker.ResourceName) *stoker.Resource {
	named := t.byName[name]
	for _, r := range slices.Backward(named) {
		if made(r) {
			return r
		}
	}
	if len(named) == 0 {
		return nil
	}
	return named[len(named)-1]
}

// made tells whether a resource exists as far as its dependents are concerned.
func made(r *stoker.Resource) bool {
	switch r.Action {
	case stoker.ActionInit, stoker.ActionDelete:
		return false
	case stoker.ActionCreate:
		return r.Status == stoker.StatusComplete
	}
	return true
}

// leaving gives the records that the last phase deletes: all that keep does not
// hold.
func (t *rows) leaving(keep map[stoker.ResourceID]bool) []*stoker.Resource {
	var out []*stoker.Resource
	for _, r := range t.all() {
		if !keep[r.ID] {
			out = append(out, r)
		}
	}
	return out
}

// deletable gives those of leaving that no other one of them requires. Where
// they require each other in a circle (their order changed between two
// templates), the newest goes first.
func deletable(leaving []*stoker.Resource, busy func(*stoker.Resource) bool) []*stoker.Resource {
	needed := map[stoker.ResourceName]bool{}
	for _, r := range leaving {
		for _, name := range r.Requires {
			if name != r.Name {
				needed[name] = true
			}
		}
	}
	var out []*stoker.Resource
	anyBusy := false
	for _, r := range leaving {
		if busy(r) {
			anyBusy = true
		} else if !needed[r.Name] {
			out = append(out, r)
		}
	}
	if len(out) == 0 && !anyBusy && len(leaving) > 0 {
		out = leaving[len(leaving)-1:]
	}
	return out
}

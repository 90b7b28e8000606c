package storetest

import (
	"cmp"
	"context"
	"slices"

	"github.com/stoker-project/stoker"
)

// Stack gives a stack and its resources by creation.
func (m *Memory) Stack(ctx context.Context, id stoker.StackID) (*stoker.Stack, []*stoker.Resource, error) {
	d, err := m.lock(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer d.mu.Unlock()
	row := d.stacks[id]
	if row == nil {
		return nil, nil, stoker.Errorf(stoker.NotFound, "no stack has the ID %s", id)
	}
	rows := make([]*resourceRow, 0, len(row.resources))
	for _, r := range row.resources {
		rows = append(rows, r)
	}
	slices.SortFunc(rows, func(a, b *resourceRow) int {
		return cmp.Or(a.resource.Created.Compare(b.resource.Created), cmp.Compare(a.seq, b.seq))
	})
	resources := make([]*stoker.Resource, len(rows))
	for i, r := range rows {
		if resources[i], err = cloneResource(r.resource); err != nil {
			return nil, nil, err
		}
	}
	stack, err := cloneStack(row.stack, false)
	return stack, resources, err
}

// Resource gives one record.
func (m *Memory) Resource(ctx context.Context, id stoker.ResourceID) (*stoker.Resource, error) {
	d, err := m.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer d.mu.Unlock()
	row := d.resources[id]
	if row == nil {
		return nil, stoker.Errorf(stoker.NotFound, "no resource has the ID %s", id)
	}
	return cloneResource(row.resource)
}

// Stacks lists stacks.
func (m *Memory) Stacks(ctx context.Context, f stoker.StackFilter) ([]*stoker.Stack, error) {
	d, err := m.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer d.mu.Unlock()
	var rows []*stackRow
	for _, row := range d.stacks {
		if matches(f, row.stack) {
			rows = append(rows, row)
		}
	}
	order := func(a, b *stackRow) int {
		c := cmp.Or(a.stack.Created.Compare(b.stack.Created), cmp.Compare(a.seq, b.seq))
		if f.Oldest {
			return c
		}
		return -c
	}
	slices.SortFunc(rows, order)
	if f.Marker != "" {
		marker := d.stacks[f.Marker]
		if marker == nil {
			return nil, stoker.Errorf(stoker.NotFound, "no stack has the marker's ID %s", f.Marker)
		}
		rows = slices.DeleteFunc(rows, func(r *stackRow) bool { return order(r, marker) <= 0 })
	}
	if f.Limit > 0 && len(rows) > f.Limit {
		rows = rows[:f.Limit]
	}
	out := make([]*stoker.Stack, len(rows))
	for i, row := range rows {
		if out[i], err = cloneStack(row.stack, f.Brief); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func matches(f stoker.StackFilter, s *stoker.Stack) bool {
	if f.ID != "" && s.ID != f.ID ||
		!f.AllProjects && s.Project != f.Project ||
		f.Name != "" && s.Name != f.Name ||
		f.Parent != "" && s.Parent != f.Parent ||
		f.InProgress && s.Status != stoker.StatusInProgress {
		return false
	}
	if s.Parent != "" && !f.Nested && f.Parent == "" && f.ID == "" ||
		!s.Deleted.IsZero() && !f.Deleted && f.ID == "" {
		return false
	}
	return !slices.ContainsFunc(f.Tags, func(t string) bool { return !slices.Contains(s.Tags, t) })
}

// Events lists events.
func (m *Memory) Events(ctx context.Context, f stoker.EventFilter) ([]*stoker.Event, error) {
	d, err := m.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer d.mu.Unlock()
	var marker *stoker.Event
	if f.Marker != "" {
		i := slices.IndexFunc(d.events, func(e *stoker.Event) bool { return e.ID == f.Marker })
		if i < 0 {
			return nil, stoker.Errorf(stoker.NotFound, "no event has the marker's ID %s", f.Marker)
		}
		marker = d.events[i]
	}
	events := slices.Clone(d.events)
	if f.Descending {
		slices.Reverse(events)
	}
	var out []*stoker.Event
	for _, e := range events {
		if f.Limit > 0 && len(out) == f.Limit {
			break
		}
		if wanted(f, marker, e) {
			c := *e
			out = append(out, &c)
		}
	}
	return out, nil
}

func wanted(f stoker.EventFilter, marker, e *stoker.Event) bool {
	if marker != nil && (f.Descending && e.Seq >= marker.Seq || !f.Descending && e.Seq <= marker.Seq) {
		return false
	}
	return e.Seq > f.After &&
		(len(f.Stacks) == 0 || slices.Contains(f.Stacks, e.Stack)) &&
		(f.Resource == "" || e.Resource == f.Resource) &&
		(f.ID == "" || e.ID == f.ID)
}

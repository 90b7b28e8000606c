package storetest

import (
	"slices"

	"github.com/stoker-project/stoker"
)

// commit checks everything before it changes anything: that is what makes it
// atomic.
func (d *data) commit(b stoker.Batch) error {
	if err := d.fence(b); err != nil {
		return err
	}
	if err := d.checkStack(b.Stack); err != nil {
		return err
	}
	stack, resources, err := cloneBatch(b)
	if err != nil {
		return err
	}
	snapshots, err := cloneSnapshots(b.Snapshots)
	if err != nil {
		return err
	}
	for _, r := range resources {
		if d.stacks[r.Stack] == nil && (stack == nil || stack.ID != r.Stack) {
			return stoker.Errorf(stoker.NotFound, "resource %s: stack %s is not stored", r.Name, r.Stack)
		}
	}
	d.putStack(stack)
	for _, r := range resources {
		d.putResource(r)
	}
	for _, id := range b.Forget {
		d.forget(id)
	}
	for _, s := range snapshots {
		d.putSnapshot(s)
	}
	for _, id := range b.DropSnapshots {
		delete(d.snapshots, id)
	}
	if stack != nil && !stack.Deleted.IsZero() {
		d.dropSnapshots(stack.ID)
	}
	if stack != nil && !stack.Deleted.IsZero() && !stack.Abandoned() {
		for id := range d.stacks[stack.ID].resources {
			d.forget(id)
		}
	}
	d.addEvents(b.Events)
	return nil
}

// fence holds back those whose lease another has taken.
func (d *data) fence(b stoker.Batch) error {
	if b.Lease != (stoker.Lease{}) {
		return d.holds(b.Lease)
	}
	onlyEvents := b.Stack == nil && len(b.Resources)+len(b.Forget)+len(b.Snapshots)+len(b.DropSnapshots) == 0
	if onlyEvents || b.Stack != nil && d.stacks[b.Stack.ID] == nil {
		return nil
	}
	return stoker.ErrLeaseLost
}

func (d *data) holds(l stoker.Lease) error {
	now := d.leases[l.Stack]
	if l.Epoch == 0 || now.Epoch != l.Epoch || now.Holder != l.Holder {
		return stoker.ErrLeaseLost
	}
	return nil
}

func (d *data) checkStack(s *stoker.Stack) error {
	if s == nil {
		return nil
	}
	if old := d.stacks[s.ID]; old != nil && old.stack.Generation > s.Generation {
		return stoker.Errorf(stoker.Conflict, "stack %s is at generation %d already, not %d",
			s.Name, old.stack.Generation, s.Generation)
	}
	if !s.Deleted.IsZero() {
		return nil
	}
	if id, taken := d.names[nameOf(s)]; taken && id != s.ID {
		return stoker.Errorf(stoker.Exists, "a stack named %q exists already", s.Name)
	}
	return nil
}

func cloneBatch(b stoker.Batch) (stack *stoker.Stack, resources []*stoker.Resource, err error) {
	if b.Stack != nil {
		if stack, err = cloneStack(b.Stack, false); err != nil {
			return nil, nil, err
		}
	}
	resources = make([]*stoker.Resource, len(b.Resources))
	for i, r := range b.Resources {
		if resources[i], err = cloneResource(r); err != nil {
			return nil, nil, err
		}
	}
	return stack, resources, nil
}

func (d *data) putStack(s *stoker.Stack) {
	if s == nil {
		return
	}
	if !s.Deleted.IsZero() && !s.Abandoned() {
		s.Spec.Files, s.Previous = nil, nil
	}
	row := d.stacks[s.ID]
	if row == nil {
		d.seq++
		row = &stackRow{seq: d.seq, resources: map[stoker.ResourceID]*resourceRow{}}
		d.stacks[s.ID] = row
	}
	if row.stack != nil && row.stack.Deleted.IsZero() {
		delete(d.names, nameOf(row.stack))
	}
	if s.Deleted.IsZero() {
		d.names[nameOf(s)] = s.ID
	}
	row.stack = s
}

func (d *data) putResource(r *stoker.Resource) {
	if row := d.resources[r.ID]; row != nil {
		row.resource = r
		return
	}
	d.seq++
	row := &resourceRow{seq: d.seq, resource: r}
	d.resources[r.ID] = row
	d.stacks[r.Stack].resources[r.ID] = row
}

func (d *data) forget(id stoker.ResourceID) {
	row := d.resources[id]
	if row == nil {
		return
	}
	delete(d.resources, id)
	delete(d.stacks[row.resource.Stack].resources, id)
}

// addEvents leaves out those that are stored already: a batch may come again
// after its answer was lost.
func (d *data) addEvents(events []*stoker.Event) {
	for _, e := range events {
		if d.eventIDs[e.ID] {
			continue
		}
		d.eventSeq++
		kept := *e
		kept.Seq = d.eventSeq
		kept.Time = utc(e.Time)
		d.events = append(d.events, &kept)
		d.eventIDs[e.ID] = true
		if row := d.stacks[e.Stack]; row != nil {
			row.events++
			d.ageEvents(row)
		}
	}
}

func (d *data) ageEvents(row *stackRow) {
	if row.events <= keepEvents+eventSlack {
		return
	}
	surplus := row.events - keepEvents
	row.events = keepEvents
	d.events = slices.DeleteFunc(d.events, func(e *stoker.Event) bool {
		if surplus == 0 || e.Stack != row.stack.ID {
			return false
		}
		surplus--
		delete(d.eventIDs, e.ID)
		return true
	})
}

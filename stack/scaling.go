package stack

import (
	"context"
	"fmt"
	"time"

	"github.com/stoker-project/stoker"
)

// Group gives a group by the ID of its nested stack. It is answered from memory
// while nothing of the group changes, for scalers ask every second; callers may not
// change it.
func (e *Engine) Group(ctx context.Context, id stoker.StackID) (*stoker.Group, error) {
	g, version := e.groups.get(id)
	if g != nil {
		return g, nil
	}
	g, err := e.loadGroup(ctx, id)
	if err == nil {
		e.groups.put(id, g, version)
	}
	return g, err
}

func (e *Engine) loadGroup(ctx context.Context, id stoker.StackID) (*stoker.Group, error) {
	st, rs, err := e.store.Stack(ctx, id)
	if err != nil {
		return nil, err
	}
	if st.Group == nil || !st.Deleted.IsZero() {
		return nil, notGroup(id)
	}
	parent, err := e.record(ctx, st.Parent, true)
	if err != nil {
		return nil, err
	}
	return groupOf(e, st, newRows(rs), parent.Name)
}

func notGroup(id stoker.StackID) error {
	return &stoker.Error{Kind: stoker.NotFound, Type: "ResourceNotFound", Message: fmt.Sprintf("there is no group %q", id),
		Hint: "Groups are listed by: stoker group list."}
}

func groupOf(e *Engine, st *stoker.Stack, rows *rows, parent string) (*stoker.Group, error) {
	ms, err := membersOf(st, rows)
	if err != nil {
		return nil, err
	}
	g := st.Group
	out := &stoker.Group{
		ID: st.ID, Name: parent + "/" + string(st.ParentResource), Stack: st.Parent, Resource: st.ParentResource,
		Project: st.Project, Min: g.Spec.Min, Max: g.Spec.Max, Size: g.Size,
		InFlight: st.Status == stoker.StatusInProgress, Failed: st.Status == stoker.StatusFailed,
		StatusReason: st.StatusReason, CooldownEnd: g.CooldownEnd,
		FrozenUntil: g.FrozenUntil, FrozenReason: g.FrozenReason, Skip: g.Skip,
		Members: make([]stoker.GroupMember, 0, len(ms)),
	}
	for _, m := range ms {
		r := rows.current(m.name)
		if r == nil {
			continue
		}
		out.Members = append(out.Members, stoker.GroupMember{
			Name: m.name, ID: r.ID, PhysicalID: r.PhysicalID, Reference: e.reference(st, r),
			Action: r.Action, Status: r.Status, Reason: r.StatusReason, Created: r.Created,
		})
	}
	return out, nil
}

// Resize changes the wanted size of a group, within its bounds. It returns when
// the change is recorded; a change under way is superseded. A size that is wanted
// already is no change. Conflict when the group's stack is being deleted.
func (e *Engine) Resize(ctx context.Context, id stoker.StackID, size int, reason string) error {
	return e.do(ctx, id, func(o *owner) error {
		if err := o.scalable(id); err != nil {
			return err
		}
		return o.resize(size, o.st.Group.CooldownEnd)
	})
}

func (o *owner) scalable(id stoker.StackID) error {
	switch {
	case o.st == nil || o.st.Group == nil || !o.st.Deleted.IsZero():
		return notGroup(id)
	case o.st.Action == stoker.ActionDelete:
		return stoker.Errorf(stoker.Conflict, "group %s is being deleted", o.st.Name)
	case o.st.Action == stoker.ActionSuspend:
		return stoker.Errorf(stoker.Conflict, "group %s is suspended", o.st.Name)
	case passing(o.st.Action) && o.st.Status == stoker.StatusInProgress:
		return underWay(o.st)
	}
	return nil
}

func (o *owner) resize(size int, cooldownEnd time.Time) error {
	next := *o.st
	g := *o.st.Group
	next.Group = &g
	g.Size = min(max(size, g.Spec.Min), g.Spec.Max)
	if err := o.e.limits.checkSize(&g.Spec, g.Size); err != nil {
		return err
	}
	g.CooldownEnd = cooldownEnd
	g.Batches, g.NextBatch, g.PauseUntil = nil, 0, time.Time{}
	ms, err := o.members(o.st)
	if err != nil {
		return err
	}
	// An unfinished rolling update is finished at once; definitions never go back.
	update := 0
	if len(o.st.Group.Batches) > o.st.Group.NextBatch {
		update = len(ms)
	}
	next.Spec.Template = template(&g, resized(ms, &g, g.Size, update, newName))
	if next.Spec.Template == o.st.Spec.Template && o.st.Status != stoker.StatusFailed {
		return nil
	}
	return o.operate(&next, stoker.ActionUpdate, false)
}

// Adjust is what a scaling policy does on a signal. nothing says why it did
// nothing; the order of the checks is Heat's (reference: autoscaling_group.py
// adjust): a group that is not complete, an unchanged size, the group's
// cool-off. cooldown nil means the group's own.
func (e *Engine) Adjust(ctx context.Context, id stoker.StackID, a stoker.Adjustment, cooldown *time.Duration) (nothing string, err error) {
	err = e.do(ctx, id, func(o *owner) error {
		if err := o.scalable(id); err != nil {
			return err
		}
		g := o.st.Group
		now := o.now()
		size := stoker.NewCapacity(o.size(), a, g.Spec.Min, g.Spec.Max)
		switch {
		case o.st.Status != stoker.StatusComplete:
			nothing = "the group is " + o.st.State()
		case size == o.size():
			nothing = fmt.Sprintf("the size stays %d", size)
		case now.Before(g.FrozenUntil):
			nothing = "the group is frozen: " + g.FrozenReason
		case now.Before(g.CooldownEnd):
			nothing = fmt.Sprintf("cooling down for another %s", g.CooldownEnd.Sub(now).Round(time.Second))
		default:
			d := g.Spec.Cooldown
			if cooldown != nil {
				d = *cooldown
			}
			end := now.Add(d)
			if g.CooldownEnd.After(end) {
				end = g.CooldownEnd
			}
			return o.resize(size, end)
		}
		return nil
	})
	return nothing, err
}

// size is the number of members that have not failed.
func (o *owner) size() int {
	ms, err := o.members(o.st)
	if err != nil {
		return o.st.Group.Size
	}
	n := 0
	for _, m := range ms {
		if !m.failed {
			n++
		}
	}
	return n
}

// Freeze keeps scalers and policies from changing a group until a time; the
// zero time, or one that has passed, thaws it.
func (e *Engine) Freeze(ctx context.Context, id stoker.StackID, until time.Time, reason string) error {
	return e.do(ctx, id, func(o *owner) error {
		if err := o.scalable(id); err != nil {
			return err
		}
		next := *o.st
		g := *o.st.Group
		g.FrozenUntil, g.FrozenReason = until, reason
		next.Group = &g
		return o.accept(&next)
	})
}

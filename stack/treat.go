package stack

import (
	"fmt"

	"github.com/stoker-project/stoker"
)

// passing tells whether an action goes over what is there instead of bringing
// about what a template wants.
func passing(a stoker.Action) bool {
	switch a {
	case stoker.ActionCheck, stoker.ActionSuspend, stoker.ActionResume, stoker.ActionSnapshot, stoker.ActionAdopt:
		return true
	}
	return false
}

// updating tells whether an action brings a stack from one spec to another.
func updating(a stoker.Action) bool { return a == stoker.ActionUpdate || a == stoker.ActionRestore }

// treatment is what a pass does with one resource.
type treatment int

const (
	leaveAlone treatment = iota // it is as it should be
	noteOnly                    // its type has nothing to do for it
	askType
)

// subject is a resource as a pass sees it.
type subject struct {
	*stoker.Resource
	able bool // its type, or its nested stack, has something to do
}

// treat decides what a pass does with a resource; an error says why it cannot be
// treated in the state that it is in.
func treat(a stoker.Action, s subject) (treatment, error) {
	switch a {
	case stoker.ActionSuspend:
		return treatSuspend(s)
	case stoker.ActionResume:
		return treatResume(s)
	case stoker.ActionAdopt:
		return treatAdopt(s), nil
	}
	return treatCheck(s)
}

// treatCheck: a check can prove that a resource is there, not that a change which
// has failed was made.
func treatCheck(s subject) (treatment, error) {
	switch {
	case !made(s.Resource):
		return leaveAlone, &stoker.Error{Kind: stoker.NotFound, Message: "the resource is not created yet"}
	case !stable(s.Resource) && s.Action != stoker.ActionCheck && s.Action != stoker.ActionResume:
		return leaveAlone, &stoker.Error{Kind: stoker.Conflict, Message: fmt.Sprintf("State %s invalid for check: %s", s.State(), s.StatusReason)}
	case !s.able:
		return noteOnly, nil
	}
	return askType, nil
}

func treatSuspend(s subject) (treatment, error) {
	switch {
	case s.Action == stoker.ActionSuspend && stable(s.Resource):
		return leaveAlone, nil
	case s.Action != stoker.ActionSuspend && !stable(s.Resource):
		return leaveAlone, &stoker.Error{Kind: stoker.Conflict, Message: fmt.Sprintf("State %s invalid for suspend", s.State())}
	case !s.able:
		return noteOnly, nil
	}
	return askType, nil
}

// treatResume wakes what was suspended or begun to be, and lets be what was not.
func treatResume(s subject) (treatment, error) {
	asleep := s.Action == stoker.ActionSuspend || s.Action == stoker.ActionResume && !stable(s.Resource)
	switch {
	case !asleep:
		return leaveAlone, nil
	case !s.able:
		return noteOnly, nil
	}
	return askType, nil
}

// treatAdopt puts back what was taken when its stack was.
func treatAdopt(s subject) treatment {
	switch {
	case s.Action != stoker.ActionAdopt || stable(s.Resource):
		return leaveAlone
	case !s.able:
		return noteOnly
	}
	return askType
}

// stable tells whether the last action on a resource has ended well.
func stable(r *stoker.Resource) bool { return r.Status == stoker.StatusComplete }

// able tells whether anything is to be done with a resource in a pass.
func (e *Engine) able(a stoker.Action, r *stoker.Resource) bool {
	if r.Child != "" {
		return true
	}
	if r.Data[externalKey] == true {
		return false
	}
	switch a {
	case stoker.ActionCheck:
		_, ok := e.types[r.Type].(stoker.Checker)
		return ok
	case stoker.ActionAdopt:
		_, ok := e.types[r.Type].(stoker.Resumer)
		return ok
	}
	_, ok := e.types[r.Type].(stoker.Sleeper)
	return ok
}

// asleep tells whether what a type holds for a resource is at rest, and must not
// be put back by a new process.
func (e *Engine) asleep(r *stoker.Resource) bool {
	_, sleeps := e.types[r.Type].(stoker.Sleeper)
	return sleeps && r.Action == stoker.ActionSuspend && r.Status != stoker.StatusFailed
}

// passOrder gives what each of the rows waits for in a pass: dependents come
// first when a stack is suspended, last when it is resumed or adopted, and a check has no order. Edges
// that close a circle, which records of two templates may, are left out.
func passOrder(a stoker.Action, rs []*stoker.Resource) map[stoker.ResourceName][]stoker.ResourceName {
	there := make(map[stoker.ResourceName]bool, len(rs))
	for _, r := range rs {
		there[r.Name] = true
	}
	after := make(map[stoker.ResourceName][]stoker.ResourceName, len(rs))
	for _, r := range rs {
		for _, name := range r.Requires {
			switch {
			case !there[name] || name == r.Name:
			case a == stoker.ActionSuspend:
				after[name] = append(after[name], r.Name)
			case a == stoker.ActionResume, a == stoker.ActionAdopt:
				after[r.Name] = append(after[r.Name], name)
			}
		}
	}
	return withoutCircles(rs, after)
}

func withoutCircles(rs []*stoker.Resource, after map[stoker.ResourceName][]stoker.ResourceName) map[stoker.ResourceName][]stoker.ResourceName {
	const (
		open = iota + 1
		done
	)
	state := make(map[stoker.ResourceName]int, len(rs))
	out := make(map[stoker.ResourceName][]stoker.ResourceName, len(rs))
	var visit func(stoker.ResourceName)
	visit = func(name stoker.ResourceName) {
		state[name] = open
		for _, d := range after[name] {
			if state[d] == open {
				continue
			}
			if state[d] == 0 {
				visit(d)
			}
			out[name] = append(out[name], d)
		}
		state[name] = done
	}
	for _, r := range rs {
		if state[r.Name] == 0 {
			visit(r.Name)
		}
	}
	return out
}

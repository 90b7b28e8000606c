package stack

import (
	"slices"
	"testing"

	"github.com/stoker-project/stoker"
)

func TestTreat(t *testing.T) {
	for _, c := range []struct {
		action stoker.Action
		state  string
		able   bool
		want   treatment
		fails  bool
	}{
		{"CHECK", "CREATE COMPLETE", true, askType, false},
		{"CHECK", "CREATE COMPLETE", false, noteOnly, false},
		{"CHECK", "CREATE FAILED", true, leaveAlone, true},
		{"CHECK", "INIT COMPLETE", true, leaveAlone, true},
		{"CHECK", "UPDATE FAILED", true, leaveAlone, true},
		{"CHECK", "UPDATE FAILED", false, leaveAlone, true},
		{"CHECK", "CHECK FAILED", true, askType, false},
		{"CHECK", "CHECK IN_PROGRESS", true, askType, false},
		{"CHECK", "RESUME FAILED", true, askType, false},
		{"SUSPEND", "UPDATE COMPLETE", true, askType, false},
		{"SUSPEND", "UPDATE COMPLETE", false, noteOnly, false},
		{"SUSPEND", "UPDATE FAILED", true, leaveAlone, true},
		{"SUSPEND", "SUSPEND COMPLETE", true, leaveAlone, false},
		{"SUSPEND", "SUSPEND FAILED", true, askType, false},
		{"SUSPEND", "SUSPEND IN_PROGRESS", true, askType, false},
		{"SUSPEND", "RESUME COMPLETE", true, askType, false},
		{"RESUME", "SUSPEND COMPLETE", true, askType, false},
		{"RESUME", "SUSPEND FAILED", true, askType, false},
		{"RESUME", "SUSPEND COMPLETE", false, noteOnly, false},
		{"RESUME", "RESUME FAILED", true, askType, false},
		{"RESUME", "RESUME COMPLETE", true, leaveAlone, false},
		{"RESUME", "CREATE COMPLETE", true, leaveAlone, false},
		{"RESUME", "UPDATE FAILED", true, leaveAlone, false},
	} {
		action, status, _ := cut(c.state)
		r := &stoker.Resource{Action: action, Status: status}
		got, err := treat(c.action, subject{r, c.able})
		if got != c.want || (err != nil) != c.fails {
			t.Errorf("%s of %s (able: %v): got %v, %v, want %v, failure: %v", c.action, c.state, c.able, got, err, c.want, c.fails)
		}
	}
}

func cut(state string) (stoker.Action, stoker.Status, bool) {
	for i := range state {
		if state[i] == ' ' {
			return stoker.Action(state[:i]), stoker.Status(state[i+1:]), true
		}
	}
	return "", "", false
}

func TestPassOrder(t *testing.T) {
	rs := []*stoker.Resource{
		{Name: "server"},
		{Name: "member", Requires: []stoker.ResourceName{"server", "pool"}},
		{Name: "pool"},
	}
	names := func(ns ...stoker.ResourceName) []stoker.ResourceName { return ns }
	if got := passOrder(stoker.ActionSuspend, rs); !slices.Equal(got["server"], names("member")) || got["member"] != nil || !slices.Equal(got["pool"], names("member")) {
		t.Errorf("suspend: got %v", got)
	}
	if got := passOrder(stoker.ActionResume, rs); !slices.Equal(got["member"], names("server", "pool")) || len(got) != 1 {
		t.Errorf("resume: got %v", got)
	}
	if got := passOrder(stoker.ActionCheck, rs); len(got) != 0 {
		t.Errorf("check: got %v", got)
	}
}

// TestPassOrderOfACircle: records of two templates may require each other; a
// pass must end all the same.
func TestPassOrderOfACircle(t *testing.T) {
	rs := []*stoker.Resource{
		{Name: "a", Requires: []stoker.ResourceName{"b", "a"}},
		{Name: "b", Requires: []stoker.ResourceName{"a"}},
	}
	for _, a := range []stoker.Action{stoker.ActionSuspend, stoker.ActionResume} {
		if got := passOrder(a, rs); len(got["a"])+len(got["b"]) != 1 {
			t.Errorf("%s: got %v, want one edge", a, got)
		}
	}
}

package alarm

import (
	"testing"
	"time"

	"github.com/stoker-project/stoker"
)

// TestNotifications holds what is told of events.
func TestNotifications(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, tt := range []struct {
		ev    stoker.Event
		kinds []string
		state string
	}{
		{stoker.Event{Action: "CREATE", Status: "IN_PROGRESS"}, []string{"orchestration.stack.create.start"}, "CREATE_IN_PROGRESS"},
		{stoker.Event{Action: "UPDATE", Status: "FAILED"}, []string{"orchestration.stack.update.error"}, "UPDATE_FAILED"},
		{stoker.Event{ResourceID: "r", Type: "OS::Nova::Server", Action: "CREATE", Status: "IN_PROGRESS"}, []string{"compute.instance.create.start", "compute.instance.update"}, "building"},
		{stoker.Event{ResourceID: "r", Type: "OS::Nova::Server", Action: "CREATE", Status: "COMPLETE"}, []string{"compute.instance.create.end", "compute.instance.update"}, "active"},
		{stoker.Event{ResourceID: "r", Type: "AWS::EC2::Instance", Action: "DELETE", Status: "COMPLETE"}, []string{"compute.instance.delete.end", "compute.instance.update"}, "deleted"},
		{stoker.Event{ResourceID: "r", Type: "OS::Nova::Server", Action: "CHECK", Status: "FAILED"}, []string{"compute.instance.update"}, "error"},
		{stoker.Event{ResourceID: "r", Type: "OS::Nova::Server", Action: "SUSPEND", Status: "COMPLETE"}, []string{"compute.instance.suspend.end", "compute.instance.update"}, "suspended"},
		{stoker.Event{ResourceID: "r", Type: "OS::Nova::Server", Action: "UPDATE", Status: "COMPLETE"}, []string{"compute.instance.update"}, "active"},
		{stoker.Event{ResourceID: "r", Type: "OS::Cinder::Volume", Action: "CREATE", Status: "COMPLETE"}, []string{"volume.create.end"}, "active"},
		{stoker.Event{ResourceID: "r", Type: "OS::Heat::Value", Action: "CREATE", Status: "COMPLETE"}, nil, ""},
	} {
		tt.ev.Time, tt.ev.ID, tt.ev.Stack, tt.ev.PhysicalID = at, "m", "id", "phys"
		got := notifications(&tt.ev, "shop", "a b")
		if len(got) != len(tt.kinds) {
			t.Errorf("%+v: got %d, want %q", tt.ev, len(got), tt.kinds)
			continue
		}
		for i := range got {
			n := &got[i]
			state, _ := n.field("traits.state")
			project, _ := n.field("project_id")
			id, _ := n.field("traits.resource_id")
			want := "phys"
			if tt.ev.ResourceID == "" {
				want = "arn:openstack:heat::a%20b:stacks/shop/id"
			}
			if n.kind != tt.kinds[i] || state != tt.state || project != "a b" || id != want {
				t.Errorf("%+v: got %+v, want %s in state %s", tt.ev, n, tt.kinds[i], tt.state)
			}
		}
	}
}

func TestComparisons(t *testing.T) {
	n := &notification{kind: "a.b.end", id: "m", time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), traits: map[string]string{
		"n": "10", "f": "1.5", "b": "True", "s": "abc", "t": "2026-01-02T03:04:05.5",
	}}
	for _, tt := range []struct {
		c    comparison
		want bool
	}{
		{comparison{"traits.n", "gt", "integer", "9"}, true},
		{comparison{"traits.n", "gt", "string", "9"}, false},
		{comparison{"n", "le", "integer", "10"}, true},
		{comparison{"n", "lt", "float", "10.5"}, true},
		{comparison{"f", "ge", "float", "1.50"}, true},
		{comparison{"f", "eq", "integer", "1"}, false}, // no whole number
		{comparison{"b", "eq", "boolean", "true"}, true},
		{comparison{"b", "ne", "boolean", "true"}, false},
		{comparison{"s", "ne", "string", "abd"}, true},
		{comparison{"t", "gt", "datetime", "2026-01-02T03:04:05Z"}, true},
		{comparison{"generated", "eq", "datetime", "2026-01-02T04:04:05+01:00"}, true},
		{comparison{"event_type", "eq", "string", "a.b.end"}, true},
		{comparison{"message_id", "eq", "string", "m"}, true},
		{comparison{"none", "ne", "string", "x"}, false},
	} {
		sel := selection{"a.*.en?", []comparison{tt.c}}
		if got := sel.takes(n); got != tt.want {
			t.Errorf("%+v: got %t", tt.c, got)
		}
	}
	if sel := (selection{kind: "a.b"}); sel.takes(n) {
		t.Error("another type is taken")
	}
}

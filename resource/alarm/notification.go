package alarm

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/stoker-project/stoker"
)

// notification is what happened as OpenStack's services tell it, with the traits that
// Ceilometer's event definitions take from it.
type notification struct {
	kind   string // compute.instance.create.end
	id     string
	time   time.Time
	traits map[string]string
}

// notifications are what a service of OpenStack would say of an event of a stack or a
// resource: Heat of stacks, Nova of servers, Cinder of volumes. Of other resources nothing
// is said.
func notifications(ev *stoker.Event, name string, project stoker.ProjectID) []notification {
	traits := map[string]string{"project_id": string(project), "tenant_id": string(project)}
	out := func(kind string) notification {
		return notification{kind: kind, id: ev.ID, time: ev.Time, traits: traits}
	}
	if ev.ResourceID == "" {
		traits["resource_id"] = fmt.Sprintf("arn:openstack:heat::%s:stacks/%s/%s", url.PathEscape(string(project)), name, ev.Stack)
		traits["stack_id"], traits["name"], traits["state"] = string(ev.Stack), name, string(ev.Action)+"_"+string(ev.Status)
		return []notification{out("orchestration.stack." + verb(ev.Action) + "." + edge(ev.Status))}
	}
	traits["resource_id"], traits["stack_id"], traits["resource_name"] = string(ev.PhysicalID), string(ev.Stack), string(ev.Resource)
	traits["state"] = state(ev)
	switch ev.Type {
	case "OS::Nova::Server", "AWS::EC2::Instance":
		traits["instance_id"], traits["service"] = string(ev.PhysicalID), "compute"
		update := out("compute.instance.update")
		if ev.Action == stoker.ActionUpdate || ev.Action == stoker.ActionCheck {
			return []notification{update}
		}
		return []notification{out("compute.instance." + verb(ev.Action) + "." + edge(ev.Status)), update}
	case "OS::Cinder::Volume", "AWS::EC2::Volume":
		return []notification{out("volume." + verb(ev.Action) + "." + edge(ev.Status))}
	}
	return nil
}

func verb(a stoker.Action) string { return strings.ToLower(string(a)) }

func edge(s stoker.Status) string {
	switch s {
	case stoker.StatusComplete:
		return "end"
	case stoker.StatusFailed:
		return "error"
	}
	return "start"
}

// state is Nova's word for how a server is.
func state(ev *stoker.Event) string {
	if ev.Status == stoker.StatusFailed {
		return "error"
	}
	words := map[stoker.Action][2]string{
		stoker.ActionCreate: {"building", "active"}, stoker.ActionDelete: {"deleting", "deleted"}, stoker.ActionSuspend: {"active", "suspended"},
	}
	w, ok := words[ev.Action]
	switch {
	case !ok:
		return "active"
	case ev.Status == stoker.StatusComplete:
		return w[1]
	}
	return w[0]
}

// field gives what a condition looks at: a trait, or the notification itself.
func (n *notification) field(name string) (string, bool) {
	switch name {
	case "event_type":
		return n.kind, true
	case "message_id":
		return n.id, true
	case "generated":
		return n.time.UTC().Format(time.RFC3339Nano), true
	}
	v, ok := n.traits[strings.TrimPrefix(name, "traits.")]
	return v, ok
}

// body is the notification as Aodh posts it.
func (n *notification) body() map[string]any {
	traits := []any{}
	for name, v := range n.traits {
		traits = append(traits, []any{name, 1, v}) // 1: a text
	}
	return map[string]any{"event_type": n.kind, "message_id": n.id, "generated": n.time.UTC().Format(time.RFC3339Nano), "traits": traits}
}

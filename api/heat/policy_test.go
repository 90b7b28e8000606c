package heat_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	heatapi "github.com/stoker-project/stoker/api/heat"
)

// closedRoutes are the URLs below a project, with their verbs; the others are
// for everybody.
func closedRoutes(t *testing.T) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for path, verbs := range heatapi.Routes() {
		if strings.HasPrefix(path, "/v1/{project}") {
			out[path] = verbs
		}
	}
	if len(out) < 25 {
		t.Fatalf("only %d routes were found", len(out))
	}
	return out
}

// private is in everything that alice has: its presence in an answer to
// somebody else is a leak.
const private = "visible-to-alice-only"

func TestNoRouteShowsAnothersThings(t *testing.T) {
	w := newWorld(t)
	st := w.create(private, map[string]any{"template": strings.ReplaceAll(groupTemplate, "web", private), "tags": private})
	event := w.do("GET", "/stacks/"+private+"/"+string(st.ID)+"/events", nil).want(t, 200).value(t, "events.0.id").(string)
	fill := func(path, project string) string {
		return strings.NewReplacer("{project}", project, "{name}", private, "{id}", string(st.ID), "{resource}", private,
			"{event}", event, "{version}", "heat_template_version.rocky", "{server}", private, "{key}", "size", "{$}", "").Replace(path)
	}
	body := `{"stack_name": "x", "template": {"heat_template_version": "2018-08-31"}}`
	for path, verbs := range closedRoutes(t) {
		for _, verb := range verbs {
			// Under alice's project nobody else comes in at all.
			for who, status := range map[string]int{bobToken: 403, "": 401, "wrong": 401} {
				if a := w.as(who, verb, fill(path, "shop"), body); a.status != status || strings.Contains(a.text, private) {
					t.Errorf("%s %s with the token %q: got %d, want %d\n%s", verb, path, who, a.status, status, a.text)
				}
			}
			// Under bob's own project alice's stack is not there.
			a := w.as(bobToken, verb, fill(path, "other"), body)
			if strings.Contains(path, "{name}") && a.status != 404 {
				t.Errorf("%s %s in another project: got %d, want 404", verb, path, a.status)
			}
			if a.status < 300 && strings.Contains(a.text, private) {
				t.Errorf("%s %s in another project shows:\n%s", verb, path, a.text)
			}
		}
	}
	if got := w.do("GET", "/stacks/"+private+"/"+string(st.ID), nil).want(t, 200).value(t, "stack.stack_status"); got != "CREATE_COMPLETE" {
		t.Errorf("the stack was changed: %v", got)
	}
}

func TestReadersOnlyLook(t *testing.T) {
	w := newWorld(t)
	st := w.create("a", map[string]any{"template": groupTemplate})
	before := len(w.do("GET", "/stacks", nil).value(t, "stacks").([]any))
	fill := strings.NewReplacer("{project}", "shop", "{name}", "a", "{id}", string(st.ID), "{resource}", "up", "{$}", "")
	// These show what is secret to administrators, or to those who may change the stack.
	secret := []string{"/services", "/stacks/{name}/{id}/export"}
	looks := map[string]bool{"/stacks/preview": true, "/validate": true, "/stacks/{name}/{id}/preview": true}
	for path, verbs := range closedRoutes(t) {
		_, rest, _ := strings.Cut(path, "{project}")
		for _, verb := range verbs {
			a := w.as(readerToken, verb, fill.Replace(path), nil)
			may := verb == http.MethodGet && !slices.Contains(secret, rest) || looks[rest] || a.status == http.StatusFound // what a redirect leads to is asked for anew
			if got := a.status != http.StatusForbidden; got != may {
				t.Errorf("%s %s: got %d, a reader may: %v", verb, path, a.status, may)
			}
		}
	}
	if got := len(w.do("GET", "/stacks", nil).value(t, "stacks").([]any)); got != before {
		t.Errorf("there were %d stacks, now there are %d", before, got)
	}
}

package heat_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	heatapi "github.com/stoker-project/stoker/api/heat"
	"github.com/stoker-project/stoker/internal/typepolicy"
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

// Types that are for administrators are for nobody else there, and nobody else changes
// stacks that have some.
func TestTypesForAdministrators(t *testing.T) {
	w := newWorld(t, func(w *world) {
		w.allow = typepolicy.Table{"OS::Heat::RandomString": typepolicy.Admin, "OS::Heat::None": typepolicy.Nobody}.Allow
	})
	template := `{"heat_template_version": "2021-04-16", "resources": {"r": {"type": "OS::Heat::RandomString"}}}`
	create := `{"stack_name": "a", "disable_rollback": true, "template": ` + template + `}`
	const why = "You are not authorized to use resource_types:OS::Heat::RandomString."
	for _, a := range []answer{
		w.do("POST", "/stacks", create), w.do("POST", "/stacks/preview", create),
		w.do("GET", "/resource_types/OS::Heat::RandomString", nil), w.do("GET", "/resource_types/OS::Heat::RandomString/template", nil),
	} {
		if got := a.want(t, 403).value(t, "error.message").(string); !strings.HasSuffix(got, why) {
			t.Errorf("got %q, want %q", got, why)
		}
	}
	w.do("POST", "/validate", `{"template": `+template+`}`).want(t, 200)
	listed := func(tok string) []any {
		return w.as(tok, "GET", "/resource_types", nil).want(t, 200).value(t, "resource_types").([]any)
	}
	for tok, want := range map[string]bool{aliceToken: false, rootToken: true} {
		if got := slices.Contains(listed(tok), any("OS::Heat::RandomString")); got != want {
			t.Errorf("listed for %s: %v, want %v", tok, got, want)
		}
		if slices.Contains(listed(tok), any("OS::Heat::None")) {
			t.Errorf("a type for nobody is listed for %s", tok)
		}
	}
	id := w.as(rootToken, "POST", "/stacks", create).want(t, 201).value(t, "stack.id").(string)
	path := "/stacks/a/" + id
	w.settle(id)
	w.do("GET", path, nil).want(t, 200)
	for _, a := range []answer{
		w.do("DELETE", path, nil), w.do("PUT", path, `{"template": {"heat_template_version": "2021-04-16"}}`),
		w.do("POST", path+"/actions", `{"check": null}`), w.do("POST", path+"/snapshots", `{}`), w.do("DELETE", path+"/abandon", nil),
	} {
		a.want(t, 403)
	}
	w.as(rootToken, "POST", path+"/actions", `{"check": null}`).want(t, 200)
	w.settle(id)
	w.as(rootToken, "DELETE", path, nil).want(t, 204)
}

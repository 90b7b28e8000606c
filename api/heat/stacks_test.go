package heat_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestStackLifeInHeatsShapes(t *testing.T) {
	w := newWorld(t)
	made := w.do("POST", "/stacks", map[string]any{"stack_name": "a", "template": valueTemplate, "parameters": map[string]any{"text": "hi"}, "timeout_mins": 5, "tags": "x, y"}).want(t, 201)
	id := made.value(t, "stack.id").(string)
	at := w.url + "/v1/shop/stacks/a/" + id
	if got := made.header.Get("Location"); got != at {
		t.Errorf("got Location %q, want %q", got, at)
	}
	if got := made.value(t, "stack.links.0.href"); got != at {
		t.Errorf("got link %v, want %q", got, at)
	}
	w.settle(id)
	shown := w.do("GET", at, nil).want(t, 200)
	for path, want := range map[string]any{
		"stack.stack_name": "a", "stack.stack_status": "CREATE_COMPLETE", "stack.description": "A value.", "stack.template_description": "A value.",
		"stack.parameters.text": "hi", "stack.parameters.secret": "******", "stack.parameters.OS::stack_name": "a",
		"stack.timeout_mins": 5.0, "stack.disable_rollback": true, "stack.stack_owner": "alice", "stack.parent": nil, "stack.updated_time": nil,
		"stack.tags.1": "y", "stack.outputs.0.output_key": "said", "stack.outputs.0.output_value": "hi", "stack.outputs.0.description": "What is said.",
	} {
		if got := shown.value(t, path); got != want {
			t.Errorf("%s: got %v, want %v", path, got, want)
		}
	}
	if got, _ := shown.value(t, "stack.outputs.1.output_error").(string); got == "" {
		t.Errorf("an output that cannot be resolved has no output_error:\n%s", shown.text)
	}
	if brief := w.do("GET", at+"?resolve_outputs=False", nil).want(t, 200); strings.Contains(brief.text, `"outputs"`) {
		t.Errorf("resolve_outputs=False shows outputs:\n%s", brief.text)
	}
	w.do("DELETE", at, nil).want(t, 204)
	w.settle(id)
	if got := w.do("GET", at, nil).want(t, 200).value(t, "stack.stack_status"); got != "DELETE_COMPLETE" {
		t.Errorf("a deleted stack is %v by its ID, want DELETE_COMPLETE", got)
	}
	w.do("GET", "/stacks/a", nil).wantFault(t, 404, "EntityNotFound", "The Stack (a) could not be found.")
}

func TestUpdateReplacesAndPatchKeeps(t *testing.T) {
	w := newWorld(t)
	st := w.create("a", map[string]any{"template": valueTemplate, "parameters": map[string]any{"text": "one"}})
	at := "/stacks/a/" + string(st.ID)
	said := func() any {
		t.Helper()
		w.settle(string(st.ID))
		return w.do("GET", at+"/outputs/said", nil).want(t, 200).value(t, "output.output_value")
	}
	w.do("PATCH", at, map[string]any{"parameters": map[string]any{"text": "two"}}).want(t, 202)
	if got := said(); got != "two" {
		t.Errorf("after PATCH of a parameter: got %v, want two", got)
	}
	w.do("PATCH", at, map[string]any{"tags": "t"}).want(t, 202)
	if got := said(); got != "two" {
		t.Errorf("after PATCH of nothing: got %v, want two", got)
	}
	w.do("PATCH", at, map[string]any{"clear_parameters": []string{"text"}}).want(t, 202)
	if got := said(); got != "hello" {
		t.Errorf("after PATCH that clears the parameter: got %v, want its default", got)
	}
	w.do("PUT", at, map[string]any{"template": valueTemplate, "parameters": map[string]any{"text": "three"}}).want(t, 202)
	if got := said(); got != "three" {
		t.Errorf("after PUT: got %v, want three", got)
	}
	w.do("PUT", at, map[string]any{"template": valueTemplate}).want(t, 202)
	if got := said(); got != "hello" {
		t.Errorf("after PUT without parameters: got %v, want the default", got)
	}
	w.do("PUT", at, map[string]any{}).wantFault(t, 400, "HTTPBadRequest", "No template specified")
}

func TestPreviews(t *testing.T) {
	w := newWorld(t)
	p := w.do("POST", "/stacks/preview", map[string]any{"stack_name": "p", "template": valueTemplate}).want(t, 200)
	if got := p.value(t, "stack.resources.0.resource_name"); got != "one" {
		t.Errorf("got %v, want one", got)
	}
	if got := w.do("GET", "/stacks", nil).want(t, 200).value(t, "stacks").([]any); len(got) != 0 {
		t.Errorf("a preview has made a stack: %v", got)
	}
	st := w.create("a", map[string]any{"template": valueTemplate, "parameters": map[string]any{"text": "one"}})
	at := "/stacks/a/" + string(st.ID) + "/preview"
	kinds := func(a answer) string {
		var out []string
		for _, kind := range []string{"added", "deleted", "replaced", "unchanged", "updated"} {
			if n := len(a.value(t, "resource_changes."+kind).([]any)); n > 0 {
				out = append(out, fmt.Sprintf("%s %d", kind, n))
			}
		}
		return strings.Join(out, ", ")
	}
	for _, tt := range []struct {
		method string
		body   map[string]any
		want   string
	}{
		{"PATCH", map[string]any{}, "unchanged 1"},
		{"PATCH", map[string]any{"parameters": map[string]any{"text": "two"}}, "updated 1"},
		{"PATCH", map[string]any{"clear_parameters": []string{"text"}}, "updated 1"},
		{"PUT", map[string]any{"template": valueTemplate, "parameters": map[string]any{"text": "one"}}, "unchanged 1"},
		{"PUT", map[string]any{"template": groupTemplate}, "added 2, deleted 1"},
	} {
		if got := kinds(w.do(tt.method, at, tt.body).want(t, 200)); got != tt.want {
			t.Errorf("%s %v: got %s, want %s", tt.method, tt.body, got, tt.want)
		}
	}
	if got := w.do("GET", "/stacks/a/"+string(st.ID)+"/outputs/said", nil).value(t, "output.output_value"); got != "one" {
		t.Errorf("previews have changed the stack: %v", got)
	}
}

func TestListFiltersAndPages(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"a", "b", "c", "d"} {
		body := map[string]any{"template": valueTemplate}
		if name < "c" {
			body["tags"] = "early,all"
		} else {
			body["tags"] = "all"
		}
		w.create(name, body)
	}
	names := func(query string) string {
		t.Helper()
		var out []string
		for _, st := range w.do("GET", "/stacks"+query, nil).want(t, 200).value(t, "stacks").([]any) {
			out = append(out, st.(map[string]any)["stack_name"].(string))
		}
		return strings.Join(out, " ")
	}
	for query, want := range map[string]string{
		"":                                   "d c b a",
		"?sort_dir=asc":                      "a b c d",
		"?sort_keys=stack_name&sort_dir=asc": "a b c d",
		"?sort_keys=stack_name":              "d c b a",
		"?sort_keys=nonsense":                "d c b a",
		"?name=b":                            "b",
		"?stack_name=b&stack_name=c":         "c b",
		"?status=COMPLETE":                   "d c b a",
		"?stack_status=CREATE_COMPLETE":      "d c b a",
		"?status=FAILED":                     "",
		"?action=create":                     "d c b a",
		"?tags=early":                        "b a",
		"?tags_any=early,other":              "b a",
		"?not_tags=early":                    "d c",
		"?not_tags_any=all":                  "",
		"?limit=2":                           "d c",
		"?username=alice&limit=1":            "d",
	} {
		if got := names(query); got != want {
			t.Errorf("GET /stacks%s: got %q, want %q", query, got, want)
		}
	}
	for _, query := range []string{"?limit=1", "?limit=1&sort_keys=stack_name&with_count=true"} {
		if got := walk(t, w, query); !slices.Equal(got, []string{"d", "c", "b", "a"}) {
			t.Errorf("GET /stacks%s by its next links: got %v", query, got)
		}
	}
	if got := w.do("GET", "/stacks?with_count=true&limit=1", nil).value(t, "count"); got != 4.0 {
		t.Errorf("got count %v, want 4", got)
	}
	if got := len(w.do("GET", "/stacks/detail", nil).want(t, 200).value(t, "stacks").([]any)); got != 4 {
		t.Errorf("detail lists %d stacks, want 4", got)
	}
	for query, words := range map[string]string{
		"?limit=x": "Only integer", "?limit=-1": "greater than or equal", "?sort_dir=up": "sort direction",
		"?show_deleted=2": `Unrecognized value "2" for "show_deleted", acceptable values are: true, false.`,
	} {
		w.do("GET", "/stacks"+query, nil).wantFault(t, 400, "HTTPBadRequest", words)
	}
	if got := w.do("GET", "/stacks?marker=nobody", nil); got.status < 400 || got.status >= 500 {
		t.Errorf("an unknown marker: got status %d, want 4xx", got.status)
	}
}

// walk follows the next links of a list.
func walk(t *testing.T, w *world, query string) []string {
	t.Helper()
	var out []string
	at := w.url + "/v1/shop/stacks" + query
	for range 10 {
		page := w.do("GET", at, nil).want(t, 200)
		for _, st := range page.value(t, "stacks").([]any) {
			out = append(out, st.(map[string]any)["stack_name"].(string))
		}
		links, ok := page.value(t, "links").([]any)
		if !ok {
			return out
		}
		at = links[0].(map[string]any)["href"].(string)
	}
	t.Fatalf("the list has no end: %v", out)
	return nil
}

func TestRedirects(t *testing.T) {
	w := newWorld(t)
	st := w.create("a", map[string]any{"template": valueTemplate})
	at := w.url + "/v1/shop/stacks/a/" + string(st.ID)
	for _, tt := range []struct{ method, path, want string }{
		{"GET", "/stacks/a", at},
		{"GET", "/stacks/" + string(st.ID), at},
		{"PUT", "/stacks/a", at},
		{"PATCH", "/stacks/a", at},
		{"DELETE", "/stacks/a?x=1", at + "?x=1"},
		{"GET", "/stacks/a/events?sort_dir=asc", at + "/events?sort_dir=asc"},
		{"GET", "/stacks/a/resources", at + "/resources"},
		{"GET", "/stacks/a/template", at + "/template"},
	} {
		got := w.do(tt.method, tt.path, nil).want(t, 302)
		if loc := got.header.Get("Location"); loc != tt.want {
			t.Errorf("%s %s: got Location %q, want %q", tt.method, tt.path, loc, tt.want)
		}
	}
	w.do("GET", "/stacks/arn:openstack:heat::shop:stacks/a/"+string(st.ID), nil).want(t, 200)
	w.do("GET", "/v1/stacks/a/"+string(st.ID), nil).want(t, 200)
	w.do("GET", "/v1/stacks", nil).want(t, 200)
	w.do("GET", "/stacks/b/"+string(st.ID), nil).wantFault(t, 404, "EntityNotFound", "The Stack (b) could not be found.")
}

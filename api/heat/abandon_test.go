package heat_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
)

const leftTemplate = `heat_template_version: 2021-04-16
parameters: {word: {type: string, hidden: true}}
resources:
  a: {type: OS::Heat::Value, properties: {value: {get_param: word}}}
  code: {type: OS::Heat::RandomString}
  group: {type: OS::Heat::ResourceGroup, properties: {count: 2, resource_def: {type: OS::Heat::RandomString}}}
outputs:
  word: {value: {get_attr: [a, value]}}
  code: {value: {get_attr: [code, value]}}
  codes: {value: {get_attr: [group, value]}}
`

func TestAbandonAndAdopt(t *testing.T) {
	w := newWorld(t)
	st := w.create("a", map[string]any{"template": leftTemplate, "parameters": map[string]any{"word": "hunter2"}, "tags": "x,y"})
	w.settled(st.ID, "CREATE_COMPLETE")
	at := "/stacks/a/" + string(st.ID)
	codes := w.do("GET", at+"/outputs/codes", nil).text
	exported := w.do("GET", at+"/export", nil).want(t, 200)
	w.settled(st.ID, "CREATE_COMPLETE")
	left := w.do("DELETE", at+"/abandon", nil).want(t, 200)

	var data map[string]any
	if err := json.Unmarshal([]byte(left.text), &data); err != nil {
		t.Fatal(err)
	}
	want := []string{"action", "environment", "files", "id", "name", "project_id", "resources", "stack_user_project_id", "status", "tags", "template", "template_name"}
	if got := slices.Sorted(maps.Keys(data)); !slices.Equal(got, want) {
		t.Errorf("keys: got %q, want %q", got, want)
	}
	code := data["resources"].(map[string]any)["code"].(map[string]any)
	want = []string{"action", "metadata", "name", "resource_data", "resource_id", "status", "type"}
	if got := slices.Sorted(maps.Keys(code)); !slices.Equal(got, want) || code["type"] != "OS::Heat::RandomString" || code["name"] != "code" {
		t.Errorf("resource: got %q %v, want %q", got, code, want)
	}
	group := data["resources"].(map[string]any)["group"].(map[string]any)
	if inside := group["resources"].(map[string]any); len(inside) != 2 || group["template"].(map[string]any)["resources"] == nil {
		t.Errorf("group: got %v", group)
	}
	word := data["environment"].(map[string]any)["parameters"].(map[string]any)["word"]
	if word != "hunter2" || !strings.Contains(exported.text, "hunter2") || data["template"].(map[string]any)["heat_template_version"] != "2021-04-16" {
		t.Errorf("got %s", left.text)
	}
	w.do("GET", "/stacks/a", nil).want(t, 404)
	w.do("GET", at+"/resources", nil).want(t, 200).contains(t, `"resources":[]`)
	again := w.do("DELETE", at+"/abandon", nil).want(t, 200)
	if len(again.text) == 0 {
		t.Error("asked again: nothing")
	}

	made := w.do("POST", "/stacks", map[string]any{"stack_name": "b", "adopt_stack_data": left.text, "timeout_mins": 60}).want(t, 201)
	if id := made.value(t, "stack").(map[string]any)["id"]; id != string(st.ID) {
		t.Errorf("it has the ID %v, want %s", id, st.ID)
	}
	w.settled(st.ID, "ADOPT_COMPLETE")
	at = "/stacks/b/" + string(st.ID)
	if got := w.do("GET", at+"/outputs/codes", nil).text; got != codes {
		t.Errorf("codes: got %s, want %s", got, codes)
	}
	w.do("GET", at+"/outputs/word", nil).want(t, 200).contains(t, "hunter2")
	events := w.do("GET", at+"/events", nil).want(t, 200)
	events.contains(t, "ADOPT_IN_PROGRESS")
	if strings.Contains(events.text, "hunter2") {
		t.Errorf("a secret is in the events: %s", events.text)
	}
}

func (a answer) contains(t *testing.T, text string) {
	t.Helper()
	if !strings.Contains(a.text, text) {
		t.Errorf("got %s, want %q in it", a.text, text)
	}
}

// Heat's clients send what they read from a file as text; it may be YAML, or too large for
// other requests.
func TestAdoptDataComesInManyForms(t *testing.T) {
	w := newWorld(t)
	st := w.create("a", map[string]any{"template": leftTemplate, "parameters": map[string]any{"word": strings.Repeat("long ", 300_000/5)}})
	w.settled(st.ID, "CREATE_COMPLETE")
	at := "/stacks/a/" + string(st.ID) + "/abandon"
	for name, form := range map[string]func(text string) any{
		"the document": func(text string) any { return json.RawMessage(text) },
		"JSON":         func(text string) any { return text },
		"YAML":         func(text string) any { return "# by hand\n" + text },
		"large":        func(text string) any { return text + strings.Repeat(" ", 2<<20) },
	} {
		left := w.do("DELETE", at, nil).want(t, 200)
		a := w.do("POST", "/stacks", map[string]any{"stack_name": "a", "adopt_stack_data": form(left.text)})
		if a.status != 201 {
			t.Fatalf("%s: got %d %.300s", name, a.status, a.text)
		}
		w.settled(st.ID, "ADOPT_COMPLETE")
	}
	w.do("POST", "/stacks", `{"stack_name": "x", "template": "`+strings.Repeat(" ", 2<<20)+`"}`).wantFault(t, 400, "RequestLimitExceeded", "JSON body size")
	for _, bad := range []string{`"["`, `7`, `[]`, `"just text"`} {
		w.do("POST", "/stacks", `{"stack_name": "x", "adopt_stack_data": `+bad+`}`).wantFault(t, 400, "HTTPBadRequest", "Invalid adopt data")
	}
}

func TestAbandonAndAdoptAreAllowedOnly(t *testing.T) {
	w := newWorld(t, func(w *world) { w.abandon = false })
	st := w.create("a", map[string]any{"template": valueTemplate})
	w.settled(st.ID, "CREATE_COMPLETE")
	at := "/stacks/a/" + string(st.ID)
	w.do("GET", at+"/export", nil).wantFault(t, 400, "NotSupported", "Stack Abandon is not supported.")
	w.do("DELETE", at+"/abandon", nil).wantFault(t, 400, "NotSupported", "Stack Abandon is not supported.")
	w.do("POST", "/stacks", map[string]any{"stack_name": "x", "adopt_stack_data": "{}"}).wantFault(t, 400, "NotSupported", "Stack Adopt is not supported.")
	w.settled(st.ID, "CREATE_COMPLETE")
}

// What is secret in it is for those who may change the stack.
func TestAbandonedOfOthers(t *testing.T) {
	w := newWorld(t)
	st := w.create("a", map[string]any{"template": valueTemplate})
	w.settled(st.ID, "CREATE_COMPLETE")
	at := "/stacks/a/" + string(st.ID)
	w.as(readerToken, "GET", "/v1/shop"+at+"/export", nil).wantFault(t, 403, "Forbidden", "")
	w.as(readerToken, "DELETE", "/v1/shop"+at+"/abandon", nil).wantFault(t, 403, "Forbidden", "")
	w.as(bobToken, "DELETE", "/v1/other"+at+"/abandon", nil).wantFault(t, 404, "EntityNotFound", "could not be found")
	w.as(bobToken, "GET", "/v1/shop"+at+"/export", nil).wantFault(t, 403, "Forbidden", "")
	left := w.do("DELETE", at+"/abandon", nil).want(t, 200)
	w.as(bobToken, "POST", "/v1/other/stacks", map[string]any{"stack_name": "mine", "adopt_stack_data": left.text}).
		wantFault(t, 400, "StackValidationFailed", "no stack")
}

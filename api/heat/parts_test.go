package heat_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stoker-project/stoker/internal/token"
)

func TestResourcesAndEvents(t *testing.T) {
	w := newWorld(t)
	st := w.create("a", map[string]any{"template": groupTemplate})
	at := "/stacks/a/" + string(st.ID)
	list := w.do("GET", at+"/resources", nil).want(t, 200)
	if got := list.value(t, "resources.0.resource_name"); got != "web" {
		t.Errorf("got %v, want web", got)
	}
	if got := list.value(t, "resources.0.links.2.rel"); got != "nested" {
		t.Errorf("a group has the link %v, want nested", got)
	}
	if got := list.value(t, "resources.0.required_by.0"); got != "up" {
		t.Errorf("required_by: got %v, want up", got)
	}
	nested := list.value(t, "resources.0.links.2.href").(string)
	if got := w.do("GET", nested, nil).want(t, 200).value(t, "stack.parent"); got != string(st.ID) || !strings.Contains(nested, "/stacks/a-web-") {
		t.Errorf("the nested link %s leads to a stack of %v", nested, got)
	}
	if got := len(w.do("GET", at+"/resources?nested_depth=2", nil).want(t, 200).value(t, "resources").([]any)); got != 3 {
		t.Errorf("nested_depth=2 lists %d resources, want 3", got)
	}
	if got := len(w.do("GET", at+"/resources?type=OS::Heat::ScalingPolicy", nil).value(t, "resources").([]any)); got != 1 {
		t.Errorf("a filter by type lists %d, want 1", got)
	}
	w.do("GET", at+"/resources?color=red", nil).wantFault(t, 400, "HTTPBadRequest", `"color"`)
	one := w.do("GET", at+"/resources/web", nil).want(t, 200)
	if got := one.value(t, "resource.attributes.current_size"); got != 1.0 {
		t.Errorf("attribute current_size: got %v, want 1", got)
	}
	w.do("GET", at+"/resources/none", nil).wantFault(t, 404, "ResourceNotFound", "none")
	w.do("GET", at+"/resources/none/events", nil).wantFault(t, 404, "NotFound", "none")

	events := w.do("GET", at+"/events?sort_dir=asc", nil).want(t, 200)
	if got := events.value(t, "events.0.resource_status_reason"); got != "Stack CREATE started" {
		t.Errorf("the first event says %v", got)
	}
	deep := w.do("GET", at+"/events?nested_depth=2&sort_dir=asc", nil).want(t, 200)
	if got := deep.value(t, "events.0.links.3.rel"); got != "root_stack" {
		t.Errorf("with nested_depth an event has the link %v, want root_stack", got)
	}
	id := events.value(t, "events.1.id").(string)
	name := events.value(t, "events.1.resource_name").(string)
	one = w.do("GET", at+"/resources/"+name+"/events/"+id, nil).want(t, 200)
	if got := one.value(t, "event.resource_type"); got == "" {
		t.Error("an event has no resource_type")
	}
	w.do("GET", at+"/resources/"+name+"/events/none", nil).wantFault(t, 404, "EntityNotFound", "none")
	after := w.do("GET", at+"/events?sort_dir=asc&limit=1&marker="+id, nil).want(t, 200)
	if got := after.value(t, "events.0.id"); got == id || got == events.value(t, "events.0.id") {
		t.Errorf("the event after %s is %v", id, got)
	}
	for _, f := range []string{"resource_action=CREATE", "resource_type=OS::Heat::Stack", "resource_name=up"} {
		if n := len(w.do("GET", at+"/events?"+f, nil).want(t, 200).value(t, "events").([]any)); n != 2 && f != "resource_action=CREATE" || n == 0 {
			t.Errorf("filter %s lists %d events", f, n)
		}
	}
}

func TestSignals(t *testing.T) {
	w := newWorld(t)
	st := w.create("a", map[string]any{"template": groupTemplate})
	at := "/stacks/a/" + string(st.ID) + "/resources/"
	size := func() any {
		t.Helper()
		w.settle(string(w.group(st.ID).ID))
		return w.do("GET", "/stacks/a/"+string(st.ID)+"/outputs/size", nil).want(t, 200).value(t, "output.output_value")
	}
	for i, body := range []any{nil, "null", "{}", `{"current": "alarm"}`} {
		if i == 3 {
			break // at its maximum; below
		}
		if got := w.do("POST", at+"up/signal", body).want(t, 200); got.text != "null" {
			t.Errorf("signal with %v: got %q, want null", body, got.text)
		}
		if got := size(); got != float64(i+2) {
			t.Errorf("after signal %d: got size %v, want %d", i+1, got, i+2)
		}
	}
	w.do("POST", at+"up/signal", `{"current": "alarm"}`).want(t, 200) // does nothing, quietly
	if got := size(); got != 4.0 {
		t.Errorf("a signal at the maximum: got size %v, want 4", got)
	}
	w.do("POST", at+"web/signal", "{}").wantFault(t, 400, "ResourceActionNotSupported", "signal is not supported for resource.")
	w.do("POST", at+"up/signal", "[1]").wantFault(t, 400, "HTTPBadRequest", "JSON object")

	mine := token.Sign(signalKey, "shop", string(st.ID), "up")
	w.as(mine, "POST", at+"up/signal", "{}").want(t, 200)
	w.as("", "POST", at+"up/signal?signature="+mine, "{}").want(t, 200)
	w.as(mine, "POST", at+"web/signal", "{}").want(t, 401)
	w.as(mine, "GET", at+"up", nil).want(t, 401)
	w.as("", "POST", at+"up/signal?signature=0", "{}").want(t, 401)
}

func TestTemplateEnvironmentFiles(t *testing.T) {
	w := newWorld(t)
	st := w.create("a", map[string]any{
		"template": valueTemplate, "files": map[string]any{
			"one.env": "parameters: {text: one, secret: s1}", "two.env": "parameters: {text: two}",
			"extra": "some text", "doc": map[string]any{"a": 1},
		},
		"environment_files": []string{"one.env", "two.env"},
		"environment":       "parameters: {text: ignored}",
	})
	at := "/stacks/a/" + string(st.ID)
	if got := w.do("GET", at+"/outputs/said", nil).value(t, "output.output_value"); got != "two" {
		t.Errorf("got %v, want the value of the last environment file", got)
	}
	env := w.do("GET", at+"/environment", nil).want(t, 200)
	if got := env.value(t, "parameters.secret"); got != "******" {
		t.Errorf("a hidden parameter is shown: %v", got)
	}
	if strings.Contains(env.text, "s1") {
		t.Errorf("a hidden parameter is shown:\n%s", env.text)
	}
	if got := w.do("GET", at+"/template", nil).value(t, "heat_template_version"); got != "2018-08-31" {
		t.Errorf("got version %v", got)
	}
	if got := w.do("GET", at+"/files", nil).value(t, "extra"); got != "some text" {
		t.Errorf("got file %v", got)
	}
	w.do("POST", "/stacks", map[string]any{"stack_name": "b", "template": valueTemplate, "environment_files": []string{"none"}}).
		wantFault(t, 400, "HTTPBadRequest", `"none"`)
}

func TestValidateTypesAndVersions(t *testing.T) {
	w := newWorld(t)
	v := w.do("POST", "/validate", map[string]any{"template": valueTemplate}).want(t, 200)
	for path, want := range map[string]any{
		"Description": "A value.", "Parameters.text.Type": "String", "Parameters.text.Default": "hello", "Parameters.text.Label": "Text",
		"Parameters.text.MaxLength": 10.0, "Parameters.text.ConstraintDescription": "short", "Parameters.secret.NoEcho": "true",
	} {
		if got := v.value(t, path); got != want {
			t.Errorf("%s: got %v, want %v", path, got, want)
		}
	}
	needs := strings.Replace(valueTemplate, "default: hello, ", "", 1)
	w.do("POST", "/validate", map[string]any{"template": needs}).want(t, 200)
	w.do("POST", "/stacks", map[string]any{"stack_name": "x", "template": needs}).wantFault(t, 400, "UserParameterMissing", "The Parameter (text) was not provided.")
	w.do("POST", "/validate", map[string]any{"template": valueTemplate + "nonsense: 1\n"}).wantFault(t, 400, "HTTPBadRequest", "The template section is invalid: nonsense")
	w.do("POST", "/stacks", map[string]any{"stack_name": "x", "template": valueTemplate + "nonsense: 1\n"}).wantFault(t, 400, "StackValidationFailed", "nonsense")
	w.do("POST", "/validate", map[string]any{"template": "heat_template_version: 2018-08-31\na: b: c\n"}).
		wantFault(t, 400, "HTTPBadRequest", "Template not in valid format: mapping values are not allowed in this context (line 2, column 5)")

	types := w.do("GET", "/resource_types", nil).want(t, 200)
	if !strings.Contains(types.text, `"OS::Heat::Value"`) {
		t.Errorf("OS::Heat::Value is not listed:\n%s", types.text)
	}
	if got := len(w.do("GET", "/resource_types?name=Random", nil).value(t, "resource_types").([]any)); got != 1 {
		t.Errorf("a filter by name lists %d, want 1", got)
	}
	w.do("GET", "/resource_types?name=(", nil).wantFault(t, 400, "HTTPBadRequest", "regular expression")
	if got := w.do("GET", "/resource_types/OS::Heat::RandomString", nil).want(t, 200).value(t, "properties.length.update_allowed"); got != false {
		t.Errorf("length may be updated: %v", got)
	}
	w.do("GET", "/resource_types/OS::Heat::Nothing", nil).wantFault(t, 404, "EntityNotFound", "OS::Heat::Nothing")
	generated := w.do("GET", "/resource_types/OS::Heat::RandomString/template?template_type=hot", nil).want(t, 200)
	w.do("POST", "/validate", `{"template": `+generated.text+`}`).want(t, 200)

	w.do("GET", "/template_versions", nil).want(t, 200)
	w.do("GET", "/build_info", nil).want(t, 200)
}

func TestMergedByTheServer(t *testing.T) {
	w := newWorld(t)
	body := func(second string) map[string]any {
		return map[string]any{
			"template":          "heat_template_version: 2018-08-31\nparameters: {names: {type: comma_delimited_list}}\noutputs: {names: {value: {get_param: names}}}",
			"files":             map[string]any{"one.env": "parameters: {names: 'a,b'}\nparameter_merge_strategies: {names: merge}", "two.env": second},
			"environment_files": []string{"one.env", "two.env"}, "stack_name": "bad",
		}
	}
	st := w.create("a", body("parameters: {names: c}"))
	if got := fmt.Sprint(w.do("GET", "/stacks/a/"+string(st.ID)+"/outputs/names", nil).value(t, "output.output_value")); got != "[a b c]" {
		t.Errorf("got %s, want [a b c]", got)
	}
	for second, want := range map[string][2]string{
		"parameters: {names: {a: 1}}":                    {"InvalidMergeStrategyForParam", "names"},
		"parameter_merge_strategies: {names: merge_all}": {"ValueError", "names"},
		"parameter_merge_strategies: {names: overwrite}": {"ConflictingMergeStrategyForParam", "names"},
		"nonsense: {}": {"HTTPBadRequest", "nonsense"},
	} {
		w.do("POST", "/stacks", body(second)).wantFault(t, 400, want[0], want[1])
	}
}

func TestRootDocumentsAndVerbs(t *testing.T) {
	w := newWorld(t)
	if got := w.as("", "GET", "/-/", nil).want(t, 300).value(t, "versions.0.id"); got != "v1.0" {
		t.Errorf("got version %v", got)
	}
	w.as("", "GET", "/v1", nil).want(t, 200)
	w.as("", "GET", "/v1/", nil).want(t, 200)
	w.as("", "GET", "/-/healthcheck", nil).want(t, 200)
	got := w.do("OPTIONS", "/stacks", nil).want(t, 204)
	if allow := got.header.Get("Allow"); allow != "GET, POST" {
		t.Errorf("OPTIONS /stacks: got Allow %q", allow)
	}
	w.do("DELETE", "/stacks", nil).wantFault(t, http.StatusMethodNotAllowed, "HTTPMethodNotAllowed", "GET, POST")
	w.do("GET", "/nothing", nil).want(t, 404)
	w.do("GET", "/v2/shop/stacks", nil).want(t, 404)
}

func TestTokens(t *testing.T) {
	w := newWorld(t)
	w.create("a", map[string]any{"template": valueTemplate})
	for tok, want := range map[string]int{"": 401, "wrong": 401, aliceToken + "x": 401, bobToken: 403, aliceToken: 200, rootToken: 200} {
		if got := w.as(tok, "GET", "/v1/shop/stacks", nil); got.status != want {
			t.Errorf("token %q: got %d, want %d", tok, got.status, want)
		}
	}
	if got := len(w.as(bobToken, "GET", "/v1/other/stacks", nil).want(t, 200).value(t, "stacks").([]any)); got != 0 {
		t.Errorf("bob sees %d stacks of alice's", got)
	}
	w.as(bobToken, "GET", "/v1/other/stacks/a", nil).want(t, 404)
	w.as(bobToken, "GET", "/v1/other/stacks?global_tenant=true", nil).wantFault(t, 403, "Forbidden", "")
	if got := len(w.as(rootToken, "GET", "/v1/admin/stacks?global_tenant=true", nil).want(t, 200).value(t, "stacks").([]any)); got != 1 {
		t.Errorf("the admin sees %d stacks, want 1", got)
	}
}

package heat_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stoker-project/stoker"
	heatapi "github.com/stoker-project/stoker/api/heat"
	"github.com/stoker-project/stoker/internal/access"
	"github.com/stoker-project/stoker/internal/token"
	"github.com/stoker-project/stoker/resource/heat"
	"github.com/stoker-project/stoker/stack"
	"github.com/stoker-project/stoker/store/storetest"
)

func (w *world) group(st stoker.StackID) *stoker.Group {
	w.t.Helper()
	groups, err := w.engine.Groups(w.t.Context(), "shop", false)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, g := range groups {
		if g.Stack == st {
			return g
		}
	}
	w.t.Fatalf("stack %s has no group", st)
	return nil
}

func TestBadBodies(t *testing.T) {
	w := newWorld(t)
	w.create("taken", map[string]any{"template": valueTemplate})
	long := strings.Repeat("x", heatapi.MaxTemplate)
	for _, tt := range []struct {
		name, body, class, words string
		status                   int
	}{
		{"nothing", ``, "HTTPBadRequest", "body", 400},
		{"no JSON", `{`, "HTTPBadRequest", "body", 400},
		{"a list", `[]`, "HTTPBadRequest", "body", 400},
		{"not UTF-8", "{\"stack_name\": \"\xff\"}", "HTTPBadRequest", "UTF-8", 400},
		{"no template", `{"stack_name": "a"}`, "HTTPBadRequest", "No template", 400},
		{"no name", fmt.Sprintf(`{"template": %q}`, valueTemplate), "HTTPBadRequest", "No stack name specified", 400},
		{"bad name", fmt.Sprintf(`{"stack_name": "1 2", "template": %q}`, valueTemplate), "StackValidationFailed", "name", 400},
		{"taken name", fmt.Sprintf(`{"stack_name": "taken", "template": %q}`, valueTemplate), "StackExists", "already exists", 409},
		{"template is a number", `{"stack_name": "a", "template": 7}`, "StackValidationFailed", "", 400},
		{"template of another kind", `{"stack_name": "a", "template": "just text"}`, "StackValidationFailed", "", 400},
		{"broken YAML", `{"stack_name": "a", "template": "a: [1"}`, "StackValidationFailed", "", 400},
		{"parameters are a list", fmt.Sprintf(`{"stack_name": "a", "template": %q, "parameters": []}`, valueTemplate), "HTTPBadRequest", "parameters", 400},
		{"unknown parameter", fmt.Sprintf(`{"stack_name": "a", "template": %q, "parameters": {"z": 1}}`, valueTemplate), "UnknownUserParameter", "(z)", 400},
		{"bad environment", fmt.Sprintf(`{"stack_name": "a", "template": %q, "environment": "a: ["}`, valueTemplate), "StackValidationFailed", "", 400},
		{"environment is a number", fmt.Sprintf(`{"stack_name": "a", "template": %q, "environment": 3}`, valueTemplate), "HTTPBadRequest", "environment", 400},
		{"timeout is text", fmt.Sprintf(`{"stack_name": "a", "template": %q, "timeout_mins": "soon"}`, valueTemplate), "HTTPBadRequest", "timeout_mins", 400},
		{"negative timeout", fmt.Sprintf(`{"stack_name": "a", "template": %q, "timeout_mins": -1}`, valueTemplate), "HTTPBadRequest", "timeout_mins", 400},
		{"long tag", fmt.Sprintf(`{"stack_name": "a", "template": %q, "tags": %q}`, valueTemplate, long[:81]), "StackValidationFailed", "80", 400},
		{"rollback is text", fmt.Sprintf(`{"stack_name": "a", "template": %q, "disable_rollback": "maybe"}`, valueTemplate), "HTTPBadRequest", "disable_rollback", 400},
		{"template_url", `{"stack_name": "a", "template_url": "http://127.0.0.1/x"}`, "HTTPBadRequest", "nothing is fetched here", 400},
		{"long template", fmt.Sprintf(`{"stack_name": "a", "template": %q}`, long+"x"), "RequestLimitExceeded", "Template size", 400},
		{"long body", fmt.Sprintf(`{"stack_name": %q}`, long+long+long), "RequestLimitExceeded", "JSON body size", 400},
		{"unknown type", `{"stack_name": "a", "template": {"heat_template_version": "2018-08-31", "resources": {"r": {"type": "No::Such"}}}}`, "EntityNotFound", "No::Such", 404},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := w.do("POST", "/stacks", tt.body)
			if tt.name == "unknown type" && got.status == 400 {
				got.wantFault(t, 400, "StackValidationFailed", tt.words)
				return
			}
			if tt.class == "StackValidationFailed" && tt.words == "" {
				if got.want(t, tt.status); got.value(t, "error.message") == "" {
					t.Errorf("the error says nothing:\n%s", got.text)
				}
				return
			}
			got.wantFault(t, tt.status, tt.class, tt.words)
		})
	}
}

func TestFaultsTellThePlace(t *testing.T) {
	w := newWorld(t)
	got := w.do("POST", "/stacks", map[string]any{"stack_name": "a", "template_name": "a.yaml",
		"template": "heat_template_version: 2018-08-31\nresources:\n  r:\n    type: OS::Heat::Value\n    nonsense: 1\n"})
	got.want(t, 400)
	if file, line := got.value(t, "error.file"), got.value(t, "error.line"); file != "a.yaml" || line != 5.0 {
		t.Errorf("got %v:%v, want a.yaml:5\n%s", file, line, got.text)
	}
}

// FuzzRequest throws paths, queries and bodies at the API: no panic, and no 500
// for any input.
func FuzzRequest(f *testing.F) {
	engine := stack.New(stack.Config{Store: storetest.NewMemory()})
	engine.Register(heat.Types(heat.Deps{}))
	h := heatapi.New(heatapi.Config{Engine: engine, Access: &access.Gate{Tokens: new(token.Table).Add(aliceToken, token.Grant{Project: "shop"})}})
	for _, body := range []string{
		"", "{}", "null", `{"stack_name":"a","template":"heat_template_version: 2018-08-31"}`,
		fmt.Sprintf(`{"template":%q,"parameters":{"text":"x"},"tags":["a"],"timeout_mins":"3","files":{"a":{}}}`, valueTemplate),
		`{"environment_files":["e"],"files":{"e":"parameters: {a: 1}"},"template":{}}`,
		`{"template":{"heat_template_version":"2021-04-16","resources":{"r":{"type":"OS::Heat::Value","properties":{"value":{"get_attr":["r","x"]}}}}}}`,
	} {
		f.Add("POST", "/v1/shop/validate", "", body)
		f.Add("POST", "/v1/shop/stacks/preview", "", body)
		f.Add("POST", "/v1/shop/stacks", "", body)
	}
	f.Add("GET", "/v1/shop/stacks", "limit=1&marker=x&sort_keys=stack_name&tags=a,b&with_count=true", "")
	f.Add("GET", "/v1/shop/stacks/a/b/events/../resources", "nested_depth=3", "")
	f.Add("POST", "/v1/stacks/arn:openstack:heat::shop:stacks/a/b/resources/r/signal", "signature=0", `{"a":[1,2.5e400]}`)
	f.Fuzz(func(t *testing.T, method, path, query, body string) {
		req := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		req.Method, req.URL.Path, req.URL.RawQuery = method, "/"+strings.TrimPrefix(path, "/"), query
		req.Header.Set("X-Auth-Token", aliceToken)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, req)
		if w.Code == http.StatusInternalServerError {
			t.Errorf("%s %q ?%q %q: got 500\n%s", method, path, query, body, w.Body)
		}
	})
}

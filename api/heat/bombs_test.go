package heat_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	heatapi "github.com/stoker-project/stoker/api/heat"
	"github.com/stoker-project/stoker/dialect/cfn"
	"github.com/stoker-project/stoker/internal/access"
	"github.com/stoker-project/stoker/internal/token"
	"github.com/stoker-project/stoker/resource/heat"
	"github.com/stoker-project/stoker/stack"
	"github.com/stoker-project/stoker/store/storetest"
)

// quick is how long a refusal may take at most, on a machine that is busy with
// other things; it is far less than what the bombs are made to take.
const quick = 10 * time.Second

// TestBombs sends what is made to take all time or memory: each is refused with
// 400 or 413, by whatever is asked for.
func TestBombs(t *testing.T) {
	w := newWorld(t)
	head := "heat_template_version: 2021-04-16\n"
	product := head + "outputs: {o: {value: {repeat: {template: a%a%b%b%c%c%, for_each: {%a%: L, %b%: L, %c%: L}}}}}"
	product = strings.ReplaceAll(product, "L", "["+strings.Repeat("x, ", 999)+"x]")
	group := func(n int, inner string) string {
		return head + fmt.Sprintf("resources: {g: {type: OS::Heat::ResourceGroup, properties: {count: %d, resource_def: {type: %s}}}}", n, inner)
	}
	groups := map[string]any{}
	for i := range 4 {
		groups[fmt.Sprintf("g%d.yaml", i)] = group(1000, fmt.Sprintf("g%d.yaml", i+1))
	}
	groups["g4.yaml"] = group(1000, "OS::Heat::None")
	cycle := map[string]any{"a.yaml": head + "resources: {r: {type: b.yaml}}", "b.yaml": head + "resources: {r: {type: a.yaml}}"}
	for name, body := range map[string]any{
		"billion laughs":    map[string]any{"template": laughs(head)},
		"deep YAML":         map[string]any{"template": head + "outputs: {o: {value: " + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + "}}"},
		"deep JSON":         `{"stack_name": "x", "template": ` + strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000) + "}",
		"deep environment":  map[string]any{"template": head, "environment": strings.Repeat("{a: ", 50_000)},
		"deep parameters":   `{"stack_name": "x", "template": "` + `heat_template_version: 2018-08-31", "parameters": {"p": ` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + "}}",
		"product of lists":  map[string]any{"template": product},
		"cycle of files":    map[string]any{"template": head + "resources: {r: {type: a.yaml}}", "files": cycle},
		"cycle in registry": map[string]any{"template": head + "resources: {r: {type: X}}", "environment": "resource_registry: {X: Y, Y: X}"},
		"growing registry":  map[string]any{"template": head + "resources: {r: {type: X}}", "environment": "resource_registry: {'X*': 'XX*'}"},
		"cycle of depends":  map[string]any{"template": head + "resources: {a: {type: OS::Heat::None, depends_on: b}, b: {type: OS::Heat::None, depends_on: a}}"},
		"groups of groups":  map[string]any{"template": group(1000, "g0.yaml"), "files": groups},
		"large group":       map[string]any{"template": group(1_000_000_000, "OS::Heat::None")},
		"long random":       map[string]any{"template": head + "resources: {r: {type: OS::Heat::RandomString, properties: {length: 1000000000}}}"},
		"10 MB":             `{"stack_name": "x", "template": "` + strings.Repeat("a", 10<<20) + `"}`,
		"UTF-16":            "\xff\xfe{\x00}\x00",
		"UTF-8 cut off":     "{\"stack_name\": \"\xe2\x82\"}",
		"control signs":     map[string]any{"template": head + "description: \"\x00\x01\"\nnonsense: \x7f"},
		"yaql":              map[string]any{"template": head + "outputs: {o: {value: {yaql: {expression: 'range(0, 100000000).select(range(0, 100000000).len()).sum()', data: {}}}}}"},
	} {
		for _, path := range []string{"/stacks", "/stacks/preview", "/validate"} {
			t.Run(name+path, func(t *testing.T) {
				if m, ok := body.(map[string]any); ok {
					m["stack_name"] = "x"
				}
				begin := time.Now()
				a := w.do("POST", path, body)
				took := time.Since(begin)
				if lazy := name == "product of lists" || name == "yaql"; lazy && a.status < 300 {
					// Outputs are resolved when they are looked at: that must be harmless.
					w.lookAt(t, path, a)
				} else if a.status != 400 && a.status != 413 {
					t.Errorf("got %d, want 400 or 413\n%.300s", a.status, a.text)
				}
				if took > quick {
					t.Errorf("it took %v", took)
				}
			})
		}
	}
}

// lookAt shows and deletes a stack that was taken.
func (w *world) lookAt(t *testing.T, path string, a answer) {
	t.Helper()
	if path != "/stacks" {
		return
	}
	id := a.value(t, "stack.id").(string)
	w.settle(id)
	begin := time.Now()
	shown := w.do("GET", "/stacks/x/"+id, nil).want(t, 200)
	if e, _ := shown.value(t, "stack.outputs.0.output_error").(string); e == "" {
		t.Errorf("the output has no error: %.300s", shown.text)
	}
	if took := time.Since(begin); took > quick {
		t.Errorf("looking at it took %v", took)
	}
	w.do("DELETE", "/stacks/x/"+id, nil).want(t, 204)
	w.settle(id)
}

// laughs is a document whose aliases stand for a billion texts.
func laughs(head string) string {
	var b strings.Builder
	b.WriteString(head + "outputs:\n  a0: &a0 {value: [lol]}\n")
	for i := 1; i < 10; i++ {
		alias := fmt.Sprintf("*a%d", i-1)
		fmt.Fprintf(&b, "  a%d: &a%d {value: [%s]}\n", i, i, strings.Join([]string{alias, alias, alias, alias, alias, alias, alias, alias, alias, alias}, ", "))
	}
	return b.String()
}

// TestEveryMessageNamesThePlace wants the path in the template where a fault is.
func TestEveryMessageNamesThePlace(t *testing.T) {
	w := newWorld(t)
	for text, path := range map[string]string{
		"resources: {r: {type: OS::Heat::RandomString, properties: {length: x}}}":                                                                "resources.r.properties.length",
		"resources: {r: {type: OS::Heat::RandomString, properties: {nonsense: 1}}}":                                                              "resources.r.properties",
		"resources: {r: {type: OS::Heat::Value, properties: {value: {get_param: missing}}}}":                                                     "resources.r.properties.value.get_param",
		"resources: {r: {type: OS::Heat::Value, properties: {value: {get_attr: [missing, x]}}}}":                                                 "resources.r.properties.value",
		"resources: {r: {type: OS::Heat::Value, properties: {value: {list_join: [1]}}}}":                                                         "resources.r.properties.value.list_join",
		"resources: {r: {type: OS::Heat::Value, nonsense: 1}}":                                                                                   "resources.r",
		"resources: {r: {type: OS::Heat::ResourceGroup, properties: {resource_def: {type: OS::Heat::Value}}}}":                                   "resources.g",
		"parameters: {p: {type: strange}}":                                                                                                       "parameters.p",
		"parameters: {p: {type: number, default: 7, constraints: [{range: {max: 5}}]}}":                                                          "parameters.p",
		"outputs: {o: {value: {get_resource: missing}}}":                                                                                         "outputs.o.value",
		"conditions: {c: {equals: [1]}}":                                                                                                         "conditions.c",
		"parameter_groups: [{parameters: [missing]}]":                                                                                            "parameter_groups",
		"resources: {a: {type: OS::Heat::None, depends_on: [missing]}}":                                                                          "resources.a.depends_on",
		"resources: {c: {type: OS::Heat::ResourceChain, properties: {resources: ['OS::Heat::RandomString'], resource_properties: {length: x}}}}": "resources.c",
		"resources: {r: {type: OS::No::Such}}":                                                                                                   "resources.r",
	} {
		a := w.do("POST", "/validate", map[string]any{"template": "heat_template_version: 2021-04-16\n" + text})
		if a.want(t, 400); !strings.Contains(a.text, strings.ReplaceAll(path, "resources.g", "resources.r")) {
			t.Errorf("%s: the answer does not name %s:\n%s", text, path, a.text)
		}
	}
}

// FuzzVectors mutates templates of the language's test vectors: parts are swapped with
// those of others, dropped and doubled. Nothing gives 500.
func FuzzVectors(f *testing.F) {
	path := os.Getenv("STOKER_HOT_VECTORS")
	if path == "" {
		path = "../../../shared/vectors/hot-functions.json"
	}
	text, err := os.ReadFile(path)
	if err != nil {
		f.Skipf("no vectors (set STOKER_HOT_VECTORS): %v", err)
	}
	var vectors []struct {
		Template map[string]any
		Snippet  any
	}
	if err := json.Unmarshal(text, &vectors); err != nil {
		f.Fatal(err)
	}
	engine := stack.New(stack.Config{Store: storetest.NewMemory(), Parse: cfn.Parse})
	engine.Register(heat.Types(heat.Deps{}))
	h := heatapi.New(heatapi.Config{Engine: engine, Parse: cfn.Parse,
		Access: &access.Gate{Tokens: new(token.Table).Add(aliceToken, token.Grant{Project: "shop"})}})
	for i := range vectors {
		f.Add(uint64(i), uint64(len(vectors)-i))
	}
	f.Fuzz(func(t *testing.T, which, seed uint64) {
		r := rand.New(rand.NewPCG(which, seed))
		pick := func() any { return vectors[r.IntN(len(vectors))].Snippet }
		v := vectors[which%uint64(len(vectors))]
		tmpl := map[string]any{"outputs": map[string]any{"o": map[string]any{"value": mutate(r, v.Snippet, pick, 0)}}}
		for k, x := range v.Template {
			tmpl[k] = mutate(r, x, pick, 0)
		}
		body, err := json.Marshal(map[string]any{"stack_name": "a", "template": tmpl})
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"/v1/shop/validate", "/v1/shop/stacks/preview"} {
			req := httptest.NewRequest(http.MethodPost, path, strings.NewReader(string(body)))
			req.Header.Set("X-Auth-Token", aliceToken)
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, req)
			if rec.Code >= 500 {
				t.Errorf("POST %s %s: got %d\n%s", path, body, rec.Code, rec.Body)
			}
		}
	})
}

// mutate changes some parts of a value.
func mutate(r *rand.Rand, v any, pick func() any, depth int) any {
	if depth < 8 && r.IntN(12) == 0 {
		return []any{pick(), nil, "", -1.5, []any{}, map[string]any{}, "heat_template_version"}[r.IntN(7)]
	}
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, x := range v {
			if r.IntN(20) > 0 {
				out[k] = mutate(r, x, pick, depth+1)
			}
		}
		return out
	case []any:
		var out []any
		for _, x := range v {
			for n := r.IntN(12); n >= 0; n -= 11 { // now and then twice
				out = append(out, mutate(r, x, pick, depth+1))
			}
		}
		return out
	}
	return v
}

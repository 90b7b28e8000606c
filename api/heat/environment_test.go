package heat_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// clause is one sentence about environments, asked through the API.
type clause struct {
	name     string
	template string // after the version; empty: valueTemplate
	env      any    // the text, or the document
	files    map[string]string
	merged   []string // environment_files
	more     map[string]any

	class, words string            // of the refusal
	outputs      map[string]string // of the stack
	shown        map[string]string // by its environment
}

const hotHead = "heat_template_version: 2021-04-16\n"

// aValue has one resource of a type that is nobody's; what it stands for tells its value.
const aValue = `
resources: {web_1: {type: My::Thing, properties: {value: plain}}}
outputs: {o: {value: {get_attr: [web_1, value]}}}`

// echo is a template with a value of its own.
func echo(word string) string {
	return hotHead + "parameters: {value: {type: string}}\noutputs: {value: {value: {list_join: ['-', [" + word + ", {get_param: value}]]}}}"
}

// inner declares parameters that only defaults reach.
const inner = hotHead + `
parameters: {word: {type: string, default: own}, names: {type: comma_delimited_list, default: ''}, pin: {type: string, default: '', hidden: true}}
outputs: {word: {value: {get_param: word}}, names: {value: {get_param: names}}}`

const outer = `
parameters: {word: {type: string, default: outer}}
resources: {n: {type: inner.yaml}}
outputs: {o: {value: {get_param: word}}, n: {value: {get_attr: [n, word]}}, names: {value: {get_attr: [n, names]}}}`

const typed = `
parameters:
  list: {type: comma_delimited_list, default: ''}
  text: {type: string, default: ''}
  number: {type: number, default: 0}
  map: {type: json, default: {}}
  flag: {type: boolean, default: false}
outputs: {list: {value: {get_param: list}}, text: {value: {get_param: text}}, number: {value: {get_param: number}}, map: {value: {get_param: map}}}`

func clauses() []clause {
	inside := map[string]string{"inner.yaml": inner}
	things := map[string]string{"a.yaml": echo("a"), "b.yaml": echo("b"), "in.yaml": hotHead + `
parameters: {value: {type: string}}
resources: {web_1: {type: My::Other, properties: {value: {get_param: value}}}}
outputs: {value: {value: {get_attr: [web_1, value]}}}`}
	registry := func(name, entries, want string) clause {
		return clause{name: "registry: " + name, template: aValue, env: "resource_registry: " + entries, files: things, outputs: map[string]string{"o": want}}
	}
	gone := func(name, entries string) clause {
		return clause{name: "registry: " + name, template: aValue, env: "resource_registry: " + entries, files: things, class: "EntityNotFound", words: "My::Thing"}
	}
	wrong := func(env any, class, words string) clause {
		return clause{name: fmt.Sprint("refused: ", env), env: env, class: class, words: words}
	}
	merge := func(name, first, second string, outputs map[string]string) clause {
		return clause{name: "merge: " + name, template: typed, files: map[string]string{"1": first, "2": second}, merged: []string{"1", "2"}, outputs: outputs}
	}
	conflict := func(name, first, second, class, words string) clause {
		c := merge(name, first, second, nil)
		c.class, c.words = class, words
		return c
	}
	return []clause{
		{name: "parameters before defaults before the template's", env: "parameters: {text: a}\nparameter_defaults: {text: b}", outputs: map[string]string{"said": "a"}},
		{name: "a default before the template's", env: "parameter_defaults: {text: b}", outputs: map[string]string{"said": "b"}},
		{name: "parameters of the body before all", env: "parameters: {text: a}", more: map[string]any{"parameters": map[string]any{"text": "c"}}, outputs: map[string]string{"said": "c"}},
		{name: "null is no value", env: "parameters: {text: null}", outputs: map[string]string{"said": "hello"}},
		{name: "a map without sections is one of parameters", env: map[string]any{"text": "flat"}, outputs: map[string]string{"said": "flat"}},
		{name: "a document", env: map[string]any{"parameters": map[string]any{"text": "doc"}}, outputs: map[string]string{"said": "doc"}},
		{name: "sections may be empty", env: "parameters:\nresource_registry:\nevent_sinks:\n", outputs: map[string]string{"said": "hello"}},
		{name: "a parameter that nobody declares", env: "parameters: {nobody: 1}", class: "UnknownUserParameter", words: "(nobody)"},
		{name: "a default that nobody declares", env: "parameter_defaults: {nobody: 1}", outputs: map[string]string{"said": "hello"}},
		{name: "defaults are for nested templates", template: outer, files: inside, env: "parameter_defaults: {word: both}", outputs: map[string]string{"o": "both", "n": "both"}},
		{name: "parameters are not", template: outer, files: inside, env: "parameters: {word: root}", outputs: map[string]string{"o": "root", "n": "own"}},

		registry("a type", "{'My::Thing': 'OS::Heat::Value'}", "plain"),
		registry("by way of another", "{'My::Thing': 'My::Other', 'My::Other': 'OS::Heat::Value'}", "plain"),
		registry("a file", "{'My::Thing': a.yaml}", "a-plain"),
		registry("a wildcard keeps what it stands for", "{'My::*': 'Your::*', 'Your::Thing': b.yaml}", "b-plain"),
		registry("a wildcard for all", "{'My::*': 'OS::Heat::Value'}", "plain"),
		registry("a name before a wildcard", "{'My::*': a.yaml, 'My::Thing': b.yaml}", "b-plain"),
		registry("a longer wildcard before a shorter", "{'*': a.yaml, 'My::T*': b.yaml}", "b-plain"),
		registry("one resource before all", "{'My::Thing': a.yaml, resources: {web_1: {'My::Thing': b.yaml}}}", "b-plain"),
		registry("resources by a pattern", "{'My::Thing': a.yaml, resources: {'web_?': {'My::Thing': b.yaml}}}", "b-plain"),
		registry("resources by a set", "{'My::Thing': a.yaml, resources: {'web_[!2-9]': {'My::Thing': b.yaml}}}", "b-plain"),
		registry("resources by a set it is not in", "{'My::Thing': a.yaml, resources: {'web_[!1-9]': {'My::Thing': b.yaml}}}", "a-plain"),
		registry("a resource before a pattern", "{resources: {'*': {'My::Thing': a.yaml}, web_1: {'My::Thing': b.yaml}}}", "b-plain"),
		registry("a wildcard for one resource", "{resources: {web_1: {'My::*': b.yaml}}}", "b-plain"),
		registry("another resource", "{'My::Thing': a.yaml, resources: {db: {'My::Thing': b.yaml}}}", "a-plain"),
		registry("a nested template inherits", "{'My::Thing': in.yaml, 'My::Other': a.yaml}", "a-plain"),
		registry("a resource in a resource", "{'My::Thing': in.yaml, 'My::Other': a.yaml, resources: {web_1: {web_1: {'My::Other': b.yaml}}}}", "b-plain"),
		registry("a resource outside is not one inside", "{'My::Thing': in.yaml, 'My::Other': a.yaml, resources: {web_1: {'My::Other': b.yaml}}}", "a-plain"),
		registry("base_url is for clients", "{base_url: 'file:///home', 'My::Thing': a.yaml}", "a-plain"),
		gone("null takes away", "{'My::Thing': null}"),
		gone("null takes a wildcard away", "{'My::*': null}"),
		gone("null for one resource", "{'My::Thing': a.yaml, resources: {web_1: {'My::Thing': null}}}"),
		{name: "registry: itself by others", template: aValue, env: "resource_registry: {'My::Thing': B, B: 'My::Thing'}", class: "StackValidationFailed", words: "maps it to itself"},
		{name: "registry: a file that was not sent", template: aValue, env: "resource_registry: {'My::Thing': gone.yaml}", class: "StackValidationFailed", words: "gone.yaml"},
		{name: "registry: a type that is a file needs no entry", template: strings.Replace(aValue, "My::Thing", "a.yaml", 1), files: things, outputs: map[string]string{"o": "a-plain"}},

		merge("overwrite is what happens", "parameters: {text: a, list: 'x'}", "parameters: {text: b}", map[string]string{"text": "b", "list": "[x]"}),
		merge("null says nothing", "parameters: {text: a}", "parameters: {text: null}", map[string]string{"text": "a"}),
		merge("lists", "parameters: {list: [a]}\nparameter_merge_strategies: {list: merge}", "parameters: {list: [b]}", map[string]string{"list": "[a b]"}),
		merge("lists as text", "parameters: {list: 'a,b'}\nparameter_merge_strategies: {list: merge}", "parameters: {list: c}", map[string]string{"list": "[a b c]"}),
		merge("texts", "parameters: {text: a}\nparameter_merge_strategies: {text: merge}", "parameters: {text: b}", map[string]string{"text": "ab"}),
		merge("numbers", "parameters: {number: 1}\nparameter_merge_strategies: {number: merge}", "parameters: {number: 2.5}", map[string]string{"number": "3.5"}),
		merge("numbers as text", "parameters: {number: '1'}\nparameter_merge_strategies: {number: merge}", "parameters: {number: '2'}", map[string]string{"number": "3"}),
		merge("maps", "parameters: {map: {a: {x: 1}, b: 1}}\nparameter_merge_strategies: {map: merge}", "parameters: {map: {a: {y: 2}}}", map[string]string{"map": "map[a:map[y:2] b:1]"}),
		merge("maps as text", "parameters: {map: '{\"a\": 1}'}\nparameter_merge_strategies: {map: merge}", "parameters: {map: {b: 2}}", map[string]string{"map": "map[a:1 b:2]"}),
		merge("deep", "parameters: {map: {a: {x: 1, l: [1], t: a}}}\nparameter_merge_strategies: {map: deep_merge}", "parameters: {map: {a: {y: 2, l: [2], t: b}}}",
			map[string]string{"map": "map[a:map[l:[1 2] t:ab x:1 y:2]]"}),
		merge("a default, and one by name", "parameters: {list: [a], text: a}\nparameter_merge_strategies: {default: merge, text: overwrite}", "parameters: {list: [b], text: b}",
			map[string]string{"list": "[a b]", "text": "b"}),
		merge("a default is for the parameters of its file", "parameters: {text: a}\nparameter_merge_strategies: {default: merge}", "parameters: {text: b, number: 1}",
			map[string]string{"text": "ab", "number": "1"}),
		merge("a later default does not change what was there", "parameters: {text: a}", "parameters: {text: b}\nparameter_merge_strategies: {default: merge}", map[string]string{"text": "b"}),
		merge("the same name twice", "parameters: {text: a}\nparameter_merge_strategies: {text: merge}", "parameters: {text: b}\nparameter_merge_strategies: {text: merge}", map[string]string{"text": "ab"}),
		merge("defaults", "parameter_defaults: {list: a}\nparameter_merge_strategies: {list: merge}", "parameter_defaults: {list: b}", map[string]string{"list": "[a b]"}),
		{name: "merge: what a nested template declares", template: outer, merged: []string{"1", "2"}, outputs: map[string]string{"names": "[a b]"},
			files: map[string]string{"inner.yaml": inner, "1": "parameter_defaults: {names: a}\nparameter_merge_strategies: {names: merge}", "2": "parameter_defaults: {names: b}"}},
		{name: "merge: registries, into single resources", template: aValue, merged: []string{"1", "2"}, outputs: map[string]string{"o": "b-plain"}, files: map[string]string{
			"a.yaml": echo("a"), "b.yaml": echo("b"), "1": "resource_registry: {resources: {web_1: {'My::Thing': b.yaml}}}", "2": "resource_registry: {'My::Thing': a.yaml, resources: {db: {'My::Thing': a.yaml}}}"}},
		{name: "merge: the environment beside files does not count", env: "nonsense: {", merged: []string{"1"}, files: map[string]string{"1": "parameters: {text: f}"}, outputs: map[string]string{"said": "f"}},
		{name: "merge: strategies are not kept", merged: []string{"1"}, files: map[string]string{"1": "parameter_merge_strategies: {default: merge}"}, shown: map[string]string{"parameter_merge_strategies": "<nil>"}},
		{name: "merge: a file that was not sent", merged: []string{"lost"}, class: "HTTPBadRequest", words: `"lost"`},
		conflict("two strategies", "parameters: {text: a}\nparameter_merge_strategies: {text: merge}", "parameters: {text: b}\nparameter_merge_strategies: {text: overwrite}",
			"ConflictingMergeStrategyForParam", "'overwrite' for parameter 'text' in file '2'"),
		conflict("a strategy after the fact", "parameters: {text: a}", "parameters: {text: b}\nparameter_merge_strategies: {text: merge}", "ConflictingMergeStrategyForParam", "'text'"),
		conflict("booleans", "parameters: {flag: true}\nparameter_merge_strategies: {flag: merge}", "parameters: {flag: true}", "InvalidMergeStrategyForParam", "'merge' for parameter 'flag'"),
		conflict("a list and a map", "parameters: {list: [a]}\nparameter_merge_strategies: {list: merge}", "parameters: {list: {a: 1}}", "InvalidMergeStrategyForParam", "'list'"),
		conflict("no such strategy", "parameter_merge_strategies: {text: melt}", "", "ValueError", "overwrite, merge or deep_merge"),

		{name: "encrypted_param_names are kept", env: "encrypted_param_names: [secret]", shown: map[string]string{"encrypted_param_names": "[secret]"}},
		{name: "no event sinks", env: "event_sinks: []", shown: map[string]string{"event_sinks": "[]"}},
		{name: "event sinks need a Zaqar", env: "event_sinks: [{type: zaqar-queue, target: q, ttl: 60}]", class: "NotSupported", words: "no Zaqar"},
		wrong("event_sinks: [{type: mail}]", "ValueError", "must have the type zaqar-queue, not 'mail'"),
		wrong("event_sinks: [{target: q}]", "ValueError", "must have the type zaqar-queue"),
		wrong("event_sinks: [{type: zaqar-queue}]", "ValueError", "sink 0 must have a target"),
		wrong("event_sinks: [{type: zaqar-queue, target: [q]}]", "ValueError", "must have a target, the name of a queue, not ['q']"),
		wrong("event_sinks: [{type: zaqar-queue, target: q, ttl: 59}]", "ValueError", "must have a ttl of 60 to"),
		wrong("event_sinks: [{type: zaqar-queue, target: q, ttl: soon}]", "ValueError", "must have a ttl of 60 to"),
		wrong("event_sinks: [{type: zaqar-queue, target: q, color: red}]", "ValueError", `sink 0 has no "color"`),
		wrong("event_sinks: [q]", "ValueError", "sink 0 must be a map"),
		wrong("event_sinks: {a: b}", "ValueError", "a list is wanted"),

		{name: "hidden: a parameter", env: "parameters: {secret: s3cr3t, text: open}", shown: map[string]string{"parameters.secret": "******", "parameters.text": "open"}},
		{name: "hidden: a default", env: "parameter_defaults: {secret: s3cr3t}", shown: map[string]string{"parameter_defaults.secret": "******"}},
		{name: "hidden: beside the environment", more: map[string]any{"parameters": map[string]any{"secret": "s3cr3t"}}, shown: map[string]string{"parameters.secret": "******"}},
		{name: "hidden: by a nested template", template: outer, files: inside, env: "parameter_defaults: {pin: s3cr3t, word: open}",
			shown: map[string]string{"parameter_defaults.pin": "******", "parameter_defaults.word": "open"}},

		{name: "files_container", more: map[string]any{"files_container": "c"}, class: "NotSupported", words: "files_container"},
		{name: "the registry is shown as it was written", template: aValue, files: things, env: "resource_registry: {'My::*': a.yaml, resources: {db: {hooks: pre-create}}}",
			shown: map[string]string{"resource_registry": "map[My::*:a.yaml resources:map[db:map[hooks:pre-create]]]"}},

		wrong("parameter: {a: b}", "HTTPBadRequest", `environment has wrong section "parameter"`),
		wrong(map[string]any{"parameters": map[string]any{}, "extra": 1}, "HTTPBadRequest", `environment has wrong section "extra"`),
		wrong("[a]", "HTTPBadRequest", "not a valid YAML mapping"),
		wrong("parameters: [a]", "ValueError", "a map is wanted"),
		wrong("parameter_defaults: text", "ValueError", "a map is wanted"),
		wrong("resource_registry: []", "ValueError", "a map is wanted"),
		wrong("resource_registry: {A: 5}", "StackValidationFailed", "must be mapped to a name"),
		wrong("encrypted_param_names: a", "ValueError", "a list is wanted"),
		wrong("parameter_merge_strategies: merge", "ValueError", "a map is wanted"),
		wrong("resource_registry: {resources: {r: {hooks: later}}}", "InvalidBreakPointHook", `Invalid hook type "later"`),
		wrong("resource_registry: {resources: {r: {hooks: [pre-create, 1]}}}", "InvalidBreakPointHook", `Invalid hook type "1"`),
		wrong("resource_registry: {resources: {r: {restricted_actions: delete}}}", "InvalidRestrictedAction", `Invalid restricted_action type "delete"`),
	}
}

func (c clause) body() map[string]any {
	body := map[string]any{"stack_name": "a", "template": valueTemplate}
	if c.template != "" {
		body["template"] = hotHead + c.template
	}
	if c.env != nil {
		body["environment"] = c.env
	}
	if c.files != nil {
		body["files"] = c.files
	}
	if c.merged != nil {
		body["environment_files"] = c.merged
	}
	for k, v := range c.more {
		body[k] = v
	}
	return body
}

// TestEnvironmentClauses holds docs/environments.md.
func TestEnvironmentClauses(t *testing.T) {
	w := newWorld(t)
	for i, c := range clauses() {
		t.Run(c.name, func(t *testing.T) {
			if c.class != "" {
				status := 400
				if c.class == "EntityNotFound" {
					status = 404
				}
				for _, path := range []string{"/stacks", "/stacks/preview", "/validate"} {
					class := c.class
					if path == "/validate" && class == "StackValidationFailed" {
						class = "HTTPBadRequest" // as Heat has it
					}
					w.do("POST", path, c.body()).wantFault(t, status, class, c.words)
				}
				return
			}
			name := fmt.Sprintf("s%d", i)
			st := w.create(name, c.body())
			if st.Status != "COMPLETE" {
				t.Fatalf("got %s_%s: %s", st.Action, st.Status, st.StatusReason)
			}
			at := "/stacks/" + name + "/" + string(st.ID)
			for key, want := range c.outputs {
				if got := fmt.Sprint(w.do("GET", at+"/outputs/"+key, nil).want(t, 200).value(t, "output.output_value")); got != want {
					t.Errorf("output %s: got %s, want %s", key, got, want)
				}
			}
			env := w.do("GET", at+"/environment", nil).want(t, 200)
			if strings.Contains(env.text, "s3cr3t") {
				t.Errorf("a hidden parameter is shown: %s", env.text)
			}
			for path, want := range c.shown {
				if got := fmt.Sprint(env.value(t, path)); got != want {
					t.Errorf("%s: got %s, want %s", path, got, want)
				}
			}
		})
	}
}

// TestPatchedEnvironment lays a change over what was there: what it does not name stays, and strategies do not count.
func TestPatchedEnvironment(t *testing.T) {
	w := newWorld(t)
	st := w.create("a", map[string]any{"template": hotHead + typed, "environment_files": []string{"1"},
		"files": map[string]string{"1": "parameters: {list: [a], text: old}\nparameter_merge_strategies: {default: merge}"}})
	at := "/stacks/a/" + string(st.ID)
	w.do("PATCH", at, map[string]any{"environment": "parameters: {list: [b]}\nparameter_merge_strategies: {list: merge}"}).want(t, 202)
	w.settle(string(st.ID))
	for key, want := range map[string]string{"list": "[b]", "text": "old"} {
		if got := fmt.Sprint(w.do("GET", at+"/outputs/"+key, nil).value(t, "output.output_value")); got != want {
			t.Errorf("%s: got %s, want %s", key, got, want)
		}
	}
	w.do("PATCH", at, map[string]any{"environment": "event_sinks: [{type: zaqar-queue, target: q}]"}).wantFault(t, 400, "NotSupported", "no Zaqar")
}

// TestHooksOfEnvironments has resources wait by name and by pattern, inside nested stacks too.
func TestHooksOfEnvironments(t *testing.T) {
	w := newWorld(t)
	for i, registry := range []string{
		"{resources: {web_1: {hooks: pre-create}}}", "{resources: {'web_[!2]': {hooks: [post-update, pre-create]}}}",
		"{'My::Thing': in.yaml, resources: {web_1: {'web*': {hooks: pre-create}}}}",
	} {
		if i < 2 {
			registry = strings.Replace(registry, "{", "{'My::Thing': 'OS::Heat::Value', ", 1)
		}
		name := fmt.Sprintf("s%d", i)
		id := w.do("POST", "/stacks", map[string]any{"stack_name": name, "template": hotHead + aValue, "environment": "resource_registry: " + registry,
			"files": map[string]string{"in.yaml": hotHead + "parameters: {value: {type: string}}\nresources: {web_1: {type: OS::Heat::Value, properties: {value: in}}}\noutputs: {value: {value: {get_attr: [web_1, value]}}}"}}).
			want(t, 201).value(t, "stack.id").(string)
		at := w.waiting("/stacks/" + name + "/" + id)
		w.do("POST", at+"/resources/web_1/signal", `{"unset_hook": "post-create"}`).wantFault(t, 400, "InvalidBreakPointHook", "not defined")
		w.do("POST", at+"/resources/web_1/signal", `{"unset_hook": "pre-create"}`).want(t, 200)
		if st := w.settle(id); st.Status != "COMPLETE" {
			t.Errorf("%s: got %s: %s", registry, st.Status, st.StatusReason)
		}
	}
}

// waiting waits until a resource below a stack waits at a hook, and gives the address of its stack.
func (w *world) waiting(at string) string {
	w.t.Helper()
	for w.t.Context().Err() == nil {
		var list struct {
			Events []struct {
				Reason string `json:"resource_status_reason"`
				Links  []struct{ Href, Rel string }
			}
		}
		a := w.do("GET", at+"/events?nested_depth=2", nil).want(w.t, 200)
		if err := json.Unmarshal([]byte(a.text), &list); err != nil {
			w.t.Fatal(err)
		}
		for _, e := range list.Events {
			for _, l := range e.Links {
				if l.Rel == "stack" && strings.Contains(e.Reason, "paused until Hook pre-create") {
					return l.Href
				}
			}
		}
		if w.do("GET", at, nil).want(w.t, 200).value(w.t, "stack.stack_status") != "CREATE_IN_PROGRESS" {
			break
		}
	}
	w.t.Fatal("nothing waits")
	return ""
}

// TestRestrictedActionsOfEnvironments refuses what an environment forbids, by name and by pattern.
func TestRestrictedActionsOfEnvironments(t *testing.T) {
	w := newWorld(t)
	for i, c := range []struct{ actions, status string }{
		{"{web_1: {restricted_actions: update}}", "FAILED"}, {"{'web*': {restricted_actions: [replace, update]}}", "FAILED"},
		{"{web_1: {restricted_actions: replace}}", "COMPLETE"}, {"{db: {restricted_actions: update}}", "COMPLETE"},
	} {
		name := fmt.Sprintf("s%d", i)
		body := map[string]any{"template": hotHead + aValue, "environment": "resource_registry: {'My::Thing': 'OS::Heat::Value', resources: " + c.actions + "}"}
		id := string(w.create(name, body).ID)
		body["template"] = strings.Replace(hotHead+aValue, "plain", "other", 1)
		w.do("PUT", "/stacks/"+name+"/"+id, body).want(t, 202)
		if st := w.settle(id); string(st.Status) != c.status || c.status == "FAILED" && !strings.Contains(st.StatusReason, "restricted") {
			t.Errorf("%s: got %s: %s, want %s", c.actions, st.Status, st.StatusReason, c.status)
		}
	}
}

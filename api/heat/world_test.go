package heat_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
	heatapi "github.com/stoker-project/stoker/api/heat"
	"github.com/stoker-project/stoker/dialect/cfn"
	"github.com/stoker-project/stoker/hot"
	"github.com/stoker-project/stoker/internal/access"
	"github.com/stoker-project/stoker/internal/token"
	"github.com/stoker-project/stoker/resource/heat"
	"github.com/stoker-project/stoker/stack"
	"github.com/stoker-project/stoker/store/storetest"
)

// The tokens of the tests' world.
const (
	aliceToken  = "alice-0123456789abcdef" // project shop
	bobToken    = "bob-0123456789abcdef"   // project other
	rootToken   = "root-0123456789abcdef"  // admin, project admin
	readerToken = "rita-0123456789abcdef"  // project shop, reads only
	signalKey   = "the key of signals"
)

// world is a server with a real engine on a store in memory.
type world struct {
	t      testing.TB
	engine *stack.Engine
	url    string
	client *http.Client
	// abandon allows to abandon and adopt stacks.
	abandon bool
	limits  heatapi.Limits
	// allow says who may have which types; nil: everybody.
	allow func(t stoker.TypeName, admin bool) error
	// fetch gets templates by their addresses; nil: none is to be had.
	fetch func(ctx context.Context, url string) ([]byte, error)
}

func newWorld(t testing.TB, with ...func(*world)) *world {
	t.Helper()
	w := &world{t: t, abandon: true}
	for _, f := range with {
		f(w)
	}
	engine := stack.New(stack.Config{
		Store: storetest.NewMemory(), Parse: cfn.Parse, Allow: w.allow, Limits: stack.Limits{Stacks: 400, Uncounted: heatapi.CarrierTag}})
	engine.Register(heat.Types(heat.Deps{Groups: engine, Data: engine}))
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- engine.Run(ctx, ready) }()
	<-ready
	tokens := new(token.Table).
		Add(aliceToken, token.Grant{Project: "shop", User: "alice"}).
		Add(readerToken, token.Grant{Project: "shop", User: "rita", ReadOnly: true}).
		Add(bobToken, token.Grant{Project: "other", User: "bob"}).
		Add(rootToken, token.Grant{Project: "admin", Admin: true, User: "root"})
	dialects, err := hot.Dialects(cfn.Languages()...)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(heatapi.New(heatapi.Config{
		Engine: engine, Abandon: w.abandon, Adopt: w.abandon, Limits: w.limits, Access: &access.Gate{Tokens: tokens}, SignalKey: signalKey, Revision: "test", Parse: cfn.Parse, Dialects: dialects,
		Service: heatapi.Service{ID: "e", Host: "here", Started: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
		Fetch: func(ctx context.Context, url string) ([]byte, error) {
			if w.fetch == nil {
				return nil, errors.New("nothing is fetched here")
			}
			return w.fetch(ctx, url)
		},
	}))
	t.Cleanup(func() {
		srv.Close()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("engine: %v", err)
		}
	})
	client := srv.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	w.engine, w.url, w.client = engine, srv.URL, client
	return w
}

// answer is what the server said.
type answer struct {
	status int
	header http.Header
	text   string
}

// do sends a request as alice, below /v1/shop unless the path says otherwise.
// body is JSON text, or a value.
func (w *world) do(method, path string, body any) answer { return w.as(aliceToken, method, path, body) }

func (w *world) as(tok, method, path string, body any) answer {
	w.t.Helper()
	if !strings.HasPrefix(path, "http") {
		if !strings.HasPrefix(path, "/v1") && !strings.HasPrefix(path, "/-") {
			path = "/v1/shop" + path
		}
		path = w.url + strings.TrimPrefix(path, "/-")
	}
	var in io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		in = strings.NewReader(b)
	default:
		doc, err := json.Marshal(b)
		if err != nil {
			w.t.Fatal(err)
		}
		in = bytes.NewReader(doc)
	}
	req, err := http.NewRequest(method, path, in)
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("X-Auth-Token", tok)
	res, err := w.client.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, string(text)}
}

// value decodes the answer and walks to a place in it: stack.outputs.0.output_key.
func (a answer) value(t testing.TB, path string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(a.text), &v); err != nil {
		t.Fatalf("answer %d is not JSON: %v\n%s", a.status, err, a.text)
	}
	for word := range strings.SplitSeq(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[word]
		case []any:
			i := int(word[0] - '0')
			if i >= len(x) {
				t.Fatalf("%s: the list has %d items\n%s", path, len(x), a.text)
			}
			v = x[i]
		default:
			t.Fatalf("%s: nothing at %q\n%s", path, word, a.text)
		}
	}
	return v
}

func (a answer) want(t testing.TB, status int) answer {
	t.Helper()
	if a.status != status {
		t.Fatalf("got status %d, want %d\n%s", a.status, status, a.text)
	}
	return a
}

// wantFault checks Heat's error body.
func (a answer) wantFault(t testing.TB, status int, class, words string) {
	t.Helper()
	a.want(t, status)
	if got := a.value(t, "code"); got != float64(status) {
		t.Errorf("got code %v, want %d", got, status)
	}
	if got := a.value(t, "error.type"); got != class {
		t.Errorf("got error.type %v, want %s\n%s", got, class, a.text)
	}
	if got, _ := a.value(t, "error.message").(string); !strings.Contains(got, words) {
		t.Errorf("got error.message %q, want something with %q", got, words)
	}
	if !strings.Contains(a.text, `"traceback":null`) {
		t.Error("the error has no traceback member, which clients of Heat read")
	}
}

// create makes a stack of alice's and waits for the end of that.
func (w *world) create(name string, body map[string]any) *stoker.Stack {
	w.t.Helper()
	body["stack_name"] = name
	id := w.do("POST", "/stacks", body).want(w.t, 201).value(w.t, "stack.id").(string)
	return w.settle(id)
}

// settle waits until no operation of a stack is under way.
func (w *world) settle(id string) *stoker.Stack {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 10*time.Second)
	defer cancel()
	st, err := w.engine.Await(ctx, stoker.StackID(id))
	if err != nil {
		w.t.Fatal(err)
	}
	return st
}

// valueTemplate has one resource, a parameter and two outputs.
const valueTemplate = `
heat_template_version: 2018-08-31
description: A value.
parameters:
  text: {type: string, default: hello, label: Text, constraints: [{length: {max: 10}, description: short}]}
  secret: {type: string, default: geheim, hidden: true}
resources:
  one: {type: OS::Heat::Value, metadata: {role: a}, properties: {value: {get_param: text}}}
outputs:
  said: {value: {get_attr: [one, value]}, description: What is said.}
  lost: {value: {str_split: ['-', {get_attr: [one, value]}, 7]}}
`

// groupTemplate has a group and a policy.
const groupTemplate = `
heat_template_version: 2018-08-31
resources:
  web:
    type: OS::Heat::AutoScalingGroup
    properties:
      min_size: 1
      max_size: 4
      resource: {type: OS::Heat::RandomString}
  up:
    type: OS::Heat::ScalingPolicy
    properties: {adjustment_type: change_in_capacity, auto_scaling_group_id: {get_resource: web}, scaling_adjustment: 1}
outputs:
  size: {value: {get_attr: [web, current_size]}}
`

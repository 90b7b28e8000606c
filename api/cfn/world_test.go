package cfn_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/api/cfn"
	"github.com/stoker-project/stoker/internal/account"
	"github.com/stoker-project/stoker/internal/awssign"
	"github.com/stoker-project/stoker/resource/heat"
	"github.com/stoker-project/stoker/stack"
	"github.com/stoker-project/stoker/store/storetest"
)

const (
	secret    = "0123456789abcdef"
	signalKey = "the key of signals"
)

// world is a server with a real engine on a store in memory.
type world struct {
	t      testing.TB
	engine *stack.Engine
	url    string
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, engine: stack.New(stack.Config{Store: storetest.NewMemory()})}
	srv := httptest.NewUnstartedServer(nil)
	w.url = "http://" + srv.Listener.Addr().String()
	w.engine.Register(heat.Types(heat.Deps{Groups: w.engine, Data: w.engine, AlarmURL: w.alarmURL, Polling: w.polling}))
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- w.engine.Run(ctx, ready) }()
	<-ready
	people, err := account.New(account.Spec{
		Projects: []account.Project{{ID: "shop", Name: "shop"}, {ID: "other", Name: "other"}},
		Users: []account.User{
			{ID: "alice", Name: "alice", Roles: map[stoker.ProjectID][]string{"shop": {"member"}}},
			{ID: "rita", Name: "rita", Roles: map[stoker.ProjectID][]string{"shop": {"reader"}}},
			{ID: "bob", Name: "bob", Roles: map[stoker.ProjectID][]string{"other": {"admin"}}},
		},
		Keys: []account.Key{
			{Access: "ALICE", Secret: secret, User: "alice", Project: "shop"},
			{Access: "RITA", Secret: secret, User: "rita", Project: "shop"},
			{Access: "BOB", Secret: secret, User: "bob", Project: "other"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	srv.Config.Handler = cfn.New(cfn.Config{Engine: w.engine, Accounts: people, SignalKey: signalKey, URL: w.url})
	srv.Start()
	t.Cleanup(func() {
		srv.Close()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("engine: %v", err)
		}
	})
	return w
}

func (w *world) alarmURL(st stoker.StackRef, r stoker.ResourceName) string {
	return cfn.SignalURL(w.url, signalKey, st, r)
}

func (w *world) polling(st stoker.StackRef, r stoker.ResourceName) heat.Polling {
	access, secret, arn := cfn.PollKey(signalKey, st, r)
	return heat.Polling{URL: cfn.PollURL(w.url, signalKey, st, r), Endpoint: w.url + "/v1/", Access: access, Secret: secret, Stack: arn}
}

type answer struct {
	status int
	header http.Header
	text   string
}

func (a answer) want(t testing.TB, status int, words ...string) answer {
	t.Helper()
	if a.status != status {
		t.Fatalf("got %d, want %d\n%s", a.status, status, a.text)
	}
	for _, word := range words {
		if !strings.Contains(a.text, word) {
			t.Errorf("got %s\nwant something with %s", a.text, word)
		}
	}
	return a
}

func (w *world) send(r *http.Request) answer {
	w.t.Helper()
	res, err := http.DefaultClient.Do(r)
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

func (w *world) request(verb, url, body string) *http.Request {
	w.t.Helper()
	r, err := http.NewRequest(verb, url, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// form makes parameters of names and values in turn.
func form(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v
}

// signed2 is a GET that is signed with version 2.
func (w *world) signed2(access string, at time.Time, pairs ...string) *http.Request {
	p := form(pairs...)
	if !p.Has("Expires") {
		p.Set("Timestamp", at.UTC().Format("2006-01-02T15:04:05Z"))
	}
	p = awssign.Sign2(&awssign.Request{Verb: "GET", Host: strings.TrimPrefix(w.url, "http://"), Path: "/v1/", Params: p}, access, secret)
	return w.request("GET", w.url+"/v1/?"+p.Encode(), "")
}

// do sends an action as alice, signed with version 2.
func (w *world) do(pairs ...string) answer {
	w.t.Helper()
	return w.send(w.signed2("ALICE", time.Now(), pairs...))
}

// signed4 is a POST of a form that is signed with version 4, written anew
// after AWS's description.
func (w *world) signed4(access string, at time.Time, pairs ...string) *http.Request {
	body := form(pairs...).Encode()
	r := w.request("POST", w.url+"/v1/", body)
	stamp := at.UTC().Format("20060102T150405Z")
	scope := stamp[:8] + "/RegionOne/cloudformation/aws4_request"
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	r.Header.Set("X-Amz-Date", stamp)
	hash := func(s string) string { h := sha256.Sum256([]byte(s)); return hex.EncodeToString(h[:]) }
	mac := func(key []byte, s string) []byte {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(s))
		return h.Sum(nil)
	}
	plain := fmt.Sprintf("POST\n/v1/\n\ncontent-type:%s\nhost:%s\nx-amz-date:%s\n\ncontent-type;host;x-amz-date\n%s",
		r.Header.Get("Content-Type"), r.URL.Host, stamp, hash(body))
	key := []byte("AWS4" + secret)
	for part := range strings.SplitSeq(scope, "/") {
		key = mac(key, part)
	}
	sig := hex.EncodeToString(mac(key, "AWS4-HMAC-SHA256\n"+stamp+"\n"+scope+"\n"+hash(plain)))
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+access+"/"+scope+", SignedHeaders=content-type;host;x-amz-date, Signature="+sig)
	return r
}

// settle waits until no operation of alice's stack is under way.
func (w *world) settle(name string) *stoker.Stack {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 10*time.Second)
	defer cancel()
	st, err := w.engine.Find(ctx, "shop", name)
	if err == nil {
		st, err = w.engine.Await(ctx, st.ID)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return st
}

func (w *world) create(name string) *stoker.Stack {
	w.t.Helper()
	w.do("Action", "CreateStack", "StackName", name, "TemplateBody", template).want(w.t, 200, "<CreateStackResponse><CreateStackResult><StackId>arn:openstack:heat::shop:stacks/"+name+"/")
	return w.settle(name)
}

const template = `
heat_template_version: 2018-08-31
description: A <group> & a policy.
parameters: {text: {type: string, default: hello}, secret: {type: string, default: geheim, hidden: true}}
resources:
  value: {type: OS::Heat::Value, metadata: {role: a}, properties: {value: {get_param: text}}}
  web: {type: OS::Heat::AutoScalingGroup, properties: {min_size: 1, max_size: 3, resource: {type: OS::Heat::RandomString}}}
  up:
    type: OS::Heat::ScalingPolicy
    properties: {adjustment_type: change_in_capacity, auto_scaling_group_id: {get_resource: web}, scaling_adjustment: 1}
  handle: {type: OS::Heat::WaitConditionHandle}
outputs:
  said: {value: {get_attr: [value, value]}}
  size: {value: {get_attr: [web, current_size]}}
  url: {value: {get_attr: [up, alarm_url]}}
`

package native_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/api/native"
	"github.com/stoker-project/stoker/client"
	"github.com/stoker-project/stoker/driver/drivertest"
	"github.com/stoker-project/stoker/internal/access"
	"github.com/stoker-project/stoker/internal/token"
	"github.com/stoker-project/stoker/internal/wire"
	"github.com/stoker-project/stoker/resource/heat"
	"github.com/stoker-project/stoker/resource/openstack"
	"github.com/stoker-project/stoker/scale"
	"github.com/stoker-project/stoker/stack"
	"github.com/stoker-project/stoker/store/storetest"
)

const (
	shopToken  = "shop-0123456789abcdef"
	otherToken = "other-0123456789abcdef"
	adminToken = "admin-0123456789abcdef"
)

// world is a server with real engines, a store in memory and a driver in memory.
type world struct {
	t      *testing.T
	engine *stack.Engine
	store  *storetest.Memory
	driver *drivertest.Fake
	url    string
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, store: storetest.NewMemory(), driver: &drivertest.Fake{}}
	w.engine = stack.New(stack.Config{Store: w.store})
	scaler := scale.New(scale.Config{Store: w.store, Groups: w.engine})
	w.engine.Register(heat.Types(heat.Deps{Groups: w.engine, Data: w.engine}))
	w.engine.Register(openstack.Types(openstack.Deps{Driver: w.driver}))
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- w.engine.Run(ctx, ready) }()
	<-ready
	srv := httptest.NewServer(native.New(native.Config{
		Engine: w.engine, Scaler: scaler, Driver: w.driver, About: wire.Status{Version: "test"},
		Access: &access.Gate{Tokens: new(token.Table).Add(shopToken, token.Grant{Project: "shop"}).Add(otherToken, token.Grant{Project: "other"}).
			Add(adminToken, token.Grant{Project: "admin", Admin: true})},
	}))
	w.url = srv.URL
	t.Cleanup(func() {
		srv.Close()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("engine: %v", err)
		}
	})
	return w
}

func (w *world) client(tok, project string) *client.Client {
	w.t.Helper()
	url := w.url
	if project != "" {
		url += "/v1/" + project
	}
	c, err := client.New(client.Config{URL: url, Token: tok})
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

const groupTemplate = `
heat_template_version: 2018-08-31
resources:
  web:
    type: OS::Heat::AutoScalingGroup
    properties:
      min_size: 1
      max_size: 4
      desired_capacity: 2
      resource: {type: OS::Nova::Server, properties: {image: any, flavor: m1.tiny}}
  alone: {type: OS::Nova::Server, properties: {image: any, flavor: m1.tiny, name: hermit}}
`

func (w *world) create(project stoker.ProjectID, name string) *stoker.Stack {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 10*time.Second)
	defer cancel()
	st, err := w.engine.Create(ctx, stack.Input{Project: project, Name: name, Spec: stoker.StackSpec{Template: groupTemplate}})
	if err == nil {
		st, err = w.engine.Await(ctx, st.ID)
	}
	if err != nil || st.Status != stoker.StatusComplete {
		w.t.Fatalf("create %s: %v, %+v", name, err, st)
	}
	return st
}

func wantKind(t *testing.T, err error, kind stoker.Kind, words string) {
	t.Helper()
	if !stoker.IsKind(err, kind) || !strings.Contains(err.Error(), words) {
		t.Errorf("got %v (%s), want %s with %q", err, stoker.KindOf(err), kind, words)
	}
}

func TestGroups(t *testing.T) {
	w := newWorld(t)
	c := w.client(shopToken, "")
	st := w.create("shop", "a")
	groups, err := c.Groups(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(groups) != 1 || groups[0].Name != "a/web" || groups[0].Size != 2 || groups[0].Serving != 2 || groups[0].Stack != string(st.ID) {
		t.Fatalf("got %+v", groups)
	}
	for _, name := range []string{"web", "a/web", groups[0].ID} {
		g, err := c.Group(t.Context(), name)
		if err != nil || g.ID != groups[0].ID || len(g.Members) != 2 {
			t.Errorf("group %q: %+v, %v", name, g, err)
		}
	}
	g, err := c.Resize(t.Context(), "web", 3, "")
	if err != nil || g.Size != 3 {
		t.Errorf("resize: %+v, %v", g, err)
	}
	for _, size := range []int{0, 5, -1} {
		_, err := c.Resize(t.Context(), "web", size, "")
		wantKind(t, err, stoker.Invalid, "bounds of a/web, 1 to 4")
	}
	g, err = c.Freeze(t.Context(), "web", time.Now().Add(time.Hour), "a sale")
	if err != nil || g.FrozenUntil == nil || g.FrozenReason != "a sale" {
		t.Errorf("freeze: %+v, %v", g, err)
	}
	if g, err = c.Freeze(t.Context(), "web", time.Time{}, ""); err != nil || g.FrozenUntil != nil {
		t.Errorf("thaw: %+v, %v", g, err)
	}
	_, err = c.Group(t.Context(), "none")
	wantKind(t, err, stoker.NotFound, `there is no group "none"`)
	w.create("shop", "b")
	_, err = c.Group(t.Context(), "web")
	wantKind(t, err, stoker.Invalid, "a/web, b/web")
}

func TestProjectsAreApart(t *testing.T) {
	w := newWorld(t)
	w.create("shop", "a")
	for _, ask := range []func(*client.Client) error{
		func(c *client.Client) error { _, err := c.Group(t.Context(), "a/web"); return err },
		func(c *client.Client) error { _, err := c.Resize(t.Context(), "a/web", 3, ""); return err },
		func(c *client.Client) error { _, err := c.Logs(t.Context(), "hermit", -1, false); return err },
		func(c *client.Client) error {
			_, err := c.Decisions(t.Context(), "a/web", client.Decisions{})
			return err
		},
	} {
		wantKind(t, ask(w.client(otherToken, "")), stoker.NotFound, "")
		wantKind(t, ask(w.client(otherToken, "shop")), stoker.Forbidden, "shop")
		if err := ask(w.client(adminToken, "shop")); err != nil {
			t.Errorf("the admin is refused: %v", err)
		}
		wantKind(t, ask(w.client("nobody's", "")), stoker.Forbidden, "token")
	}
	st, err := w.client(otherToken, "").Status(t.Context())
	if err != nil || st.Stacks != 0 || st.Groups != 0 || st.Servers != 0 || st.Version != "test" {
		t.Errorf("status of the other project: %+v, %v", st, err)
	}
}

func TestDecisions(t *testing.T) {
	w := newWorld(t)
	st := w.create("shop", "a")
	c := w.client(shopToken, "")
	g, err := c.Group(t.Context(), "web")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Now().UTC().Truncate(time.Second)
	var ds []*stoker.Decision
	for i := range 4 {
		ds = append(ds, &stoker.Decision{
			Scaler: "s", Group: stoker.StackID(g.ID), Project: st.Project, Time: at.Add(time.Duration(i) * time.Second), LastTime: at.Add(time.Duration(i) * time.Second),
			Count: 1, From: 2, To: 2 + i%2, Wish: 3, Why: "because", Signals: map[string]float64{"busy": 1.5},
		})
	}
	if err := w.store.SaveDecisions(t.Context(), ds, nil); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		ask  client.Decisions
		want int
	}{
		{client.Decisions{}, 4}, {client.Decisions{Changes: true}, 2}, {client.Decisions{Limit: 1}, 1}, {client.Decisions{Since: at.Add(2 * time.Second)}, 2},
	} {
		got, err := c.Decisions(t.Context(), "web", tt.ask)
		if err != nil || len(got) != tt.want {
			t.Errorf("%+v: got %d decisions, want %d (%v)", tt.ask, len(got), tt.want, err)
		}
	}
	g, err = c.Group(t.Context(), "web")
	if err != nil || g.Last == nil || g.Last.Why != "because" || g.Last.Signals["busy"] != 1.5 || !g.Last.Time.Equal(at.Add(3*time.Second)) {
		t.Errorf("the last decision: %+v, %v", g.Last, err)
	}
}

func TestLogs(t *testing.T) {
	w := newWorld(t)
	w.create("shop", "a")
	c := w.client(shopToken, "")
	for tok, s := range w.driver.Servers() {
		w.driver.Print(tok, "line of "+s.Name)
	}
	read := func(what string, tail int) string {
		t.Helper()
		in, err := c.Logs(t.Context(), what, tail, false)
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		text, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for _, what := range []string{"hermit", "alone", "a/alone"} {
		if got := read(what, 1); got != "line of hermit\n" {
			t.Errorf("logs %s: got %q", what, got)
		}
	}
	for what, want := range map[string]int{"web": 2, "a/web": 2, "a": 3} {
		got := read(what, 1)
		if n := strings.Count(got, " | line of "); n != want {
			t.Errorf("logs %s: got %d lines with a name, want %d\n%s", what, n, want, got)
		}
	}
	_, err := c.Logs(t.Context(), "nothing", -1, false)
	wantKind(t, err, stoker.NotFound, `no server in "nothing"`)
}

// TestFollowedLogEnds: lines come as they are written, and the log ends with its
// server.
func TestFollowedLogEnds(t *testing.T) {
	w := newWorld(t)
	w.create("shop", "a")
	c := w.client(shopToken, "")
	for tok, s := range w.driver.Servers() {
		if s.Name != "hermit" {
			continue
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		w.driver.Print(tok, "one more")
		in, err := c.Logs(ctx, "hermit", 1, true)
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		lines := bufio.NewReader(in)
		if got, err := lines.ReadString('\n'); err != nil || got != "one more\n" {
			t.Errorf("got %q, %v", got, err)
		}
		if err := w.driver.Destroy(ctx, tok, 0); err != nil {
			t.Fatal(err)
		}
		if rest, err := io.ReadAll(lines); err != nil || len(rest) > 0 {
			t.Errorf("after the server's end: got %q, %v", rest, err)
		}
	}
}

func TestBadRequests(t *testing.T) {
	w := newWorld(t)
	w.create("shop", "a")
	for _, tt := range []struct {
		method, path, body string
		status             int
	}{
		{"GET", "/stoker/v1/groups/web/decisions?since=yesterday", "", 400},
		{"GET", "/stoker/v1/groups/web/decisions?changes=2x", "", 400},
		{"GET", "/stoker/v1/groups/web/decisions?limit=0", "", 400},
		{"GET", "/stoker/v1/logs/hermit?tail=x", "", 400},
		{"GET", "/stoker/v1/logs/hermit?follow=x", "", 400},
		{"POST", "/stoker/v1/groups/web/resize", "", 400},
		{"POST", "/stoker/v1/groups/web/resize", "{}", 400},
		{"POST", "/stoker/v1/groups/web/resize", `{"size": "2"}`, 400},
		{"POST", "/stoker/v1/groups/web/resize", `{"size": 2, "more": 1}`, 400},
		{"POST", "/stoker/v1/groups/web/resize", `{"size": 2} {}`, 400},
		{"POST", "/stoker/v1/groups/web/resize", `{"reason": "` + strings.Repeat("x", 1<<17) + `"}`, 400},
		{"POST", "/stoker/v1/groups/web/freeze", `{"until": "later"}`, 400},
		{"GET", "/stoker/v1/nothing", "", 404},
		{"GET", "/metrics", "", 403}, // not an admin
		{"DELETE", "/stoker/v1/groups", "", 404},
	} {
		req, err := http.NewRequest(tt.method, w.url+tt.path, strings.NewReader(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+shopToken)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var f wire.Fault
		err = json.NewDecoder(res.Body).Decode(&f)
		res.Body.Close()
		if res.StatusCode != tt.status || err != nil || f.Error.Message == "" {
			t.Errorf("%s %s %.30s: got %d and %+v (%v), want %d", tt.method, tt.path, tt.body, res.StatusCode, f, err, tt.status)
		}
	}
}

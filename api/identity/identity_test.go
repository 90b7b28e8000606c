package identity_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stoker-project/stoker/internal/access"
	"github.com/stoker-project/stoker/internal/account"
	"github.com/stoker-project/stoker/internal/token"
)

const shopScope = `{"project": {"name": "shop", "domain": {"id": "default"}}}`

func TestPassword(t *testing.T) {
	w := newWorld(t)
	a := w.login("alice", shopScope)
	if a.status != http.StatusCreated {
		t.Fatalf("got %d: %v", a.status, a.body)
	}
	for path, want := range map[string]any{
		"token.methods.0": "password", "token.user.id": "u1", "token.user.name": "alice", "token.user.domain.name": "Default",
		"token.project.id": "p1", "token.project.name": "shop", "token.roles.0.name": "member",
		"token.catalog.0.type": "orchestration", "token.catalog.0.endpoints.0.url": "http://stoker.test/v1/p1",
		"token.catalog.0.endpoints.0.region_id": "RegionOne", "token.catalog.0.endpoints.2.interface": "admin",
		"token.catalog.1.endpoints.0.url": "http://stoker.test/v1", "token.catalog.2.endpoints.0.url": "http://stoker.test/v3",
	} {
		if got := a.at(path); got != want {
			t.Errorf("%s: got %v, want %v", path, got, want)
		}
	}
	tok := a.header.Get("X-Subject-Token")
	who, err := w.Bearer(t.Context(), tok)
	if want := (token.Grant{Project: "p1", User: "alice"}); err != nil || who != want {
		t.Errorf("the token is %+v, %v, want %+v", who, err, want)
	}
	if strings.Contains(tok, "alice") || len(tok) > 600 {
		t.Errorf("the token shows its content, or is long: %s", tok)
	}
}

func TestScopes(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct {
		user, scope string
		project     any // nil: unscoped
		status      int
	}{
		{"alice", "", "p1", 201},
		{"alice", "null", "p1", 201},
		{"alice", `"unscoped"`, nil, 201},
		{"bob", "", nil, 201}, // has no default
		{"alice", `{"project": {"id": "p2"}}`, "p2", 201},
		{"alice", `{"project": {"id": "p3"}}`, nil, 401},
		{"alice", `{"project": {"id": "none"}}`, nil, 401},
		{"alice", `{"project": {"name": "shop"}}`, nil, 401}, // a name needs its domain
		{"alice", `{"project": {"name": "shop", "domain": {"id": "elsewhere"}}}`, nil, 401},
		{"alice", `{"domain": {"id": "default"}}`, nil, 401},
		{"root", `{"system": {"all": true}}`, nil, 401},
		{"root", `{"project": {"id": "p1"}}`, nil, 401},
		{"alice", `7`, nil, 400},
	} {
		a := w.login(tt.user, tt.scope)
		if a.status != tt.status || a.at("token.project.id") != tt.project {
			t.Errorf("%s, scope %s: got %d, project %v, want %d, %v", tt.user, tt.scope, a.status, a.at("token.project.id"), tt.status, tt.project)
		}
		if tt.project == nil && a.status == 201 && a.at("token.catalog") != nil {
			t.Errorf("%s, scope %s: an unscoped token has a catalog", tt.user, tt.scope)
		}
	}
}

func TestTokenMethod(t *testing.T) {
	w := newWorld(t)
	first := w.login("alice", `"unscoped"`)
	old := first.header.Get("X-Subject-Token")
	a := w.auth(`"methods": ["token"], "token": {"id": "`+old+`"}`, `{"project": {"id": "p2"}}`)
	if a.status != 201 || a.at("token.project.id") != "p2" {
		t.Fatalf("got %d %v", a.status, a.body)
	}
	if got, want := a.at("token.expires_at"), first.at("token.expires_at"); got != want {
		t.Errorf("the new token ends at %v, the old one at %v", got, want)
	}
	if got := a.at("token.methods").([]any); !slices.Equal(got, []any{"password", "token"}) {
		t.Errorf("got methods %v", got)
	}
	who, err := w.Bearer(t.Context(), a.header.Get("X-Subject-Token"))
	if err != nil || !who.ReadOnly {
		t.Errorf("a reader is %+v, %v", who, err)
	}
	if a := w.auth(`"methods": ["token"], "token": {"id": "x`+old+`"}`, ""); a.status != 401 {
		t.Errorf("a changed token: got %d, want 401", a.status)
	}
}

func TestApplicationCredential(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct {
		id, scope string
		status    int
	}{
		{`"id": "a1", "secret": "password"`, "", 201},
		{`"name": "ci", "user": {"id": "u1"}, "secret": "password"`, "", 201},
		{`"name": "ci", "user": {"name": "alice", "domain": {"id": "default"}}, "secret": "password"`, `{"project": {"id": "p1"}}`, 201},
		{`"id": "a1", "secret": "password"`, `{"project": {"id": "p2"}}`, 401},
		{`"id": "a1", "secret": "wrong"`, "", 401},
		{`"id": "a2", "secret": "password"`, "", 401},
		{`"name": "ci", "user": {"id": "u2"}, "secret": "password"`, "", 401},
	} {
		a := w.auth(`"methods": ["application_credential"], "application_credential": {`+tt.id+`}`, tt.scope)
		if a.status != tt.status {
			t.Errorf("%s: got %d, want %d", tt.id, a.status, tt.status)
		}
		if a.status != 201 {
			continue
		}
		if who, err := w.Bearer(t.Context(), a.header.Get("X-Subject-Token")); err != nil || !who.ReadOnly || who.Project != "p1" {
			t.Errorf("%s: got %+v, %v, want a reader", tt.id, who, err)
		}
		tok := a.header.Get("X-Subject-Token")
		if a := w.auth(`"methods": ["token"], "token": {"id": "`+tok+`"}`, `{"project": {"id": "p2"}}`); a.status != 401 {
			t.Errorf("the credential gets out of its project: %d", a.status)
		}
	}
}

func TestValidationAndRevocation(t *testing.T) {
	w := newWorld(t)
	alice, bob, root := w.token("alice"), w.token("bob"), w.token("root")
	for _, tt := range []struct {
		verb, by, of string
		status       int
	}{
		{"GET", alice, alice, 200}, {"HEAD", alice, alice, 200}, {"GET", root, alice, 200},
		{"GET", bob, alice, 403}, {"DELETE", bob, alice, 403}, {"GET", alice, "nonsense", 404}, {"GET", "nonsense", alice, 401}, {"GET", "", alice, 401},
		{"DELETE", alice, alice, 204}, {"GET", alice, alice, 401}, {"GET", root, alice, 404},
		{"DELETE", root, bob, 204}, {"GET", bob, bob, 401},
	} {
		a := w.do(tt.verb, "/v3/auth/tokens", "", "X-Auth-Token", tt.by, "X-Subject-Token", tt.of)
		if a.status != tt.status {
			t.Errorf("%s: got %d, want %d", tt.verb, a.status, tt.status)
		}
		if a.status == 200 && a.header.Get("X-Subject-Token") != tt.of {
			t.Error("the answer does not name its token")
		}
		if a.status == 401 && !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Keystone uri=") {
			t.Errorf("got WWW-Authenticate %q", a.header.Get("WWW-Authenticate"))
		}
	}
	if _, err := w.Bearer(t.Context(), alice); err != access.ErrUnknown {
		t.Errorf("a revoked token: got %v", err)
	}
	again := open(t, w.dir, people())
	if _, err := again.Bearer(t.Context(), alice); err != access.ErrUnknown {
		t.Errorf("a revoked token after a restart: got %v", err)
	}
	if _, err := again.Bearer(t.Context(), root); err != nil {
		t.Errorf("a good token after a restart: got %v", err)
	}
}

func TestTokensEndWithWhatTheyCameFrom(t *testing.T) {
	w := newWorld(t)
	tok := w.token("alice")
	changed, gone := people(), people()
	changed.Users[0].Hash = hash2
	gone.Users = gone.Users[1:]
	gone.Apps, gone.Keys = nil, nil
	for name, spec := range map[string]account.Spec{"the password is another": changed, "the user is gone": gone} {
		if _, err := open(t, w.dir, spec).Bearer(t.Context(), tok); err != access.ErrUnknown {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := newWorld(t).Bearer(t.Context(), tok); err != access.ErrUnknown {
		t.Errorf("another installation knows the token: %v", err)
	}
}

func TestExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		tok := w.token("alice")
		time.Sleep(59 * time.Minute)
		if _, err := w.Bearer(t.Context(), tok); err != nil {
			t.Errorf("after 59 minutes: %v", err)
		}
		time.Sleep(61 * time.Second)
		if _, err := w.Bearer(t.Context(), tok); err != access.ErrUnknown {
			t.Errorf("after an hour: got %v", err)
		}
	})
}

func TestGuessing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		guess := func() int {
			return w.auth(`"methods": ["password"], "password": {"user": {"id": "u1", "password": "wrong"}}`, "").status
		}
		for i := range 10 {
			if got := guess(); got != 401 {
				t.Fatalf("guess %d: got %d, want 401", i, got)
			}
		}
		if got := guess(); got != 429 {
			t.Errorf("the eleventh guess: got %d, want 429", got)
		}
		if a := w.login("alice", ""); a.status != 429 || a.header.Get("Retry-After") == "" {
			t.Errorf("the right password then: got %d, want 429 with Retry-After", a.status)
		}
		time.Sleep(time.Minute)
		if a := w.login("alice", ""); a.status != 201 {
			t.Errorf("a minute later: got %d, want 201", a.status)
		}
	})
}

func TestLogin(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct {
		c    access.Credentials
		want token.Grant
		err  error
	}{
		{access.Credentials{User: "alice", Password: "password", Project: "p1"}, token.Grant{Project: "p1", User: "alice"}, nil},
		{access.Credentials{User: "alice", Password: "password", Project: "p2"}, token.Grant{Project: "p2", User: "alice", ReadOnly: true}, nil},
		{access.Credentials{User: "alice", Password: "password", Project: "p3"}, token.Grant{Project: "p1", User: "alice"}, nil},
		{access.Credentials{User: "bob", Password: "password"}, token.Grant{Project: "p2", User: "bob"}, nil},
		{access.Credentials{User: "root", Password: "password", Project: "p1"}, token.Grant{Project: "p3", User: "root", Admin: true}, nil},
		{access.Credentials{User: "alice", Password: "wrong"}, token.Grant{}, access.ErrUnknown},
		{access.Credentials{User: "nobody", Password: "password"}, token.Grant{}, access.ErrUnknown},
	} {
		if got, err := w.Login(context.Background(), tt.c); got != tt.want || err != tt.err {
			t.Errorf("%+v: got %+v, %v, want %+v, %v", tt.c, got, err, tt.want, tt.err)
		}
	}
}

func TestPeople(t *testing.T) {
	w := newWorld(t)
	tokens := map[string]string{"alice": w.token("alice"), "bob": w.token("bob"), "root": w.token("root")}
	for _, tt := range []struct {
		by, path, place string
		want            any
		status          int
	}{
		{"alice", "/v3/auth/projects", "projects.1.name", "shop", 200},
		{"alice", "/v3/projects", "projects.2.name", nil, 200},
		{"root", "/v3/projects", "projects.2.name", "third", 200},
		{"root", "/v3/projects?name=other", "projects.0.id", "p2", 200},
		{"alice", "/v3/projects/p1", "project.name", "shop", 200},
		{"bob", "/v3/projects/p1", "project", nil, 403},
		{"bob", "/v3/projects/none", "project", nil, 403},
		{"root", "/v3/projects/none", "project", nil, 404},
		{"alice", "/v3/users/u1", "user.default_project_id", "p1", 200},
		{"bob", "/v3/users/u1", "user", nil, 403},
		{"root", "/v3/users/u1", "user.name", "alice", 200},
		{"root", "/v3/users/none", "user", nil, 404},
		{"alice", "/v3/users", "users", nil, 403},
		{"root", "/v3/users", "users.2.name", "root", 200},
		{"alice", "/v3/users/u1/projects", "projects.0.name", "other", 200},
		{"bob", "/v3/users/u1/projects", "projects", nil, 403},
		{"alice", "/v3/users/u1/application_credentials", "application_credentials.0.id", "a1", 200},
		{"bob", "/v3/users/u1/application_credentials", "application_credentials", nil, 403},
		{"alice", "/v3/users/u1/credentials/OS-EC2", "credentials.0.secret", "0123456789abcdef", 200},
		{"root", "/v3/users/u1/credentials/OS-EC2", "credentials.0.secret", nil, 200},
		{"bob", "/v3/users/u1/credentials/OS-EC2", "credentials", nil, 403},
		{"alice", "/v3/auth/catalog", "catalog.0.type", "orchestration", 200},
		{"bob", "/v3/auth/catalog", "catalog", nil, 403}, // unscoped
		{"alice", "/v3/domains/default", "domain.name", "Default", 200},
		{"alice", "/v3/domains/other", "domain", nil, 404},
		{"alice", "/v3/auth/domains", "domains.0.id", "default", 200},
		{"alice", "/v3/nothing", "", nil, 404},
	} {
		a := w.do("GET", tt.path, "", "X-Auth-Token", tokens[tt.by])
		if a.status != tt.status || a.at(tt.place) != tt.want {
			t.Errorf("%s %s: got %d, %s = %v, want %d, %v", tt.by, tt.path, a.status, tt.place, a.at(tt.place), tt.status, tt.want)
		}
		if a := w.do("GET", tt.path, ""); a.status != 401 && a.status != 404 {
			t.Errorf("%s without a token: got %d", tt.path, a.status)
		}
	}
	if a := w.do("PUT", "/v3/users/u1", "", "X-Auth-Token", tokens["root"]); a.status != 405 || a.header.Get("Allow") != "GET" {
		t.Errorf("PUT: got %d, Allow %q", a.status, a.header.Get("Allow"))
	}
}

func TestDiscovery(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/v3", "/v3/"} {
		a := w.do("GET", path, "")
		if a.status != 200 || a.at("version.id") != "v3.14" || a.at("version.links.0.href") != "http://stoker.test/v3/" {
			t.Errorf("%s: got %d %v", path, a.status, a.body)
		}
	}
}

func TestBadRequests(t *testing.T) {
	w := newWorld(t)
	for body, want := range map[string]int{
		"": 400, "[]": 400, "{}": 400, `{"auth": 1}`: 400, "\xff": 400,
		`{"auth": {"identity": {"methods": []}}}`:           400,
		`{"auth": {"identity": {"methods": ["totp"]}}}`:     401,
		`{"auth": {"identity": {"methods": ["password"]}}}`: 401,
		`{"auth": {"identity": {"methods": ["token"]}}}`:    401,
		`{"auth": {"identity": {"methods": ["password", "totp"], "password": {"user": {"id": "u1", "password": "password"}}}}}`:                    401,
		`{"auth": {"identity": {"methods": ["password"], "password": {"user": {"id": "u1", "password": ["a"]}}}}}`:                                 400,
		`{"auth": {"identity": {"methods": ["password"], "password": {"user": {"name": "alice", "password": "password"}}}}}`:                       401,
		`{"auth": {"identity": {"methods": ["password"], "password": {"user": {"id": "u1", "password": "` + strings.Repeat("x", 70_000) + `"}}}}}`: 400,
	} {
		if a := w.do("POST", "/v3/auth/tokens", body); a.status != want {
			t.Errorf("%.80q: got %d, want %d", body, a.status, want)
		}
	}
}

func FuzzAuth(f *testing.F) {
	f.Add(`{"auth": {"identity": {"methods": ["password"], "password": {"user": {"id": "u1", "password": "x"}}}, "scope": {"project": {"id": "p1"}}}}`)
	f.Add(`{"auth": {"identity": {"methods": ["token"], "token": {"id": "abc"}}, "scope": "unscoped"}}`)
	f.Add(`{"auth": {"identity": {"methods": ["application_credential"], "application_credential": {"name": "ci", "secret": "x", "user": {"name": "a"}}}}}`)
	w := newWorld(f)
	f.Fuzz(func(t *testing.T, body string) {
		here := &world{w.Server, t, w.dir}
		switch a := here.do("POST", "/v3/auth/tokens", body); a.status {
		case 400, 401, 429:
		default:
			t.Errorf("%q: got %d", body, a.status)
		}
	})
}

func FuzzToken(f *testing.F) {
	w := newWorld(f)
	f.Add(w.token("alice")[1:])
	f.Add("")
	f.Fuzz(func(t *testing.T, tok string) {
		if _, err := w.Bearer(t.Context(), tok); err == nil {
			t.Errorf("a made-up token is known: %q", tok)
		}
	})
}

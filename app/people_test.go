package app_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/app"
)

// hash is that of "password", a cheap one.
const hash = "$2b$05$C0DH3SfOIkgQ0cUtmQuEVe5isNmsvKpY5LbyGvbPXDR7rqGcx4ijq"

func people() app.PeopleConfig {
	return app.PeopleConfig{
		Projects: map[string]app.ProjectConfig{"shop": {}, "other": {ID: "0ther"}},
		Users: map[string]app.UserConfig{
			"alice": {Password: hash, Roles: map[string][]string{"shop": {"member"}}, DefaultProject: "shop"},
			"rita":  {Password: hash, Roles: map[string][]string{"other": {"reader"}}, DefaultProject: "other"},
		},
	}
}

// ask sends a request and gives its status and header. A user's name stands
// for basic authentication.
func ask(t *testing.T, verb, url, tok, user, body string) (int, http.Header) {
	t.Helper()
	req, err := http.NewRequest(verb, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if tok != "" {
		req.Header.Set("X-Auth-Token", tok)
	}
	if user != "" {
		req.SetBasicAuth(user, "password")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode, res.Header
}

func login(t *testing.T, base, user string) string {
	t.Helper()
	status, header := ask(t, "POST", base+"/v3/auth/tokens", "", "",
		`{"auth": {"identity": {"methods": ["password"], "password": {"user": {"name": "`+user+`", "domain": {"id": "default"}, "password": "password"}}}}}`)
	if status != http.StatusCreated {
		t.Fatalf("%s gets no token: %d", user, status)
	}
	return header.Get("X-Subject-Token")
}

// TestPeople has one Stoker that knows people, and one that asks it as a
// Keystone: both let the same in.
func TestPeople(t *testing.T) {
	c := config(t)
	c.People = people()
	first := start(t, c)
	base, _, _ := strings.Cut(first.URL, "/v1")
	c2 := config(t)
	c2.People.Keystone.AuthURL = base + "/v3"
	second := start(t, c2)
	base2, _, _ := strings.Cut(second.URL, "/v1")
	alice, rita := login(t, base, "alice"), login(t, base, "rita")
	for _, at := range []string{base, base2} {
		for _, tt := range []struct {
			verb, path, tok, user string
			want                  int
		}{
			{"GET", "/v1/shop/stacks", alice, "", 200},
			{"GET", "/v1/stacks", alice, "", 200},
			{"GET", "/v1/shop/stacks", "", "alice", 200},
			{"GET", "/stoker/v1/groups", alice, "", 200},
			{"GET", "/v1/0ther/stacks", rita, "", 200},
			{"POST", "/v1/0ther/stacks", rita, "", 403},
			{"POST", "/stoker/v1/groups/x/resize", rita, "", 403},
			{"GET", "/v1/0ther/stacks", alice, "", 403},
			{"GET", "/v1/shop/stacks", "", "rita", map[string]int{base: 403, base2: 401}[at]},
			{"GET", "/metrics", alice, "", 403},
			{"GET", "/v1/shop/stacks", alice + "x", "", 401},
			{"GET", "/v1/shop/stacks", "", "nobody", 401},
		} {
			if got, _ := ask(t, tt.verb, at+tt.path, tt.tok, tt.user, ""); got != tt.want {
				t.Errorf("%s %s%s as %s%.5s: got %d, want %d", tt.verb, at, tt.path, tt.user, tt.tok, got, tt.want)
			}
		}
	}
	if got, _ := ask(t, "GET", base2+"/v3", "", "", ""); got != 404 {
		t.Errorf("a Stoker without users has an identity API: %d", got)
	}
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	if got, _ := ask(t, "GET", base2+"/v1/shop/stacks", "unheard-of", "", ""); got != 503 {
		t.Errorf("without its Keystone: got %d, want 503", got)
	}
}

func TestTokensOutliveARestart(t *testing.T) {
	c := config(t)
	c.People = people()
	first := start(t, c)
	base, _, _ := strings.Cut(first.URL, "/v1")
	kept, revoked := login(t, base, "alice"), login(t, base, "alice")
	req, err := http.NewRequest("DELETE", base+"/v3/auth/tokens", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = http.Header{"X-Auth-Token": {kept}, "X-Subject-Token": {revoked}}
	if res, err := http.DefaultClient.Do(req); err != nil || res.Body.Close() != nil || res.StatusCode != 204 {
		t.Fatalf("revoke: %v, %v", res, err)
	}
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	base, _, _ = strings.Cut(start(t, c).URL, "/v1")
	for tok, want := range map[string]int{kept: 200, revoked: 401} {
		if got, _ := ask(t, "GET", base+"/v1/shop/stacks", tok, "", ""); got != want {
			t.Errorf("after the restart: got %d, want %d", got, want)
		}
	}
}

func TestNoAuth(t *testing.T) {
	c := config(t)
	c.People.NoAuth = true
	r := start(t, c)
	if got, _ := ask(t, "GET", r.URL+"/stacks", "notused", "", ""); got != 200 {
		t.Errorf("got %d, want 200", got)
	}
	if got, _ := ask(t, "GET", r.URL+"/stacks", "", "", ""); got != 401 {
		t.Errorf("what a web page can send: got %d, want 401", got)
	}
	c.Listen = "0.0.0.0:0"
	wantKind(t, c.Validate(), stoker.Invalid, "no_auth")
}

func TestHtpasswd(t *testing.T) {
	c := config(t)
	c.People.HtpasswdFile = filepath.Join(t.TempDir(), "htpasswd")
	if err := os.WriteFile(c.People.HtpasswdFile, []byte("alice:"+hash+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := start(t, c)
	if got, _ := ask(t, "GET", r.URL+"/stacks", "", "alice", ""); got != 200 {
		t.Errorf("got %d, want 200", got)
	}
	if got, _ := ask(t, "GET", r.URL+"/stacks", "", "bob", ""); got != 401 {
		t.Errorf("got %d, want 401", got)
	}
}

func TestPeopleAreValidated(t *testing.T) {
	for _, tt := range []struct {
		key   string
		spoil func(*app.PeopleConfig)
	}{
		{"users", func(p *app.PeopleConfig) { p.HtpasswdFile = "x" }},
		{"keystone.auth_url", func(p *app.PeopleConfig) { p.Users, p.Keystone.AuthURL = nil, "keystone" }},
		{"keystone.cache", func(p *app.PeopleConfig) { p.Keystone.Cache = -1 }},
		{"identity.token_ttl", func(p *app.PeopleConfig) { p.Identity.TokenTTL = -1 }},
		{"users.eve.roles", func(p *app.PeopleConfig) {
			p.Users["eve"] = app.UserConfig{Roles: map[string][]string{"none": {"member"}}}
		}},
		{"users.eve.password", func(p *app.PeopleConfig) { p.Users["eve"] = app.UserConfig{Password: "plain"} }},
		{"users.eve.default_project", func(p *app.PeopleConfig) { p.Users["eve"] = app.UserConfig{DefaultProject: "none"} }},
		{"application_credentials.x.user", func(p *app.PeopleConfig) { p.Apps = map[string]app.AppConfig{"x": {User: "eve", Secret: hash}} }},
		{"application_credentials.x.expires", func(p *app.PeopleConfig) { p.Apps = map[string]app.AppConfig{"x": {Expires: "soon"}} }},
		{"ec2_credentials.k.secret", func(p *app.PeopleConfig) { p.Keys = map[string]app.KeyConfig{"k": {User: "alice", Project: "shop"}} }},
	} {
		c := app.Default()
		c.Data, c.People = "/tmp/x", people()
		tt.spoil(&c.People)
		err := c.Validate()
		if e, ok := stoker.AsError(err); !ok || e.Kind != stoker.Invalid || e.Path != tt.key {
			t.Errorf("%s: got %v", tt.key, err)
		}
	}
}

func TestSecretsAreNotForOthers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stoker.yaml")
	text := "projects: {p: {}}\nusers: {u: {roles: {p: [member]}}}\nec2_credentials: {k: {secret: 0123456789abcdef, user: u, project: p}}\n"
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := app.Load(path, app.Default())
	wantKind(t, err, stoker.Invalid, "chmod 600")
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := app.Load(path, app.Default())
	if err != nil || c.People.Keys["k"].User != "u" {
		t.Errorf("got %+v, %v", c.People.Keys, err)
	}
}

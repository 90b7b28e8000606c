package identity_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/api/identity"
	"github.com/stoker-project/stoker/internal/account"
	"github.com/stoker-project/stoker/internal/seal"
)

// hash is that of "password", hash2 that of "another"; both cheap.
const (
	hash  = "$2b$05$C0DH3SfOIkgQ0cUtmQuEVe5isNmsvKpY5LbyGvbPXDR7rqGcx4ijq"
	hash2 = "$2b$05$C0DH3SfOIkgQ0cUtmQuEVekuV9TZVwyf8RByondyehZXPaTCQSRN."
)

func people() account.Spec {
	return account.Spec{
		Projects: []account.Project{{ID: "p1", Name: "shop"}, {ID: "p2", Name: "other"}, {ID: "p3", Name: "third"}},
		Users: []account.User{
			{ID: "u1", Name: "alice", Hash: hash, Default: "p1", Roles: map[stoker.ProjectID][]string{"p1": {"member", "reader"}, "p2": {"reader"}}},
			{ID: "u2", Name: "bob", Hash: hash, Roles: map[stoker.ProjectID][]string{"p2": {"member"}}},
			{ID: "u3", Name: "root", Hash: hash, Default: "p3", Roles: map[stoker.ProjectID][]string{"p3": {"admin"}}},
		},
		Apps: []account.App{{ID: "a1", Name: "ci", Hash: hash, User: "u1", Project: "p1", Roles: []string{"reader"}}},
		Keys: []account.Key{{Access: "AK", Secret: "0123456789abcdef", User: "u1", Project: "p1"}},
	}
}

// world is a server, and where it keeps what it keeps.
type world struct {
	*identity.Server
	t   testing.TB
	dir string
}

func newWorld(t testing.TB) *world { return open(t, t.TempDir(), people()) }

// open makes a server on a directory; a second one is the first, restarted.
func open(t testing.TB, dir string, spec account.Spec) *world {
	t.Helper()
	accounts, err := account.New(spec)
	if err != nil {
		t.Fatal(err)
	}
	key, err := seal.LoadOrCreate(filepath.Join(dir, "seal.key"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := identity.New(identity.Config{Accounts: accounts, Key: key, Revoked: filepath.Join(dir, "revoked")})
	if err != nil {
		t.Fatal(err)
	}
	return &world{s, t, dir}
}

type answer struct {
	status int
	header http.Header
	body   map[string]any
}

// do sends a request. header is names and values in turn.
func (w *world) do(verb, path, body string, header ...string) answer {
	w.t.Helper()
	r := httptest.NewRequest(verb, "http://stoker.test"+path, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, r)
	a := answer{status: rec.Code, header: rec.Header()}
	text, err := io.ReadAll(rec.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	if len(text) > 0 {
		if err := json.Unmarshal(text, &a.body); err != nil {
			w.t.Fatalf("%s %s: %v: %s", verb, path, err, text)
		}
	}
	if e, _ := a.body["error"].(map[string]any); a.status >= 400 && (e["code"] != float64(a.status) || e["message"] == "" || e["title"] == "") {
		w.t.Errorf("%s %s: the error is not Keystone's: %s", verb, path, text)
	}
	return a
}

// at walks to a place in the answer: token.user.name, or catalog.0.type.
func (a answer) at(path string) any {
	var v any = a.body
	for word := range strings.SplitSeq(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[word]
		case []any:
			if i := int(word[0] - '0'); i < len(x) {
				v = x[i]
			} else {
				return nil
			}
		default:
			return nil
		}
	}
	return v
}

// login gets a token for a user, with a scope in JSON, or none.
func (w *world) login(user, scope string) answer {
	w.t.Helper()
	return w.auth(`"methods": ["password"], "password": {"user": {"name": "`+user+`", "domain": {"name": "Default"}, "password": "password"}}`, scope)
}

func (w *world) auth(identity, scope string) answer {
	w.t.Helper()
	if scope != "" {
		scope = `, "scope": ` + scope
	}
	return w.do("POST", "/v3/auth/tokens", `{"auth": {"identity": {`+identity+`}`+scope+`}}`)
}

func (w *world) token(user string) string {
	w.t.Helper()
	a := w.login(user, "")
	if a.status != http.StatusCreated {
		w.t.Fatalf("%s gets no token: %v", user, a)
	}
	return a.header.Get("X-Subject-Token")
}

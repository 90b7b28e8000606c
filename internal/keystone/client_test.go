package keystone_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/access"
	"github.com/stoker-project/stoker/internal/keystone"
	"github.com/stoker-project/stoker/internal/token"
)

// shown is a token as Keystone shows it, shortened.
const shown = `{"token": {"methods": ["password"], "expires_at": "2999-01-01T00:00:00.000000Z", "user": {"id": "1", "name": "alice", "domain": {"id": "default"}},
	"project": {"id": "p1", "name": "shop"}, "roles": [{"id": "9", "name": "ROLE"}]}}`

// fake is a Keystone: it knows one token for each role, and one password.
type fake struct {
	asked  atomic.Int32
	broken atomic.Bool
	seen   atomic.Value // the last body
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.asked.Add(1)
	body, _ := io.ReadAll(r.Body)
	f.seen.Store(string(body))
	tok := r.Header.Get("X-Subject-Token")
	switch {
	case f.broken.Load():
		w.WriteHeader(http.StatusBadGateway)
	case r.URL.Path != "/v3/auth/tokens":
		w.WriteHeader(http.StatusTeapot)
	case r.Method == http.MethodPost && strings.Contains(string(body), `"password":"right"`):
		w.WriteHeader(http.StatusCreated)
		io.WriteString(w, strings.Replace(shown, "ROLE", "member", 1))
	case r.Method == http.MethodGet && r.Header.Get("X-Auth-Token") == tok && strings.HasPrefix(tok, "good-"):
		io.WriteString(w, strings.Replace(shown, "ROLE", strings.TrimPrefix(tok, "good-"), 1))
	case tok == "garbled":
		io.WriteString(w, "<html>")
	default:
		w.WriteHeader(http.StatusUnauthorized)
	}
}

func start(t *testing.T) (*fake, *keystone.Client) {
	f := &fake{}
	srv := httptest.NewServer(f)
	t.Cleanup(srv.Close)
	return f, keystone.New(keystone.Config{AuthURL: srv.URL + "/v3/", Client: srv.Client()})
}

func TestBearer(t *testing.T) {
	f, k := start(t)
	for tok, want := range map[string]token.Grant{
		"good-member": {Project: "p1", User: "alice"}, "good-admin": {Project: "p1", User: "alice", Admin: true},
		"good-reader": {Project: "p1", User: "alice", ReadOnly: true},
	} {
		if got, err := k.Bearer(t.Context(), tok); err != nil || got != want {
			t.Errorf("%s: got %+v, %v, want %+v", tok, got, err, want)
		}
	}
	asked := f.asked.Load()
	for range 3 {
		if _, err := k.Bearer(t.Context(), "bad"); err != access.ErrUnknown {
			t.Errorf("a bad token: got %v", err)
		}
		if _, err := k.Bearer(t.Context(), "good-member"); err != nil {
			t.Error(err)
		}
	}
	if got := f.asked.Load() - asked; got != 1 {
		t.Errorf("asked %d times, want once: the rest was known", got)
	}
	if _, err := k.Bearer(t.Context(), "garbled"); !stoker.IsKind(err, stoker.Unavailable) {
		t.Errorf("a garbled answer: got %v, want unavailable", err)
	}
}

func TestBrokenKeystoneLetsNobodyIn(t *testing.T) {
	f, k := start(t)
	f.broken.Store(true)
	if _, err := k.Bearer(t.Context(), "good-member"); !stoker.IsKind(err, stoker.Unavailable) {
		t.Errorf("got %v, want unavailable", err)
	}
	f.broken.Store(false)
	if _, err := k.Bearer(t.Context(), "good-member"); err != nil {
		t.Errorf("after that: %v", err)
	}
	gone := keystone.New(keystone.Config{AuthURL: "http://127.0.0.1:1"})
	if _, err := gone.Bearer(t.Context(), "x"); !stoker.IsKind(err, stoker.Unavailable) {
		t.Errorf("nobody there: got %v, want unavailable", err)
	}
}

func TestLogin(t *testing.T) {
	f, k := start(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	right := access.Credentials{User: "alice", Password: "right", Project: "p1"}
	for range 3 {
		if got, err := k.Login(ctx, right); err != nil || got.Project != "p1" || got.ReadOnly {
			t.Errorf("got %+v, %v", got, err)
		}
	}
	if got := f.asked.Load(); got != 1 {
		t.Errorf("asked %d times, want once", got)
	}
	if body := f.seen.Load().(string); !strings.Contains(body, `"scope":{"project":{"id":"p1"}}`) || !strings.Contains(body, `"domain":{"name":"Default"}`) {
		t.Errorf("asked for %s", body)
	}
	wrong := right
	wrong.Password = "wrong"
	if _, err := k.Login(ctx, wrong); err != access.ErrUnknown {
		t.Errorf("a wrong password: got %v", err)
	}
}

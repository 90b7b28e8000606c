package access_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/access"
	"github.com/stoker-project/stoker/internal/token"
)

// bearers is a fake that knows some tokens, and breaks on one.
type bearers map[string]token.Grant

func (b bearers) Bearer(_ context.Context, tok string) (token.Grant, error) {
	if tok == "broken" {
		return token.Grant{}, errors.New("secret detail")
	}
	g, ok := b[tok]
	if !ok {
		return g, access.ErrUnknown
	}
	return g, nil
}

const static = "0123456789abcdef"

func gate(t *testing.T) *access.Gate {
	t.Helper()
	path := filepath.Join(t.TempDir(), "htpasswd")
	text := "alice:$2y$05$C0DH3SfOIkgQ0cUtmQuEVe5isNmsvKpY5LbyGvbPXDR7rqGcx4ijq\nold:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n" // both: password
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	h, err := access.OpenHtpasswd(path, "shop")
	if err != nil {
		t.Fatal(err)
	}
	return &access.Gate{
		Tokens:  new(token.Table).Add(static, token.Grant{Project: "shop", User: "root"}),
		Bearers: []access.Bearer{bearers{}, bearers{"issued": {Project: "other"}, "unscoped": {}}},
		Login:   h,
	}
}

func request(header ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1:8004/v1/shop/stacks", nil)
	for i := 0; i < len(header); i += 2 {
		if header[i] == "basic" {
			r.SetBasicAuth("alice", header[i+1])
			continue
		}
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

func TestWho(t *testing.T) {
	g := gate(t)
	for _, tt := range []struct {
		header  []string
		project stoker.ProjectID
		status  int
	}{
		{[]string{"X-Auth-Token", static}, "shop", 0},
		{[]string{"Authorization", "bearer " + static}, "shop", 0},
		{[]string{"X-Auth-Token", "issued"}, "other", 0},
		{[]string{"basic", "password"}, "shop", 0},
		{[]string{"X-Auth-User", "old", "X-Auth-Key", "password"}, "shop", 0},
		{nil, "", 401},
		{[]string{"X-Auth-Token", "no"}, "", 401},
		{[]string{"X-Auth-Token", "unscoped"}, "", 401},
		{[]string{"X-Auth-Token", "broken"}, "", 503},
		{[]string{"X-Auth-Token", "no", "basic", "password"}, "", 401}, // a wrong token is not made good
		{[]string{"basic", "wrong"}, "", 401},
		{[]string{"X-Auth-User", "alice"}, "", 401},
		{[]string{"Authorization", "Digest x"}, "", 401},
	} {
		who, refusal := g.Who(request(tt.header...), "shop")
		switch {
		case tt.status == 0 && (refusal != nil || who.Project != tt.project):
			t.Errorf("%v: got %+v, %v, want project %s", tt.header, who, refusal, tt.project)
		case tt.status != 0 && (refusal == nil || refusal.Status != tt.status):
			t.Errorf("%v: got %+v, %v, want status %d", tt.header, who, refusal, tt.status)
		case tt.status == 503 && refusal.Error() == "secret detail":
			t.Error("the sender is told of a fault inside")
		}
	}
	var none *access.Gate
	if _, refusal := none.Who(request("X-Auth-Token", static), ""); refusal == nil {
		t.Error("a gate that is not there is open")
	}
}

func TestGuessing(t *testing.T) {
	g := gate(t)
	var last *access.Refusal
	for range 11 {
		_, last = g.Who(request("basic", "wrong"), "shop")
	}
	if last.Status != http.StatusTooManyRequests || last.Retry == 0 {
		t.Errorf("after 11 wrong passwords: got %+v, want 429 and a time", last)
	}
	if _, refusal := g.Who(request("X-Auth-User", "old", "X-Auth-Key", "password"), "shop"); refusal != nil {
		t.Errorf("another user is refused too: %v", refusal)
	}
	far := request("basic", "password")
	far.RemoteAddr = "192.0.2.7:1"
	if _, refusal := g.Who(far, "shop"); refusal != nil {
		t.Errorf("the user is refused at another address: %v", refusal)
	}
}

func TestAnyone(t *testing.T) {
	g := gate(t)
	g.Anyone = &token.Grant{Project: "shop", Admin: true}
	if who, refusal := g.Who(request("X-Auth-Token", "notused"), ""); refusal != nil || !who.Admin {
		t.Errorf("got %+v, %v", who, refusal)
	}
	if who, _ := g.Who(request("X-Auth-Token", "issued"), ""); who.Admin {
		t.Error("somebody known became anyone")
	}
	bare, rebound := request(), request("X-Auth-Token", "notused")
	rebound.Host = "attacker.example.org"
	for _, r := range []*http.Request{bare, rebound} {
		if _, refusal := g.Who(r, ""); refusal == nil {
			t.Errorf("a web page could have sent this: %s %v", r.Host, r.Header)
		}
	}
}

func TestOpenHtpasswdRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "htpasswd")
	if _, err := access.OpenHtpasswd(path, "p"); !stoker.IsKind(err, stoker.Invalid) {
		t.Errorf("no file: got %v", err)
	}
	if err := os.WriteFile(path, []byte("alice:plain{text\n:\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := access.OpenHtpasswd(path, "p"); err == nil {
		t.Error("a line without a user is accepted")
	}
}

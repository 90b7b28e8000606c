package account_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/account"
	"github.com/stoker-project/stoker/internal/password"
	"github.com/stoker-project/stoker/internal/token"
)

// hash is that of "password", a cheap one.
const hash = "$2b$05$C0DH3SfOIkgQ0cUtmQuEVe5isNmsvKpY5LbyGvbPXDR7rqGcx4ijq"

func spec() account.Spec {
	return account.Spec{
		Projects: []account.Project{{ID: "p", Name: "shop"}},
		Users:    []account.User{{ID: "u", Name: "alice", Hash: hash, Default: "p", Roles: map[stoker.ProjectID][]string{"p": {"member"}}}},
		Apps:     []account.App{{ID: "a", Name: "ci", Hash: hash, User: "u", Project: "p"}},
		Keys:     []account.Key{{Access: "k", Secret: "0123456789abcdef", User: "u", Project: "p"}},
	}
}

func TestPasswordsAndSecrets(t *testing.T) {
	d, err := account.New(spec())
	if err != nil {
		t.Fatal(err)
	}
	alice, ci := d.UserNamed("alice"), d.App("a")
	old := *ci
	old.Expires = time.Now().Add(-time.Second)
	keyless := *alice
	keyless.Hash = ""
	for name, tt := range map[string]struct {
		got, want error
	}{
		"right":              {d.Password(t.Context(), alice, "password", ""), nil},
		"wrong":              {d.Password(t.Context(), alice, "Password", ""), password.ErrWrong},
		"empty":              {d.Password(t.Context(), alice, "", ""), password.ErrWrong},
		"nobody":             {d.Password(t.Context(), nil, "password", ""), password.ErrWrong},
		"without a password": {d.Password(t.Context(), &keyless, "", "x"), password.ErrWrong},
		"secret":             {d.Secret(t.Context(), ci, "password", ""), nil},
		"wrong secret":       {d.Secret(t.Context(), ci, "x", ""), password.ErrWrong},
		"expired":            {d.Secret(t.Context(), &old, "password", ""), password.ErrWrong},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: got %v, want %v", name, tt.got, tt.want)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for path, spoil := range map[string]func(*account.Spec){
		"projects.shop":                  func(s *account.Spec) { s.Projects = append(s.Projects, s.Projects[0]) },
		"projects.a.id":                  func(s *account.Spec) { s.Projects = append(s.Projects, account.Project{ID: "a/b", Name: "a"}) },
		"users.alice":                    func(s *account.Spec) { s.Users = append(s.Users, s.Users[0]) },
		"users.alice.password":           func(s *account.Spec) { s.Users[0].Hash = "password" },
		"users.alice.roles":              func(s *account.Spec) { s.Users[0].Roles["none"] = []string{"member"} },
		"users.alice.default_project":    func(s *account.Spec) { s.Users[0].Default = "none" },
		"application_credentials.a":      func(s *account.Spec) { s.Apps = append(s.Apps, s.Apps[0]) },
		"application_credentials.a.user": func(s *account.Spec) { s.Apps[0].User = "none" },
		"application_credentials.a.project": func(s *account.Spec) {
			s.Apps[0].Project = "none"
		},
		"application_credentials.a.roles":  func(s *account.Spec) { s.Apps[0].Roles = []string{"admin"} },
		"application_credentials.a.secret": func(s *account.Spec) { s.Apps[0].Hash = "" },
		"ec2_credentials.k":                func(s *account.Spec) { s.Keys = append(s.Keys, s.Keys[0]) },
		"ec2_credentials.k.secret":         func(s *account.Spec) { s.Keys[0].Secret = "short" },
		"ec2_credentials.k.user":           func(s *account.Spec) { s.Keys[0].User = "none" },
		"ec2_credentials.k.project":        func(s *account.Spec) { s.Keys[0].Project = "none" },
	} {
		s := spec()
		spoil(&s)
		_, err := account.New(s)
		if e, ok := stoker.AsError(err); !ok || e.Kind != stoker.Invalid || e.Path != path {
			t.Errorf("%s: got %v", path, err)
		}
		if err != nil && strings.Contains(err.Error(), hash) {
			t.Errorf("%s: the error shows a hash", path)
		}
	}
}

func TestGrant(t *testing.T) {
	for roles, want := range map[string]token.Grant{
		"member":           {Project: "p", User: "u"},
		"reader":           {Project: "p", User: "u", ReadOnly: true},
		"heat_stack_user":  {Project: "p", User: "u", ReadOnly: true},
		"reader member":    {Project: "p", User: "u"},
		"heat_stack_owner": {Project: "p", User: "u"},
		"admin":            {Project: "p", User: "u", Admin: true},
		"":                 {Project: "p", User: "u", ReadOnly: true},
	} {
		if got := account.Grant("u", "p", strings.Fields(roles)); got != want {
			t.Errorf("%q: got %+v, want %+v", roles, got, want)
		}
	}
}

package identity

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/access"
	"github.com/stoker-project/stoker/internal/account"
)

// named is how requests name users, projects and domains.
type named struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Domain   *named `json:"domain"`
	Password string `json:"password"` // of users
}

// authBody asks for a token.
type authBody struct {
	Auth struct {
		Identity struct {
			Methods  []string             `json:"methods"`
			Password struct{ User named } `json:"password"`
			Token    struct{ ID string }  `json:"token"`
			App      struct {
				ID, Name, Secret string
				User             named
			} `json:"application_credential"`
		} `json:"identity"`
		Scope json.RawMessage `json:"scope"` // absent, "unscoped", or an object
	} `json:"auth"`
}

// decodeAuth reads the body of POST /v3/auth/tokens.
func decodeAuth(r io.Reader) (*authBody, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, stoker.Errorf(stoker.Invalid, "read the request's body: %w", err)
	}
	b := &authBody{}
	if err := json.Unmarshal(text, b); err != nil {
		return nil, stoker.Errorf(stoker.Invalid, "the request's body: %w", err)
	}
	if n := len(b.Auth.Identity.Methods); n == 0 || n > 4 {
		return nil, stoker.Errorf(stoker.Invalid, "auth.identity.methods: name one to four methods, not %d", n)
	}
	return b, nil
}

// scope is what a token is to be for.
type scope struct {
	Project *named          `json:"project"`
	Domain  json.RawMessage `json:"domain"`
	System  json.RawMessage `json:"system"`
	Trust   json.RawMessage `json:"OS-TRUST:trust"`
}

// wanted decodes the scope. unscoped is true where none is wanted; without
// either, the user's own project is meant.
func (b *authBody) wanted() (project *named, unscoped bool, err error) {
	raw := bytes.TrimSpace(b.Auth.Scope)
	if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
		return nil, false, nil
	}
	if bytes.Equal(raw, []byte(`"unscoped"`)) {
		return nil, true, nil
	}
	var sc scope
	if err := json.Unmarshal(raw, &sc); err != nil {
		return nil, false, stoker.Errorf(stoker.Invalid, "auth.scope: %w", err)
	}
	if sc.Project == nil { // a domain, the system or a trust: there are no roles in them
		return nil, false, errUnauthorized
	}
	return sc.Project, false, nil
}

// createToken is POST /v3/auth/tokens.
func (s *Server) createToken(ctx context.Context, c *call) (reply, error) {
	b, err := decodeAuth(c.Body)
	if err != nil {
		return reply{}, err
	}
	t, err := s.authenticate(ctx, b, access.From(c.Request))
	if err != nil {
		return reply{}, err
	}
	if err := s.choose(t, b); err != nil {
		return reply{}, err
	}
	text, err := s.issue(t)
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusCreated, token: text, body: s.shownToken(c, t)}, nil
}

// authenticate goes through the methods, all of which have to name one user.
func (s *Server) authenticate(ctx context.Context, b *authBody, from string) (*ticket, error) {
	var t *ticket
	for _, method := range b.Auth.Identity.Methods {
		next, err := s.method(ctx, b, method, from)
		if err != nil {
			return nil, err
		}
		if t != nil && (t.User != next.User || t.App != next.App) {
			return nil, errUnauthorized
		}
		t = next
	}
	for _, m := range b.Auth.Identity.Methods {
		if !slices.Contains(t.Methods, m) {
			t.Methods = append(t.Methods, m)
		}
	}
	return t, nil
}

func (s *Server) method(ctx context.Context, b *authBody, method, from string) (*ticket, error) {
	switch id := &b.Auth.Identity; method {
	case "password":
		u := s.user(&id.Password.User)
		if err := s.Accounts.Password(ctx, u, id.Password.User.Password, from); err != nil {
			return nil, err
		}
		return &ticket{User: u.ID, user: u}, nil
	case "application_credential":
		app := s.Accounts.App(id.App.ID)
		if id.App.ID == "" {
			app = s.Accounts.AppNamed(s.user(&id.App.User), id.App.Name)
		}
		if err := s.Accounts.Secret(ctx, app, id.App.Secret, from); err != nil {
			return nil, err
		}
		return &ticket{User: app.User, App: app.ID, user: s.Accounts.User(app.User)}, nil
	case "token":
		old, err := s.open(id.Token.ID)
		if err != nil {
			return nil, err
		}
		// The new token does not outlive the old one: else it would last for ever.
		return &ticket{User: old.User, App: old.App, Methods: old.Methods, Expires: old.Expires, user: old.user}, nil
	}
	return nil, errUnauthorized
}

// choose gives a ticket its scope.
func (s *Server) choose(t *ticket, b *authBody) error {
	project, unscoped, err := b.wanted()
	if err != nil {
		return err
	}
	if t.App != "" {
		if app := s.Accounts.App(t.App); project != nil && s.project(project) != app.Project || !s.scope(t, app.Project) {
			return errUnauthorized
		}
		return nil
	}
	id := t.user.Default
	switch {
	case unscoped:
		id = ""
	case project != nil:
		if id = s.project(project); id == "" {
			return errUnauthorized
		}
	}
	if !s.scope(t, id) {
		return errUnauthorized
	}
	return nil
}

// user finds the user that a request names, nil if there is none.
func (s *Server) user(n *named) *account.User {
	switch {
	case n.ID != "":
		return s.Accounts.User(n.ID)
	case n.Domain.ours():
		return s.Accounts.UserNamed(n.Name)
	}
	return nil
}

// project finds the project that a request names, empty if there is none.
func (s *Server) project(n *named) stoker.ProjectID {
	p := s.Accounts.Project(stoker.ProjectID(n.ID))
	if n.ID == "" && n.Domain.ours() {
		p = s.Accounts.ProjectNamed(n.Name)
	}
	if p == nil {
		return ""
	}
	return p.ID
}

// The one domain there is.
const (
	domainID   = "default"
	domainName = "Default"
)

func (n *named) ours() bool {
	return n != nil && (n.ID == domainID || n.ID == "" && (n.Name == domainName || n.Name == domainID))
}

// subject is the token in X-Subject-Token, which one's own token may look at,
// and an admin's.
func (s *Server) subject(c *call) (*ticket, error) {
	t, err := s.open(c.Header.Get("X-Subject-Token"))
	if err != nil {
		return nil, stoker.Errorf(stoker.NotFound, "Could not find token.")
	}
	if t.User != c.who.User && !c.admin() {
		return nil, forbidden("validate_token")
	}
	return t, nil
}

// checkToken is GET and HEAD /v3/auth/tokens.
func (s *Server) checkToken(_ context.Context, c *call) (reply, error) {
	t, err := s.subject(c)
	if err != nil {
		return reply{}, err
	}
	return reply{token: c.Header.Get("X-Subject-Token"), body: s.shownToken(c, t)}, nil
}

// revokeToken is DELETE /v3/auth/tokens.
func (s *Server) revokeToken(_ context.Context, c *call) (reply, error) {
	t, err := s.subject(c)
	if err == nil {
		err = s.revoked.add(t)
	}
	return reply{status: http.StatusNoContent}, err
}

func forbidden(action string) error {
	return stoker.Errorf(stoker.Forbidden, "You are not authorized to perform the requested action: identity:%s.", action)
}

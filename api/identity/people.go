package identity

import (
	"context"
	"slices"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/account"
)

// list is how Keystone answers lists; the query name=... picks from it.
func (s *Server) list(c *call, what string, items []shape) reply {
	if name := c.URL.Query().Get("name"); name != "" {
		items = slices.DeleteFunc(items, func(i shape) bool { return i["name"] != name })
	}
	if items == nil {
		items = []shape{}
	}
	links := shape{"self": s.base(c.Request) + c.URL.Path, "previous": nil, "next": nil}
	return reply{body: shape{what: items, "links": links}}
}

func (s *Server) shownProject(c *call, p *account.Project) shape {
	return shape{
		"id": p.ID, "name": p.Name, "description": p.Description, "enabled": true, "is_domain": false,
		"domain_id": domainID, "parent_id": domainID, "tags": []string{}, "options": shape{},
		"links": shape{"self": s.base(c.Request) + "/v3/projects/" + string(p.ID)},
	}
}

func (s *Server) shownProjects(c *call, of *account.User) reply {
	var out []shape
	for _, p := range s.Accounts.Projects(of) {
		out = append(out, s.shownProject(c, p))
	}
	return s.list(c, "projects", out)
}

// ownProjects is GET /v3/auth/projects: those that a token could be got for.
func (s *Server) ownProjects(_ context.Context, c *call) (reply, error) {
	return s.shownProjects(c, c.who.user), nil
}

// listProjects is GET /v3/projects: an admin sees all, others their own.
func (s *Server) listProjects(ctx context.Context, c *call) (reply, error) {
	if !c.admin() {
		return s.ownProjects(ctx, c)
	}
	return s.shownProjects(c, nil), nil
}

func (s *Server) showProject(_ context.Context, c *call) (reply, error) {
	id := stoker.ProjectID(c.PathValue("project"))
	p := s.Accounts.Project(id)
	if !c.admin() && len(c.who.user.Roles[id]) == 0 {
		return reply{}, forbidden("get_project")
	}
	if p == nil {
		return reply{}, notFound("project", string(id))
	}
	return reply{body: shape{"project": s.shownProject(c, p)}}, nil
}

func (s *Server) shownUser(c *call, u *account.User) shape {
	out := shape{
		"id": u.ID, "name": u.Name, "enabled": true, "domain_id": domainID, "password_expires_at": nil, "options": shape{},
		"links": shape{"self": s.base(c.Request) + "/v3/users/" + u.ID},
	}
	if u.Email != "" {
		out["email"] = u.Email
	}
	if u.Default != "" {
		out["default_project_id"] = u.Default
	}
	return out
}

// user is the user of a path: oneself, or for an admin anybody.
func (c *call) user(s *Server, action string) (*account.User, error) {
	id := c.PathValue("user")
	if id != c.who.User && !c.admin() {
		return nil, forbidden(action)
	}
	u := s.Accounts.User(id)
	if u == nil {
		return nil, notFound("user", id)
	}
	return u, nil
}

func (s *Server) listUsers(_ context.Context, c *call) (reply, error) {
	if !c.admin() {
		return reply{}, forbidden("list_users")
	}
	var out []shape
	for _, u := range s.Accounts.Users() {
		out = append(out, s.shownUser(c, u))
	}
	return s.list(c, "users", out), nil
}

func (s *Server) showUser(_ context.Context, c *call) (reply, error) {
	u, err := c.user(s, "get_user")
	if err != nil {
		return reply{}, err
	}
	return reply{body: shape{"user": s.shownUser(c, u)}}, nil
}

func (s *Server) userProjects(_ context.Context, c *call) (reply, error) {
	u, err := c.user(s, "list_user_projects")
	if err != nil {
		return reply{}, err
	}
	return s.shownProjects(c, u), nil
}

// listApps lists application credentials, without their secrets.
func (s *Server) listApps(_ context.Context, c *call) (reply, error) {
	u, err := c.user(s, "list_application_credentials")
	if err != nil {
		return reply{}, err
	}
	var out []shape
	for _, a := range s.Accounts.Apps(u) {
		shown := shape{"id": a.ID, "name": a.Name, "project_id": a.Project, "unrestricted": false, "description": nil, "expires_at": nil}
		if !a.Expires.IsZero() {
			shown["expires_at"] = a.Expires.UTC().Format(time.RFC3339)
		}
		roles := []shape{}
		for _, r := range a.Roles {
			roles = append(roles, shape{"id": r, "name": r})
		}
		shown["roles"] = roles
		out = append(out, shown)
	}
	return s.list(c, "application_credentials", out), nil
}

// listKeys lists EC2 credentials. Only their owner sees the secrets.
func (s *Server) listKeys(_ context.Context, c *call) (reply, error) {
	u, err := c.user(s, "ec2_list_credentials")
	if err != nil {
		return reply{}, err
	}
	var out []shape
	for _, k := range s.Accounts.Keys(u) {
		if c.who.App != "" && k.Project != c.who.Project {
			continue
		}
		shown := shape{"access": k.Access, "tenant_id": k.Project, "user_id": k.User, "trust_id": nil}
		if u.ID == c.who.User && c.who.App == "" {
			shown["secret"] = k.Secret
		}
		out = append(out, shown)
	}
	return s.list(c, "credentials", out), nil
}

func (s *Server) listDomains(_ context.Context, c *call) (reply, error) {
	return s.list(c, "domains", []shape{{"id": domainID, "name": domainName, "enabled": true, "description": ""}}), nil
}

func (s *Server) showDomain(_ context.Context, c *call) (reply, error) {
	if id := c.PathValue("domain"); id != domainID {
		return reply{}, notFound("domain", id)
	}
	return reply{body: shape{"domain": shape{"id": domainID, "name": domainName, "enabled": true, "description": ""}}}, nil
}

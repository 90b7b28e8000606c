package identity

import (
	"context"
	"net/url"
	"time"

	"github.com/stoker-project/stoker"
)

type shape = map[string]any

var domain = shape{"id": domainID, "name": domainName}

// moment is a time as Keystone writes it.
func moment(unix int64) string { return time.Unix(unix, 0).UTC().Format("2006-01-02T15:04:05.000000Z") }

// shownToken is a token as it is answered.
func (s *Server) shownToken(c *call, t *ticket) shape {
	out := shape{
		"methods": t.Methods, "audit_ids": []string{t.ID}, "issued_at": moment(t.Issued), "expires_at": moment(t.Expires),
		"user": shape{"id": t.user.ID, "name": t.user.Name, "domain": domain, "password_expires_at": nil},
	}
	if app := s.Accounts.App(t.App); app != nil {
		out["application_credential"] = shape{"id": app.ID, "name": app.Name, "restricted": true}
	}
	if p := s.Accounts.Project(t.Project); p != nil {
		out["project"] = shape{"id": p.ID, "name": p.Name, "domain": domain}
		out["is_domain"] = false
		roles := []shape{}
		for _, r := range t.roles {
			roles = append(roles, shape{"id": r, "name": r})
		}
		out["roles"] = roles
		if !c.URL.Query().Has("nocatalog") {
			out["catalog"] = s.catalog(c, p.ID)
		}
	}
	return shape{"token": out}
}

// catalog is where our APIs are.
func (s *Server) catalog(c *call, project stoker.ProjectID) []shape {
	base := s.base(c.Request)
	var out []shape
	for _, e := range []struct{ kind, name, url string }{
		{"orchestration", "heat", base + "/v1/" + url.PathEscape(string(project))},
		{"cloudformation", "heat-cfn", base + "/v1"},
		{"identity", "keystone", base + "/v3"},
	} {
		endpoints := []shape{}
		for _, face := range []string{"public", "internal", "admin"} {
			endpoints = append(endpoints, shape{
				"id": e.kind + "-" + face, "interface": face, "region": s.Region, "region_id": s.Region, "url": e.url,
			})
		}
		out = append(out, shape{"id": e.kind, "type": e.kind, "name": e.name, "endpoints": endpoints})
	}
	return out
}

// showCatalog is GET /v3/auth/catalog.
func (s *Server) showCatalog(_ context.Context, c *call) (reply, error) {
	if c.who.Project == "" {
		return reply{}, forbidden("get_auth_catalog")
	}
	return reply{body: shape{"catalog": s.catalog(c, c.who.Project), "links": shape{"self": s.base(c.Request) + "/v3/auth/catalog"}}}, nil
}

// version is GET /v3.
func (s *Server) version(_ context.Context, c *call) (reply, error) {
	return reply{body: shape{"version": shape{
		"id": "v3.14", "status": "stable", "updated": "2020-04-07T00:00:00Z",
		"links":       []shape{{"rel": "self", "href": s.base(c.Request) + "/v3/"}},
		"media-types": []shape{{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}},
	}}}, nil
}

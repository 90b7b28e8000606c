package heat

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/hot"
)

func versionDocument(r *http.Request) map[string]any {
	return map[string]any{"id": "v1.0", "status": "CURRENT", "links": []link{{base(r) + "/v1/", "self"}}}
}

// versions is the root document. Heat answers 300, and clients want that.
func (s *server) versions(_ context.Context, c *call) (reply, error) {
	all := []any{versionDocument(c.Request)}
	if s.identity {
		all = append(all, map[string]any{
			"id": "v3.14", "status": "stable", "links": []link{{base(c.Request) + "/v3/", "self"}}, "media-types": []any{},
		})
	}
	return reply{status: http.StatusMultipleChoices, body: map[string]any{"versions": all}}, nil
}

// version is what the SDK asks for when it is told nothing but the endpoint.
func (s *server) version(_ context.Context, c *call) (reply, error) {
	return reply{body: map[string]any{"version": versionDocument(c.Request)}}, nil
}

// healthcheck is Oslo's: a plain OK.
func (s *server) healthcheck(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("OK"))
}

// listVersions lists the versions of the template languages.
func (s *server) listVersions(context.Context, *call) (reply, error) {
	out := []any{}
	for _, d := range s.dialects {
		kind, aliases := "cfn", []string{}
		if d.Key == "heat_template_version" {
			kind = "hot"
		}
		for _, a := range d.Aliases {
			aliases = append(aliases, d.Key+"."+a)
		}
		out = append(out, map[string]any{"version": d.Key + "." + d.Version, "type": kind, "aliases": aliases})
	}
	return reply{body: map[string]any{"template_versions": out}}, nil
}

// listFunctions lists the functions of one version.
func (s *server) listFunctions(_ context.Context, c *call) (reply, error) {
	conditions, err := queryBool(c.URL.Query(), "with_condition_func", false)
	if err != nil {
		return reply{}, err
	}
	name := c.PathValue("version")
	i := slices.IndexFunc(s.dialects, func(d hot.Dialect) bool {
		v, ok := strings.CutPrefix(name, d.Key+".")
		return ok && (v == d.Version || slices.Contains(d.Aliases, v))
	})
	if i < 0 {
		return reply{}, &stoker.Error{Kind: stoker.NotFound, Type: "NotFound", Message: "Template with version " + name + " not found",
			Hint: "GET /template_versions lists the versions there are."}
	}
	names := s.dialects[i].Functions
	if conditions {
		names = slices.Compact(slices.Sorted(slices.Values(slices.Concat(names, s.dialects[i].Conditions))))
	}
	out := []any{}
	for _, name := range names {
		out = append(out, map[string]any{"functions": name, "description": hot.FunctionHelp(name)})
	}
	return reply{body: map[string]any{"template_functions": out}}, nil
}

func (s *server) buildInfo(context.Context, *call) (reply, error) {
	rev := map[string]string{"revision": s.revision}
	return reply{body: map[string]any{"api": rev, "engine": rev}}, nil
}

// reportInterval is how often engines of Heat report, in seconds.
const reportInterval = 60

// listServices tells of the engine, which lives as long as this server does.
func (s *server) listServices(_ context.Context, c *call) (reply, error) {
	if !c.grant.Admin {
		return reply{}, &stoker.Error{Kind: stoker.Forbidden, Type: "Forbidden", Message: "You are not authorized to complete this action."}
	}
	return reply{body: map[string]any{"services": []any{map[string]any{
		"id": s.service.ID, "engine_id": s.service.ID, "binary": "heat-engine", "topic": "engine",
		"host": s.service.Host, "hostname": s.service.Host, "report_interval": reportInterval,
		"created_at": moment(s.service.Started), "updated_at": moment(time.Now()), "deleted_at": nil, "status": "up",
	}}}}, nil
}

package heat

import (
	"context"
	"net/http"

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

func (s *server) listVersions(context.Context, *call) (reply, error) {
	out := []any{}
	for _, v := range hot.Versions() {
		out = append(out, map[string]any{"version": "heat_template_version." + v, "type": "hot", "aliases": []string{}})
	}
	return reply{body: map[string]any{"template_versions": out}}, nil
}

func (s *server) buildInfo(context.Context, *call) (reply, error) {
	rev := map[string]string{"revision": s.revision}
	return reply{body: map[string]any{"api": rev, "engine": rev}}, nil
}

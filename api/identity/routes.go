package identity

import (
	"maps"
	"net/http"
	"slices"
	"strings"
)

// page is all URLs: path, then handler by verb.
func (s *Server) page() map[string]map[string]http.HandlerFunc {
	type verbs = map[string]http.HandlerFunc
	return map[string]verbs{
		"/v3":     {"GET": s.anybody(s.version)},
		"/v3/{$}": {"GET": s.anybody(s.version)},

		"/v3/auth/tokens":   {"POST": s.anybody(s.createToken), "GET": s.closed(s.checkToken), "DELETE": s.closed(s.revokeToken)},
		"/v3/auth/catalog":  {"GET": s.closed(s.showCatalog)},
		"/v3/auth/projects": {"GET": s.closed(s.ownProjects)},
		"/v3/auth/domains":  {"GET": s.closed(s.listDomains)},

		"/v3/projects":                             {"GET": s.closed(s.listProjects)},
		"/v3/projects/{project}":                   {"GET": s.closed(s.showProject)},
		"/v3/users":                                {"GET": s.closed(s.listUsers)},
		"/v3/users/{user}":                         {"GET": s.closed(s.showUser)},
		"/v3/users/{user}/projects":                {"GET": s.closed(s.userProjects)},
		"/v3/users/{user}/application_credentials": {"GET": s.closed(s.listApps)},
		"/v3/users/{user}/credentials/OS-EC2":      {"GET": s.closed(s.listKeys)},
		"/v3/domains":                              {"GET": s.closed(s.listDomains)},
		"/v3/domains/{domain}":                     {"GET": s.closed(s.showDomain)},
	}
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	for path, verbs := range s.page() {
		mux.Handle(path, byVerb(verbs))
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		writeFault(w, http.StatusNotFound, "The resource could not be found.")
	})
	return mux
}

// byVerb answers for one URL, HEAD as GET.
func byVerb(verbs map[string]http.HandlerFunc) http.HandlerFunc {
	allow := strings.Join(slices.Sorted(maps.Keys(verbs)), ", ")
	return func(w http.ResponseWriter, r *http.Request) {
		verb := r.Method
		if verb == http.MethodHead {
			verb = http.MethodGet
		}
		if h := verbs[verb]; h != nil {
			h(w, r)
			return
		}
		w.Header().Set("Allow", allow)
		writeFault(w, http.StatusMethodNotAllowed, "The method is not allowed for the requested URL; it knows "+allow+".")
	}
}

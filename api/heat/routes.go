package heat

import (
	"maps"
	"net/http"
	"slices"
	"strings"
)

// page is all URLs: path, then handler by verb.
func (s *server) page() map[string]map[string]http.HandlerFunc {
	type verbs = map[string]http.HandlerFunc
	const (
		project  = "/v1/{project}"
		stack    = project + "/stacks/{name}/{id}"
		resource = stack + "/resources/{resource}"
	)
	redirect := s.looks(s.redirect)
	return map[string]verbs{
		"/{$}":         {"GET": s.open(s.versions)},
		"/versions":    {"GET": s.open(s.versions)},
		"/v1":          {"GET": s.open(s.version)},
		"/v1/{$}":      {"GET": s.open(s.version)},
		"/healthcheck": {"GET": s.healthcheck},

		project + "/stacks":         {"GET": s.closed(s.listStacks), "POST": s.closed(s.createStack)},
		project + "/stacks/detail":  {"GET": s.closed(s.listDetails)},
		project + "/stacks/preview": {"POST": s.looks(s.previewCreate)},

		project + "/stacks/{name}": {"GET": redirect, "POST": redirect, "PUT": redirect, "PATCH": redirect, "DELETE": redirect},
		// These would be a stack's ID otherwise.
		project + "/stacks/{name}/resources":   {"GET": redirect, "POST": redirect},
		project + "/stacks/{name}/events":      {"GET": redirect, "POST": redirect},
		project + "/stacks/{name}/template":    {"GET": redirect, "POST": redirect},
		project + "/stacks/{name}/actions":     {"GET": redirect, "POST": redirect},
		project + "/stacks/{name}/environment": {"GET": redirect},
		project + "/stacks/{name}/files":       {"GET": redirect},

		stack:                    {"GET": s.closed(s.showStack), "PUT": s.closed(s.updateStack), "PATCH": s.closed(s.patchStack), "DELETE": s.closed(s.deleteStack)},
		stack + "/export":        {"GET": s.closed(s.exportStack)},
		stack + "/abandon":       {"DELETE": s.closed(s.abandonStack)},
		stack + "/preview":       {"PUT": s.looks(s.previewUpdate), "PATCH": s.looks(s.previewPatch)},
		stack + "/template":      {"GET": s.closed(s.showTemplate)},
		stack + "/environment":   {"GET": s.closed(s.showEnvironment)},
		stack + "/files":         {"GET": s.closed(s.showFiles)},
		stack + "/outputs":       {"GET": s.closed(s.listOutputs)},
		stack + "/outputs/{key}": {"GET": s.closed(s.showOutput)},

		stack + "/resources":                    {"GET": s.closed(s.listResources)},
		stack + "/actions":                      {"POST": s.closed(s.action)},
		stack + "/snapshots":                    {"GET": s.closed(s.listSnapshots), "POST": s.closed(s.createSnapshot)},
		stack + "/snapshots/{snapshot}":         {"GET": s.closed(s.showSnapshot), "DELETE": s.closed(s.deleteSnapshot)},
		stack + "/snapshots/{snapshot}/restore": {"POST": s.closed(s.restoreSnapshot)},
		resource:                                {"GET": s.closed(s.showResource), "PATCH": s.closed(s.markResource)},
		resource + "/metadata":                  {"GET": s.closed(s.showMetadata)},
		resource + "/signal":                    {"POST": s.signed(s.signal)},

		stack + "/events":                                   {"GET": s.closed(s.listEvents)},
		resource + "/events":                                {"GET": s.closed(s.listEvents)},
		resource + "/events/{event}":                        {"GET": s.closed(s.showEvent)},
		project + "/validate":                               {"POST": s.looks(s.validate)},
		project + "/resource_types":                         {"GET": s.closed(s.listTypes)},
		project + "/resource_types/{type}":                  {"GET": s.closed(s.showType)},
		project + "/resource_types/{type}/template":         {"GET": s.closed(s.typeTemplate)},
		project + "/template_versions":                      {"GET": s.closed(s.listVersions)},
		project + "/template_versions/{version}/functions":  {"GET": s.closed(s.listFunctions)},
		project + "/software_configs":                       {"GET": s.closed(s.listConfigs), "POST": s.closed(s.createConfig)},
		project + "/software_configs/{id}":                  {"GET": s.closed(s.showConfig), "DELETE": s.closed(s.deleteSoftware("config", configTypes))},
		project + "/software_deployments":                   {"GET": s.closed(s.listDeployments), "POST": s.closed(s.createDeployment)},
		project + "/software_deployments/{id}":              {"GET": s.closed(s.showDeployment), "PUT": s.closed(s.updateDeployment), "DELETE": s.closed(s.deleteSoftware("deployment", deploymentTypes))},
		project + "/software_deployments/metadata/{server}": {"GET": s.closed(s.deploymentMetadata)},
		project + "/services":                               {"GET": s.closed(s.listServices)},
		project + "/build_info":                             {"GET": s.closed(s.buildInfo)},
	}
}

// routes makes the handler of the page. Every known URL tells its verbs on
// OPTIONS, and refuses the others.
func (s *server) routes() http.Handler {
	mux := http.NewServeMux()
	for path, verbs := range s.page() {
		mux.Handle(path, byVerb(verbs))
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		writeFault(w, faultOf(http.StatusNotFound, "HTTPNotFound", "The resource could not be found."))
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if path, ok := s.fullPath(r); ok {
			r = r.Clone(r.Context())
			r.URL.Path, r.URL.RawPath = path, ""
		}
		mux.ServeHTTP(w, r)
	})
}

// byVerb answers for one URL. The mux would do it, but refuses a page in which
// /stacks/detail knows fewer verbs than /stacks/{name}.
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
		if verb == http.MethodOptions {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		writeFault(w, faultOf(http.StatusMethodNotAllowed, "HTTPMethodNotAllowed", "The method is not allowed for this resource; it knows "+allow+"."))
	}
}

// collections are the first words behind a project.
var collections = map[string]bool{
	"stacks": true, "validate": true, "resource_types": true, "template_versions": true, "build_info": true, "services": true,
	"software_configs": true, "software_deployments": true,
}

// fullPath brings the two short forms of a path into the long one: /v1/stacks
// without a project means the token's own, and a stack may be named by its ARN,
// arn:openstack:heat::PROJECT:stacks/NAME/ID.
func (s *server) fullPath(r *http.Request) (path string, changed bool) {
	parts := strings.Split(r.URL.Path, "/")
	if len(parts) > 2 && parts[1] == "v1" && collections[parts[2]] && (len(parts) == 3 || !collections[parts[3]]) {
		if grant, refusal := s.access.Who(r, ""); refusal == nil {
			parts = slices.Insert(parts, 2, string(grant.Project))
			changed = true
		}
	}
	if len(parts) > 5 && strings.HasPrefix(parts[4], "arn:openstack:heat::") && strings.HasSuffix(parts[4], ":stacks") {
		parts = slices.Delete(parts, 4, 5)
		changed = true
	}
	return strings.Join(parts, "/"), changed
}

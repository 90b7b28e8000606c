package metadata

import (
	"context"
	"io"
	"log/slog"
	"net/http"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/rescue"
)

// New gives the pages of one server. get is asked at each request, so that metadata is
// what it is now. logger may be nil.
func New(get func(context.Context) (stoker.Instance, error), logger *slog.Logger) http.Handler {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	return &handler{get, logger}
}

type handler struct {
	get func(context.Context) (stoker.Instance, error)
	log *slog.Logger
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer rescue.Panic(h.log, r, func(error) { http.Error(w, "an error of the server", http.StatusInternalServerError) })
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET is known here", http.StatusMethodNotAllowed)
		return
	}
	i, err := h.get(r.Context())
	switch {
	case stoker.IsKind(err, stoker.NotFound):
		http.NotFound(w, r)
		return
	case err != nil:
		h.log.Warn("metadata of a server", "err", err)
		w.Header().Set("Retry-After", "1")
		http.Error(w, "the metadata cannot be read now", http.StatusServiceUnavailable)
		return
	}
	page, ok := root(i).find(r.URL.Path)
	if !ok {
		http.NotFound(w, r)
		return
	}
	kind, body := page.kind, string(page.body)
	if !page.leaf {
		body = page.list()
	}
	if kind == "" {
		kind = "text/plain; charset=utf-8"
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = io.WriteString(w, body) // whoever asked has gone, otherwise
}

// root holds both formats. OpenStack's is not in the list of EC2's versions.
func root(i stoker.Instance) node {
	n := folder(entry{name: "openstack", shown: "-", node: openstack(i)})
	ec2 := ec2(i)
	for _, version := range ec2Versions {
		n.entries = append(n.entries, entry{name: version, node: ec2})
	}
	return n
}

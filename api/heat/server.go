package heat

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/hot"
	"github.com/stoker-project/stoker/internal/access"
	"github.com/stoker-project/stoker/internal/linger"
	"github.com/stoker-project/stoker/internal/rescue"
	"github.com/stoker-project/stoker/internal/token"
	"github.com/stoker-project/stoker/stack"
)

// Limits of a request, in bytes; Heat's.
const (
	MaxBody     = 1 << 20
	MaxTemplate = 512 << 10
	// MaxAdopt is the limit of a request that may bring what was abandoned.
	MaxAdopt = 16 << 20
)

// Config is what a server is made of.
type Config struct {
	Engine *stack.Engine
	// Access says who may call. A nil gate lets nobody in.
	Access *access.Gate
	// SignalKey checks tokens that allow signalling one resource (token.Sign of
	// project, stack ID and resource); empty: there are none.
	SignalKey string
	// Parse reads templates, as the engine does; nil: hot.Parse.
	Parse func(text []byte, file string) (*hot.Template, error)
	// Fetch gets the template at an address that a client names; nil: none is got.
	Fetch func(ctx context.Context, url string) ([]byte, error)
	// Container gets the files in a container that a client names; nil: there is none.
	Container FetchFiles
	// Dialects are the languages that Parse reads.
	Dialects []hot.Dialect
	// Service is the engine as GET /services shows it.
	Service Service
	// Identity says that the identity API is at the same address: clients look
	// for it in the root document.
	Identity bool
	// Abandon and Adopt allow what Heat calls enable_stack_abandon and enable_stack_adopt.
	Abandon, Adopt bool
	Limits         Limits
	// Revision is shown by GET /build_info.
	Revision string
	Logger   *slog.Logger // nil: silence
}

// FetchFiles gets the files in a project's container by their names, without those to skip:
// at most limit bytes.
type FetchFiles func(ctx context.Context, project stoker.ProjectID, container string, skip func(name string) bool, limit int64) (map[string]string, error)

// Limits are those of what this API alone makes, per project. 0: 4,096; negative: any
// number.
type Limits struct{ SoftwareConfigs, SoftwareDeployments int }

// Service is an engine as administrators see it.
type Service struct {
	ID, Host string
	Started  time.Time
}

// server answers requests.
type server struct {
	engine    *stack.Engine
	access    *access.Gate
	signalKey string
	parse     func(text []byte, file string) (*hot.Template, error)
	fetch     func(ctx context.Context, url string) ([]byte, error)
	container FetchFiles
	dialects  []hot.Dialect
	service   Service
	identity  bool
	abandon   bool
	adopt     bool
	limits    Limits
	revision  string
	log       *slog.Logger
}

// New makes the handler of the API. It may be used from any goroutine.
func New(c Config) http.Handler {
	s := &server{
		engine: c.Engine, access: c.Access, signalKey: c.SignalKey, parse: c.Parse, fetch: c.Fetch, container: c.Container, dialects: c.Dialects,
		service: c.Service, identity: c.Identity, abandon: c.Abandon, adopt: c.Adopt, revision: c.Revision, log: c.Logger,
	}
	s.limits = Limits{cmp.Or(c.Limits.SoftwareConfigs, mostSoftware), cmp.Or(c.Limits.SoftwareDeployments, mostSoftware)}
	if s.parse == nil {
		s.parse = hot.Parse
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	return s.routes()
}

// call is one request of somebody known.
type call struct {
	*http.Request
	grant   token.Grant
	project stoker.ProjectID              // whose things are asked for
	whole   func(max int64) io.ReadCloser // the body with another limit; instead of Body
	changes bool                          // it asks for more than a look, and by no key of one resource
	// validates: what is wrong with the template is the answer, not a refusal.
	validates bool
}

// reply is what a handler answers. The zero status is 200.
type reply struct {
	status   int
	location string
	body     any // nil: none
}

type handler func(ctx context.Context, c *call) (reply, error)

// open serves a handler to everybody.
func (s *server) open(h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { s.serve(w, &call{Request: r}, h) }
}

// closed serves a handler to those who may see the project in the path. Readers
// may only look.
func (s *server) closed(h handler) http.HandlerFunc { return s.guarded(h, false) }

// looks serves a handler as closed does. It changes nothing, whatever its verb.
func (s *server) looks(h handler) http.HandlerFunc { return s.guarded(h, true) }

func (s *server) guarded(h handler, harmless bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		project := stoker.ProjectID(r.PathValue("project"))
		grant, refusal := s.access.Who(r, project)
		if refusal != nil {
			s.refuse(w, r, refusal)
			return
		}
		look := harmless || r.Method == http.MethodGet || r.Method == http.MethodHead
		switch {
		case project != grant.Project && !grant.Admin:
			linger.Drop(r, MaxBody)
			writeFault(w, faultOf(http.StatusForbidden, "Forbidden", "You are not authorized to use this project."))
		case grant.ReadOnly && !look:
			linger.Drop(r, MaxBody)
			writeFault(w, faultOf(http.StatusForbidden, "Forbidden", "You are not authorized to change anything: you are a reader of this project."))
		default:
			s.serve(w, &call{Request: r, grant: grant, project: project, changes: !look}, h)
		}
	}
}

// refuse answers those who are not let in.
func (s *server) refuse(w http.ResponseWriter, r *http.Request, why *access.Refusal) {
	if cause := errors.Unwrap(why); why.Status == http.StatusServiceUnavailable && r.Context().Err() == nil {
		s.log.Warn("ask who sends a request", "path", r.URL.Path, "err", cause)
	}
	linger.Drop(r, MaxBody)
	why.WriteHeader(w.Header())
	class := map[int]string{http.StatusUnauthorized: "Unauthorized", http.StatusTooManyRequests: "RequestLimitExceeded"}[why.Status]
	writeFault(w, faultOf(why.Status, cmp.Or(class, "ServiceUnavailable"), why.Message))
}

// signed serves a handler as closed does, and also to those who carry the token
// of the one resource in the path, in a header or as ?signature=.
func (s *server) signed(h handler) http.HandlerFunc {
	closed := s.closed(h)
	return func(w http.ResponseWriter, r *http.Request) {
		words := []string{r.PathValue("project"), r.PathValue("id"), r.PathValue("resource")}
		if !token.Signed(access.TokenOf(r), s.signalKey, words...) && !token.Signed(r.URL.Query().Get("signature"), s.signalKey, words...) {
			closed(w, r)
			return
		}
		s.serve(w, &call{Request: r, project: stoker.ProjectID(words[0])}, h)
	}
}

func (s *server) serve(w http.ResponseWriter, c *call, h handler) {
	defer rescue.Panic(s.log, c.Request, func(err error) { s.fault(w, c, err) })
	asked := *c.Request
	c.whole = func(max int64) io.ReadCloser { return linger.Body(w, &asked, max) }
	c.Body = linger.Body(w, c.Request, MaxBody)
	out, err := h(c.Context(), c)
	if err != nil {
		s.fault(w, c, err)
		return
	}
	if out.location != "" {
		w.Header().Set("Location", out.location)
	}
	writeJSON(w, max(out.status, http.StatusOK), out.body)
}

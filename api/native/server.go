package native

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/access"
	"github.com/stoker-project/stoker/internal/linger"
	"github.com/stoker-project/stoker/internal/rescue"
	"github.com/stoker-project/stoker/internal/token"
	"github.com/stoker-project/stoker/internal/value"
	"github.com/stoker-project/stoker/internal/wire"
	"github.com/stoker-project/stoker/scale"
	"github.com/stoker-project/stoker/stack"
)

// maxBody bounds a request's body, in bytes.
const maxBody = 64 << 10

// Config is what a server is made of.
type Config struct {
	Engine *stack.Engine
	Scaler *scale.Engine
	// Driver gives the output of servers, if it can; nil: there are no servers.
	Driver stoker.Driver
	// Access says who may call. A nil gate lets nobody in.
	Access *access.Gate
	// Metrics answers GET /metrics; nil: there are none.
	Metrics http.Handler
	// About is the fixed part of the status.
	About  wire.Status
	Logger *slog.Logger // nil: silence
}

type server struct {
	Config
}

// New makes the handler of everything below /stoker/v1 and of /metrics. It may
// be used from any goroutine.
func New(c Config) http.Handler {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return (&server{c}).routes()
}

func (s *server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /stoker/v1/status", s.closed(s.status))
	mux.HandleFunc("GET /stoker/v1/groups", s.closed(s.listGroups))
	mux.HandleFunc("GET /stoker/v1/groups/{group}", s.closed(s.showGroup))
	mux.HandleFunc("POST /stoker/v1/groups/{group}/resize", s.closed(s.resize))
	mux.HandleFunc("POST /stoker/v1/groups/{group}/freeze", s.closed(s.freeze))
	mux.HandleFunc("GET /stoker/v1/groups/{group}/decisions", s.closed(s.decisions))
	mux.HandleFunc("GET /stoker/v1/logs/{what}", s.guard(s.logs))
	mux.HandleFunc("GET /metrics", s.guard(s.metrics))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.fault(w, r, stoker.Errorf(stoker.NotFound, "there is nothing at %s", r.URL.Path))
	})
	return mux
}

// call is one request of somebody known.
type call struct {
	*http.Request
	grant   token.Grant
	project stoker.ProjectID
}

// guard lets those in who have a token, and keeps a bug in one request from
// ending the others.
func (s *server) guard(h func(http.ResponseWriter, *call) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		defer rescue.Panic(s.Logger, r, func(err error) { s.fault(w, r, err) })
		grant, refusal := s.Access.Who(r, stoker.ProjectID(r.URL.Query().Get("project")))
		if refusal != nil {
			s.refuse(w, r, refusal)
			return
		}
		c := &call{Request: r, grant: grant, project: grant.Project}
		if p := stoker.ProjectID(r.URL.Query().Get("project")); p != "" && p != grant.Project {
			if !grant.Admin {
				linger.Drop(r, maxBody)
				s.fault(w, r, stoker.Errorf(stoker.Forbidden, "the token is not for project %s", p))
				return
			}
			c.project = p
		}
		if grant.ReadOnly && r.Method != http.MethodGet && r.Method != http.MethodHead {
			linger.Drop(r, maxBody)
			s.fault(w, r, stoker.Errorf(stoker.Forbidden, "a reader of project %s changes nothing", c.project))
			return
		}
		c.Body = linger.Body(w, c.Request, maxBody)
		if err := h(w, c); err != nil {
			s.fault(w, r, err)
		}
	}
}

// closed serves a handler whose answer is JSON.
func (s *server) closed(h func(context.Context, *call) (any, error)) http.HandlerFunc {
	return s.guard(func(w http.ResponseWriter, c *call) error {
		out, err := h(c.Context(), c)
		if err != nil {
			return err
		}
		return writeJSON(w, http.StatusOK, out)
	})
}

// refuse answers those who are not let in.
func (s *server) refuse(w http.ResponseWriter, r *http.Request, why *access.Refusal) {
	linger.Drop(r, maxBody)
	why.WriteHeader(w.Header())
	e := wire.FaultError{Kind: string(stoker.Forbidden), Message: why.Message}
	switch why.Status {
	case http.StatusUnauthorized:
		e.Message, e.Hint = "a token is needed", "Send it as X-Auth-Token or as Authorization: Bearer."
	case http.StatusServiceUnavailable:
		e.Kind = string(stoker.Unavailable)
		if r.Context().Err() == nil {
			s.Logger.Warn("ask who sends a request", "path", r.URL.Path, "err", errors.Unwrap(why))
		}
	}
	writeFault(w, why.Status, e)
}

var statuses = map[stoker.Kind]int{
	stoker.Invalid:     http.StatusBadRequest,
	stoker.NotFound:    http.StatusNotFound,
	stoker.Exists:      http.StatusConflict,
	stoker.Conflict:    http.StatusConflict,
	stoker.Forbidden:   http.StatusForbidden,
	stoker.NoCapacity:  http.StatusBadRequest,
	stoker.Unavailable: http.StatusServiceUnavailable,
}

// fault answers an error. One of no kind is a bug of ours: it is logged, and
// the client learns nothing of it.
func (s *server) fault(w http.ResponseWriter, r *http.Request, err error) {
	e, ok := stoker.AsError(err)
	if !ok || e.Kind == stoker.Internal {
		if r.Context().Err() != nil {
			return // nobody is there any more
		}
		s.Logger.Error("request", "method", r.Method, "path", r.URL.Path, "err", err)
		writeFault(w, http.StatusInternalServerError, wire.FaultError{Message: "an internal error; the server's log tells more"})
		return
	}
	text := err.Error()
	if e.Hint != "" {
		text = strings.TrimSuffix(strings.TrimSuffix(text, e.Hint), ". ")
	}
	writeFault(w, statuses[e.Kind], wire.FaultError{Kind: string(e.Kind), Message: text, Hint: e.Hint})
}

func writeFault(w http.ResponseWriter, status int, e wire.FaultError) {
	_ = writeJSON(w, status, wire.Fault{Error: e})
}

func writeJSON(w http.ResponseWriter, status int, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text) // a client that has left is not our trouble
	return nil
}

// decode reads a JSON object that has only known members.
func decode(c *call, into any) error {
	d := json.NewDecoder(c.Body)
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil {
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("there is more behind the JSON value")
		}
	}
	if err != nil {
		return stoker.Errorf(stoker.Invalid, "the request's body: %w", value.Explain(err))
	}
	return nil
}

// status tells of the installation.
func (s *server) status(ctx context.Context, c *call) (any, error) {
	out := s.About
	out.Project = string(c.project)
	stacks, err := s.Engine.Stacks(ctx, stoker.StackFilter{Project: c.project, Brief: true})
	if err != nil {
		return nil, err
	}
	groups, err := s.Engine.Groups(ctx, c.project, false)
	if err != nil {
		return nil, err
	}
	out.Stacks, out.Groups = len(stacks), len(groups)
	servers, err := s.servers(ctx, c)
	out.Servers = len(servers)
	return out, err
}

func (s *server) metrics(w http.ResponseWriter, c *call) error {
	switch {
	case !c.grant.Admin:
		return stoker.Errorf(stoker.Forbidden, "metrics tell of all projects, so they need an admin's token")
	case s.Metrics == nil:
		return stoker.Errorf(stoker.NotFound, "there are no metrics")
	}
	s.Metrics.ServeHTTP(w, c.Request)
	return nil
}

// instant gives a time, or nil for the zero time.
func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

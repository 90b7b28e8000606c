package cfn

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/hot"
	"github.com/stoker-project/stoker/internal/account"
	"github.com/stoker-project/stoker/internal/linger"
	"github.com/stoker-project/stoker/internal/rescue"
	"github.com/stoker-project/stoker/internal/token"
	"github.com/stoker-project/stoker/stack"
)

// Limits of a request, in bytes; Heat's.
const (
	MaxBody     = 1 << 20
	MaxTemplate = 512 << 10
)

// Config is what a server is made of.
type Config struct {
	Engine *stack.Engine
	// Accounts know the EC2 credentials; nil: there are none.
	Accounts *account.Directory
	// SignalKey signs addresses that take signals; empty: there are none.
	SignalKey string
	// URL is the address that was signed with; requests may name another host.
	URL string
	// Parse reads templates, as the engine does; nil: hot.Parse.
	Parse  func(text []byte, file string) (*hot.Template, error)
	Logger *slog.Logger // nil: silence
}

// Server answers requests.
type Server struct {
	Config
	seen *seen
}

// New makes a server. It may be used from any goroutine.
func New(c Config) *Server {
	if c.Parse == nil {
		c.Parse = hot.Parse
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &Server{Config: c, seen: newSeen()}
}

// Handles tells whether a request is one of this API: it shares its address
// with Heat's API v1.
func Handles(r *http.Request) bool {
	switch path := r.URL.Path; {
	case path == "/v1" || path == "/v1/":
		return r.Method == http.MethodPost || r.URL.Query().Has("Action")
	default:
		return strings.HasPrefix(path, signalPath+"arn:") || strings.HasPrefix(path, waitPath+"arn:") || strings.HasPrefix(path, pollPath+"arn:")
	}
}

// call is one request.
type call struct {
	*http.Request
	params url.Values // of the query and of a form
	body   []byte

	grant token.Grant // of the one who signed
}

// ServeHTTP answers a request that Handles knows.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{Request: r, params: r.URL.Query()}
	defer rescue.Panic(s.Logger, c.Request, func(err error) { s.fault(w, c, err) })
	if err := c.read(w); err != nil {
		s.fault(w, c, err)
		return
	}
	if strings.HasPrefix(r.URL.Path, signalPath) || strings.HasPrefix(r.URL.Path, waitPath) {
		s.signal(w, c)
		return
	}
	if strings.HasPrefix(r.URL.Path, pollPath) {
		s.poll(w, c)
		return
	}
	if err := c.form(); err != nil {
		s.fault(w, c, err)
		return
	}
	name, result, err := s.act(r.Context(), c)
	if err != nil {
		s.fault(w, c, err)
		return
	}
	c.write(w, http.StatusOK, object{{name + "Response", object{{name + "Result", result}}}})
}

// act answers one action.
func (s *Server) act(ctx context.Context, c *call) (name string, result any, err error) {
	name = c.params.Get("Action")
	if name == "" {
		return "", nil, &problem{http.StatusBadRequest, "MissingAction", "The request has no Action."}
	}
	a, ok := actions[name]
	if !ok {
		return "", nil, &problem{http.StatusBadRequest, "InvalidAction", fmt.Sprintf("There is no action %q.", name)}
	}
	if err := s.authenticate(c, a); err != nil {
		return "", nil, err
	}
	result, err = a.do(s, ctx, c)
	return name, result, err
}

// read reads the body.
func (c *call) read(w http.ResponseWriter) (err error) {
	c.body, err = io.ReadAll(linger.Body(w, c.Request, MaxBody))
	if err != nil {
		return stoker.Errorf(stoker.Invalid, "read the request's body: %w", err)
	}
	return nil
}

// form adds the parameters of the body to those of the query.
func (c *call) form() error {
	more, err := url.ParseQuery(string(c.body))
	if err != nil || c.Method != http.MethodPost && len(c.body) > 0 {
		return &problem{http.StatusBadRequest, "MalformedQueryString", "The body of the request is not a form."}
	}
	for name, values := range more {
		c.params[name] = append(c.params[name], values...)
	}
	for name, values := range c.params {
		for _, v := range append(values, name) {
			if !utf8.ValidString(v) {
				return &problem{http.StatusBadRequest, "MalformedQueryString", "The request is not UTF-8."}
			}
		}
	}
	return nil
}

package identity

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/internal/access"
	"github.com/stoker-project/stoker/internal/account"
	"github.com/stoker-project/stoker/internal/linger"
	"github.com/stoker-project/stoker/internal/password"
	"github.com/stoker-project/stoker/internal/rescue"
	"github.com/stoker-project/stoker/internal/seal"
	"github.com/stoker-project/stoker/internal/token"
)

// MaxBody bounds a request's body, in bytes.
const MaxBody = 64 << 10

// Config is what a server is made of.
type Config struct {
	Accounts *account.Directory
	Key      *seal.Key // seals tokens
	// Revoked is the file of revoked tokens; empty: they are forgotten at the end.
	Revoked string
	// TTL is how long tokens last. Default: one hour.
	TTL time.Duration
	// URL is how clients reach the APIs; empty: as the request did.
	URL    string
	Region string       // default: RegionOne
	Logger *slog.Logger // nil: silence
}

// Server issues and knows tokens. Its methods may be called concurrently.
type Server struct {
	Config
	revoked *revocations
	mux     http.Handler
}

var (
	_ access.Bearer = (*Server)(nil)
	_ access.Login  = (*Server)(nil)
)

// New makes a server. It reads the file of revoked tokens.
func New(c Config) (*Server, error) {
	c.TTL, c.Region = cmp.Or(c.TTL, time.Hour), cmp.Or(c.Region, "RegionOne")
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	revoked, err := openRevocations(c.Revoked)
	if err != nil {
		return nil, err
	}
	s := &Server{Config: c, revoked: revoked}
	s.mux = s.routes()
	return s, nil
}

// ServeHTTP answers below /v3.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// Bearer tells what the bearer of one of our tokens may do.
func (s *Server) Bearer(_ context.Context, tok string) (token.Grant, error) {
	t, err := s.open(tok)
	if err != nil {
		return token.Grant{}, access.ErrUnknown
	}
	return account.Grant(t.user.Name, t.Project, t.roles), nil
}

// Login tells what a user with a password may do in the project that is asked
// for; where that is none of the user's, in the user's own.
func (s *Server) Login(ctx context.Context, c access.Credentials) (token.Grant, error) {
	u := s.Accounts.UserNamed(c.User)
	if err := s.Accounts.Password(ctx, u, c.Password, c.From); err != nil {
		if errors.Is(err, password.ErrWrong) {
			err = access.ErrUnknown
		}
		return token.Grant{}, err
	}
	project := c.Project
	if len(u.Roles[project]) == 0 {
		project = u.Default
	}
	if all := s.Accounts.Projects(u); project == "" && len(all) > 0 {
		project = all[0].ID
	}
	return account.Grant(u.Name, project, u.Roles[project]), nil
}

// call is one request; who sent it is known in closed ones.
type call struct {
	*http.Request
	who *ticket
}

// reply is what a handler answers. The zero status is 200.
type reply struct {
	status int
	token  string // goes into X-Subject-Token
	body   any    // nil: none
}

type handler func(ctx context.Context, c *call) (reply, error)

// anybody serves a handler to everybody.
func (s *Server) anybody(h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { s.serve(w, &call{Request: r}, h) }
}

// closed serves a handler to those who have a token of ours.
func (s *Server) closed(h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		t, err := s.open(r.Header.Get("X-Auth-Token"))
		if err != nil {
			s.fault(w, &call{Request: r}, errUnauthorized)
			return
		}
		s.serve(w, &call{Request: r, who: t}, h)
	}
}

func (s *Server) serve(w http.ResponseWriter, c *call, h handler) {
	defer rescue.Panic(s.Logger, c.Request, func(err error) { s.fault(w, c, err) })
	c.Body = linger.Body(w, c.Request, MaxBody)
	w.Header().Set("Vary", "X-Auth-Token")
	out, err := h(c.Context(), c)
	if err != nil {
		s.fault(w, c, err)
		return
	}
	if out.token != "" {
		w.Header().Set("X-Subject-Token", out.token)
	}
	writeJSON(w, max(out.status, http.StatusOK), out.body)
}

// base is the address of the APIs as the client sees it.
func (s *Server) base(r *http.Request) string {
	if s.URL != "" {
		return strings.TrimSuffix(s.URL, "/")
	}
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// admin tells whether the sender may see everybody.
func (c *call) admin() bool { return account.Grant("", c.who.Project, c.who.roles).Admin }

func notFound(what, id string) error {
	return stoker.Errorf(stoker.NotFound, "Could not find %s: %s.", what, id)
}
